//! The reasons why the waits of a process fail: the process was cancelled, or its deadline has passed.

use std::error::Error;
use std::fmt;
use std::io;

use crate::sched::task;

/// The reason why a wait has failed.
///
/// Converted to an [`io::Error`], it is the error that a socket returns in the same case: an error for which
/// [`is_cancelled`] is true, or [`TimedOut`](io::ErrorKind::TimedOut).
///
/// # Examples
///
/// ```
/// use std_net::process::{self, Stopped};
///
/// assert!(process::is_cancelled(&Stopped::Cancelled.into()));
/// assert_eq!(
///     std::io::Error::from(Stopped::TimedOut).kind(),
///     std::io::ErrorKind::TimedOut
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stopped {
    /// The process was cancelled.
    Cancelled,
    /// The deadline of the wait or of the process has passed.
    TimedOut,
}

impl Stopped {
    /// The reason as a byte that is not 0.
    pub(crate) fn code(self) -> u8 {
        match self {
            Stopped::Cancelled => 1,
            Stopped::TimedOut => 2,
        }
    }

    pub(crate) fn of(code: u8) -> Option<Stopped> {
        match code {
            0 => None,
            1 => Some(Stopped::Cancelled),
            _ => Some(Stopped::TimedOut),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stopped::Cancelled => "the process was cancelled",
            Stopped::TimedOut => "deadline has passed",
        })
    }
}

impl Error for Stopped {}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> io::Error {
        match stopped {
            Stopped::Cancelled => io::Error::from_raw_os_error(libc::ECANCELED),
            Stopped::TimedOut => io::Error::new(io::ErrorKind::TimedOut, stopped),
        }
    }
}

/// The reason why the calling process must end, or `None`. It is always `None` on a plain thread.
pub(crate) fn current() -> Option<Stopped> {
    task::current().and_then(task::Task::stopped)
}

/// The error for a wait in a process that was stopped.
#[cold]
pub(crate) fn error() -> io::Error {
    current().unwrap_or(Stopped::Cancelled).into()
}

/// Whether `error` means that the process was cancelled during a wait or before it.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// assert!(!process::is_cancelled(&std::io::ErrorKind::TimedOut.into()));
/// ```
#[must_use]
pub fn is_cancelled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECANCELED)
}

/// Fails if the calling process was cancelled or its deadline has passed. Call this in a long computation, which has no
/// wait that would fail.
///
/// # Errors
///
/// The error for which [`is_cancelled`] is true. [`TimedOut`](io::ErrorKind::TimedOut) if the deadline of the process
/// has passed.
pub fn check_cancelled() -> io::Result<()> {
    match current() {
        Some(stopped) => Err(stopped.into()),
        None => Ok(()),
    }
}
