//! Runs blocking code outside the workers.

use crate::sched::threads;

/// Runs `f` on a pool of threads, and parks the calling process until it is done. So the other processes of its worker
/// go on. Use it for file access, long computations and libraries that block. It corresponds to Inko's
/// `process.blocking`.
///
/// On a plain thread it calls `f` directly. A cancel does not end this wait, because `f` may borrow.
///
/// The pool has at most 512 threads. Further work waits until one is free. If the system cannot make a thread, `f` runs
/// on the worker and keeps it busy meanwhile.
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
