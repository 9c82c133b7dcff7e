//! How a worker goes to sleep without missing work that comes at the same moment.

use super::atomic::{AtomicBool, Ordering, fence};

/// Whether a worker sleeps, or is about to: a caller that gives it work must wake it.
pub(crate) struct Sleeping(AtomicBool);

impl Sleeping {
    pub(crate) fn new() -> Sleeping {
        Sleeping(AtomicBool::new(false))
    }

    /// By the worker: it looks at its queues once more after this, and then sleeps.
    #[inline]
    pub(crate) fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// By the worker, awake again.
    #[inline]
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// By anyone, after giving work: whether the worker must be woken by a system call.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::SeqCst)
    }

    /// About now.
    pub(crate) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
