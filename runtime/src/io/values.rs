//! Option values that a plain cast to the kernel's unit would change. For example, a linger of half a second cast to
//! seconds is 0, which means a reset, and 2^32 bytes cast to an `int` are 0. Durations are rounded up. Sizes are
//! limited to the largest value that the kernel accepts (it has its own limit below that). Other numbers out of range
//! are refused.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::time::Duration;

use libc::c_int;

use super::Io;
use crate::sys::cvt;

/// Whole seconds, rounded up, so that a short time does not become 0.
#[must_use]
pub fn seconds(duration: Duration) -> c_int {
    let up = u64::from(duration.subsec_nanos() > 0);
    c_int::try_from(duration.as_secs().saturating_add(up)).unwrap_or(c_int::MAX)
}

/// Whole milliseconds, rounded up.
#[must_use]
pub fn milliseconds(duration: Duration) -> c_int {
    let up = u128::from(!duration.subsec_nanos().is_multiple_of(1_000_000));
    c_int::try_from(duration.as_millis().saturating_add(up)).unwrap_or(c_int::MAX)
}

/// Whole microseconds, rounded up, as a duration.
#[must_use]
pub fn to_microseconds(duration: Duration) -> Duration {
    let rest = duration.subsec_nanos() % 1_000;
    let missing = if rest == 0 { 0 } else { 1_000 - rest };
    duration.saturating_add(Duration::from_nanos(missing.into()))
}

/// A size in bytes, limited to the largest `int`.
#[must_use]
pub fn size(bytes: usize) -> c_int {
    c_int::try_from(bytes).unwrap_or(c_int::MAX)
}

/// Checks that a number is at most `most`.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput), with the name of the option and the number.
pub fn number(option: &str, value: u32, most: u32) -> io::Result<c_int> {
    match c_int::try_from(value) {
        Ok(number) if value <= most => Ok(number),
        _ => {
            let most = most.min(c_int::MAX as u32);
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{option} cannot be {value}: {most} is the most"),
            ))
        }
    }
}

impl Io {
    /// Sets `SO_LINGER`. The time is rounded up to seconds, because zero means a reset.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.fd.lingers();
        let linger = libc::linger {
            l_onoff: c_int::from(linger.is_some()),
            l_linger: linger.map_or(0, seconds),
        };
        // SAFETY: the linger is live, and the length is its size.
        cvt(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                mem::size_of_val(&linger) as libc::socklen_t,
            )
        })
        .map(drop)
    }

    /// Sets `SO_RCVBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.set_int_option(libc::SOL_SOCKET, libc::SO_RCVBUF, size(bytes))
    }

    /// Sets `SO_SNDBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.set_int_option(libc::SOL_SOCKET, libc::SO_SNDBUF, size(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up_and_saturate() {
        let nano = Duration::from_nanos(1);
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(nano), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert_eq!(seconds(Duration::from_secs(1 << 32)), c_int::MAX);
        assert_eq!(seconds(Duration::MAX), c_int::MAX);
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(nano), 1);
        assert_eq!(milliseconds(Duration::from_micros(1_500)), 2);
        assert_eq!(milliseconds(Duration::from_millis(7)), 7);
        assert_eq!(milliseconds(Duration::MAX), c_int::MAX);
        assert_eq!(to_microseconds(Duration::ZERO), Duration::ZERO);
        assert_eq!(to_microseconds(nano), Duration::from_micros(1));
        assert_eq!(
            to_microseconds(Duration::new(1, 1_001)),
            Duration::from_micros(1_000_002)
        );
        assert_eq!(to_microseconds(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn sizes_saturate_and_numbers_are_refused() {
        assert_eq!(size(7), 7);
        assert_eq!(size(1 << 32), c_int::MAX);
        assert_eq!(number("IP_TOS", 255, 255).unwrap(), 255);
        let error = number("IP_TOS", 0x110, 255).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "IP_TOS cannot be 272: 255 is the most");
        assert!(number("IP_TTL", u32::MAX, u32::MAX).is_err());
    }
}
