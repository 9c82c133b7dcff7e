//! The one loop for all calls: it makes an attempt that cannot block, and waits if the attempt would have blocked.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike, Until, Watch};

use crate::mode;
use crate::raw::{self, AGAIN, failed};

pub(crate) static WAITS: AtomicU64 = AtomicU64::new(0);

/// The result of an attempt that cannot be made without blocking.
pub(crate) const CANNOT_TRY: isize = isize::MIN;

/// How one call waits. It asks the kernel for the mode and the timeout only before the first wait.
pub(crate) struct Waiter {
    process: Threadlike,
    fd: c_int,
    interest: Interest,
    watch: Option<Watch>,
    until: Until,
}

/// The result of a wait.
pub(crate) enum Waited {
    /// Try again.
    Again,
    /// The reactor cannot watch this descriptor. Make the original call, which may block.
    Plain,
    /// The call ends with this result.
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

    /// Call this before each attempt. Returns an error number if the descriptor has been closed, because its number may
    /// now belong to another file.
    pub(crate) fn begin(&mut self) -> Result<(), isize> {
        if let Some(watch) = &mut self.watch {
            if watch.is_closed() {
                return Err(failed(libc::EBADF));
            }
            watch.attempt();
        }
        Ok(())
    }

    /// Like the function of this name. A call that goes on after a part uses the same waiter, because the timeout is
    /// one for the whole call.
    pub(crate) fn until_done(
        &mut self,
        mut attempt: impl FnMut() -> isize,
        plain: impl FnOnce() -> isize,
    ) -> isize {
        loop {
            if let Err(closed) = self.begin() {
                return closed;
            }
            let result = attempt();
            if result == CANNOT_TRY {
                return self.once_ready(plain);
            }
            if result != AGAIN {
                return result;
            }
            match self.wait() {
                Waited::Again => {}
                Waited::Plain => return plain(),
                Waited::Failed(error) => return error,
            }
        }
    }

    /// The wait for descriptors such as terminals, for which no attempt without blocking exists. It waits until the
    /// descriptor is ready and then makes the original call. If another reader takes the data first, the call blocks
    /// the worker.
    fn once_ready(&mut self, plain: impl FnOnce() -> isize) -> isize {
        let events = match self.interest {
            Interest::Read | Interest::Hangup => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        };
        loop {
            if let Err(closed) = self.begin() {
                return closed;
            }
            if raw::poll_one(self.fd, events) != 0 || mode::waits(self.fd) != Some(true) {
                return plain();
            }
            match self.wait() {
                Waited::Again => {}
                Waited::Plain => return plain(),
                Waited::Failed(error) => return error,
            }
        }
    }

    /// Call this after an attempt that would have blocked. It waits if the caller wants to wait.
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

    /// Waits at most until `until`. Does not look at the mode and the timeouts of the descriptor: the caller has done
    /// so.
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
                // When a datagram socket is shut down, a call that may block returns 0, but a call with `MSG_DONTWAIT`
                // returns `EAGAIN`.
                match raw::poll_one(fd, libc::POLLRDHUP) & (libc::POLLRDHUP | libc::POLLHUP) {
                    0 => Waited::Again,
                    _ => Waited::Plain,
                }
            }
            Ok(true) => Waited::Again,
            Ok(false) => Waited::Failed(AGAIN),
            // The reactor cannot watch a regular file. Its operations never wait for readiness.
            Err(libc::EPERM) => Waited::Plain,
            Err(errno) => Waited::Failed(failed(errno)),
        }
    }
}

/// Parks the process until one of these descriptors may be ready. Returns false if `until` has passed. Leaves `errno`
/// unchanged.
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

/// Repeats `attempt`, which never blocks, until its result is not `EAGAIN`. `plain` makes the original call.
pub(crate) fn until_done(
    process: Threadlike,
    fd: c_int,
    interest: Interest,
    attempt: impl FnMut() -> isize,
    plain: impl FnOnce() -> isize,
) -> isize {
    Waiter::new(process, fd, interest).until_done(attempt, plain)
}
