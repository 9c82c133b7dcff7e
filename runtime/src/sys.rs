//! The few libc calls that neither std nor socket2 offers in the form needed here. No policy.

use std::io;

/// Turns the -1 of a system call into the error of `errno`.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The same for calls that return a byte count.
pub(crate) fn cvt_len(result: libc::ssize_t) -> io::Result<usize> {
    // A negative count is only ever -1.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Calls `f` again for as long as a signal interrupts it, as std does where it retries.
pub(crate) fn retry_interrupted<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match f() {
            Err(e) if e.raw_os_error() == Some(libc::EINTR) => {}
            other => return other,
        }
    }
}
