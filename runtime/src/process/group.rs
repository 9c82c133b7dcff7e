//! Processes that are stopped together.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::deadline::{Deadline, Nanos};
use crate::process::{Builder, JoinHandle, Stopped, expect_spawned};
use crate::sched::info::{Info, Kind};

/// A group of processes that can be cancelled together from anywhere. The processes spawned into the group belong to
/// it, and so do all that these spawn. It corresponds to a cancellable `Context` in Go and a scope in Kotlin.
///
/// Clones are handles to the same group. Dropping a group cancels nothing.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use std_net::process::{self, Group};
///
/// let group = Group::new();
/// let outer = group.spawn(|| {
///     // Belongs to the group as well.
///     let inner = process::spawn(|| {
///         process::sleep(Duration::MAX);
///         process::check_cancelled().is_err()
///     });
///     inner.join().unwrap()
/// });
/// group.cancel();
/// assert!(outer.join().unwrap());
/// ```
#[derive(Clone)]
pub struct Group {
    pub(crate) info: Arc<Info>,
}

impl Group {
    /// Makes a group without a deadline that belongs to no process.
    #[must_use]
    #[track_caller]
    pub fn new() -> Group {
        Group::with_deadline(Deadline::NEVER)
    }

    /// Makes a group whose processes have this deadline: see [`Builder::deadline`]. It also applies to processes
    /// spawned into the group later.
    #[must_use]
    #[track_caller]
    pub fn with_deadline(deadline: impl Into<Deadline>) -> Group {
        let mut info = Info::new(None, Location::caller());
        info.lead(Nanos::from_deadline(deadline.into()));
        info.kind = Kind::Group;
        Group {
            info: Arc::new(info),
        }
    }

    /// Spawns a process of this group.
    ///
    /// # Panics
    ///
    /// The same as for [`spawn`](crate::process::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        expect_spawned(Builder::new().group(self).spawn(f))
    }

    /// Cancels all processes of the group, and those that will be spawned into it later. See
    /// [`Process::cancel`](crate::process::Process::cancel).
    pub fn cancel(&self) {
        self.info.stop(Stopped::Cancelled);
    }

    /// Whether the group was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.info.is_cancelled()
    }

    /// Wakes all processes of the group from their waits, so that they look again.
    #[doc(hidden)]
    pub fn wake(&self) {
        self.info.wake_all();
    }

    /// The deadline of its processes.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.info.deadline().to_instant().into()
    }

    /// Fails if the group was cancelled or its deadline has passed. A plain thread that works for the group calls this.
    ///
    /// # Errors
    ///
    /// The errors of [`check_cancelled`](crate::process::check_cancelled).
    pub fn check(&self) -> io::Result<()> {
        match Stopped::of(self.info.stop_code()) {
            Some(stopped) => Err(stopped.into()),
            None if self.info.deadline().has_passed() => Err(Stopped::TimedOut.into()),
            None => Ok(()),
        }
    }
}

impl Default for Group {
    #[track_caller]
    fn default() -> Group {
        Group::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("deadline", &self.deadline())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
