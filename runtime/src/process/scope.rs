//! Processes that may borrow from the code that spawns them, like `std::thread::scope`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::deadline::{Deadline, Nanos};
use crate::process::join::{Packet, Process};
use crate::process::{Builder, expect_spawned, spawn_unchecked};
use crate::sched::park::{self, Unparker};
use crate::sched::stop::{self, Stopped};
use crate::sched::task::Waiting;

pub(crate) struct ScopeState {
    running: AtomicUsize,
    a_process_panicked: AtomicBool,
    owner: Unparker,
}

impl ScopeState {
    pub(crate) fn begin_one(&self) {
        if self.running.fetch_add(1, Ordering::Relaxed) > usize::MAX / 2 {
            self.end_one(false);
            panic!("too many running processes in a scope");
        }
    }

    pub(crate) fn end_one(&self, panicked: bool) {
        if panicked {
            self.a_process_panicked.store(true, Ordering::Relaxed);
        }
        // The owner may go on as soon as it sees zero, and then this state is gone. So a copy is woken.
        let owner = self.owner.clone();
        if self.running.fetch_sub(1, Ordering::Release) == 1 {
            owner.unpark();
        }
    }
}

/// A scope whose processes may borrow. [`scope`] makes it.
pub struct Scope<'scope, 'env: 'scope> {
    state: Arc<ScopeState>,
    // This type is invariant, as in std. Otherwise 'scope could be shortened to a lifetime within the closure.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs `f` with a scope, and returns only when every process spawned in it has ended. So these processes may borrow
/// everything that outlives the call. It is like [`std::thread::scope`].
///
/// It parks a process, and blocks a plain thread. The processes of the scope belong to the process that made it: its
/// cancel and its deadline reach them.
///
/// # Panics
///
/// With the panic of `f`. It also panics if a process of the scope panicked and was not joined.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let text = String::from("shared");
/// let lengths: Vec<usize> = process::scope(|s| {
///     let handles: Vec<_> = (0..3).map(|_| s.spawn(|| text.len())).collect();
///     handles.into_iter().map(|h| h.join().unwrap()).collect()
/// });
/// assert_eq!(lengths, [6, 6, 6]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        state: Arc::new(ScopeState {
            running: AtomicUsize::new(0),
            a_process_panicked: AtomicBool::new(false),
            owner: park::unparker(),
        }),
        scope: PhantomData,
        env: PhantomData,
    };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    // A cancel does not end this wait, because the processes of the scope may still borrow.
    while scope.state.running.load(Ordering::Acquire) != 0 {
        park::park(Nanos::NEVER, Waiting::Scope);
    }
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(_) if scope.state.a_process_panicked.load(Ordering::Relaxed) => {
            panic!("a scoped process panicked")
        }
        Ok(value) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a process that may borrow from outside the scope.
    ///
    /// # Panics
    ///
    /// If no process can be made. See [`spawn_with`](Self::spawn_with).
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        expect_spawned(self.spawn_with(Builder::new(), f))
    }

    /// Spawns a process with these settings, for example a name or a stack size.
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.state.begin_one();
        // From here on the packet counts the process down, even if the spawn fails.
        let packet = Packet::new(Some(Arc::clone(&self.state)));
        // SAFETY: `scope` does not return before the packet is dropped. The process drops it after everything that it
        // borrows.
        let process = unsafe { spawn_unchecked(builder, true, Arc::clone(&packet), f) }?;
        Ok(ScopedJoinHandle {
            packet,
            process,
            scope: PhantomData,
        })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.state.running.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// A permission to join a process of a [`Scope`].
pub struct ScopedJoinHandle<'scope, T> {
    pub(crate) packet: Arc<Packet<T>>,
    process: Process,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the process to end and returns its result.
    ///
    /// # Errors
    ///
    /// The payload of the panic, if the process panicked.
    pub fn join(self) -> thread::Result<T> {
        self.packet.join()
    }

    /// Waits for the end of the process, but at most until the deadline. See
    /// [`JoinHandle::join_deadline`](crate::process::JoinHandle::join_deadline).
    ///
    /// # Errors
    ///
    /// The handle, so that it can be joined again, and the reason why the wait stopped.
    pub fn join_deadline(
        self,
        deadline: impl Into<Deadline>,
    ) -> Result<thread::Result<T>, (Self, Stopped)> {
        match self
            .packet
            .wait(Nanos::from_deadline(deadline.into()), stop::current)
        {
            Ok(()) => Ok(self.packet.take()),
            Err(stopped) => Err((self, stopped)),
        }
    }

    /// Whether the process has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.packet.is_done()
    }

    /// Cancels the process. See [`Process::cancel`].
    pub fn cancel(&self) {
        self.process.cancel();
    }

    /// The process of this handle.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
