//! Functions that close a descriptor (`close`, `close_range`, `dup2`, `dup3`), and file locks by `fcntl`.

use std::ffi::{c_int, c_uint, c_ulong};

use std_net_runtime::threadlike;

use crate::library::library;
use crate::pool;
use crate::raw::{finish, sys};

/// `close(2)`. A process that waits for this descriptor wakes and gets `EBADF`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn close(fd: c_int) -> c_int {
    threadlike::closing(fd);
    // SAFETY: the call passes no memory.
    unsafe { library!(close(fd) -> c_int) }
}

/// `close_range(2)`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    // With `CLOSE_RANGE_CLOEXEC` or an unknown flag the call closes nothing.
    if flags.cast_unsigned() & !libc::CLOSE_RANGE_UNSHARE == 0 {
        // No OS process can have more descriptors than this.
        for fd in first..=last.min(first.saturating_add(1 << 20)) {
            threadlike::closing(fd.cast_signed());
        }
    }
    // SAFETY: the call passes no memory.
    finish(unsafe { sys!(libc::SYS_close_range, first, last, flags) }) as c_int
}

/// `dup2(2)`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn dup2(fd: c_int, new: c_int) -> c_int {
    if fd != new {
        threadlike::closing_if(new, || is_open(fd));
    }
    // SAFETY: the call passes no memory.
    unsafe { library!(dup2(fd, new) -> c_int) }
}

/// `dup3(2)`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    if fd != new && flags & !libc::O_CLOEXEC == 0 {
        threadlike::closing_if(new, || is_open(fd));
    }
    // SAFETY: the call passes no memory.
    unsafe { library!(dup3(fd, new, flags) -> c_int) }
}

fn is_open(fd: c_int) -> bool {
    // SAFETY: the call passes no memory.
    unsafe { sys!(libc::SYS_fcntl, fd, libc::F_GETFD) >= 0 }
}

/// `fcntl(2)`. Two of its operations wait for a file lock: in a process these run on the pool.
///
/// # Safety
///
/// The same as for the system call. Every argument is taken as one word. The ABI passes an int, a word and a pointer in
/// the same register.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl(fd: c_int, operation: c_int, arg: c_ulong) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(fcntl(fd, operation, arg) -> c_int) };
    let waits = matches!(operation, libc::F_SETLKW | libc::F_OFD_SETLKW);
    if waits && threadlike::current().is_some() {
        pool::run(&plain)
    } else {
        plain()
    }
}

/// `fcntl(2)` under the name that programs with 64-bit file offsets use.
///
/// # Safety
///
/// The same as for [`fcntl`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl64(fd: c_int, operation: c_int, arg: c_ulong) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { fcntl(fd, operation, arg) }
}
