//! What is known about a descriptor's readiness: hints and a count of events. With the count an attempt can tell
//! whether an event has come since.

use super::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::interest::Interest;

pub(crate) const READABLE: u64 = 1;
pub(crate) const WRITABLE: u64 = 1 << 1;
/// The peer has closed its side, or the connection is gone. A short read then proves nothing.
pub(crate) const READ_CLOSED: u64 = 1 << 2;
/// Urgent data were announced. A read stops before them, so a short read proves nothing.
pub(crate) const URGENT: u64 = 1 << 3;
/// The bits for all waiters.
pub(crate) const ALL: u64 = READABLE | WRITABLE | READ_CLOSED;
/// One event in a direction's half of the word. The bits below it are the flags of that direction.
const ONE: u32 = 1 << 4;

pub(crate) struct Readiness {
    /// One half for reading (the lower one) and one for writing. Each has flags and a count of events. Both change at
    /// once, so a waiter that has registered sees the whole event with one load.
    word: AtomicU64,
    /// For each direction, the count at which an attempt last would have blocked. That readiness is used up. The store
    /// needs no check: if an older count overwrites a newer one, the result is at most one extra attempt.
    used_up: [AtomicU32; 2],
}

/// The readiness of one direction, read before an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    half: u32,
    used_up: u32,
}

impl Seen {
    /// The whole half, to compare it later.
    pub(crate) fn half(self) -> u32 {
        self.half
    }

    /// Whether an event has come since the direction was used up.
    #[inline]
    pub(crate) fn allows(self) -> bool {
        self.half ^ self.used_up >= ONE
    }

    /// Whether the read side seems open and no urgent data were announced. Only then can a short read prove that the
    /// socket is empty.
    #[inline]
    pub(crate) fn is_open(self) -> bool {
        u64::from(self.half) & (READ_CLOSED | URGENT) == 0
    }
}

#[inline]
pub(crate) fn bit(interest: Interest) -> u64 {
    match interest {
        Interest::Read => READABLE,
        Interest::Write => WRITABLE,
        Interest::Hangup => READ_CLOSED,
    }
}

impl Readiness {
    pub(crate) fn new() -> Readiness {
        Readiness {
            word: AtomicU64::new(0),
            used_up: [AtomicU32::new(0), AtomicU32::new(0)],
        }
    }

    /// The readiness for a wait for a hang-up: any change counts, for example the end of the read side. `heard` is the
    /// half for reading, with its flags, at the last attempt.
    #[cold]
    pub(crate) fn unheard(&self, heard: u32) -> Seen {
        let half = half(self.word.load(Ordering::SeqCst), Interest::Read);
        let changed = half != heard;
        let used_up = if changed { half ^ ONE } else { half };
        Seen { half, used_up }
    }

    /// Whether nothing has changed since `seen`.
    #[cold]
    pub(crate) fn is_heard(&self, seen: Seen) -> bool {
        half(self.word.load(Ordering::SeqCst), Interest::Read) == seen.half
    }

    #[inline]
    pub(crate) fn seen(&self, interest: Interest) -> Seen {
        Seen {
            half: half(self.word.load(Ordering::SeqCst), interest),
            used_up: self.used_up[interest as usize].load(Ordering::Relaxed),
        }
    }

    /// Forgets everything, for the next user of a source.
    pub(crate) fn reset(&self) {
        self.word.store(0, Ordering::SeqCst);
        for used_up in &self.used_up {
            used_up.store(0, Ordering::Relaxed);
        }
    }

    /// Lets the next send make an attempt, although no event has come. An extra attempt is harmless.
    #[cold]
    pub(crate) fn hope_for_room(&self) {
        self.used_up[Interest::Write as usize].store(ONE.wrapping_neg(), Ordering::Relaxed);
    }

    /// Records an event: sets its flags and increases the counts.
    #[inline]
    pub(crate) fn notify(&self, bits: u64) {
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            let (mut read, mut write) = (half(now, Interest::Read), half(now, Interest::Write));
            if bits & READABLE != 0 {
                read = self.next(read, Interest::Read) | (bits & (READ_CLOSED | URGENT)) as u32;
            }
            if bits & WRITABLE != 0 {
                write = self.next(write, Interest::Write);
            }
            let next = u64::from(read) | u64::from(write) << 32;
            let (success, failure) = (Ordering::SeqCst, Ordering::Relaxed);
            match self.word.compare_exchange_weak(now, next, success, failure) {
                Ok(_) => return,
                Err(newer) => now = newer,
            }
        }
    }

    /// The half of a direction after one more event.
    #[inline]
    fn next(&self, half: u32, interest: Interest) -> u32 {
        let next = half.wrapping_add(ONE);
        // The count wraps around. It skips the value that was used up long ago, because that value would hide this
        // event.
        if next ^ self.used_up[interest as usize].load(Ordering::Relaxed) < ONE {
            return next.wrapping_add(ONE);
        }
        next
    }

    /// Records that an attempt would block, so the readiness of its direction is used up. Returns false if an event has
    /// come since `seen` was read.
    #[inline]
    pub(crate) fn clear(&self, interest: Interest, seen: Seen) -> bool {
        self.used_up[interest as usize].store(seen.half, Ordering::Relaxed);
        half(self.word.load(Ordering::SeqCst), interest) ^ seen.half < ONE
    }
}

#[inline]
fn half(word: u64, interest: Interest) -> u32 {
    (word >> (32 * interest as u32)) as u32
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_direction_is_used_up_until_its_next_event() {
        let readiness = Readiness::new();
        let allows = |interest| readiness.seen(interest).allows();
        assert!(!allows(Interest::Read) && !allows(Interest::Write));
        readiness.notify(READABLE | WRITABLE);
        assert!(allows(Interest::Read) && allows(Interest::Write));
        assert!(readiness.clear(Interest::Write, readiness.seen(Interest::Write)));
        readiness.notify(READABLE);
        assert!(allows(Interest::Read) && !allows(Interest::Write));
        let old = readiness.seen(Interest::Read);
        readiness.notify(READABLE);
        assert!(!readiness.clear(Interest::Read, old));
        assert!(allows(Interest::Read));
        readiness.reset();
        readiness.notify(WRITABLE);
        assert!(!allows(Interest::Read) && allows(Interest::Write));
    }

    #[test]
    fn the_count_comes_round_and_says_what_it_said() {
        for used_up in [0, 7 * ONE, 1_u32.wrapping_neg() & !(ONE - 1)] {
            let readiness = Readiness::new();
            for interest in [Interest::Read, Interest::Write] {
                readiness.used_up[interest as usize].store(used_up, Ordering::Relaxed);
            }
            let before = u64::from(used_up.wrapping_sub(3 * ONE));
            readiness
                .word
                .store(before | before << 32, Ordering::Relaxed);
            for _ in 0..6 {
                readiness.notify(READABLE | WRITABLE);
                assert!(readiness.seen(Interest::Read).allows());
                assert!(readiness.seen(Interest::Write).allows());
            }
            // Neither count overflows into the other one or into the flags.
            assert!(readiness.seen(Interest::Read).is_open());
            readiness.notify(READABLE | READ_CLOSED);
            let word = readiness.word.load(Ordering::Relaxed);
            let (read, write) = (half(word, Interest::Read), half(word, Interest::Write));
            assert_eq!(read, write.wrapping_add(ONE) | READ_CLOSED as u32);
        }
    }
}
