//! The park token of a task, as `std::thread::park` has it: given any number of times, taken once.
//!
//! Two halves. The state belongs to the worker on whose thread the task runs, and costs that thread
//! plain loads and stores. Others set a flag, which says that the task is on its way to that thread
//! through the worker's inbox; there the flag is taken and the token given.

use super::atomic::{AtomicBool, AtomicU8, Ordering};

const RUNNING: u8 = 0;
/// Suspended and in no queue, or about to be.
const PARKED: u8 = 1;
/// The next park returns at once, or the task is in a queue because it was woken.
const NOTIFIED: u8 = 2;
/// In a queue because it let others run.
const YIELDED: u8 = 3;

pub(crate) struct Token {
    /// Written by the owning worker's thread only; read by others for a listing.
    state: AtomicU8,
    /// The task is in an inbox.
    sent: AtomicBool,
}

impl Token {
    pub(crate) fn new() -> Token {
        Token {
            state: AtomicU8::new(RUNNING),
            sent: AtomicBool::new(false),
        }
    }

    // On the owner's thread.

    /// By the task: whether it must be suspended now. Otherwise the token is here already.
    #[inline]
    pub(crate) fn begin_park(&self) -> bool {
        let given = self.state.load(Ordering::Relaxed) == NOTIFIED;
        if !given {
            self.state.store(PARKED, Ordering::Relaxed);
        }
        !given
    }

    /// By the task, when it runs again or did not have to be suspended: takes the token.
    #[inline]
    pub(crate) fn end_park(&self) {
        self.state.store(RUNNING, Ordering::Relaxed);
    }

    /// By the task, which then queues itself.
    #[inline]
    pub(crate) fn begin_yield(&self) {
        if self.state.load(Ordering::Relaxed) == RUNNING {
            self.state.store(YIELDED, Ordering::Relaxed);
        }
    }

    /// By the task, when it runs again. A token that came meanwhile stays.
    #[inline]
    pub(crate) fn end_yield(&self) {
        if self.state.load(Ordering::Relaxed) == YIELDED {
            self.state.store(RUNNING, Ordering::Relaxed);
        }
    }

    /// Whether the giver must queue the task.
    #[inline]
    pub(crate) fn give(&self) -> bool {
        let was = self.state.load(Ordering::Relaxed);
        self.state.store(NOTIFIED, Ordering::Relaxed);
        was == PARKED
    }

    /// A task has come out of an inbox: sees what all who sent it wrote before. The next one to
    /// send it puts it there again.
    #[inline]
    pub(crate) fn arrive(&self) {
        self.sent.swap(false, Ordering::AcqRel);
    }

    // On any other thread.

    /// Whether the giver must put the task into its owner's inbox. Always a swap, so that what was
    /// written before is seen on arrival, also if the task is on its way already.
    #[inline]
    pub(crate) fn send(&self) -> bool {
        !self.sent.swap(true, Ordering::AcqRel)
    }

    /// About now, for a listing.
    pub(crate) fn is_given(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED || self.sent.load(Ordering::Relaxed)
    }
}
