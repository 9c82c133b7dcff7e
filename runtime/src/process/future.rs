//! Waits for a future. This connects processes to async crates that need no particular runtime.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::deadline::{Deadline, Nanos};
use crate::sched::alarms::{self, Alarm};
use crate::sched::stop::{self, Stopped};
use crate::sched::task;
use crate::sched::waker::FutureWait;

/// Runs `future` to its end. It parks the calling process, or blocks the thread.
///
/// This is for futures that need no particular runtime: channels, locks, `futures` combinators. A future that needs
/// tokio's reactor does not work here.
///
/// A cancel does not end this wait; see [`block_on_deadline`].
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let answer = process::spawn(|| process::block_on(async { 42 }));
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    match wait_for(future, Nanos::NEVER, false) {
        Ok(output) => output,
        Err(_) => unreachable!("neither a deadline nor a cancel can end this wait"),
    }
}

/// Runs `future` to its end, but at most until the deadline. It also stops if the process is cancelled or its own
/// deadline passes.
///
/// # Errors
///
/// The reason why it stopped before the future ended. The future is dropped then.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use std_net::process::{self, Stopped};
///
/// let never = std::future::pending::<()>();
/// let result = process::block_on_deadline(never, Duration::from_millis(1));
/// assert_eq!(result, Err(Stopped::TimedOut));
/// ```
pub fn block_on_deadline<F: Future>(
    future: F,
    deadline: impl Into<Deadline>,
) -> Result<F::Output, Stopped> {
    wait_for(future, Nanos::from_deadline(deadline.into()), true)
}

/// Runs `future` until it ends, `until` has passed, or the process is stopped.
pub(crate) fn wait_for<F: Future>(
    future: F,
    until: Nanos,
    cancellable: bool,
) -> Result<F::Output, Stopped> {
    // A process whose futures are always ready must let other processes run.
    task::spend();
    let mut future = pin!(future);
    let wait = FutureWait::begin();
    let waker = wait.waker();
    let mut context = Context::from_waker(&waker);
    let mut told_of_stop = false;
    loop {
        let polled = wait.poll(&mut context, |context| future.as_mut().poll(context));
        if let Poll::Ready(output) = polled {
            return Ok(output);
        }
        while !wait.take_woken() {
            if let Some(stopped) = stop::current() {
                if cancellable {
                    return Err(stopped);
                }
                if !told_of_stop {
                    // From now on the sockets inside the future fail.
                    told_of_stop = true;
                    break;
                }
            }
            if until.has_passed() {
                return Err(Stopped::TimedOut);
            }
            let alarm = alarms::ring();
            if !wait.is_woken() {
                wait.park(until.min(alarm));
            }
        }
        // A future that is woken again and again must let other processes run.
        task::spend();
    }
}

/// A future that ends at a given time. Only [`block_on`] and its variants check the time, so one of them must wait for
/// it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use std_net::process;
///
/// let start = Instant::now();
/// process::block_on(process::delay(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
pub fn delay(until: impl Into<Deadline>) -> Delay {
    Delay {
        until: Nanos::from_deadline(until.into()),
        alarm: None,
    }
}

/// The future of [`delay`].
#[must_use = "a future does nothing unless it is waited for"]
pub struct Delay {
    until: Nanos,
    alarm: Option<Alarm>,
}

impl Delay {
    /// Changes the time at which it ends, even after it has ended.
    pub fn reset(&mut self, until: impl Into<Deadline>) {
        self.until = Nanos::from_deadline(until.into());
        self.alarm = None;
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(mut self: Pin<&mut Delay>, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        if until.has_passed() {
            self.alarm = None;
            return Poll::Ready(());
        }
        Alarm::keep(&mut self.alarm, until, cx.waker());
        Poll::Pending
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delay").finish_non_exhaustive()
    }
}
