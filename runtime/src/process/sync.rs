//! Locks that park the process and not its worker, over `async-lock` and `event-listener`.
//!
//! A `std::sync::Mutex` held across a wait can stop a whole worker: another process that wants the lock blocks the
//! thread on which its holder would have to run. The locks here park a process, and block a plain thread. They are not
//! poisoned: a panic with a lock held releases it. A cancel ends only the waits that can report it, those with
//! `_deadline`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use async_lock as inner;
use event_listener::Listener as _;

use crate::deadline::{Deadline, Nanos};
use crate::process::future::{block_on, block_on_deadline, wait_for};
use crate::sched::stop::Stopped;

/// Mutual exclusion, like [`std::sync::Mutex`].
///
/// # Examples
///
/// ```
/// use std_net::process::{self, Mutex};
///
/// let count = Mutex::new(0);
/// process::scope(|s| {
///     for _ in 0..10 {
///         s.spawn(|| {
///             let mut count = count.lock();
///             process::yield_now(); // a wait with the lock held
///             *count += 1;
///         });
///     }
/// });
/// assert_eq!(count.into_inner(), 10);
/// ```
#[derive(Default)]
pub struct Mutex<T: ?Sized>(inner::Mutex<T>);

/// The guard of a locked [`Mutex`]. Dropping it unlocks the mutex.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized>(inner::MutexGuard<'a, T>);

impl<T> Mutex<T> {
    /// Makes an unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(inner::Mutex::new(value))
    }

    /// Returns the value. No lock is needed, because the mutex is consumed.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex. Waits while it is held elsewhere.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(self.0.try_lock().unwrap_or_else(|| block_on(self.0.lock())))
    }

    /// Locks the mutex. Waits at most until the deadline. It also stops if the process is cancelled or its own deadline
    /// passes.
    ///
    /// # Errors
    ///
    /// The reason why it is not locked.
    pub fn lock_deadline(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<MutexGuard<'_, T>, Stopped> {
        let now = || self.try_lock().map(Ok);
        now().unwrap_or_else(|| block_on_deadline(self.0.lock(), deadline).map(MutexGuard))
    }

    /// Locks the mutex if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().map(MutexGuard)
    }

    /// The value. No lock is needed, because the caller has the only reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Many readers or one writer, like [`std::sync::RwLock`].
///
/// # Examples
///
/// ```
/// use std_net::process::RwLock;
///
/// let lock = RwLock::new(1);
/// {
///     let (a, b) = (lock.read(), lock.read());
///     assert_eq!(*a + *b, 2);
/// }
/// *lock.write() = 5;
/// assert_eq!(*lock.read(), 5);
/// ```
#[derive(Default)]
pub struct RwLock<T: ?Sized>(inner::RwLock<T>);

/// The guard of a [`RwLock`] that is locked for reading. Dropping it unlocks.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized>(inner::RwLockReadGuard<'a, T>);

/// The guard of a [`RwLock`] that is locked for writing. Dropping it unlocks.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized>(inner::RwLockWriteGuard<'a, T>);

impl<T> RwLock<T> {
    /// Makes an unlocked lock.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock(inner::RwLock::new(value))
    }

    /// Returns the value. No lock is needed, because the `RwLock` is consumed.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading. Waits while there is a writer.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard(self.0.try_read().unwrap_or_else(|| block_on(self.0.read())))
    }

    /// Locks for reading. Waits at most until the deadline. It also stops if the process is cancelled or its own
    /// deadline passes.
    ///
    /// # Errors
    ///
    /// The reason why it is not locked.
    pub fn read_deadline(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<RwLockReadGuard<'_, T>, Stopped> {
        let now = || self.try_read().map(Ok);
        now().unwrap_or_else(|| block_on_deadline(self.0.read(), deadline).map(RwLockReadGuard))
    }

    /// Locks for reading if there is no writer.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.0.try_read().map(RwLockReadGuard)
    }

    /// Locks for writing. Waits while there are readers or another writer.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard(
            self.0
                .try_write()
                .unwrap_or_else(|| block_on(self.0.write())),
        )
    }

    /// Locks for writing. Waits at most until the deadline. It also stops if the process is cancelled or its own
    /// deadline passes.
    ///
    /// # Errors
    ///
    /// The reason why it is not locked.
    pub fn write_deadline(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<RwLockWriteGuard<'_, T>, Stopped> {
        let now = || self.try_write().map(Ok);
        now().unwrap_or_else(|| block_on_deadline(self.0.write(), deadline).map(RwLockWriteGuard))
    }

    /// Locks for writing if there is neither a reader nor a writer.
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.0.try_write().map(RwLockWriteGuard)
    }

    /// The value. No lock is needed, because the caller has the only reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A number of permits. It limits how many processes do something at the same time.
///
/// # Examples
///
/// ```
/// use std_net::process::Semaphore;
///
/// let two = Semaphore::new(2);
/// let (a, _b) = (two.acquire(), two.acquire());
/// assert!(two.try_acquire().is_none());
/// drop(a);
/// assert!(two.try_acquire().is_some());
/// ```
pub struct Semaphore(inner::Semaphore);

/// A permit of a [`Semaphore`]. Dropping it returns it.
#[must_use = "the permit is given back at once if it is not kept"]
pub struct Permit<'a>(inner::SemaphoreGuard<'a>);

/// A permit that keeps its [`Semaphore`] alive, so that it can move to another process. Dropping it returns it.
#[must_use = "the permit is given back at once if it is not kept"]
pub struct OwnedPermit(Arc<Semaphore>);

impl Semaphore {
    /// Makes a semaphore with this number of permits.
    #[must_use]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore(inner::Semaphore::new(permits))
    }

    /// Takes a permit. Waits until there is one.
    pub fn acquire(&self) -> Permit<'_> {
        Permit(
            self.0
                .try_acquire()
                .unwrap_or_else(|| block_on(self.0.acquire())),
        )
    }

    /// Takes a permit. Waits at most until the deadline. It also stops if the process is cancelled or its own deadline
    /// passes.
    ///
    /// # Errors
    ///
    /// The reason why there is no permit.
    pub fn acquire_deadline(&self, deadline: impl Into<Deadline>) -> Result<Permit<'_>, Stopped> {
        let now = || self.try_acquire().map(Ok);
        now().unwrap_or_else(|| block_on_deadline(self.0.acquire(), deadline).map(Permit))
    }

    /// Takes a permit that can move to another process. Waits until there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std_net::process::{self, Semaphore};
    ///
    /// let at_once = Arc::new(Semaphore::new(2));
    /// for job in 0..5 {
    ///     let permit = at_once.acquire_owned();
    ///     process::spawn(move || {
    ///         println!("{job}");
    ///         drop(permit);
    ///     });
    /// }
    /// ```
    pub fn acquire_owned(self: &Arc<Semaphore>) -> OwnedPermit {
        self.acquire().into_owned(self)
    }

    /// Takes a permit that can move to another process. Waits at most until the deadline: see
    /// [`acquire_deadline`](Self::acquire_deadline).
    ///
    /// # Errors
    ///
    /// The reason why there is no permit.
    pub fn acquire_owned_deadline(
        self: &Arc<Semaphore>,
        deadline: impl Into<Deadline>,
    ) -> Result<OwnedPermit, Stopped> {
        let permit = self.acquire_deadline(deadline)?;
        Ok(permit.into_owned(self))
    }

    /// Takes a permit that can move to another process, if there is one.
    pub fn try_acquire_owned(self: &Arc<Semaphore>) -> Option<OwnedPermit> {
        let permit = self.try_acquire()?;
        Some(permit.into_owned(self))
    }

    /// Takes a permit if there is one.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.0.try_acquire().map(Permit)
    }

    /// Adds permits permanently.
    pub fn add_permits(&self, count: usize) {
        self.0.add_permits(count);
    }
}

impl Permit<'_> {
    fn into_owned(self, semaphore: &Arc<Semaphore>) -> OwnedPermit {
        // The new permit returns it instead.
        self.0.forget();
        OwnedPermit(Arc::clone(semaphore))
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// An event that processes wait for, each with its own condition.
///
/// It replaces a condition variable: [`wait_until`](Self::wait_until) checks the condition first and again after every
/// notification. It cannot miss a notification between a check and the wait.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std_net::process::{self, Event};
///
/// let (ready, event) = (AtomicBool::new(false), Event::new());
/// process::scope(|s| {
///     s.spawn(|| event.wait_until(|| ready.load(Ordering::SeqCst).then_some(())));
///     ready.store(true, Ordering::SeqCst);
///     event.notify_all();
/// });
/// ```
#[derive(Default)]
pub struct Event(event_listener::Event);

impl Event {
    /// Makes an event without waiters.
    #[must_use]
    pub const fn new() -> Event {
        Event(event_listener::Event::new())
    }

    /// Waits until `condition` returns a value, and returns it. The condition is checked first, and then after each
    /// notification.
    pub fn wait_until<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(value) = self.wait(&mut condition, Nanos::NEVER, false) {
                return value;
            }
        }
    }

    /// Waits at most until the deadline. Returns `None` once the deadline has passed, or if the process is cancelled or
    /// its own deadline passes.
    pub fn wait_deadline<T>(
        &self,
        condition: impl FnMut() -> Option<T>,
        deadline: impl Into<Deadline>,
    ) -> Option<T> {
        self.wait(condition, Nanos::from_deadline(deadline.into()), true)
    }

    /// Waits as a future, for the arm `future` of [`select!`](crate::process::select). Otherwise it is like
    /// [`wait_until`](Self::wait_until).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::time::Duration;
    /// use std_net::process::{self, Event};
    ///
    /// let (ready, event) = (AtomicBool::new(false), Event::new());
    /// let is_ready = || ready.load(Ordering::SeqCst).then_some(());
    /// process::scope(|s| {
    ///     s.spawn(|| {
    ///         ready.store(true, Ordering::SeqCst);
    ///         event.notify_all();
    ///     });
    ///     process::select! {
    ///         future(event.when(is_ready)) => (),
    ///         after(Duration::from_secs(60)) => panic!("not ready after a minute"),
    ///     }
    /// })?;
    /// # Ok::<(), process::Stopped>(())
    /// ```
    pub async fn when<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(value) = condition() {
                return value;
            }
            let listener = self.0.listen();
            // A notification between the check and the registration would be lost, so check again.
            if let Some(value) = condition() {
                return value;
            }
            listener.await;
        }
    }

    fn wait<T>(
        &self,
        mut condition: impl FnMut() -> Option<T>,
        until: Nanos,
        stoppable: bool,
    ) -> Option<T> {
        loop {
            if let Some(value) = condition() {
                return Some(value);
            }
            let mut listener = self.0.listen();
            // A notification between the check and the registration would be lost, so check again.
            if let Some(value) = condition() {
                return Some(value);
            }
            if wait_for(&mut listener, until, stoppable).is_err() {
                listener.discard();
                return condition();
            }
        }
    }

    /// Wakes one process or thread that waits now.
    pub fn notify_one(&self) {
        self.0.notify_additional(1);
    }

    /// Wakes all processes and threads that wait now.
    pub fn notify_all(&self) {
        self.0.notify(usize::MAX);
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}
