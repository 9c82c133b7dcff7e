//! The two halves of a connection, which can have an owner: a channel, or a TLS connection. An owner of the
//! half that reads has read ahead, perhaps, so nobody else may read; and when it gives the half back, what
//! it had read ahead comes first.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError};

use super::Io;
use super::mode::Shared;

/// The half that reads.
pub const READ: u8 = 1;
/// The half that writes.
pub const WRITE: u8 = 2;
/// There are bytes that an earlier owner of the half that reads had read ahead.
const UNREAD: u8 = 4;

/// Which halves of a connection have an owner.
#[derive(Debug, Default)]
pub struct Claimed(AtomicU8);

impl Claimed {
    /// Takes these halves. False, and none taken, if one of them is taken already.
    #[must_use]
    pub fn claim(&self, halves: u8) -> bool {
        let free = |taken| (taken & halves == 0).then_some(taken | halves);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, free)
            .is_ok()
    }

    /// Whether one of these halves is taken.
    #[must_use]
    pub fn is_claimed(&self, halves: u8) -> bool {
        self.0.load(Ordering::SeqCst) & halves != 0
    }

    /// Gives these halves back.
    pub fn release(&self, halves: u8) {
        self.0.fetch_and(!halves, Ordering::SeqCst);
    }
}

/// Who wants to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The owner of the half, if it has one.
    Owner,
    /// Anybody: it must have none.
    User,
}

impl Io {
    /// Takes halves of a connection, for all handles to it: a caller that buffers what it reads must be the only one
    /// to read. False, and nothing taken, if one of them is taken already.
    #[must_use]
    pub fn claim(&self, halves: u8) -> bool {
        self.shared.get_or_init(Shared::fresh).halves.claim(halves)
    }

    /// Whether one of these halves is taken.
    #[must_use]
    pub fn is_claimed(&self, halves: u8) -> bool {
        let shared = self.shared.get();
        shared.is_some_and(|shared| shared.halves.is_claimed(halves))
    }

    /// Gives halves back, with the bytes that their owner had read and not used: whoever reads next gets
    /// these first.
    pub fn release(&self, halves: u8, unread: &[u8]) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let mut kept = shared.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if halves & READ != 0 && !unread.is_empty() {
            // An owner may give back before it has used up what an earlier one did.
            kept.splice(..0, unread.iter().copied());
            shared.halves.0.fetch_or(UNREAD, Ordering::SeqCst);
        }
        drop(kept);
        shared.halves.release(halves);
    }

    /// Whether both are handles to the same socket, one a clone of the other.
    #[must_use]
    pub fn is_clone_of(&self, other: &Io) -> bool {
        let shared = |io: &Io| Some(Arc::as_ptr(io.shared.get()?));
        std::ptr::eq(self, other) || shared(self).is_some_and(|own| Some(own) == shared(other))
    }

    /// Whether the kernel may be asked for bytes.
    ///
    /// # Errors
    ///
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if the half has an owner, who is not asking, or if
    /// there are bytes that come first: see [`take_unread`](Self::take_unread).
    pub(super) fn check_half(&self, reader: Reader) -> io::Result<()> {
        let Some(shared) = self.shared.get() else {
            return Ok(());
        };
        let halves = shared.halves.0.load(Ordering::SeqCst);
        if halves & READ != 0 && reader == Reader::User {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "this half of the connection has been opened as a channel, or belongs to TLS: bytes \
                 read past that are lost to it",
            ));
        }
        if halves & UNREAD != 0 {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, Unread));
        }
        Ok(())
    }

    /// If `error` says that bytes come first, hands them to `take`, which says how many it has taken;
    /// `None` if somebody else was faster.
    ///
    /// # Errors
    ///
    /// `error`, if it says anything else.
    #[cold]
    pub(super) fn take_unread<T>(
        &self,
        error: io::Error,
        take: impl FnOnce(&[u8]) -> (T, usize),
    ) -> io::Result<Option<T>> {
        let shared = match self.shared.get() {
            Some(shared) if error.get_ref().is_some_and(|inner| inner.is::<Unread>()) => shared,
            _ => return Err(error),
        };
        let mut unread = shared.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if unread.is_empty() {
            return Ok(None);
        }
        let (value, taken) = take(&unread);
        unread.drain(..taken);
        if unread.is_empty() {
            *unread = Vec::new();
            shared.halves.release(UNREAD);
        }
        Ok(Some(value))
    }
}

/// Bytes that were read ahead come first. The reads know this error and return them.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes that a channel had read ahead come first: a plain read returns them")
    }
}

impl Error for Unread {}
