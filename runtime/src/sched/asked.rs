//! Questions to parked processes, which each process answers itself on its own stack. `process::backtraces` asks them.
//!
//! Another thread cannot read the stack of a parked process: the process may go on at any moment. So the asker sets a
//! bit in the slot of the process and wakes it. Every waiter looks again after a wake-up. In the same byte it looks for
//! the reason to stop, so a process that nobody asks pays nothing for this.

use std::sync::Arc;

use crate::sched::info::Info;
use crate::sys::lock::Lock;

/// This bit in the byte `stopped` of a slot means that the process was asked. The other bits are the
/// [`Stopped::code`](crate::sched::stop::Stopped::code).
pub(super) const ASKED: u8 = 0x80;

/// A question. The process that was asked runs it, so it must not wait.
pub(crate) type Question = dyn Fn(&Info) + Send + Sync;

/// The questions that are asked at present.
static PRESENT: Lock<Vec<Arc<Question>>> = Lock::new(Vec::new());

/// Keeps a question present until it is dropped.
pub(crate) struct Asking(Arc<Question>);

impl Asking {
    pub(crate) fn new(question: Arc<Question>) -> Asking {
        PRESENT.lock().push(Arc::clone(&question));
        Asking(question)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        PRESENT.lock().retain(|q| !Arc::ptr_eq(q, &self.0));
    }
}

/// Answers all questions, in the process that was asked.
#[cold]
#[inline(never)]
pub(super) fn answer(info: &Info) {
    // A question must not run under the lock.
    let present = PRESENT.lock().clone();
    for question in present {
        question(info);
    }
}
