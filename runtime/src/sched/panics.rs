//! Names the process when it panics. The message of std has only the name of the worker's thread.

use std::panic;
use std::sync::Once;
use std::thread;

use crate::sched::task;
use crate::sys::tell::tell;

/// Prints a line before the output of the present hook. A hook that the program sets later replaces this one.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    if thread::panicking() {
        // No hook can be set during a panic. The next start of the runtime would set it, but there rarely is one.
        return;
    }
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(task) = task::current() {
                tell(format_args!("\nstd_net: {} panicked:", task.info()));
            }
            previous(info);
        }));
    });
}
