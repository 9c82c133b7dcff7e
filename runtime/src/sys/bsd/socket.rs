//! What a socket is made with, and what its calls are told.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::cvt;

/// Whether `MSG_DONTWAIT` keeps a send on a blocking socket from waiting. macOS looks at it for
/// receiving only: there a socket gets `O_NONBLOCK` before it sends without a wait.
pub(crate) const SENDS_HEED_DONTWAIT: bool = cfg!(not(target_vendor = "apple"));
/// The flag with which a send raises no `SIGPIPE`. On macOS it is an option of the socket,
/// `SO_NOSIGPIPE`, which socket2 sets on those that it makes.
#[cfg(target_vendor = "apple")]
pub(crate) const NO_SIGNAL: c_int = 0;
/// The flag with which a send raises no `SIGPIPE`.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;
/// The flag with which received descriptors are close-on-exec. macOS has none: see [`received`].
#[cfg(target_vendor = "apple")]
pub(crate) const CLOSE_ON_EXEC: c_int = 0;
/// The flag with which received descriptors are close-on-exec.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const CLOSE_ON_EXEC: c_int = libc::MSG_CMSG_CLOEXEC;

/// Prepares a socket that this program has not made itself, so that no send raises `SIGPIPE`.
pub(crate) fn adopt(fd: BorrowedFd<'_>) {
    #[cfg(target_vendor = "apple")]
    {
        // Fails only for what is no socket, which cannot send.
        let _ = socket2::SockRef::from(&fd).set_nosigpipe(true);
    }
    #[cfg(not(target_vendor = "apple"))]
    let _ = fd;
}

/// A descriptor that came with a message, of which nobody else knows.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    if CLOSE_ON_EXEC == 0 {
        use std::os::fd::AsFd;
        // Cannot fail on an open descriptor.
        let _ = set_close_on_exec(fd.as_fd());
        adopt(fd.as_fd());
    }
    fd
}

/// `FD_CLOEXEC`. Where no call makes descriptors with it, a program that is started at the same moment
/// may get a copy.
pub(crate) fn set_close_on_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no memory is passed.
    cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// `accept(2)`: a new connection, blocking and close-on-exec, and from where it comes.
pub(crate) fn accept_from(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let addr = (&raw mut storage).cast();
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: the address storage is live and writable with the length given.
    let new = unsafe { libc::accept4(fd.as_raw_fd(), addr, &raw mut len, libc::SOCK_CLOEXEC) };
    #[cfg(target_vendor = "apple")]
    // SAFETY: the reason given above holds here too.
    let new = unsafe { libc::accept(fd.as_raw_fd(), addr, &raw mut len) };
    let new = cvt(new)?;
    // SAFETY: accept has just made this descriptor, nobody else owns it.
    let new = unsafe { OwnedFd::from_raw_fd(new) };
    #[cfg(target_vendor = "apple")]
    {
        use std::os::fd::AsFd;
        set_close_on_exec(new.as_fd())?;
        adopt(new.as_fd());
        // It has the mode of its listener, which may be one that we have set.
        rustix::io::ioctl_fionbio(&new, false)?;
    }
    // SAFETY: the kernel wrote `len` bytes of an address into the storage.
    Ok((new, unsafe { SockAddr::new(storage, len) }))
}

/// The same for a caller that does not want the address.
pub(crate) fn accept_any(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, ())> {
    accept_from(fd).map(|(new, _)| (new, ()))
}
