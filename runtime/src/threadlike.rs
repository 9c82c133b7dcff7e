//! The interface to `std_net_interpose`: everything of the runtime that this crate uses.
//!
//! The crate [`install`]s its interposer before `main`. Each of its functions asks [`current`] whether a threadlike
//! process calls it. If not, the function makes its usual system call. If so, it makes attempts that do not block, and
//! waits with a [`Watch`] or with [`Threadlike::park`]. Before each close it calls [`closing`].

pub use crate::reactor::foreign::{Watch, closing, closing_if, wait};
pub use crate::sched::threadlike::{Interposer, Threadlike, Until, current, install};
pub use crate::sys::lock::{Guard, Lock};

use crate::reactor::foreign;
use crate::sched::threadlike;

/// Call this in the child after `fork(2)`. The child has only the thread that forked, so nothing parks there.
pub fn in_child() {
    threadlike::in_child();
    foreign::in_child();
}
