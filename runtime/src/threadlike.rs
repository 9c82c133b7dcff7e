//! The seam to `std_net_interpose`: all that crate uses of the runtime.
//!
//! The interposer is [`install`]ed before `main`. Its functions ask [`current`] whether they are called by a
//! threadlike process; if not, they are the system call they always were. If so, they try without
//! blocking, and wait with a [`Watch`], or with [`Threadlike::park`]. They tell of every close, before it,
//! with [`closing`].

pub use crate::reactor::foreign::{Watch, closing, wait};
pub use crate::sched::threadlike::{Interposer, Threadlike, Until, current, install};
pub use crate::sys::lock::{Guard, Lock};

use crate::reactor::foreign;
use crate::sched::threadlike;

/// In the child after `fork(2)`, whose only thread is the one that forked: nothing parks any more.
pub fn in_child() {
    threadlike::in_child();
    foreign::in_child();
}
