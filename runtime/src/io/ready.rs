//! Waits for readiness without an operation.

use std::io;
use std::os::fd::AsFd;
use std::task::Waker;

use super::Io;
use super::halves::Reader;
use crate::deadline::{Deadline, Nanos};
use crate::interest::{Interest, Wait};
use crate::reactor::source::Entry;
use crate::sched::park::Unparker;
use crate::sched::task;
use crate::sched::worker::Worker;
use crate::sys::{self, Reactor, poll};

impl Io {
    /// Waits until there is something to read or the stream has ended. A process that is woken asks `stop` whether it
    /// should end the wait. Code that changes the answer of `stop` must wake the process.
    ///
    /// # Errors
    ///
    /// The error of the connection. [`TimedOut`](io::ErrorKind::TimedOut) once the deadline has passed. An error with
    /// [`is_notified`](crate::is_notified) if `stop` returns true.
    pub fn wait_readable(&self, deadline: Deadline, stop: impl Fn() -> bool) -> io::Result<()> {
        let is_ready = || {
            self.source
                .get()
                .map(|s| s.readiness(Interest::Read).allows())
        };
        // The socket is known to be empty, so only an event ends the wait and the first check is not needed.
        let empty = is_ready() == Some(false);
        let look = |wait: Wait| {
            if empty && is_ready() == Some(true) {
                return Ok(());
            }
            let flags = libc::MSG_PEEK | wait.flags();
            sys::recv(self.fd.as_fd(), &mut [0], flags).map(drop)
        };
        let until = Nanos::from_deadline(deadline);
        // This check takes nothing away from the owner of the half.
        let waited = self.run(Interest::Read, Reader::Owner, until, look, |()| false, stop);
        match waited {
            Ok(()) => Ok(()),
            // Bytes that an earlier owner had read ahead count as something to read.
            Err(error) => self.take_unread(error, |_| ((), 0)).map(drop),
        }
    }

    /// Makes sure that the next event for `interest` wakes `waker`, while the returned entry lives. If no reactor
    /// watches the descriptor, the reactor of `worker` does. Check [`is_ready`](Self::is_ready) after this call.
    pub(crate) fn register_waker(
        &self,
        worker: &'static Worker,
        interest: Interest,
        waker: Waker,
    ) -> io::Result<Entry> {
        let source = self.source.get_or_take();
        source.watch(worker, self.fd.as_fd())?;
        let entry = source.register_other(interest, Unparker::Waker(waker));
        if Reactor::REPORTS_ONCE
            && let Some(task) = task::current()
        {
            // Its last wait is over. A request for that too would be met at once, again and again.
            task.deregister();
        }
        source.rearm(self.fd.as_fd())?;
        Ok(entry)
    }

    /// For reactors that report once: asks again for the directions that are waited for.
    #[inline]
    pub(crate) fn rearm(&self) -> io::Result<()> {
        match self.source.get() {
            Some(source) => source.rearm(self.fd.as_fd()),
            None => Ok(()),
        }
    }

    /// Whether the kernel reports that an operation would not wait.
    pub(crate) fn is_ready(&self, interest: Interest) -> io::Result<bool> {
        poll::is_ready(self.fd.as_fd(), interest)
    }
}
