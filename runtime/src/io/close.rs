//! How a descriptor is closed: at once, but for one that lingers.

use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use socket2::SockRef;

use crate::sched::{task, threads};

/// The descriptor of a socket, closed when dropped. With `SO_LINGER` its close waits, for up to the time
/// set, until the peer has taken all data: on a thread of the pool, and the process waits for that. It
/// would keep all of its worker otherwise.
pub(super) struct Descriptor {
    fd: ManuallyDrop<OwnedFd>,
    /// One of those below.
    linger: AtomicU8,
}

/// Nobody can have set it.
const NEVER: u8 = 0;
/// Code outside, or another handle, may have.
const PERHAPS: u8 = 1;
/// It was set here, also for what a listener accepts.
const SET: u8 = 2;

impl Descriptor {
    pub(super) fn new(fd: OwnedFd) -> Descriptor {
        Descriptor {
            fd: ManuallyDrop::new(fd),
            linger: AtomicU8::new(NEVER),
        }
    }

    /// Takes it out, open.
    pub(super) fn into_inner(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once: `this` is not dropped and not used again.
        unsafe { ManuallyDrop::take(&mut this.fd) }
    }

    /// From now on the kernel is asked before a close.
    pub(super) fn may_linger(&self) {
        self.linger.fetch_max(PERHAPS, Ordering::Relaxed);
    }

    /// The same, and it is known to have been set.
    pub(super) fn lingers(&self) {
        self.linger.store(SET, Ordering::Relaxed);
    }

    /// What a listener accepts has its options.
    pub(super) fn of_listener(&self, listener: &Descriptor) {
        if listener.linger.load(Ordering::Relaxed) == SET {
            self.lingers();
        }
    }
}

impl Drop for Descriptor {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken once: nothing uses it after this.
        let fd = unsafe { ManuallyDrop::take(&mut self.fd) };
        if *self.linger.get_mut() != NEVER {
            close_lingering(fd);
        }
    }
}

#[cold]
fn close_lingering(fd: OwnedFd) {
    let linger = || SockRef::from(&fd).linger().ok().flatten();
    // Of no time it is a reset, which takes none.
    if task::current().is_some() && linger().is_some_and(|time| time > Duration::ZERO) {
        threads::blocking(|| mem::drop(fd));
    }
}

impl Deref for Descriptor {
    type Target = OwnedFd;

    #[inline]
    fn deref(&self) -> &OwnedFd {
        &self.fd
    }
}

impl AsFd for Descriptor {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
