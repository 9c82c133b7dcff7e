//! Sends files and streams without a copy in the program: `sendfile(2)`, and `splice(2)` with a pipe.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::sys::{cvt, cvt_len};

/// How many unused pipes a thread keeps.
const KEPT: usize = 16;

/// `sendfile(2)`, which does not move the file's own offset.
pub(crate) fn send_file(to: BorrowedFd<'_>, file: &File, at: u64, len: usize) -> io::Result<usize> {
    let mut at = libc::off_t::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the descriptors are open, and the offset is live.
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

thread_local! {
    /// In a threadlike process, the pipes of its worker's thread. Otherwise null.
    static LENT_PIPES: Cell<*const RefCell<Vec<Pipe>>> = const { Cell::new(ptr::null()) };
}

/// The pipes of the calling thread, for [`use_pipes_of_thread`].
pub(crate) fn pipes_of_thread() -> *const () {
    PIPES.with(ptr::from_ref).cast()
}

/// Makes the calling threadlike process use the pipes of its worker's thread. It has no pipes of its own.
///
/// # Safety
///
/// `pipes` is from [`pipes_of_thread`] on the thread of this process. That thread ends after the process.
pub(crate) unsafe fn use_pipes_of_thread(pipes: *const ()) {
    LENT_PIPES.set(pipes.cast());
}

/// Runs `f` with the pipes of this thread. Returns `None` while the thread ends.
fn with_pipes<R>(f: impl FnOnce(&mut Vec<Pipe>) -> R) -> Option<R> {
    // SAFETY: the pointer is null, or leads to the pipes of a thread that outlives this process, by the contract of
    // `use_pipes_of_thread`. They are used only on that thread.
    match unsafe { LENT_PIPES.get().as_ref() } {
        Some(pipes) => Some(f(&mut pipes.borrow_mut())),
        None => PIPES.try_with(|pipes| f(&mut pipes.borrow_mut())).ok(),
    }
}

impl Pipe {
    /// Takes an empty pipe.
    pub(crate) fn take() -> io::Result<Pipe> {
        if let Some(pipe) = with_pipes(Vec::pop).flatten() {
            return Ok(pipe);
        }
        let mut fds = [0; 2];
        // The pipe is not set to `O_NONBLOCK`, because the kernel would then treat the socket as non-blocking too.
        // SAFETY: there is room for two descriptors.
        cvt(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
        // SAFETY: pipe2 has just made both, and no other code owns them.
        let [read, write] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(Pipe { read, write })
    }

    /// Keeps an empty pipe for the next user.
    pub(crate) fn give_back(self) {
        // This fails only while the thread ends. Then the pipe is closed.
        let _ = with_pipes(|pipes| {
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

    /// Reads bytes from the pipe.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.read, buf)?)
    }
}

fn splice(from: libc::c_int, to: libc::c_int, len: usize) -> io::Result<usize> {
    // SAFETY: the descriptors are open, and there are no offsets.
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
