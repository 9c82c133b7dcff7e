//! A channel for a single value, such as the answer to a question.

use std::fmt;

use super::{RecvError, SendError};
use crate::deadline::Deadline;

/// Makes a channel for a single value.
///
/// # Examples
///
/// A process that owns something and answers questions about it:
///
/// ```
/// use std_net::process::{self, channel};
/// use channel::oneshot;
///
/// let (questions, asked) = channel::bounded::<(u32, oneshot::Sender<u32>)>(8);
/// process::spawn(move || {
///     for (n, answer) in asked {
///         // The caller that asked may have gone.
///         let _ = answer.send(n * n);
///     }
/// });
/// let (answer, answered) = oneshot::channel();
/// questions.send((7, answer)).unwrap();
/// assert_eq!(answered.recv(), Ok(49));
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = super::bounded(1);
    (Sender(sender), Receiver(receiver))
}

/// The end that sends the single value.
pub struct Sender<T>(super::Sender<T>);

/// The end that receives the single value.
pub struct Receiver<T>(pub(crate) super::Receiver<T>);

impl<T> Sender<T> {
    /// Sends the value. Never waits.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        self.0.try_send(value).map_err(SendError::into_inner)
    }

    /// Whether the receiver is gone, so that the value is not needed any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl<T> Receiver<T> {
    /// Waits for the value.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) if the sender was dropped without a send. [`Cancelled`](RecvError::Cancelled) if
    /// the process was cancelled.
    pub fn recv(self) -> Result<T, RecvError> {
        self.0.recv()
    }

    /// Waits for the value at most until the deadline. After a timeout it can be called again.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv), and [`TimedOut`](RecvError::TimedOut).
    pub fn recv_deadline(&self, deadline: impl Into<Deadline>) -> Result<T, RecvError> {
        self.0.recv_deadline(deadline)
    }

    /// Returns the value if it is there.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvError::Empty) or [`Closed`](RecvError::Closed).
    pub fn try_recv(&self) -> Result<T, RecvError> {
        self.0.try_recv()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
