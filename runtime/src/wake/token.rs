//! The park token of a task, as in `std::thread::park`: it may be given many times, and a wait takes it once.
//!
//! It has two parts. The state belongs to the thread of the task's worker, which changes it with plain loads and
//! stores. Other threads set a flag, which says that the task is on its way to that thread through the worker's inbox.
//! There the worker takes the flag and gives the token.

use super::atomic::{AtomicBool, AtomicU8, Ordering};

const RUNNING: u8 = 0;
/// The task is suspended and in no queue, or is about to be.
const PARKED: u8 = 1;
/// The next park returns at once, or the task is in a queue because it was woken.
const NOTIFIED: u8 = 2;
/// The task is in a queue because it has let others run.
const YIELDED: u8 = 3;

pub(crate) struct Token {
    /// Only the owning worker's thread writes this. Other threads read it for a listing.
    state: AtomicU8,
    /// Whether the task is in an inbox.
    sent: AtomicBool,
}

impl Token {
    pub(crate) fn new() -> Token {
        Token {
            state: AtomicU8::new(RUNNING),
            sent: AtomicBool::new(false),
        }
    }

    // Called on the owner's thread.

    /// Called by the task to park. Returns whether it must be suspended. If not, the token has come already.
    #[inline]
    pub(crate) fn begin_park(&self) -> bool {
        let given = self.state.load(Ordering::Relaxed) == NOTIFIED;
        if !given {
            self.state.store(PARKED, Ordering::Relaxed);
        }
        !given
    }

    /// Called by the task after a park, whether it was suspended or not. It takes the token.
    #[inline]
    pub(crate) fn end_park(&self) {
        self.state.store(RUNNING, Ordering::Relaxed);
    }

    /// Called by the task to yield. It then queues itself.
    #[inline]
    pub(crate) fn begin_yield(&self) {
        if self.state.load(Ordering::Relaxed) == RUNNING {
            self.state.store(YIELDED, Ordering::Relaxed);
        }
    }

    /// Called by the task when it runs again after a yield. A token that came meanwhile stays.
    #[inline]
    pub(crate) fn end_yield(&self) {
        if self.state.load(Ordering::Relaxed) == YIELDED {
            self.state.store(RUNNING, Ordering::Relaxed);
        }
    }

    /// Gives the token. Returns whether the caller must queue the task.
    #[inline]
    pub(crate) fn give(&self) -> bool {
        let was = self.state.load(Ordering::Relaxed);
        self.state.store(NOTIFIED, Ordering::Relaxed);
        was == PARKED
    }

    /// Takes the flag when the task has come out of an inbox. The worker then sees what every sender wrote before. The
    /// next sender puts the task into the inbox again.
    #[inline]
    pub(crate) fn arrive(&self) {
        self.sent.swap(false, Ordering::AcqRel);
    }

    // Called on any other thread.

    /// Sets the flag. Returns whether the caller must put the task into its owner's inbox. This is always a swap, even
    /// if the task is on its way already, so that its arrival sees what this thread wrote before.
    #[inline]
    pub(crate) fn send(&self) -> bool {
        !self.sent.swap(true, Ordering::AcqRel)
    }

    /// Whether the token was given, at about this moment, for a listing.
    pub(crate) fn is_given(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED || self.sent.load(Ordering::Relaxed)
    }
}
