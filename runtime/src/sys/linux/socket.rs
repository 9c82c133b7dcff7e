//! How sockets are made, and the flags of their calls.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;
use rustix::net::SocketFlags;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::cvt;

/// Whether `MSG_DONTWAIT` keeps a send on a blocking socket from waiting. On Linux it does. The portable build behaves
/// as on a system where it does not, for tests.
pub(crate) const SENDS_HEED_DONTWAIT: bool = !cfg!(std_net_portable);
/// Whether a blocking `connect(2)` that follows an interrupted one waits for the same connection.
pub(crate) const CONNECT_RESUMES: bool = !cfg!(std_net_portable);
/// The flag that keeps a send from raising `SIGPIPE`.
pub(crate) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;
/// The flag that makes received descriptors close-on-exec.
pub(crate) const CLOSE_ON_EXEC: c_int = libc::MSG_CMSG_CLOEXEC;

/// Prepares a socket that this program has not made itself.
#[inline]
pub(crate) fn adopt(_: BorrowedFd<'_>) {}

/// Prepares a descriptor that came with a message. No other code knows it yet.
#[inline]
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    fd
}

/// `accept4(2)`: returns a new connection and the address of its peer.
pub(crate) fn accept_from(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let addr = (&raw mut storage).cast();
    // SAFETY: the address storage is live and writable, with this length.
    let new =
        cvt(unsafe { libc::accept4(fd.as_raw_fd(), addr, &raw mut len, libc::SOCK_CLOEXEC) })?;
    // SAFETY: accept4 has just made this descriptor, and no other code owns it.
    let new = unsafe { OwnedFd::from_raw_fd(new) };
    // SAFETY: the kernel wrote `len` bytes of an address into the storage.
    Ok((new, unsafe { SockAddr::new(storage, len) }))
}

/// Does the same without the address, which costs the kernel less.
pub(crate) fn accept_any(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, ())> {
    Ok((rustix::net::accept_with(fd, SocketFlags::CLOEXEC)?, ()))
}
