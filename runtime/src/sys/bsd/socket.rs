//! How sockets are made, and the flags of their calls.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::cvt;

/// Whether `MSG_DONTWAIT` keeps a send on a blocking socket from waiting. macOS respects this flag only for receiving.
/// There, a socket is set to `O_NONBLOCK` before a send that must not wait.
pub(crate) const SENDS_HEED_DONTWAIT: bool = cfg!(not(target_vendor = "apple"));
/// Whether a blocking `connect(2)` that follows an interrupted one waits for the same connection. FreeBSD answers
/// `EALREADY` at once. macOS answers `EISCONN`, although the connection is not there yet.
pub(crate) const CONNECT_RESUMES: bool = false;
/// The flag that keeps a send from raising `SIGPIPE`. macOS has a socket option instead, `SO_NOSIGPIPE`. socket2 sets
/// it on the sockets that it makes.
#[cfg(target_vendor = "apple")]
pub(crate) const NO_SIGNAL: c_int = 0;
/// The flag that keeps a send from raising `SIGPIPE`.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;
/// The flag that makes received descriptors close-on-exec. macOS has none: see [`received`].
#[cfg(target_vendor = "apple")]
pub(crate) const CLOSE_ON_EXEC: c_int = 0;
/// The flag that makes received descriptors close-on-exec.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const CLOSE_ON_EXEC: c_int = libc::MSG_CMSG_CLOEXEC;

/// The most bytes of one send or receive. macOS refuses more by `EINVAL`, also on a stream, where a part could be sent.
#[cfg(target_vendor = "apple")]
pub(crate) const MOST_BYTES: usize = c_int::MAX as usize - 1;
/// The most bytes of one send or receive. A slice is never longer.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const MOST_BYTES: usize = isize::MAX as usize;

/// Prepares a socket that this program has not made itself, so that no send raises `SIGPIPE`.
pub(crate) fn adopt(fd: BorrowedFd<'_>) {
    #[cfg(target_vendor = "apple")]
    {
        // This fails only for a descriptor that is not a socket, and that cannot send.
        let _ = socket2::SockRef::from(&fd).set_nosigpipe(true);
    }
    #[cfg(not(target_vendor = "apple"))]
    let _ = fd;
}

/// Prepares a descriptor that came with a message. No other code knows it yet.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    if CLOSE_ON_EXEC == 0 {
        use std::os::fd::AsFd;
        // This cannot fail on an open descriptor.
        let _ = set_close_on_exec(fd.as_fd());
        adopt(fd.as_fd());
    }
    fd
}

/// Sets `FD_CLOEXEC`. If no system call makes descriptors with this flag, a program that is started at the same moment
/// may get a copy.
pub(crate) fn set_close_on_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call passes no memory.
    cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// `accept(2)`: returns a new connection, blocking and close-on-exec, and the address of its peer.
pub(crate) fn accept_from(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let addr = (&raw mut storage).cast();
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: the address storage is live and writable, with this length.
    let new = unsafe { libc::accept4(fd.as_raw_fd(), addr, &raw mut len, libc::SOCK_CLOEXEC) };
    #[cfg(target_vendor = "apple")]
    // SAFETY: the address storage is live and writable, with this length.
    let new = unsafe { libc::accept(fd.as_raw_fd(), addr, &raw mut len) };
    let new = cvt(new)?;
    // SAFETY: accept has just made this descriptor, and no other code owns it.
    let new = unsafe { OwnedFd::from_raw_fd(new) };
    #[cfg(target_vendor = "apple")]
    {
        use std::os::fd::AsFd;
        set_close_on_exec(new.as_fd())?;
        adopt(new.as_fd());
        // The new socket inherits the mode of its listener, and this crate may have set that mode.
        rustix::io::ioctl_fionbio(&new, false)?;
    }
    // SAFETY: the kernel wrote `len` bytes of an address into the storage.
    Ok((new, unsafe { SockAddr::new(storage, len) }))
}

/// Does the same for a caller that does not need the address.
pub(crate) fn accept_any(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, ())> {
    accept_from(fd).map(|(new, _)| (new, ()))
}
