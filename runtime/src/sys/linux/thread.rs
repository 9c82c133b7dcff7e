//! The clock, signals and threads of the OS process.

use std::fs;

use libc::{c_char, c_int};

use super::super::timespec;

/// The clock that is cheapest to read.
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;

/// Waits for descriptors as `poll(2)` does, for this time or without a limit. Returns `-1` and sets `errno` if that
/// fails.
pub(crate) fn poll(polls: &mut [libc::pollfd], timeout: Option<std::time::Duration>) -> c_int {
    let timeout = timeout.map(timespec);
    let timeout = timeout
        .as_ref()
        .map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the pollfds are live. The timespec outlives the call, or the pointer is null. There is no signal mask.
    unsafe {
        libc::ppoll(
            polls.as_mut_ptr(),
            polls.len() as _,
            timeout,
            std::ptr::null(),
        )
    }
}

/// The bit by which `poll(2)` reports a shut-down read side.
pub(crate) const READ_SHUT: libc::c_short = libc::POLLRDHUP;

/// The events that `poll(2)` must be asked for, each apart, to see the end of both directions. `POLLHUP` is always
/// reported, and means both.
pub(crate) const ENDS: [libc::c_short; 1] = [0];

/// Takes a pending signal of this set, which must be blocked. Does not wait.
pub(crate) fn take_signal(set: &libc::sigset_t) {
    let at_once = timespec(std::time::Duration::ZERO);
    // SAFETY: the set and the time live through the call.
    unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &raw const at_once) };
}

/// Whether this is known to be the only thread of the OS process.
pub(crate) fn is_only_thread() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Replaces this program by another one, which is looked up in `PATH`. Returns only if that fails.
///
/// # Safety
///
/// The arguments are a C string and null-terminated arrays of C strings. The caller is a child after a fork.
pub(crate) unsafe fn exec(
    program: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    // SAFETY: the caller keeps this function's contract.
    unsafe { libc::execvpe(program, arguments, environment) };
}
