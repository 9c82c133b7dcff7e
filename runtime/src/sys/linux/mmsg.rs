//! `recvmmsg(2)` and `sendmmsg(2)`, called by their numbers, because musl's functions are loops. The first calls find
//! out whether the kernel allows them.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;

/// One of the two calls.
pub(crate) struct Call {
    number: libc::c_long,
    refused: AtomicBool,
}

pub(crate) static RECV: Call = Call::new(libc::SYS_recvmmsg);
pub(crate) static SEND: Call = Call::new(libc::SYS_sendmmsg);

/// A call that may have been refused. It was refused if single calls succeed instead.
pub(crate) struct Refusal<'a>(&'a Call);

impl Refusal<'_> {
    pub(crate) fn confirm(self) {
        self.0.refused.store(true, Ordering::Relaxed);
    }
}

impl Call {
    const fn new(number: libc::c_long) -> Call {
        Call {
            number,
            refused: AtomicBool::new(false),
        }
    }

    /// Makes the call. `Err(Ok(_))` means that single calls must be tried instead. A sandbox refuses a call by ENOSYS,
    /// EPERM or EINVAL, and the last two may also be the error of a message.
    ///
    /// # Safety
    ///
    /// Every pointer in the headers is null or valid for the length beside it.
    #[inline]
    pub(crate) unsafe fn call(
        &self,
        fd: RawFd,
        headers: &mut [libc::mmsghdr],
        flags: c_int,
    ) -> Result<usize, io::Result<Refusal<'_>>> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(Ok(Refusal(self)));
        }
        // SAFETY: the caller keeps this function's contract. Only recvmmsg has a fifth argument, and null means no
        // timeout.
        let count = unsafe {
            libc::syscall(
                self.number,
                fd,
                headers.as_mut_ptr(),
                headers.len(),
                flags,
                std::ptr::null_mut::<libc::timespec>(),
            )
        };
        usize::try_from(count).map_err(|_| {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ENOSYS | libc::EPERM | libc::EINVAL) => Ok(Refusal(self)),
                _ => Err(error),
            }
        })
    }
}
