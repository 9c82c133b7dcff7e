//! A deadline: an absolute time after which operations fail. It is not a timeout for each call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time after which the operations of a socket fail with [`TimedOut`](std::io::ErrorKind::TimedOut).
///
/// It is made from a [`Duration`] (counted from now) or from an [`Instant`], so methods can take `impl Into<Deadline>`.
/// A duration that is too long for the clock means "never".
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use std_net::Deadline;
///
/// let soon = Deadline::from(Duration::from_secs(5));
/// assert!(soon.instant().unwrap() > Instant::now());
/// assert_eq!(Deadline::from(Duration::MAX), Deadline::NEVER);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No deadline: operations wait without a limit.
    pub const NEVER: Deadline = Deadline(None);

    /// The instant of this deadline, or `None` for [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn instant(self) -> Option<Instant> {
        self.0
    }

    /// The earlier of two deadlines. [`NEVER`](Self::NEVER) is later than all others.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use std_net::Deadline;
    ///
    /// let now = Instant::now();
    /// let (soon, late) = (Deadline::from(now), Deadline::from(now + Duration::from_secs(5)));
    /// assert_eq!(late.min(soon), soon);
    /// assert_eq!(late.min(Deadline::NEVER), late);
    /// ```
    #[must_use]
    pub fn min(self, other: Deadline) -> Deadline {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (a, b) => Deadline(a.or(b)),
        }
    }
}

impl From<Duration> for Deadline {
    fn from(after: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(after))
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Deadline {
        Deadline(Some(at))
    }
}

impl From<Option<Instant>> for Deadline {
    fn from(at: Option<Instant>) -> Deadline {
        Deadline(at)
    }
}

/// Nanoseconds since the first use of the clock in this OS process. The range is 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

impl Nanos {
    pub(crate) const NEVER: Nanos = Nanos(u64::MAX);

    pub(crate) fn now() -> Nanos {
        Nanos::from_instant(Instant::now())
    }

    /// Converts an instant. One from before the epoch becomes zero, which is always in the past.
    pub(crate) fn from_instant(at: Instant) -> Nanos {
        let since = at.checked_duration_since(epoch()).unwrap_or_default();
        Nanos(nanos(since))
    }

    pub(crate) fn from_deadline(deadline: Deadline) -> Nanos {
        deadline.0.map_or(Nanos::NEVER, Nanos::from_instant)
    }

    pub(crate) fn to_instant(self) -> Option<Instant> {
        if self == Nanos::NEVER {
            None
        } else {
            epoch().checked_add(Duration::from_nanos(self.0))
        }
    }

    /// The time so long before this one, but not before the first use of the clock.
    pub(crate) fn before(self, wait: Duration) -> Nanos {
        Nanos(self.0.saturating_sub(nanos(wait)))
    }

    pub(crate) fn after(self, wait: Duration) -> Nanos {
        Nanos(self.0.saturating_add(nanos(wait)))
    }

    pub(crate) fn has_passed(self) -> bool {
        self != Nanos::NEVER && self <= Nanos::now()
    }

    /// The time that is left from `now` on, or zero if this time has passed.
    pub(crate) fn left(self, now: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(now.0))
    }
}

/// A duration in nanoseconds. One that is too long becomes the longest.
pub(crate) fn nanos(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
}

/// The zero of [`Nanos`]. It is one second before the first use, so that deadlines shortly before that keep their
/// order.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
    })
}

/// A deadline that other threads may change while a process or thread waits on it.
#[derive(Debug)]
pub(crate) struct AtomicDeadline(AtomicU64);

impl AtomicDeadline {
    pub(crate) const fn never() -> AtomicDeadline {
        AtomicDeadline(AtomicU64::new(u64::MAX))
    }

    pub(crate) fn at(deadline: Nanos) -> AtomicDeadline {
        AtomicDeadline(AtomicU64::new(deadline.0))
    }

    #[inline]
    pub(crate) fn get(&self) -> Nanos {
        Nanos(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn set(&self, deadline: Nanos) {
        self.0.store(deadline.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_atomic() {
        let at = Instant::now() + Duration::from_secs(3);
        let cell = AtomicDeadline::never();
        assert_eq!(cell.get().to_instant(), None);
        cell.set(Nanos::from_deadline(at.into()));
        assert_eq!(cell.get().to_instant(), Some(at));
    }

    #[test]
    fn too_far_is_never() {
        assert_eq!(Nanos::from_deadline(Duration::MAX.into()), Nanos::NEVER);
        assert_eq!(Nanos::now().after(Duration::MAX), Nanos::NEVER);
    }
}
