//! The two halves of a connection. Each can have an owner: a channel or a TLS connection. The owner of the reading half
//! may have read ahead, so no other code may read. When it gives the half back, the bytes that it has read ahead come
//! first.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError};

use super::Io;
use super::mode::Shared;

/// The reading half.
pub const READ: u8 = 1;
/// The writing half.
pub const WRITE: u8 = 2;
/// Whether there are bytes that an earlier owner of the reading half had read ahead.
const UNREAD: u8 = 4;

/// Which halves of a connection have an owner.
#[derive(Debug, Default)]
pub struct Claimed(AtomicU8);

impl Claimed {
    /// Takes these halves. Returns false and takes none if one of them is already taken.
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

/// The code that wants to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The owner of the half, if it has one.
    Owner,
    /// Any other code. The half must have no owner then.
    User,
}

impl Io {
    /// Takes halves of a connection, for all handles to it. A caller that buffers what it reads must be the only
    /// reader. Returns false and takes none if one of them is already taken.
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

    /// Gives halves back, together with the bytes that the owner had read and not used. The next reader gets these
    /// first.
    pub fn release(&self, halves: u8, unread: &[u8]) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let mut kept = shared.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if halves & READ != 0 && !unread.is_empty() {
            // An owner may give the half back before it has used all bytes of an earlier owner.
            kept.splice(..0, unread.iter().copied());
            shared.halves.0.fetch_or(UNREAD, Ordering::SeqCst);
        }
        drop(kept);
        shared.halves.release(halves);
    }

    /// Whether both handles belong to the same socket, so one is a clone of the other.
    #[must_use]
    pub fn is_clone_of(&self, other: &Io) -> bool {
        let shared = |io: &Io| Some(Arc::as_ptr(io.shared.get()?));
        std::ptr::eq(self, other) || shared(self).is_some_and(|own| Some(own) == shared(other))
    }

    /// Checks whether the caller may read from the kernel.
    ///
    /// # Errors
    ///
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if the half has an owner and the caller is not the owner. Another
    /// error if there are bytes that come first: see [`take_unread`](Self::take_unread).
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

    /// If `error` means that bytes come first, passes these to `take`, which returns how many it has taken. Returns
    /// `None` if another reader has taken them already.
    ///
    /// # Errors
    ///
    /// `error`, if it means anything else.
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

/// The error for bytes that were read ahead and come first. The reading functions recognise it and return these bytes.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes that a channel had read ahead come first: a plain read returns them")
    }
}

impl Error for Unread {}
