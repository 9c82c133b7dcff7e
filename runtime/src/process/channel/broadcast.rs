//! Channels that send each value to all receivers, over `async-broadcast`.

use std::error::Error;
use std::fmt;
use std::io;

use async_broadcast::{
    InactiveReceiver, RecvError as AsyncRecvError, TryRecvError as AsyncTryRecvError,
};

use crate::deadline::{Deadline, Nanos};
use crate::process::future::wait_for;
use crate::sched::stop::Stopped;
use crate::sched::task;

/// Makes a channel whose values go to every receiver that exists when they are sent. The channel keeps the last
/// `capacity` values. A send never waits. A receiver that is further behind misses the oldest values, and
/// [`RecvError::Lagged`] tells it how many.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use std_net::process::{self, channel::broadcast};
///
/// let (sender, _) = broadcast::channel(16);
/// let mut listeners: Vec<_> = (0..3).map(|_| sender.subscribe()).collect();
/// sender.send("hello").unwrap();
/// for listener in &mut listeners {
///     assert_eq!(listener.recv(), Ok("hello"));
/// }
/// ```
#[must_use]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (mut sender, receiver) = async_broadcast::broadcast(capacity);
    sender.set_overflow(true);
    // A send without a receiver fails at once. It does not wait for one.
    sender.set_await_active(false);
    let keeper = receiver.clone().deactivate();
    (Sender { sender, keeper }, Receiver(receiver))
}

/// The sending end. Clones send into the same channel. The channel closes when the last clone is dropped.
pub struct Sender<T> {
    sender: async_broadcast::Sender<T>,
    /// Keeps the channel open while it has no receiver.
    keeper: InactiveReceiver<T>,
}

/// A receiving end. A clone continues from the same place. [`Sender::subscribe`] makes one that begins with the next
/// value.
pub struct Receiver<T>(async_broadcast::Receiver<T>);

/// The reason why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// All senders are gone, and all values were received.
    Closed,
    /// There is no value. Only [`try_recv`](Receiver::try_recv) returns this.
    Empty,
    /// This receiver was too slow and has lost this many values. The next receive returns the oldest value that is
    /// still there.
    Lagged(u64),
    /// No value came until the deadline of the call or of the process.
    TimedOut,
    /// The process was cancelled while it waited.
    Cancelled,
}

impl<T: Clone> Sender<T> {
    /// Sends `value` to all receivers. Returns how many there are. Never waits.
    ///
    /// # Errors
    ///
    /// The value, if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, T> {
        match self.sender.try_broadcast(value) {
            Ok(_) => Ok(self.sender.receiver_count()),
            Err(error) => Err(error.into_inner()),
        }
    }
}

impl<T> Sender<T> {
    /// Makes a receiver for the values that are sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver(self.sender.new_receiver())
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value. Waits until there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed), [`Lagged`](RecvError::Lagged) or
    /// [`Cancelled`](RecvError::Cancelled).
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_deadline(Deadline::NEVER)
    }

    /// Receives the next value. Waits at most until the deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv), and [`TimedOut`](RecvError::TimedOut).
    pub fn recv_deadline(&mut self, deadline: impl Into<Deadline>) -> Result<T, RecvError> {
        task::spend();
        match self.try_recv() {
            Err(RecvError::Empty) => {}
            done => return done,
        }
        let until = Nanos::from_deadline(deadline.into());
        match wait_for(self.next(), until, true) {
            Ok(received) => received,
            // A value may have come at the last moment. It must not stay in the channel unseen.
            Err(stopped) => self.try_recv().map_err(|error| match (error, stopped) {
                (RecvError::Empty, Stopped::TimedOut) => RecvError::TimedOut,
                (RecvError::Empty, Stopped::Cancelled) => RecvError::Cancelled,
                (error, _) => error,
            }),
        }
    }

    /// Receives the next value if there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed), [`Lagged`](RecvError::Lagged) or [`Empty`](RecvError::Empty).
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        self.0.try_recv().map_err(|error| match error {
            AsyncTryRecvError::Empty => RecvError::Empty,
            AsyncTryRecvError::Closed => RecvError::Closed,
            AsyncTryRecvError::Overflowed(missed) => RecvError::Lagged(missed),
        })
    }

    /// Receives the next value as a future, for the arm `future` of [`select!`](crate::process::select).
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) or [`Lagged`](RecvError::Lagged).
    pub async fn next(&mut self) -> Result<T, RecvError> {
        self.0.recv_direct().await.map_err(|error| match error {
            AsyncRecvError::Closed => RecvError::Closed,
            AsyncRecvError::Overflowed(missed) => RecvError::Lagged(missed),
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender {
            sender: self.sender.clone(),
            keeper: self.keeper.clone(),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("receivers", &self.receivers())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.0.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Closed => f.write_str("the channel is closed"),
            RecvError::Empty => f.write_str("there is no new value"),
            RecvError::Lagged(missed) => write!(f, "{missed} values were missed"),
            RecvError::TimedOut => f.write_str("no value came in time"),
            RecvError::Cancelled => f.write_str("the process was cancelled"),
        }
    }
}

impl Error for RecvError {}

impl From<RecvError> for io::Error {
    /// The same as for [the plain channel](super::RecvError). Missed values become
    /// [`InvalidData`](io::ErrorKind::InvalidData).
    fn from(error: RecvError) -> io::Error {
        let kind = match error {
            RecvError::Closed => io::ErrorKind::UnexpectedEof,
            RecvError::Empty => io::ErrorKind::WouldBlock,
            RecvError::Lagged(_) => io::ErrorKind::InvalidData,
            RecvError::TimedOut => io::ErrorKind::TimedOut,
            RecvError::Cancelled => return Stopped::Cancelled.into(),
        };
        io::Error::new(kind, error)
    }
}
