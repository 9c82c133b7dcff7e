//! Sockets whose readers wait because a read was short, though some reads stop before the end of the
//! data: of a Unix stream, behind passed descriptors. `recvmsg(2)` would tell, and takes a tenth
//! longer each time. So a short read is trusted at first, and looked into afterwards: of many sockets
//! with one system call, and not often. Where it has been wrong once, `recvmsg` is asked from then on.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Nanos;
use crate::reactor::source::Source;

/// Between two looks of a worker, at least.
const EVERY: Duration = Duration::from_millis(10);
/// How long a worker sleeps before a look that is due only then, at most. Longer than `EVERY` by more
/// than a tick: then a busy worker moves its alarm on at each look, and the alarm never rings.
pub(crate) const LATEST: Duration = Duration::from_millis(25);

const _: () = assert!(EVERY.as_millis() + 10 < LATEST.as_millis());

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

    /// Everything, if the last look is long enough ago.
    pub(crate) fn take_if_due(&mut self, now: Nanos) -> Option<Doubts> {
        if self.looked.is_some_and(|looked| now < looked.after(EVERY)) {
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

#[cfg(all(test, not(std_net_portable), not(std_net_loom)))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::interest::Interest;
    use crate::sched::worker::Worker;

    /// A worker that is this thread, and runs nothing.
    fn worker() -> &'static Worker {
        let worker = Worker::leak(0).unwrap();
        worker.make_current();
        worker
    }

    fn tell_events(worker: &Worker) {
        // SAFETY: this thread is the only one that knows this worker, and is not inside `wait`.
        unsafe { worker.reactor.wait(Some(Duration::ZERO)) };
    }

    /// As a read that is taken to have emptied the socket.
    fn use_up(source: &Source) {
        let seen = source.readiness(Interest::Read);
        assert!(source.clear(Interest::Read, seen));
    }

    fn watched(worker: &'static Worker) -> (&'static Source, UnixStream, UnixStream) {
        let (stream, peer) = UnixStream::pair().unwrap();
        let source = Source::take();
        source.watch(worker, stream.as_fd()).unwrap();
        tell_events(worker);
        use_up(source);
        (source, stream, peer)
    }

    fn is_told_to_read(source: &Source) -> bool {
        source.readiness(Interest::Read).allows()
    }

    #[test]
    fn what_a_short_read_has_left_is_found() {
        let worker = worker();
        let (source, stream, mut peer) = watched(worker);
        peer.write_all(b"x").unwrap();
        tell_events(worker);
        use_up(source);
        source.doubt(worker, stream.as_fd());
        assert!(!is_told_to_read(source) && source.trusts_short_reads());
        assert!(worker.settle_doubts());
        assert!(is_told_to_read(source) && !source.trusts_short_reads());
        // It is not asked again what is known.
        use_up(source);
        source.doubt(worker, stream.as_fd());
        assert!(!worker.settle_doubts());
        source.release(stream.as_fd(), true);
        assert!(source.trusts_short_reads(), "the next one begins anew");
    }

    #[test]
    fn an_empty_socket_is_trusted_as_before() {
        let worker = worker();
        let (source, stream, _peer) = watched(worker);
        source.doubt(worker, stream.as_fd());
        assert!(!worker.settle_doubts());
        assert!(!is_told_to_read(source) && source.trusts_short_reads());
        source.release(stream.as_fd(), true);
    }

    #[test]
    fn data_of_which_an_event_tells_are_no_reason_for_distrust() {
        let worker = worker();
        let (source, stream, mut peer) = watched(worker);
        source.doubt(worker, stream.as_fd());
        // After the read; the event is still to be told.
        peer.write_all(b"x").unwrap();
        assert!(worker.settle_doubts());
        assert!(is_told_to_read(source) && source.trusts_short_reads());
        source.release(stream.as_fd(), true);
    }

    #[test]
    fn a_socket_that_is_gone_is_passed_over() {
        let worker = worker();
        let (source, stream, mut peer) = watched(worker);
        source.doubt(worker, stream.as_fd());
        peer.write_all(b"x").unwrap();
        source.release(stream.as_fd(), true);
        assert!(!worker.settle_doubts());
    }

    #[test]
    fn one_among_more_than_are_looked_at_at_once_is_found() {
        let worker = worker();
        let (empty, _peer) = UnixStream::pair().unwrap();
        let (full, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        let sources: Vec<_> = (0..=2 * AT_ONCE).map(|_| Source::take()).collect();
        for (i, source) in sources.iter().enumerate() {
            let stream = if i == AT_ONCE { &full } else { &empty };
            source.doubt(worker, stream.as_fd());
        }
        assert!(worker.settle_doubts());
        for (i, source) in sources.iter().enumerate() {
            assert_eq!(is_told_to_read(source), i == AT_ONCE);
            assert_eq!(source.trusts_short_reads(), i != AT_ONCE);
            source.release(empty.as_fd(), true);
        }
    }

    #[test]
    fn there_is_a_while_between_two_looks_and_memory_is_used_again() {
        let (stream, _peer) = UnixStream::pair().unwrap();
        let mut doubts = Doubts::default();
        let at = |millis: u64| Nanos(1_000_000_000 + millis * 1_000_000);
        let every = u64::try_from(EVERY.as_millis()).unwrap();
        doubts.add(0, stream.as_fd());
        let first = doubts.take_if_due(at(0)).expect("there was none before");
        assert!(doubts.is_empty() && !first.is_empty());
        let memory = first.keys.as_ptr();
        doubts.reuse(first);
        assert!(doubts.is_empty());
        doubts.add(0, stream.as_fd());
        assert_eq!(doubts.keys.as_ptr(), memory);
        assert!(doubts.take_if_due(at(every - 1)).is_none());
        assert!(doubts.take_if_due(at(every)).is_some());
    }
}
