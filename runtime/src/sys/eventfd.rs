//! A counter of the kernel's that a thread can wait for together with a socket: `eventfd(2)`.

use std::cell::OnceCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use super::cvt;

thread_local! {
    static EVENTFD: OnceCell<Arc<Eventfd>> = const { OnceCell::new() };
}

/// A counter of the kernel's that a thread can wait for together with a socket.
#[derive(Debug)]
pub(crate) struct Eventfd(OwnedFd);

impl Eventfd {
    pub(crate) fn new() -> io::Result<Eventfd> {
        // SAFETY: no preconditions.
        let fd = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: eventfd has just made this descriptor, nobody else owns it.
        Ok(Eventfd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The calling thread's own.
    pub(crate) fn of_thread() -> io::Result<Arc<Eventfd>> {
        EVENTFD.with(|cell| match cell.get() {
            Some(eventfd) => Ok(Arc::clone(eventfd)),
            None => {
                let eventfd = Arc::new(Eventfd::new()?);
                Ok(Arc::clone(cell.get_or_init(|| eventfd)))
            }
        })
    }

    /// Makes it readable. Fails only when it is full, and then it is readable.
    pub(crate) fn raise(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: a live buffer of eight bytes.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable again.
    pub(crate) fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: a live, writable buffer of eight bytes.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Eventfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
