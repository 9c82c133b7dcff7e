//! A clock that is cheap to read, but a few milliseconds late.

use super::platform::thread::COARSE_CLOCK;
use crate::deadline::Nanos;

/// The approximate time now, on Linux by `CLOCK_MONOTONIC_COARSE`.
pub(crate) fn coarse_now() -> Nanos {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the timespec is live.
    unsafe { libc::clock_gettime(COARSE_CLOCK, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Nanos(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}
