//! Sends files without a copy in the program: `sendfile(2)`. These systems have no `splice(2)`.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use crate::sys::cvt;

/// `sendfile(2)`, which does not move the file's own offset. Even if it fails with `EAGAIN` or `EINTR`, it reports how
/// much it has sent.
pub(crate) fn send_file(to: BorrowedFd<'_>, file: &File, at: u64, len: usize) -> io::Result<usize> {
    let at = libc::off_t::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    let (file, to) = (file.as_raw_fd(), to.as_raw_fd());
    let (result, sent) = call(file, to, at, len);
    match usize::try_from(sent) {
        Ok(sent @ 1..) => Ok(sent),
        _ => cvt(result).map(|_| 0),
    }
}

#[cfg(target_vendor = "apple")]
fn call(file: libc::c_int, to: libc::c_int, at: libc::off_t, len: usize) -> (i32, libc::off_t) {
    // This is both an argument and a result.
    let mut sent = libc::off_t::try_from(len).unwrap_or(libc::off_t::MAX);
    // SAFETY: the descriptors are open, the length is live, and there are no headers.
    let result = unsafe { libc::sendfile(file, to, at, &raw mut sent, ptr::null_mut(), 0) };
    (result, sent)
}

#[cfg(not(target_vendor = "apple"))]
fn call(file: libc::c_int, to: libc::c_int, at: libc::off_t, len: usize) -> (i32, libc::off_t) {
    let mut sent = 0;
    // SAFETY: the descriptors are open, the count is live, and there are no headers.
    let result = unsafe { libc::sendfile(file, to, at, len, ptr::null_mut(), &raw mut sent, 0) };
    (result, sent)
}

/// There are no such pipes here. Every copy goes through a buffer.
pub(crate) enum Pipe {}

impl Pipe {
    pub(crate) fn take() -> io::Result<Pipe> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    pub(crate) fn give_back(self) {}

    pub(crate) fn fill(&self, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn drain(&self, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

/// There are no pipes here, and no process is threadlike.
pub(crate) fn pipes_of_thread() -> *const () {
    std::ptr::null()
}

/// Does nothing, for the same reason.
///
/// # Safety
///
/// The function has no requirements.
pub(crate) unsafe fn use_pipes_of_thread(_: *const ()) {}
