//! What is known of a descriptor's readiness: hints, and a count of events by which an attempt
//! tells whether one has come since.

use super::atomic::{AtomicU64, Ordering};
use crate::io::Interest;

pub(crate) const READABLE: u64 = 1;
pub(crate) const WRITABLE: u64 = 1 << 1;
/// The peer has ended its side, or the connection is gone: a short read proves nothing any more.
pub(crate) const READ_CLOSED: u64 = 1 << 2;
/// Urgent data were announced: a read stops before them, so a short one proves nothing.
pub(crate) const URGENT: u64 = 1 << 3;
/// The lowest bit of the count.
const TICK: u64 = 1 << 8;

pub(crate) struct Readiness(AtomicU64);

/// The readiness as it was read before an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Seen {
    #[inline]
    pub(crate) fn allows(self, interest: Interest) -> bool {
        self.0 & bit(interest) != 0
    }

    /// Whether a short read means that the socket is empty and its end not yet announced.
    #[inline]
    pub(crate) fn trusts_short_reads(self) -> bool {
        self.0 & (READ_CLOSED | URGENT) == 0
    }
}

#[inline]
pub(crate) fn bit(interest: Interest) -> u64 {
    match interest {
        Interest::Read => READABLE,
        Interest::Write => WRITABLE,
    }
}

impl Readiness {
    pub(crate) fn new() -> Readiness {
        Readiness(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.0.load(Ordering::SeqCst))
    }

    /// Nothing is known: for the next user of a source.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// An event: remembers the bits and counts.
    #[inline]
    pub(crate) fn notify(&self, bits: u64) {
        let mut now = self.0.load(Ordering::Relaxed);
        while let Err(newer) = self.0.compare_exchange_weak(
            now,
            (now | bits).wrapping_add(TICK),
            Ordering::SeqCst,
            Ordering::SeqCst,
        ) {
            now = newer;
        }
    }

    /// An attempt would block: forgets the readiness of one direction, unless an event has come
    /// since `seen` was read. Returns whether it is forgotten.
    #[inline]
    pub(crate) fn clear(&self, interest: Interest, seen: Seen) -> bool {
        let mut now = seen.0;
        loop {
            let cleared = now & !bit(interest);
            match self
                .0
                .compare_exchange_weak(now, cleared, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return true,
                // Only the other direction's bit may differ.
                Err(newer) if newer / TICK == seen.0 / TICK => now = newer,
                Err(_) => return false,
            }
        }
    }
}
