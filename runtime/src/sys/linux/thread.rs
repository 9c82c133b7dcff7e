//! The clock, signals and threads of the program.

use std::fs;

use libc::{c_char, c_int};

use super::super::timespec;

/// The clock of which a look is cheapest.
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;

/// Waits for descriptors as `poll(2)` does, for so long or for ever; `-1` and `errno` if that fails.
pub(crate) fn poll(polls: &mut [libc::pollfd], timeout: Option<std::time::Duration>) -> c_int {
    let timeout = timeout.map(timespec);
    let timeout = timeout
        .as_ref()
        .map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: live pollfds, and a timespec that outlives the call or null; no signal mask.
    unsafe {
        libc::ppoll(
            polls.as_mut_ptr(),
            polls.len() as _,
            timeout,
            std::ptr::null(),
        )
    }
}

/// What `poll(2)` says of a socket whose read side is shut down.
pub(crate) const READ_SHUT: libc::c_short = libc::POLLRDHUP;

/// Takes a pending signal of this set, which is blocked; does not wait.
pub(crate) fn take_signal(set: &libc::sigset_t) {
    let at_once = timespec(std::time::Duration::ZERO);
    // SAFETY: a set and a time that live through the call.
    unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &raw const at_once) };
}

/// Whether this is known to be the only thread of the program.
pub(crate) fn is_only_thread() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Becomes another program, which is looked for along `PATH`; returns if that fails.
///
/// # Safety
///
/// A C string, and null-terminated arrays of such. In a child after a fork.
pub(crate) unsafe fn exec(
    program: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    // SAFETY: the caller keeps this function's contract.
    unsafe { libc::execvpe(program, arguments, environment) };
}
