//! `open(2)` and its variants. Only the open of a FIFO waits: until the other side is opened too. In a process it does so
//! on the pool.
//!
//! The C library's `fopen(3)` opens by itself, so it does not come here.

use std::ffi::{c_char, c_int, c_uint};
use std::mem::MaybeUninit;

use libc::{mode_t, stat};
use std_net_runtime::threadlike;

use crate::library::library;
use crate::pool;
use crate::raw::sys;

/// `open(2)`.
///
/// # Safety
///
/// The same as for the system call. The mode is taken as one word, whether it was passed or not: it is only used if the
/// flags ask for it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(open(path, flags, mode) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(libc::AT_FDCWD, path, flags, plain) }
}

/// `open(2)` under the name that programs with 64-bit file offsets use.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(open64(path, flags, mode) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(libc::AT_FDCWD, path, flags, plain) }
}

/// `openat(2)`.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn openat(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(openat(folder, path, flags, mode) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(folder, path, flags, plain) }
}

/// `openat(2)` under the name that programs with 64-bit file offsets use.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn openat64(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(openat64(folder, path, flags, mode) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(folder, path, flags, plain) }
}

/// Makes the call `plain`, on the pool if it may wait for the other side of a FIFO.
///
/// # Safety
///
/// The same as for [`open`].
#[inline(always)]
unsafe fn opened(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    plain: impl Fn() -> c_int,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    if threadlike::current().is_some() && unsafe { may_wait(folder, path, flags) } {
        return pool::run(&plain);
    }
    plain()
}

/// Whether this open may wait for the other side of a FIFO.
///
/// # Safety
///
/// The same as for [`open`].
unsafe fn may_wait(folder: c_int, path: *const c_char, flags: c_int) -> bool {
    let waits_never = libc::O_NONBLOCK | libc::O_PATH | libc::O_DIRECTORY;
    if flags & waits_never != 0 || flags & libc::O_ACCMODE == libc::O_RDWR {
        return false;
    }
    let follow = if flags & libc::O_NOFOLLOW == 0 {
        0
    } else {
        libc::AT_SYMLINK_NOFOLLOW
    };
    let mut found = MaybeUninit::<stat>::uninit();
    // SAFETY: the caller keeps this function's contract. There is room for the answer, and it is read only after a
    // success.
    unsafe {
        let at = found.as_mut_ptr();
        sys!(libc::SYS_newfstatat, folder, path, at, follow) == 0
            && found.assume_init().st_mode & libc::S_IFMT == libc::S_IFIFO as mode_t
    }
}

// Code that was compiled with `-D_FORTIFY_SOURCE` opens without a mode by these names. If the flags ask for a mode, the
// C library's own function ends the program.

/// `open` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __open_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(__open_2(path, flags) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(libc::AT_FDCWD, path, flags, plain) }
}

/// `open64` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { __open_2(path, flags) }
}

/// `openat` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __openat_2(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { library!(__openat_2(folder, path, flags) -> c_int) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { opened(folder, path, flags, plain) }
}

/// `openat64` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __openat64_2(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { __openat_2(folder, path, flags) }
}
