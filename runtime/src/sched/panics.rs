//! A panic in a process names the process: std's message has only the name of the worker's thread.

use std::panic;
use std::sync::Once;
use std::thread;

use crate::sched::task;

/// Puts a line before what the hook prints that is there now. A hook that the program sets later takes
/// its place.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    if thread::panicking() {
        // No hook can be set now. The next start is the next chance; there is rarely one.
        return;
    }
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(task) = task::current() {
                eprintln!("\nstd_net: {} panicked:", task.info());
            }
            previous(info);
        }));
    });
}
