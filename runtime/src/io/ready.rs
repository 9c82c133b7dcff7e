//! Waiting until there is something to do, without doing it.

use std::io;
use std::os::fd::AsFd;
use std::task::Waker;

use super::Io;
use super::halves::Reader;
use crate::deadline::{Deadline, Nanos};
use crate::interest::{Interest, Wait};
use crate::reactor::source::Entry;
use crate::sched::park::Unparker;
use crate::sched::worker::Worker;
use crate::sys::{self, poll};

impl Io {
    /// Waits until there is something to read, or the end of the stream. A process that is woken looks
    /// whether `stop` says that it is to wait no more: the caller that changes what that tells wakes it.
    ///
    /// # Errors
    ///
    /// The error of the connection; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline;
    /// [`is_notified`](crate::is_notified) if `stop` says so.
    pub fn wait_readable(&self, deadline: Deadline, stop: impl Fn() -> bool) -> io::Result<()> {
        let is_ready = || {
            self.source
                .get()
                .map(|s| s.readiness(Interest::Read).allows())
        };
        // It is known to be empty: what ends the wait is an event, and needs no look of its own.
        let empty = is_ready() == Some(false);
        let look = |wait: Wait| {
            if empty && is_ready() == Some(true) {
                return Ok(());
            }
            let flags = libc::MSG_PEEK | wait.flags();
            sys::recv(self.fd.as_fd(), &mut [0], flags).map(drop)
        };
        let until = Nanos::from_deadline(deadline);
        // A look takes nothing away from the owner of the half.
        let waited = self.run(Interest::Read, Reader::Owner, until, look, |()| false, stop);
        match waited {
            Ok(()) => Ok(()),
            // What an earlier owner had read ahead is something to read.
            Err(error) => self.take_unread(error, |_| ((), 0)).map(drop),
        }
    }

    /// Has `waker` woken at the next event for `interest`, while what is returned lives, by the reactor of
    /// `worker` if no other one watches the descriptor. Look at [`is_ready`](Self::is_ready) after that.
    pub(crate) fn register_waker(
        &self,
        worker: &'static Worker,
        interest: Interest,
        waker: Waker,
    ) -> io::Result<Entry> {
        let source = self.source.get_or_take();
        source.watch(worker, self.fd.as_fd())?;
        let entry = source.register_other(interest, Unparker::Waker(waker));
        source.rearm(self.fd.as_fd())?;
        Ok(entry)
    }

    /// Whether an operation would not wait, by the kernel's word.
    pub(crate) fn is_ready(&self, interest: Interest) -> io::Result<bool> {
        poll::is_ready(self.fd.as_fd(), interest)
    }
}
