//! A descriptor that wakes a thread: a pipe. FreeBSD has `eventfd(2)` since version 13, and macOS does not have it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::sys::bsd::socket::set_close_on_exec;
use crate::sys::cvt;

/// A pipe. A thread waits for its reading end together with a socket.
#[derive(Debug)]
pub(crate) struct WakeFd {
    read: OwnedFd,
    write: OwnedFd,
}

impl WakeFd {
    pub(crate) fn new() -> io::Result<WakeFd> {
        let mut fds = [0; 2];
        // SAFETY: there is room for two descriptors.
        cvt(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
        // SAFETY: pipe has just made both, and no other code owns them.
        let [read, write] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        for end in [&read, &write] {
            set_close_on_exec(end.as_fd())?;
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(WakeFd { read, write })
    }

    /// Makes it readable. This fails only if the pipe is full, and then it is readable already.
    pub(crate) fn raise(&self) {
        // SAFETY: the buffer is live and has one byte.
        unsafe { libc::write(self.write.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
    }

    /// Makes it unreadable again.
    pub(crate) fn clear(&self) {
        let mut bytes = [0u8; 512];
        loop {
            // SAFETY: the buffer is live and writable, with this length.
            let n = unsafe {
                libc::read(
                    self.read.as_raw_fd(),
                    bytes.as_mut_ptr().cast(),
                    bytes.len(),
                )
            };
            if usize::try_from(n) != Ok(bytes.len()) {
                return;
            }
        }
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
