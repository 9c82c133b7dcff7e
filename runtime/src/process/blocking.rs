//! Code that blocks its thread, out of the workers' way.

use crate::sched::threads;

/// Runs `f` on a pool of threads and parks the calling process until it is done, so that the other
/// processes of its worker go on. For file access, long computations and libraries that block. Inko's
/// `process.blocking`.
///
/// On a plain thread `f` simply runs. A cancel does not end this wait: `f` may borrow.
///
/// The pool has 512 threads at most; more work than that waits for one to be free. Where the system
/// lets no thread be made, `f` runs here, and keeps the worker meanwhile.
///
/// # Panics
///
/// With the panic of `f`.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let path = "/etc/hostname";
/// let text = process::spawn(move || process::blocking(|| std::fs::read_to_string(path)));
/// let _ = text.join().unwrap();
/// ```
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    threads::blocking(f)
}
