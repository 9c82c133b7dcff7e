//! Checks many descriptors with one `poll(2)`, later and rarely. The reason is in `reactor::short_reads`.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Nanos;

/// How many descriptors one call checks. This is fewer than an OS process may have open.
pub(crate) const AT_ONCE: usize = 256;

/// Descriptors to check later, each with the key of its source.
#[derive(Default)]
pub(crate) struct Looks {
    /// The keys of sources. Some of these may have a new user by now.
    keys: Vec<u64>,
    /// The descriptors of the sources. Some may be closed by now.
    fds: Vec<libc::pollfd>,
    /// When the last check was.
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

    /// Takes all of them if the last check was at least `every` ago.
    pub(crate) fn take_if_due(&mut self, now: Nanos, every: Duration) -> Option<Looks> {
        if self.looked.is_some_and(|looked| now < looked.after(every)) {
            return None;
        }
        let due = mem::take(self);
        self.looked = Some(now);
        Some(due)
    }

    /// Keeps only those that are `wanted` and readable. If `poll(2)` fails, all wanted ones are kept.
    pub(crate) fn look(&mut self, wanted: impl Fn(u64) -> bool) {
        for (key, polled) in self.keys.iter().zip(&mut self.fds) {
            if !wanted(*key) {
                // `poll(2)` ignores a negative descriptor.
                polled.fd = -1;
            }
        }
        for polled in self.fds.chunks_mut(AT_ONCE) {
            let len = polled.len() as libc::nfds_t;
            // SAFETY: the buffer is live and has `len` entries. If a descriptor was closed meanwhile or is another one
            // by now, the check does no harm.
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

    /// All keys.
    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Takes back the memory of a finished check.
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
