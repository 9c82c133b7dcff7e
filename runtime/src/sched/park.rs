//! Waiting for another process or thread to say so, or for a while: one form for processes and
//! threads. Not waiting for a descriptor; see `io`.

use std::ptr;
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use parking::Parker;

use crate::deadline::{Deadline, Nanos};
use crate::sched::stop;
use crate::sched::task::{self, Task, Waiting};
use crate::sys::wake_fd::WakeFd;

/// Wakes one waiter. A wake-up too many is harmless: every waiter looks again.
#[derive(Clone)]
pub(crate) enum Unparker {
    Process(&'static Task),
    Thread(parking::Unparker),
    /// The caller that drives a future.
    Waker(Waker),
    /// A thread in `ppoll(2)`.
    Polling(Arc<WakeFd>),
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        match self {
            Unparker::Process(task) => task.unpark(),
            Unparker::Thread(unparker) => {
                unparker.unpark();
            }
            Unparker::Waker(waker) => waker.wake_by_ref(),
            Unparker::Polling(wake_fd) => wake_fd.raise(),
        }
    }

    /// Whether both wake the same waiter.
    pub(crate) fn is(&self, other: &Unparker) -> bool {
        match (self, other) {
            (Unparker::Process(a), Unparker::Process(b)) => ptr::eq(*a, *b),
            (Unparker::Thread(a), Unparker::Thread(b)) => a.same_parker(b),
            (Unparker::Waker(a), Unparker::Waker(b)) => a.will_wake(b),
            (Unparker::Polling(a), Unparker::Polling(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

thread_local! {
    // Not `std::thread::park`: its token belongs to the program.
    static PARKER: Parker = Parker::new();
}

/// How often a thread looks that nobody can wake any more.
const NOW_AND_THEN: Duration = Duration::from_millis(1);

/// What wakes the caller of this out of [`park`].
pub(crate) fn unparker() -> Unparker {
    match suspendable() {
        Some(task) => Unparker::Process(task),
        None => {
            let own = PARKER.try_with(Parker::unparker);
            // Of a thread that is ending, see `park`: it wakes nobody.
            Unparker::Thread(own.unwrap_or_else(|_| Parker::new().unparker()))
        }
    }
}

/// Waits for [`unparker`]'s wake-up, at most until `until`. May return early.
pub(crate) fn park(until: Nanos, waiting: Waiting) {
    if let Some(task) = suspendable() {
        return task.park(until, waiting);
    }
    let parked = PARKER.try_with(|parker| match until.to_instant() {
        Some(at) => {
            parker.park_deadline(at);
        }
        None => parker.park(),
    });
    if parked.is_err() {
        // The thread is ending, and its parker has gone before the value that waits now. Who waits looks
        // again and again.
        thread::sleep(until.left(Nanos::now()).min(NOW_AND_THEN));
    }
}

/// The process that may be suspended here: none on a plain thread, and none while a panic
/// unwinds, because std counts panics per thread and another process would see this one's, unless that
/// count is its own.
#[inline]
pub(crate) fn suspendable() -> Option<&'static Task> {
    task::current().filter(|task| !std::thread::panicking() || task.has_own_thread_locals())
}

/// Waits for a duration, or until an instant. Parks the process, or blocks the thread. A process
/// that is cancelled, or whose deadline passes, returns early;
/// [`check_cancelled`](crate::process::check_cancelled) tells.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use std_net_runtime::process;
///
/// let start = Instant::now();
/// process::sleep(Duration::from_millis(5));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
pub fn sleep(until: impl Into<Deadline>) {
    let until = Nanos::from_deadline(until.into());
    while until > Nanos::now() && stop::current().is_none() {
        park(until, Waiting::Sleep);
    }
}

/// Lets the other processes of this worker run first; on a plain thread as
/// [`std::thread::yield_now`].
pub fn yield_now() {
    match suspendable() {
        Some(task) => task.yield_now(),
        None => thread::yield_now(),
    }
}
