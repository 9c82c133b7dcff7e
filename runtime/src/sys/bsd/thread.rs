//! The clock, signals and threads of the OS process.

use std::time::Duration;

use libc::{c_char, c_int};

/// The clock that is cheapest to read.
#[cfg(target_vendor = "apple")]
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW_APPROX;
/// The clock that is cheapest to read.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_FAST;

/// Waits for descriptors as `poll(2)` does, for this time or without a limit. Returns `-1` and sets `errno` if that
/// fails. macOS has no `ppoll(2)`, so the time is in whole milliseconds. It is rounded up, so that a wait does not end
/// early.
pub(crate) fn poll(polls: &mut [libc::pollfd], timeout: Option<Duration>) -> c_int {
    let millis = timeout.map_or(-1, |timeout| {
        c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
    });
    // SAFETY: the pollfds are live.
    unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as _, millis) }
}

/// The bit by which `poll(2)` is asked for a shut-down read side, and by which it reports that. macOS watches the read
/// side only if one of its events is asked for, and `POLLHUP` is one there.
#[cfg(target_vendor = "apple")]
pub(crate) const READ_SHUT: libc::c_short = libc::POLLHUP;
/// The bit by which `poll(2)` reports a shut-down read side, since FreeBSD 13.1.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const READ_SHUT: libc::c_short = libc::POLLRDHUP;

/// The events that `poll(2)` must be asked for, each apart, to see the end of both directions. On macOS `POLLHUP` is
/// the end of one direction: of that whose event was asked for.
#[cfg(target_vendor = "apple")]
pub(crate) const ENDS: [libc::c_short; 2] = [libc::POLLHUP, libc::POLLOUT];
/// The events that `poll(2)` must be asked for, each apart, to see the end of both directions. `POLLHUP` is always
/// reported, and means both.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const ENDS: [libc::c_short; 1] = [0];

/// Takes a pending signal of this set, which must be blocked. Does not wait.
pub(crate) fn take_signal(set: &libc::sigset_t) {
    let mut pending = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: there is room for the answer and for a number, and the set is live. A signal is pending, so sigwait
    // returns at once.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        if libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 {
            libc::sigwait(set, &mut 0);
        }
    }
}

/// Whether this is known to be the only thread of the OS process. On these systems it is not known.
pub(crate) fn is_only_thread() -> bool {
    false
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
    #[cfg(target_vendor = "apple")]
    // SAFETY: the child has only one thread, so no other thread uses its environment. The strings live until the
    // program is replaced.
    unsafe {
        *libc::_NSGetEnviron() = environment.cast_mut().cast();
        libc::execvp(program, arguments);
    }
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: the caller keeps this function's contract.
    unsafe {
        libc::execvpe(program, arguments, environment);
    }
}
