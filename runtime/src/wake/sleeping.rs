//! How a worker goes to sleep without missing work that comes at the same moment.

use super::atomic::{AtomicBool, Ordering, fence};

/// Whether a worker sleeps or is about to. Code that gives it work must then wake it.
pub(crate) struct Sleeping(AtomicBool);

impl Sleeping {
    pub(crate) fn new() -> Sleeping {
        Sleeping(AtomicBool::new(false))
    }

    /// Called by the worker before it sleeps. After this it must look at its queues once more.
    #[inline]
    pub(crate) fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Called by the worker when it is awake again.
    #[inline]
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Called by any thread after it has given work. Returns whether it must wake the worker by a system call.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::SeqCst)
    }

    /// Whether the worker has announced that it sleeps, at about this moment.
    pub(crate) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
