//! How a descriptor is closed: at once, or on another thread if it lingers.

use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use socket2::SockRef;

use crate::sched::{task, threads};

/// The descriptor of a socket. Dropping it closes the descriptor. With `SO_LINGER` the close waits until the peer has
/// all data, or until the time has passed. In a process, such a close runs on a thread of the pool and the process
/// waits, because otherwise it would block the worker.
pub(super) struct Descriptor {
    fd: ManuallyDrop<OwnedFd>,
    /// One of the constants below.
    linger: AtomicU8,
}

/// `SO_LINGER` cannot be set.
const NEVER: u8 = 0;
/// Code outside or another handle may have set it.
const PERHAPS: u8 = 1;
/// It was set here. Accepted sockets inherit it from their listener.
const SET: u8 = 2;

impl Descriptor {
    pub(super) fn new(fd: OwnedFd) -> Descriptor {
        Descriptor {
            fd: ManuallyDrop::new(fd),
            linger: AtomicU8::new(NEVER),
        }
    }

    /// Takes the descriptor out, still open.
    pub(super) fn into_inner(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the descriptor is taken only once: `this` is not dropped and not used again.
        unsafe { ManuallyDrop::take(&mut this.fd) }
    }

    /// From now on the kernel is asked before a close.
    pub(super) fn may_linger(&self) {
        self.linger.fetch_max(PERHAPS, Ordering::Relaxed);
    }

    /// Records that `SO_LINGER` is set.
    pub(super) fn lingers(&self) {
        self.linger.store(SET, Ordering::Relaxed);
    }

    /// Copies this state from a listener, because an accepted socket inherits the listener's options.
    pub(super) fn of_listener(&self, listener: &Descriptor) {
        if listener.linger.load(Ordering::Relaxed) == SET {
            self.lingers();
        }
    }
}

impl Drop for Descriptor {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the descriptor is taken only once: nothing uses it after this.
        let fd = unsafe { ManuallyDrop::take(&mut self.fd) };
        if *self.linger.get_mut() != NEVER {
            close_lingering(fd);
        }
    }
}

#[cold]
fn close_lingering(fd: OwnedFd) {
    let linger = || SockRef::from(&fd).linger().ok().flatten();
    // A time of zero means a reset, which does not wait.
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
