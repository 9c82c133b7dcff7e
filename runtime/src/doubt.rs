//! Sockets whose readers wait because a read was short, though some reads stop before the end of the
//! data: of a Unix stream, behind passed descriptors. `recvmsg(2)` would tell, and takes a tenth
//! longer each time. So a short read is trusted at first, and looked into afterwards: of many sockets
//! with one system call, and not more often than the coarse clock ticks. Where it has been wrong
//! once, `recvmsg` is asked from then on.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Nanos;
use crate::source::Source;

/// After how long a worker that has nothing else to do looks, if the clock has not ticked before. Data
/// may lie unseen for so long and a tick, once in the life of a connection.
pub(crate) const LATEST: Duration = Duration::from_millis(2);

/// How many descriptors are looked at with one call: fewer than a process may have open.
const AT_ONCE: usize = 256;

/// What a worker is to look at.
#[derive(Default)]
pub(crate) struct Doubts {
    /// Of sources, some of which may be in other hands since.
    keys: Vec<u64>,
    /// Their descriptors, likewise.
    fds: Vec<libc::pollfd>,
    /// When the last look was.
    looked: Option<Nanos>,
}

impl Doubts {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn add(&mut self, key: u64, fd: BorrowedFd<'_>) {
        self.keys.push(key);
        self.fds.push(libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
    }

    /// Everything, if the clock has ticked since the last time.
    pub(crate) fn take_if_due(&mut self, now: Nanos) -> Option<Doubts> {
        if self.looked == Some(now) {
            return None;
        }
        let doubts = mem::take(self);
        self.looked = Some(now);
        Some(doubts)
    }

    /// Keeps only what can be read. If that cannot be told, it is said of all.
    pub(crate) fn look(&mut self) {
        for (key, polled) in self.keys.iter().zip(&mut self.fds) {
            // SAFETY: the keys come from sources.
            if !unsafe { Source::begin_look(*key) } {
                // Passed over.
                polled.fd = -1;
            }
        }
        for polled in self.fds.chunks_mut(AT_ONCE) {
            let len = polled.len() as libc::nfds_t;
            // SAFETY: a live buffer of so many. A descriptor that has been closed meanwhile, or is
            // another one by now, is merely looked at.
            if unsafe { libc::poll(polled.as_mut_ptr(), len, 0) } < 0 {
                for polled in polled {
                    polled.revents = if polled.fd < 0 { 0 } else { libc::POLLIN };
                }
            }
        }
        let mut readable = self.fds.iter().map(|p| p.revents & libc::POLLIN != 0);
        self.keys.retain(|_| readable.next() == Some(true));
        self.fds.clear();
    }

    /// Takes the memory of a look back.
    pub(crate) fn reuse(&mut self, mut used: Doubts) {
        if self.is_empty() {
            used.keys.clear();
            used.looked = self.looked;
            *self = used;
        }
    }

    /// What a look has left can be read. All events have been told since: of what is not known by now
    /// none comes.
    pub(crate) fn wake(&self) {
        for key in &self.keys {
            // SAFETY: the keys come from sources.
            unsafe { Source::found_unread(*key) };
        }
    }
}
