//! Bytes that do not pass through the program: `sendfile(2)`, and `splice(2)` with a pipe.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::sys::{cvt, cvt_len};

/// Unused pipes that a thread keeps.
const KEPT: usize = 16;

/// `sendfile(2)`, which leaves the file's own cursor alone.
pub(crate) fn send_file(to: BorrowedFd<'_>, file: &File, at: u64, len: usize) -> io::Result<usize> {
    let mut at = libc::off_t::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: open descriptors and a live offset.
    cvt_len(unsafe { libc::sendfile(to.as_raw_fd(), file.as_raw_fd(), &raw mut at, len) })
}

/// A pipe through which bytes go from one socket to another without a copy.
pub(crate) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

thread_local! {
    static PIPES: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

impl Pipe {
    /// An empty one.
    pub(crate) fn take() -> io::Result<Pipe> {
        if let Some(pipe) = PIPES.with_borrow_mut(Vec::pop) {
            return Ok(pipe);
        }
        let mut fds = [0; 2];
        // Not non-blocking: the kernel would take that for the socket's mode.
        // SAFETY: room for two descriptors.
        cvt(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
        // SAFETY: pipe2 has just made both, nobody else owns them.
        let [read, write] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(Pipe { read, write })
    }

    /// Keeps an empty one for the next.
    pub(crate) fn give_back(self) {
        // Fails only while the thread ends; then it is closed.
        let _ = PIPES.try_with(|pipes| {
            let mut pipes = pipes.borrow_mut();
            if pipes.len() < KEPT {
                pipes.push(self);
            }
        });
    }

    /// Moves up to `len` bytes from a socket into the pipe.
    pub(crate) fn fill(&self, from: BorrowedFd<'_>, len: usize) -> io::Result<usize> {
        splice(from.as_raw_fd(), self.write.as_raw_fd(), len)
    }

    /// Moves up to `len` bytes from the pipe into a socket.
    pub(crate) fn drain(&self, to: BorrowedFd<'_>, len: usize) -> io::Result<usize> {
        splice(self.read.as_raw_fd(), to.as_raw_fd(), len)
    }

    /// Takes bytes out of the pipe.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.read, buf)?)
    }
}

fn splice(from: libc::c_int, to: libc::c_int, len: usize) -> io::Result<usize> {
    // SAFETY: open descriptors, no offsets.
    cvt_len(unsafe {
        libc::splice(
            from,
            ptr::null_mut(),
            to,
            ptr::null_mut(),
            len,
            libc::SPLICE_F_MOVE,
        )
    })
}
