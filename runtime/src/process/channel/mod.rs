//! Channels between processes and threads.
//!
//! | where | what |
//! |---|---|
//! | [`bounded`], [`unbounded`] | each value goes to one receiver |
//! | [`oneshot`] | a single value |
//! | `broadcast` | each value goes to all receivers, with the feature `broadcast` |
//! | [`watch`] | the newest value for all receivers, and a wake-up when it changes |

#[cfg(feature = "broadcast")]
pub mod broadcast;
pub mod oneshot;
pub mod watch;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_channel::{TryRecvError as AsyncTryRecvError, TrySendError as AsyncTrySendError};

use crate::deadline::{Deadline, Nanos};
use crate::process::future::wait_for;
use crate::sched::stop::Stopped;
use crate::sched::task;
use crate::sys::lock::Lock;

/// Makes a channel that holds at most `capacity` values. [`Sender::send`] waits when it is full. It may have any number
/// of senders and receivers, in processes and on threads. Each value goes to one receiver. Sockets can be sent too, to
/// hand a connection over.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use std_net::process::{self, channel};
///
/// let (sender, receiver) = channel::bounded(1);
/// process::spawn(move || {
///     for n in 0..3 {
///         sender.send(n).unwrap();
///     }
/// });
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = async_channel::bounded(capacity);
    (Sender(sender), Receiver::new(receiver))
}

/// Makes a channel that holds any number of values. [`Sender::send`] never waits.
///
/// # Examples
///
/// ```
/// use std_net::process::channel;
///
/// let (sender, receiver) = channel::unbounded();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.recv(), Ok("hello"));
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = async_channel::unbounded();
    (Sender(sender), Receiver::new(receiver))
}

/// The sending end. Clones send into the same channel. The channel closes when the last clone is dropped.
pub struct Sender<T>(async_channel::Sender<Parcel<T>>);

/// The receiving end. Clones share the values. The channel closes when the last clone is dropped, and the values that
/// nobody has received are dropped then.
pub struct Receiver<T>(Arc<Last<T>>);

/// What the clones of a receiver share.
struct Last<T>(async_channel::Receiver<Parcel<T>>);

impl<T> Drop for Last<T> {
    /// Drops the values that nobody can receive any more. `async_channel` would keep them until the last sender is
    /// gone. A value may hold the sender of a reply, and then a process that waits for this reply would wait for ever.
    fn drop(&mut self) {
        self.0.close();
        while let Ok(parcel) = self.0.try_recv() {
            drop(parcel.open());
        }
    }
}

/// A value in the channel.
pub(crate) enum Parcel<T> {
    Direct(T),
    /// The value of a sender that had to wait. If the wait ends without success, the sender takes the value back.
    /// `async_channel::Send` would drop it.
    Kept(Arc<Lock<Option<T>>>),
}

impl<T> Parcel<T> {
    pub(crate) fn open(self) -> T {
        match self {
            Parcel::Direct(value) => value,
            Parcel::Kept(slot) => take(&slot).expect("a parcel in the channel has its value"),
        }
    }
}

fn take<T>(slot: &Lock<Option<T>>) -> Option<T> {
    slot.lock().take()
}

/// The reason why a value was not sent, with the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<T> {
    /// All receivers are gone, or the channel was closed.
    Closed(T),
    /// The channel is full. Only [`try_send`](Sender::try_send) returns this.
    Full(T),
    /// The channel stayed full until the deadline of the call or of the process.
    TimedOut(T),
    /// The process was cancelled while it waited.
    Cancelled(T),
}

/// The reason why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// The channel is empty and stays so: all senders are gone, or it was closed.
    Closed,
    /// The channel is empty. Only [`try_recv`](Receiver::try_recv) returns this.
    Empty,
    /// The channel stayed empty until the deadline of the call or of the process.
    TimedOut,
    /// The process was cancelled while it waited.
    Cancelled,
}

impl<T> Sender<T> {
    /// Sends `value`. Waits until there is room.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed) or [`Cancelled`](SendError::Cancelled).
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_until(value, Nanos::NEVER)
    }

    /// Sends `value` if there is room.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed) or [`Full`](SendError::Full).
    pub fn try_send(&self, value: T) -> Result<(), SendError<T>> {
        self.0
            .try_send(Parcel::Direct(value))
            .map_err(|error| match error {
                AsyncTrySendError::Full(parcel) => SendError::Full(parcel.open()),
                AsyncTrySendError::Closed(parcel) => SendError::Closed(parcel.open()),
            })
    }

    /// Sends `value`. Waits for room at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed), [`TimedOut`](SendError::TimedOut) or
    /// [`Cancelled`](SendError::Cancelled).
    pub fn send_deadline(
        &self,
        value: T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), SendError<T>> {
        self.send_until(value, Nanos::from_deadline(deadline.into()))
    }

    fn send_until(&self, value: T, until: Nanos) -> Result<(), SendError<T>> {
        let value = match self.try_send(value) {
            Err(SendError::Full(value)) => value,
            done => return done,
        };
        let slot = Arc::new(Lock::new(Some(value)));
        let kept = || take(&slot).expect("only a parcel that was sent can lose its value");
        match wait_for(self.0.send(Parcel::Kept(Arc::clone(&slot))), until, true) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SendError::Closed(kept())),
            Err(Stopped::TimedOut) => Err(SendError::TimedOut(kept())),
            Err(Stopped::Cancelled) => Err(SendError::Cancelled(kept())),
        }
    }

    /// Closes the channel for all. Values in it can still be received. Returns whether it was open.
    pub fn close(&self) -> bool {
        self.0.close()
    }

    /// Whether the channel is closed, so that no value can be sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many values wait in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no value waits in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values the channel can hold. `None` if it is unbounded.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.0.capacity()
    }
}

impl<T> Receiver<T> {
    fn new(receiver: async_channel::Receiver<Parcel<T>>) -> Receiver<T> {
        Receiver(Arc::new(Last(receiver)))
    }

    /// The inner receiver, for `select!`.
    pub(crate) fn inner(&self) -> &async_channel::Receiver<Parcel<T>> {
        &self.0.0
    }

    /// Takes the next value. Waits until there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) or [`Cancelled`](RecvError::Cancelled).
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(Nanos::NEVER)
    }

    /// Takes the next value if there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) or [`Empty`](RecvError::Empty).
    pub fn try_recv(&self) -> Result<T, RecvError> {
        self.inner()
            .try_recv()
            .map(Parcel::open)
            .map_err(|error| match error {
                AsyncTryRecvError::Empty => RecvError::Empty,
                AsyncTryRecvError::Closed => RecvError::Closed,
            })
    }

    /// Takes the next value. Waits at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed), [`TimedOut`](RecvError::TimedOut) or
    /// [`Cancelled`](RecvError::Cancelled).
    pub fn recv_deadline(&self, deadline: impl Into<Deadline>) -> Result<T, RecvError> {
        self.recv_until(Nanos::from_deadline(deadline.into()))
    }

    fn recv_until(&self, until: Nanos) -> Result<T, RecvError> {
        task::spend();
        match self.try_recv() {
            Err(RecvError::Empty) => {}
            done => return done,
        }
        match wait_for(self.inner().recv(), until, true) {
            Ok(received) => received.map(Parcel::open).map_err(|_| RecvError::Closed),
            // A value may have come at the last moment. It must not stay in the channel unseen.
            Err(stopped) => self.try_recv().map_err(|_| match stopped {
                Stopped::TimedOut => RecvError::TimedOut,
                Stopped::Cancelled => RecvError::Cancelled,
            }),
        }
    }

    /// Iterates over the values as they come, until the channel is closed and empty or the process is cancelled.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Closes the channel for all. Values in it can still be received. Returns whether it was open.
    pub fn close(&self) -> bool {
        self.inner().close()
    }

    /// Whether the channel is closed, so that no value can be sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner().is_closed()
    }

    /// How many values wait in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner().len()
    }

    /// Whether no value waits in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner().is_empty()
    }
}

/// An iterator over the values of a channel. See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// An iterator that owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone())
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
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> SendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            SendError::Closed(value)
            | SendError::Full(value)
            | SendError::TimedOut(value)
            | SendError::Cancelled(value) => value,
        }
    }

    fn text(&self) -> (&'static str, &'static str) {
        match self {
            SendError::Closed(_) => ("Closed", "the channel is closed"),
            SendError::Full(_) => ("Full", "the channel is full"),
            SendError::TimedOut(_) => ("TimedOut", "the channel stayed full for too long"),
            SendError::Cancelled(_) => ("Cancelled", "the process was cancelled"),
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.text().0).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().1)
    }
}

impl<T> Error for SendError<T> {}

impl<T> From<SendError<T>> for io::Error {
    /// Drops the value ([`into_inner`](SendError::into_inner) returns it instead). A closed channel becomes
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe), and a full one [`WouldBlock`](io::ErrorKind::WouldBlock). A cancel
    /// becomes the same error as for a socket.
    fn from(error: SendError<T>) -> io::Error {
        let kind = match error {
            SendError::Closed(_) => io::ErrorKind::BrokenPipe,
            SendError::Full(_) => io::ErrorKind::WouldBlock,
            SendError::TimedOut(_) => io::ErrorKind::TimedOut,
            SendError::Cancelled(_) => return Stopped::Cancelled.into(),
        };
        io::Error::new(kind, error.text().1)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvError::Closed => "the channel is closed",
            RecvError::Empty => "the channel is empty",
            RecvError::TimedOut => "the channel stayed empty for too long",
            RecvError::Cancelled => "the process was cancelled",
        })
    }
}

impl Error for RecvError {}

impl From<RecvError> for io::Error {
    /// A closed channel becomes [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), and an empty one
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). A cancel becomes the same error as for a socket.
    fn from(error: RecvError) -> io::Error {
        let kind = match error {
            RecvError::Closed => io::ErrorKind::UnexpectedEof,
            RecvError::Empty => io::ErrorKind::WouldBlock,
            RecvError::TimedOut => io::ErrorKind::TimedOut,
            RecvError::Cancelled => return Stopped::Cancelled.into(),
        };
        io::Error::new(kind, error)
    }
}
