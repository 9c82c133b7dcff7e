//! Waits for a wake-up by another process or thread, or for a time. They work in processes and on threads. Waits for a
//! descriptor are in `io`.

use std::ptr;
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use parking::Parker;

use crate::deadline::{Deadline, Nanos};
use crate::sched::stop::{self, Stopped};
use crate::sched::task::{self, Task, Waiting};
use crate::sys::wake_fd::WakeFd;

/// Wakes one waiter. An extra wake-up is harmless, because every waiter looks again.
#[derive(Clone)]
pub(crate) enum Unparker {
    Process(&'static Task),
    Thread(parking::Unparker),
    /// The code that drives a future.
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
    // `std::thread::park` is not used, because its token belongs to the program.
    static PARKER: Parker = Parker::new();
}

/// How often a thread looks again if no wake-up can reach it any more.
const NOW_AND_THEN: Duration = Duration::from_millis(1);

/// The value that wakes the caller from [`park`].
pub(crate) fn unparker() -> Unparker {
    match suspendable() {
        Some(task) => Unparker::Process(task),
        None => {
            let own = PARKER.try_with(Parker::unparker);
            // The thread is ending and has no parker any more: see `park`. This unparker wakes no thread.
            Unparker::Thread(own.unwrap_or_else(|_| Parker::new().unparker()))
        }
    }
}

/// Waits for a wake-up by [`unparker`], at most until `until`. May return early.
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
        // The thread is ending. Its parker was dropped before the value that waits now. So the thread sleeps briefly,
        // and its caller looks again in a loop.
        thread::sleep(until.left(Nanos::now()).min(NOW_AND_THEN));
    }
}

/// The calling process, if it may be suspended. The result is `None` on a plain thread, and normally also while a panic
/// unwinds: std counts panics per thread, so another process on this thread would see this panic. A process with its
/// own thread-locals has its own count and may be suspended.
#[inline]
pub(crate) fn suspendable() -> Option<&'static Task> {
    task::current().filter(|task| !std::thread::panicking() || task.has_own_thread_locals())
}

/// Waits until `ready` returns a value, `stopped` returns a reason, or `until` has passed. `ready` is asked first, and
/// again after each wake-up by [`unparker`].
pub(crate) fn wait_until<T>(
    waiting: Waiting,
    until: Nanos,
    stopped: impl Fn() -> Option<Stopped>,
    mut ready: impl FnMut() -> Option<T>,
) -> Result<T, Stopped> {
    loop {
        if let Some(value) = ready() {
            return Ok(value);
        }
        if let Some(stopped) = stopped() {
            return Err(stopped);
        }
        if until.has_passed() {
            return Err(Stopped::TimedOut);
        }
        park(until, waiting);
    }
}

/// Waits for a duration or until an instant. It parks a process and blocks a thread. If the process is cancelled or its
/// deadline passes, it returns early. [`check_cancelled`](crate::process::check_cancelled) tells whether that happened.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use std_net::process;
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

/// Lets the other processes of this worker run first. On a plain thread it calls [`std::thread::yield_now`].
pub fn yield_now() {
    match suspendable() {
        Some(task) => task.yield_now(),
        None => thread::yield_now(),
    }
}
