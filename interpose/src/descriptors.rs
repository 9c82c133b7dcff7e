//! The end of descriptors: close, and duplicates that take a number over. Locks of files.

use std::ffi::{c_int, c_uint, c_ulong};

use std_net_runtime::threadlike;

use crate::pool;
use crate::raw::{finish, sys};

/// `close(2)`. A process that waits for the descriptor finds it closed (`EBADF`).
#[unsafe(no_mangle)]
pub extern "C" fn close(fd: c_int) -> c_int {
    threadlike::closing(fd);
    // SAFETY: no memory is passed.
    finish(unsafe { sys!(libc::SYS_close, fd) }) as c_int
}

/// `close_range(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if flags & libc::CLOSE_RANGE_CLOEXEC.cast_signed() == 0 {
        // More there cannot be.
        for fd in first..=last.min(first.saturating_add(1 << 20)) {
            threadlike::closing(fd.cast_signed());
        }
    }
    // SAFETY: no memory is passed.
    finish(unsafe { sys!(libc::SYS_close_range, first, last, flags) }) as c_int
}

/// `dup2(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn dup2(fd: c_int, new: c_int) -> c_int {
    if fd != new {
        threadlike::closing(new);
    }
    // SAFETY: no memory is passed.
    finish(unsafe { sys!(libc::SYS_dup2, fd, new) }) as c_int
}

/// `dup3(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    if fd != new {
        threadlike::closing(new);
    }
    // SAFETY: no memory is passed.
    finish(unsafe { sys!(libc::SYS_dup3, fd, new, flags) }) as c_int
}

/// `fcntl(2)`, of which two operations wait for a lock: on the pool.
///
/// # Safety
///
/// As the call. The argument is taken as a word, whatever it is: by the ABI it is in the same place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl(fd: c_int, operation: c_int, arg: c_ulong) -> c_int {
    // SAFETY: the caller's.
    let plain = || unsafe { sys!(libc::SYS_fcntl, fd, operation, arg) };
    let waits = matches!(operation, libc::F_SETLKW | libc::F_OFD_SETLKW);
    finish(if waits && threadlike::current().is_some() {
        pool::run(&plain)
    } else {
        plain()
    }) as c_int
}

/// The same, where files are larger than 2 GiB.
///
/// # Safety
///
/// As [`fcntl`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl64(fd: c_int, operation: c_int, arg: c_ulong) -> c_int {
    // SAFETY: the caller's.
    unsafe { fcntl(fd, operation, arg) }
}
