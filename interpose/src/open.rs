//! `open(2)` and its variants. Only the open of a FIFO waits: until the other side is opened too. In a process it does so
//! on the pool.
//!
//! The C library's `fopen(3)` opens by itself, so it does not come here.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::mem::{self, MaybeUninit};

use libc::{mode_t, stat};
use std_net_runtime::threadlike;

use crate::pool::{self, Real};
use crate::raw::{finish, sys};

/// `open(2)`.
///
/// # Safety
///
/// The same as for the system call. The mode is taken as one word, whether it was passed or not: it is only used if the
/// flags ask for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `open(2)` under the name that programs with 64-bit file offsets use.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `openat(2)`.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    let mode = if needs_mode(flags) { mode } else { 0 };
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { sys!(libc::SYS_openat, folder, path, flags, mode) };
    // SAFETY: the caller keeps this function's contract.
    let waits = threadlike::current().is_some() && unsafe { may_wait(folder, path, flags) };
    finish(if waits { pool::run(&plain) } else { plain() }) as c_int
}

/// `openat(2)` under the name that programs with 64-bit file offsets use.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { openat(folder, path, flags, mode) }
}

fn needs_mode(flags: c_int) -> bool {
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
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

type WithoutMode = unsafe extern "C" fn(*const c_char, c_int) -> c_int;
type AtWithoutMode = unsafe extern "C" fn(c_int, *const c_char, c_int) -> c_int;

/// `open` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __open_2(path: *const c_char, flags: c_int) -> c_int {
    static REAL: Real = Real::new(c"__open_2");
    if needs_mode(flags) {
        // SAFETY: the library's function of this name has this type, and the caller keeps its contract.
        return unsafe { mem::transmute::<*mut c_void, WithoutMode>(REAL.get())(path, flags) };
    }
    // SAFETY: the caller keeps this function's contract.
    unsafe { open(path, flags, 0) }
}

/// `open64` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { __open_2(path, flags) }
}

/// `openat` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __openat_2(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    static REAL: Real = Real::new(c"__openat_2");
    if needs_mode(flags) {
        // SAFETY: the library's function of this name has this type, and the caller keeps its contract.
        return unsafe {
            mem::transmute::<*mut c_void, AtWithoutMode>(REAL.get())(folder, path, flags)
        };
    }
    // SAFETY: the caller keeps this function's contract.
    unsafe { openat(folder, path, flags, 0) }
}

/// `openat64` without a mode.
///
/// # Safety
///
/// The same as for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __openat64_2(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    unsafe { __openat_2(folder, path, flags) }
}
