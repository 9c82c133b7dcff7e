//! The park token of a task, as `std::thread::park` has it: given any number of times, taken once.

use super::atomic::{AtomicU8, Ordering};

const RUNNING: u8 = 0;
/// Suspended and in no queue, or about to be.
const PARKED: u8 = 1;
/// The next park returns at once, or the task is in a queue.
const NOTIFIED: u8 = 2;

pub(crate) struct Token(AtomicU8);

impl Token {
    pub(crate) fn new() -> Token {
        Token(AtomicU8::new(RUNNING))
    }

    /// By the task: whether it must be suspended now. Otherwise the token is here already.
    #[inline]
    pub(crate) fn begin_park(&self) -> bool {
        self.0
            .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// By the task, when it runs again or did not have to be suspended: takes the token, and sees
    /// what its givers wrote before.
    #[inline]
    pub(crate) fn end_park(&self) {
        self.0.swap(RUNNING, Ordering::AcqRel);
    }

    /// By the task, before it queues itself.
    #[inline]
    pub(crate) fn give_to_self(&self) {
        self.0.store(NOTIFIED, Ordering::Release);
    }

    /// By anyone: whether the giver must queue the task. Always a swap, so that what was written
    /// before is seen by the one that takes the token, also if it was given already.
    #[inline]
    pub(crate) fn give(&self) -> bool {
        self.0.swap(NOTIFIED, Ordering::AcqRel) == PARKED
    }

    /// About now, for a listing.
    pub(crate) fn is_given(&self) -> bool {
        self.0.load(Ordering::Relaxed) == NOTIFIED
    }
}
