//! The newest value to all, and word when it changes: settings that are read anew, a state that others
//! follow.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::RecvError;
use crate::deadline::{Deadline, Nanos};
use crate::process::future::wait_for;
use crate::sched::stop::Stopped;

/// A channel that holds one value, the newest.
///
/// # Examples
///
/// ```
/// use std_net::process::{self, channel::watch};
///
/// let (sender, settings) = watch::channel("old");
/// assert_eq!(settings.get(), "old");
/// let follower = process::spawn(move || settings.recv());
/// sender.send("new");
/// assert_eq!(follower.join().unwrap(), Ok("new"));
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new(value),
        version: AtomicU64::new(0),
        senders: AtomicUsize::new(1),
        changed: event_listener::Event::new(),
    });
    let receiver = Receiver {
        shared: Arc::clone(&shared),
        seen: AtomicU64::new(0),
    };
    (Sender(shared), receiver)
}

struct Shared<T> {
    /// Held to copy or to replace it, and never across a wait.
    value: RwLock<T>,
    /// Counts the changes; moves while the value is locked for writing.
    version: AtomicU64,
    senders: AtomicUsize,
    changed: event_listener::Event,
}

/// Changes the value. Clones change the same.
pub struct Sender<T>(Arc<Shared<T>>);

/// Reads the value, and follows it: each receiver knows which change it has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: AtomicU64,
}

impl<T> Sender<T> {
    /// Puts `value` in the place of the one before, which is returned, and tells all receivers. Never waits.
    pub fn send(&self, value: T) -> T {
        let mut value = value;
        self.modify(|old| std::mem::swap(old, &mut value));
        value
    }

    /// Changes the value in its place, and tells all receivers. `f` must not wait.
    pub fn modify(&self, f: impl FnOnce(&mut T)) {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        f(&mut value);
        self.0.version.fetch_add(1, Ordering::SeqCst);
        drop(value);
        self.0.changed.notify(usize::MAX);
    }

    /// A receiver that has seen the value that is there now.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver {
            shared: Arc::clone(&self.0),
            seen: AtomicU64::new(self.0.version.load(Ordering::SeqCst)),
        }
    }
}

impl<T> Receiver<T> {
    /// Calls `f` with the newest value, which then has been seen. `f` must not wait.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let shared = &self.shared;
        let value = shared.value.read().unwrap_or_else(PoisonError::into_inner);
        // Does not change while the value is locked.
        self.seen
            .store(shared.version.load(Ordering::SeqCst), Ordering::SeqCst);
        f(&value)
    }

    /// A copy of the newest value, which then has been seen.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Whether the value has changed since it was seen last.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.shared.version.load(Ordering::SeqCst) != self.seen.load(Ordering::SeqCst)
    }

    /// Waits until the value has changed since it was seen last.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) if it has not, and all senders are gone;
    /// [`Cancelled`](RecvError::Cancelled).
    pub fn changed(&self) -> Result<(), RecvError> {
        self.changed_deadline(Deadline::NEVER)
    }

    /// The same until the deadline.
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed), and [`TimedOut`](RecvError::TimedOut).
    pub fn changed_deadline(&self, deadline: impl Into<Deadline>) -> Result<(), RecvError> {
        let until = Nanos::from_deadline(deadline.into());
        match wait_for(self.next_change(), until, true) {
            Ok(changed) => changed,
            Err(_) if self.is_changed() => Ok(()),
            Err(Stopped::TimedOut) => Err(RecvError::TimedOut),
            Err(Stopped::Cancelled) => Err(RecvError::Cancelled),
        }
    }

    /// The next change as a future: for the arm `future` of [`select!`](crate::process::select), by
    /// `std::pin::pin!` where it is to be kept.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed).
    pub async fn next_change(&self) -> Result<(), RecvError> {
        loop {
            if let Some(done) = self.poll_change() {
                return done;
            }
            let listener = self.shared.changed.listen();
            // A change between the look and the listener would be lost.
            if let Some(done) = self.poll_change() {
                return done;
            }
            listener.await;
        }
    }

    fn poll_change(&self) -> Option<Result<(), RecvError>> {
        // In this order: what the last sender did before it went is seen.
        let closed = self.shared.senders.load(Ordering::SeqCst) == 0;
        if self.is_changed() {
            return Some(Ok(()));
        }
        closed.then_some(Err(RecvError::Closed))
    }

    /// Waits for a change, and returns a copy of the value.
    ///
    /// # Errors
    ///
    /// The errors of [`changed`](Self::changed).
    pub fn recv(&self) -> Result<T, RecvError>
    where
        T: Clone,
    {
        self.changed().map(|()| self.get())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.senders.fetch_add(1, Ordering::SeqCst);
        Sender(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.changed.notify(usize::MAX);
        }
    }
}

impl<T> Clone for Receiver<T> {
    /// Has seen what this one has.
    fn clone(&self) -> Receiver<T> {
        Receiver {
            shared: Arc::clone(&self.shared),
            seen: AtomicU64::new(self.seen.load(Ordering::SeqCst)),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("changed", &self.is_changed())
            .finish_non_exhaustive()
    }
}
