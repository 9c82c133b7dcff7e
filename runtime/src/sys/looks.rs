//! A look at many descriptors at once, later and not often: `poll(2)`. Not why; see
//! `reactor::short_reads`.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Nanos;

/// How many descriptors are looked at with one call: fewer than a process may have open.
pub(crate) const AT_ONCE: usize = 256;

/// Descriptors to look at later, each with a key of its owner's.
#[derive(Default)]
pub(crate) struct Looks {
    /// Of sources, some of which may be in other hands since.
    keys: Vec<u64>,
    /// Their descriptors, likewise.
    fds: Vec<libc::pollfd>,
    /// When the last look was.
    looked: Option<Nanos>,
}

impl Looks {
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

    /// All of them, if the last look is as long ago as `every` says.
    pub(crate) fn take_if_due(&mut self, now: Nanos, every: Duration) -> Option<Looks> {
        if self.looked.is_some_and(|looked| now < looked.after(every)) {
            return None;
        }
        let due = mem::take(self);
        self.looked = Some(now);
        Some(due)
    }

    /// Keeps only those that are `wanted` and can be read. If that cannot be told, it is said of all.
    pub(crate) fn look(&mut self, wanted: impl Fn(u64) -> bool) {
        for (key, polled) in self.keys.iter().zip(&mut self.fds) {
            if !wanted(*key) {
                // Passed over.
                polled.fd = -1;
            }
        }
        for polled in self.fds.chunks_mut(AT_ONCE) {
            let len = polled.len() as libc::nfds_t;
            // SAFETY: a live buffer of `len` entries. A descriptor that has been closed meanwhile, or is
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

    /// The keys that there are.
    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Takes the memory of a look back.
    pub(crate) fn reuse(&mut self, mut used: Looks) {
        if self.is_empty() {
            used.keys.clear();
            used.looked = self.looked;
            *self = used;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn there_is_a_while_between_two_looks_and_memory_is_used_again() {
        const EVERY: Duration = Duration::from_millis(10);
        let (stream, _peer) = UnixStream::pair().unwrap();
        let mut looks = Looks::default();
        let at = |millis: u64| Nanos(1_000_000_000 + millis * 1_000_000);
        looks.add(0, stream.as_fd());
        let first = looks
            .take_if_due(at(0), EVERY)
            .expect("there was none before");
        assert!(looks.is_empty() && !first.is_empty());
        let memory = first.keys.as_ptr();
        looks.reuse(first);
        assert!(looks.is_empty());
        looks.add(0, stream.as_fd());
        assert_eq!(looks.keys.as_ptr(), memory);
        assert!(looks.take_if_due(at(9), EVERY).is_none());
        assert!(looks.take_if_due(at(10), EVERY).is_some());
    }
}
