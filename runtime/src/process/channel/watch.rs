//! A channel that holds the newest value and wakes receivers when it changes. It is for settings that can be reloaded,
//! or for a state that other code follows.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::RecvError;
use crate::deadline::{Deadline, Nanos};
use crate::process::future::wait_for;
use crate::sched::stop::Stopped;

/// Makes a channel that holds one value, the newest.
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
    /// The value. The lock is held to copy or replace it, but never across a wait.
    value: RwLock<T>,
    /// The number of changes. It increases while the value is locked for writing.
    version: AtomicU64,
    senders: AtomicUsize,
    changed: event_listener::Event,
}

/// Changes the value. Clones change the same value.
pub struct Sender<T>(Arc<Shared<T>>);

/// Reads the value and follows its changes. Each receiver knows which change it has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: AtomicU64,
}

impl<T> Sender<T> {
    /// Replaces the value, wakes all receivers, and returns the old value. Never waits.
    pub fn send(&self, value: T) -> T {
        let mut value = value;
        self.modify(|old| std::mem::swap(old, &mut value));
        value
    }

    /// Changes the value in place and wakes all receivers. `f` must not wait.
    pub fn modify(&self, f: impl FnOnce(&mut T)) {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        f(&mut value);
        self.0.version.fetch_add(1, Ordering::SeqCst);
        drop(value);
        self.0.changed.notify(usize::MAX);
    }

    /// Makes a receiver that has seen the present value.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver {
            shared: Arc::clone(&self.0),
            seen: AtomicU64::new(self.0.version.load(Ordering::SeqCst)),
        }
    }
}

impl<T> Receiver<T> {
    /// Calls `f` with the newest value and marks it as seen. `f` must not wait.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let shared = &self.shared;
        let value = shared.value.read().unwrap_or_else(PoisonError::into_inner);
        // The version does not change while the value is locked.
        self.seen
            .store(shared.version.load(Ordering::SeqCst), Ordering::SeqCst);
        f(&value)
    }

    /// Returns a copy of the newest value and marks it as seen.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Whether the value has changed since this receiver has last seen it.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.shared.version.load(Ordering::SeqCst) != self.seen.load(Ordering::SeqCst)
    }

    /// Waits until the value has changed since this receiver has last seen it.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) if it has not changed and all senders are gone.
    /// [`Cancelled`](RecvError::Cancelled) if the process was cancelled.
    pub fn changed(&self) -> Result<(), RecvError> {
        self.changed_deadline(Deadline::NEVER)
    }

    /// Waits for a change at most until the deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`changed`](Self::changed), and [`TimedOut`](RecvError::TimedOut).
    pub fn changed_deadline(&self, deadline: impl Into<Deadline>) -> Result<(), RecvError> {
        let until = Nanos::from_deadline(deadline.into());
        match wait_for(self.next_change(), until, true) {
            Ok(changed) => changed,
            Err(_) if self.is_changed() => Ok(()),
            Err(Stopped::TimedOut) => Err(RecvError::TimedOut),
            Err(Stopped::Cancelled) => Err(RecvError::Cancelled),
        }
    }

    /// Waits for the next change as a future, for the arm `future` of [`select!`](crate::process::select). Pin it with
    /// `std::pin::pin!` to keep it across several waits.
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
            // A change between the check and the registration would be lost, so check again.
            if let Some(done) = self.poll_change() {
                return done;
            }
            listener.await;
        }
    }

    fn poll_change(&self) -> Option<Result<(), RecvError>> {
        // In this order, the last change that a sender made before it was dropped is seen.
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
    /// The clone has seen the same change as this receiver.
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
