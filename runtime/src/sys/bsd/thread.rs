//! The clock, signals and threads of the program.

use std::time::Duration;

use libc::{c_char, c_int};

/// The clock of which a look is cheapest.
#[cfg(target_vendor = "apple")]
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW_APPROX;
/// The clock of which a look is cheapest.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const COARSE_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_FAST;

/// Waits for descriptors as `poll(2)` does, for so long or for ever; `-1` and `errno` if that fails.
/// macOS has no `ppoll(2)`: whole milliseconds, rounded up, so that a wait does not end before its time.
pub(crate) fn poll(polls: &mut [libc::pollfd], timeout: Option<Duration>) -> c_int {
    let millis = timeout.map_or(-1, |timeout| {
        c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
    });
    // SAFETY: live pollfds.
    unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as _, millis) }
}

/// What `poll(2)` says of a socket whose read side is shut down. Here a receive without a wait tells the
/// end by itself, so that nobody has to ask.
pub(crate) const READ_SHUT: libc::c_short = 0;

/// Takes a pending signal of this set, which is blocked; does not wait.
pub(crate) fn take_signal(set: &libc::sigset_t) {
    let mut pending = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: room for the answer, a live set, and room for a number. There is one pending, so that
    // sigwait returns at once.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        if libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 {
            libc::sigwait(set, &mut 0);
        }
    }
}

/// Whether this is known to be the only thread of the program. It is not known.
pub(crate) fn is_only_thread() -> bool {
    false
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
    #[cfg(target_vendor = "apple")]
    // SAFETY: the child has one thread, which nothing else lets see its environment; the strings
    // live until the program is replaced.
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
