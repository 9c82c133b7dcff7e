//! The one way through: an attempt that cannot block, and a wait if it would have.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike, Until, Watch};

use crate::mode;
use crate::raw::{self, AGAIN, failed};

pub(crate) static WAITS: AtomicU64 = AtomicU64::new(0);

/// The result of an attempt that there is no way to make without blocking.
pub(crate) const CANNOT_TRY: isize = isize::MIN;

/// How a call waits, asked of the kernel when it first has to.
pub(crate) struct Waiter {
    process: Threadlike,
    fd: c_int,
    interest: Interest,
    watch: Option<Watch>,
    until: Until,
}

/// What a wait has come to.
pub(crate) enum Waited {
    /// Try again.
    Again,
    /// It is no wait of ours: make the call as it is, which may block.
    Plain,
    /// The call ends with this.
    Failed(isize),
}

impl Waiter {
    pub(crate) fn new(process: Threadlike, fd: c_int, interest: Interest) -> Waiter {
        process.spend();
        Waiter {
            process,
            fd,
            interest,
            watch: None,
            until: Until::NEVER,
        }
    }

    /// Before each attempt. An error number if the descriptor has been closed: its number may be another's.
    pub(crate) fn begin(&mut self) -> Result<(), isize> {
        if let Some(watch) = &mut self.watch {
            if watch.is_closed() {
                return Err(failed(libc::EBADF));
            }
            watch.attempt();
        }
        Ok(())
    }

    /// An attempt would have blocked: waits, if the caller wants to.
    pub(crate) fn wait(&mut self) -> Waited {
        if self.watch.is_none() {
            match mode::waits(self.fd) {
                None => return Waited::Failed(failed(libc::EBADF)),
                Some(false) => return Waited::Failed(AGAIN),
                Some(true) => {}
            }
            let option = match self.interest {
                Interest::Read | Interest::Hangup => libc::SO_RCVTIMEO,
                Interest::Write => libc::SO_SNDTIMEO,
            };
            if let Some(timeout) = raw::timeout(self.fd, option) {
                self.until = Until::after(Some(timeout));
            }
        }
        self.wait_until(self.until)
    }

    /// The same, at most until then; of the mode and the timeouts the caller knows.
    pub(crate) fn wait_until(&mut self, until: Until) -> Waited {
        let (fd, interest) = (self.fd, self.interest);
        if self.watch.is_none() {
            self.watch = Watch::new(fd, interest);
        }
        let Some(watch) = &mut self.watch else {
            return Waited::Plain;
        };
        if watch.would_block() {
            return Waited::Again;
        }
        match park(self.process, std::slice::from_mut(watch), until) {
            Ok(true) if interest == Interest::Read && watch.is_read_closed() => {
                // A datagram socket whose end is shut tells it to calls that may block, and to no others.
                match raw::poll_one(fd, libc::POLLRDHUP) & (libc::POLLRDHUP | libc::POLLHUP) {
                    0 => Waited::Again,
                    _ => Waited::Plain,
                }
            }
            Ok(true) => Waited::Again,
            Ok(false) => Waited::Failed(AGAIN),
            // A file: its operations end.
            Err(libc::EPERM) => Waited::Plain,
            Err(errno) => Waited::Failed(failed(errno)),
        }
    }
}

/// Parks the process until one of these may be ready; false when `until` has passed. `errno` stays as it is.
pub(crate) fn park(
    process: Threadlike,
    watches: &mut [Watch],
    until: Until,
) -> Result<bool, c_int> {
    WAITS.fetch_add(1, Ordering::Relaxed);
    let errno = raw::errno();
    let result = threadlike::wait(process, watches, until);
    raw::set_errno(errno);
    result
}

/// Makes `attempt`, which never blocks, until it does not say `EAGAIN`; `plain` is the call as it was made.
pub(crate) fn until_done(
    process: Threadlike,
    fd: c_int,
    interest: Interest,
    mut attempt: impl FnMut() -> isize,
    plain: impl FnOnce() -> isize,
) -> isize {
    let mut waiter = Waiter::new(process, fd, interest);
    loop {
        if let Err(closed) = waiter.begin() {
            return closed;
        }
        let result = attempt();
        if result == CANNOT_TRY {
            return once_ready(waiter, plain);
        }
        if result != AGAIN {
            return result;
        }
        match waiter.wait() {
            Waited::Again => {}
            Waited::Plain => return plain(),
            Waited::Failed(error) => return error,
        }
    }
}

/// For what knows no attempt that does not block, such as terminals: waits until it is ready, and makes the call
/// as it is. If another takes what was there, the call blocks the worker.
fn once_ready(mut waiter: Waiter, plain: impl FnOnce() -> isize) -> isize {
    let events = match waiter.interest {
        Interest::Read | Interest::Hangup => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
    };
    loop {
        if let Err(closed) = waiter.begin() {
            return closed;
        }
        if raw::poll_one(waiter.fd, events) != 0 || mode::waits(waiter.fd) != Some(true) {
            return plain();
        }
        match waiter.wait() {
            Waited::Again => {}
            Waited::Plain => return plain(),
            Waited::Failed(error) => return error,
        }
    }
}
