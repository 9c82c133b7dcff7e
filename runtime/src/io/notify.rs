//! Interrupts the waiters of a socket. A server that shuts down ends its accepts in this way.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::interest::Interest;
use crate::reactor::source::{Attached, Entry};
use crate::sched::park::Unparker;
use crate::sched::task::Task;
use crate::sys::wake_fd::WakeFd;

/// Ends the accepts of a listener, those that wait now and those to come, with the error for which [`is_notified`] is
/// true. A listener's `notifier()` makes it. It can be cloned and sent to other threads, and it may outlive the
/// listener.
///
/// It stays in effect until [`reset`](Self::reset). So it does not matter whether an accept waits at that moment, how
/// many wait, or how often `notify` is called. Connections in the queue stay there.
#[derive(Clone)]
pub struct Notifier(pub(crate) Arc<Notify>);

impl Notifier {
    /// Interrupts the accepts. It is safe to call in a signal handler: it stores a flag and writes to a descriptor.
    pub fn notify(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
        self.0.wake_fd.raise();
    }

    /// Allows accepts to wait again.
    pub fn reset(&self) {
        // In this order, a notification between the two steps is not lost.
        self.0.wake_fd.clear();
        self.0.raised.store(false, Ordering::SeqCst);
    }

    /// Whether the interruption is in effect.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.0.is_raised()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("notified", &self.is_notified())
            .finish()
    }
}

/// Whether `error` means that a [`Notifier`] interrupted the operation.
///
/// # Examples
///
/// ```
/// assert!(!std_net::socket::is_notified(&std::io::ErrorKind::TimedOut.into()));
/// ```
#[must_use]
pub fn is_notified(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Notified>())
}

pub(crate) fn notified() -> io::Error {
    io::Error::other(Notified)
}

#[derive(Debug)]
struct Notified;

impl fmt::Display for Notified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted by the listener's notifier")
    }
}

impl Error for Notified {}

pub(crate) struct Notify {
    /// Declared before the descriptor, so that it is dropped first.
    source: Attached,
    /// Readable while the flag is set. Threads in `ppoll(2)` and reactors watch it.
    wake_fd: WakeFd,
    raised: AtomicBool,
}

impl Notify {
    pub(crate) fn new() -> io::Result<Notify> {
        let wake_fd = WakeFd::new()?;
        Ok(Notify {
            source: Attached::none(wake_fd.as_fd()),
            wake_fd,
            raised: AtomicBool::new(false),
        })
    }

    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Makes sure that the process wakes when this is raised, while the returned entry lives.
    #[cold]
    pub(crate) fn register(&self, task: &'static Task) -> io::Result<Entry> {
        let source = self.source.get_or_take();
        source.watch(task.worker(), self.wake_fd.as_fd())?;
        let entry = source.register_other(Interest::Read, Unparker::Process(task));
        source.rearm(self.wake_fd.as_fd())?;
        Ok(entry)
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake_fd.as_fd()
    }
}
