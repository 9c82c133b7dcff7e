//! What a `recv` that fills less than its buffer is taken for: the one place that knows.
//!
//! Of TCP it proves that the socket is empty, and saves the attempt that would find that out. A read of
//! a Unix stream may also stop before the end of the data: behind passed descriptors, and where the
//! sender changes. `recvmsg(2)` would tell, and takes a tenth longer each time. So a short read of a Unix
//! stream is trusted at first, and looked into afterwards: of many sockets with one system call, and not
//! often. Where it has been wrong once, `recvmsg` is asked from then on.
//!
//! No short read proves anything once the peer has closed its side, or has announced urgent data; see
//! [`Seen::is_open`](crate::wake::Seen::is_open).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::interest::{Interest, Wait};
use crate::reactor::source::Source;
use crate::sched::Watched;
use crate::sched::worker::Worker;
use crate::sys::Reactor;
use crate::sys::poll;

/// Between two looks of a worker, at least.
const EVERY: Duration = Duration::from_millis(10);
/// How long a worker sleeps before a look that is due only then, at most. Longer than `EVERY` by more
/// than a tick: then a busy worker moves its alarm on at each look, and the alarm never rings.
const LATEST: Duration = Duration::from_millis(25);

const _: () = assert!(EVERY.as_millis() + 10 < LATEST.as_millis());

/// What a short read means on a kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortReads {
    /// Nothing: datagrams, and whatever came from elsewhere.
    ProveNothing,
    /// The socket is empty: TCP.
    Drain,
    /// The socket is empty, unless something that came with the bytes cut the read short: Unix streams.
    DrainUnlessCut,
}

/// How to make one attempt to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// `recv(2)`; a short one means that nothing is left.
    Draining,
    /// `recv(2)`; a short one means nothing.
    Plain,
    /// `recvmsg(2)`, which tells whether something has cut the read short.
    Telling,
}

impl ShortReads {
    /// How to receive from a socket of this kind.
    #[inline(always)]
    pub(crate) fn attempt(self, source: Option<&Source>, wait: Wait) -> Attempt {
        match self {
            ShortReads::ProveNothing => Attempt::Plain,
            ShortReads::Drain => Attempt::Draining,
            ShortReads::DrainUnlessCut => match source {
                Some(source) if source.trusts_short_reads() => Attempt::Draining,
                Some(_) if wait == Wait::Never => Attempt::Telling,
                _ => Attempt::Plain,
            },
        }
    }

    /// Whether a wait may be one for data that are there: it must be looked into.
    #[inline]
    pub(crate) fn may_deceive(self, interest: Interest) -> bool {
        interest == Interest::Read && self == ShortReads::DrainUnlessCut
    }

    /// Whether there may be data for which a read has waited in vain, because a short read was not what
    /// it was taken for: a deadline may be nearer than the look that tells.
    pub(crate) fn finds_unread(
        self,
        source: Option<&'static Source>,
        interest: Interest,
        fd: BorrowedFd<'_>,
    ) -> io::Result<bool> {
        let Some(source) = source.filter(|_| self.may_deceive(interest)) else {
            return Ok(false);
        };
        if source.readiness(interest).allows() {
            // The look came at the same time.
            return Ok(true);
        }
        let found = source.trusts_short_reads() && poll::is_readable(fd)?;
        if found {
            source.distrust();
        }
        Ok(found)
    }
}

/// What an attempt to receive gave.
pub(crate) struct Received {
    pub(crate) len: usize,
    /// It was less than there was room for, which means that nothing is left.
    pub(crate) emptied: bool,
}

impl Received {
    /// `drains` says whether it would mean that.
    #[inline]
    pub(crate) fn of(len: usize, room: usize, drains: bool) -> Received {
        Received {
            len,
            emptied: drains && len < room && len > 0,
        }
    }
}

/// What a source takes a short read for where that may be wrong.
pub(crate) struct Trust(AtomicU8);

/// It has emptied the socket.
const FULL: u8 = 0;
/// The same; a process waits because of it, and a worker will look whether it was true.
const DOUBTED: u8 = 1;
/// It was not true once, and may not be again.
const LOST: u8 = 2;

impl Trust {
    pub(crate) const fn new() -> Trust {
        Trust(AtomicU8::new(FULL))
    }

    /// For the next user of a source.
    pub(crate) fn reset(&self) {
        self.0.store(FULL, Ordering::SeqCst);
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

impl Source {
    /// Whether a short read of a socket on which some stop early is to be taken for an empty one.
    #[inline]
    pub(crate) fn trusts_short_reads(&self) -> bool {
        self.trust.0.load(Ordering::SeqCst) != LOST
    }

    /// Has `worker` look later whether the socket is as empty as a short read has made believe. Called
    /// after [`register`](Self::register): what the look finds then wakes the caller.
    #[inline]
    pub(crate) fn doubt(&'static self, worker: &'static Worker, fd: BorrowedFd<'_>) {
        // The other reactor has no short read trusted.
        if !Reactor::REPORTS_ONCE && self.trust.0.load(Ordering::SeqCst) == FULL {
            self.doubt_now(worker, fd);
        }
    }

    #[cold]
    fn doubt_now(&'static self, worker: &'static Worker, fd: BorrowedFd<'_>) {
        if self.trust.change(FULL, DOUBTED) {
            worker.with_looks(|looks| looks.add(self.key(), fd));
        }
    }

    /// The doubted source with this key is looked at now: a process that waits from now on on the word
    /// of a short read doubts again. Returns whether it still is the source it was.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    unsafe fn begin_look(key: u64) -> bool {
        // SAFETY: the caller keeps this function's contract.
        let source = unsafe { Source::of_key(key) };
        // A next use of the source may at worst be doubted twice.
        source.is_of(key) && source.trust.change(DOUBTED, FULL)
    }

    /// There is something to read, and all events have been told: if nobody knows of it, a short read
    /// was not what it was taken for.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    unsafe fn found_unread(key: u64) {
        // SAFETY: the caller keeps this function's contract.
        let source = unsafe { Source::of_key(key) };
        if source.is_of(key) && !source.readiness(Interest::Read).allows() {
            source.distrust();
        }
    }

    /// There is something to read of which no event will tell: from now on no short read is believed.
    fn distrust(&'static self) {
        self.trust.0.store(LOST, Ordering::SeqCst);
        self.notify(crate::wake::READABLE);
    }
}

impl Watched for Source {
    /// Looks at the doubted sockets, if the worker has not done so just before; else sees to it that a
    /// sleep ends in time.
    #[inline]
    fn settle(worker: &'static Worker) -> bool {
        !worker.with_looks(|looks| looks.is_empty()) && look(worker)
    }
}

fn look(worker: &'static Worker) -> bool {
    worker.tick();
    let now = worker.coarse_now();
    let due = worker.with_looks(|looks| looks.take_if_due(now, EVERY));
    let Some(mut looks) = due else {
        return !worker.reactor.set_alarm(LATEST);
    };
    worker.reactor.drop_alarm();
    // SAFETY: the keys come from sources.
    looks.look(|key| unsafe { Source::begin_look(key) });
    let found = !looks.is_empty();
    if found {
        // What has only just come may be told by an event.
        // SAFETY: the worker's own thread, and no process of it is inside `wait`.
        unsafe { worker.reactor.wait::<Source>(Some(Duration::ZERO)) };
        for key in looks.keys() {
            // SAFETY: the keys come from sources.
            unsafe { Source::found_unread(*key) };
        }
    }
    worker.with_looks(|own| own.reuse(looks));
    found
}

#[cfg(all(test, not(std_net_portable), not(std_net_loom)))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys::looks;

    /// A worker that is this thread, and runs nothing.
    fn worker() -> &'static Worker {
        let worker = Worker::leak(0).unwrap();
        worker.make_current();
        worker
    }

    fn tell_events(worker: &Worker) {
        // SAFETY: this thread is the only one that knows this worker, and is not inside `wait`.
        unsafe { worker.reactor.wait::<Source>(Some(Duration::ZERO)) };
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
        assert!(Source::settle(worker));
        assert!(is_told_to_read(source) && !source.trusts_short_reads());
        // It is not asked again what is known.
        use_up(source);
        source.doubt(worker, stream.as_fd());
        assert!(!Source::settle(worker));
        source.release(stream.as_fd(), true);
        assert!(source.trusts_short_reads(), "the next one begins anew");
    }

    #[test]
    fn an_empty_socket_is_trusted_as_before() {
        let worker = worker();
        let (source, stream, _peer) = watched(worker);
        source.doubt(worker, stream.as_fd());
        assert!(!Source::settle(worker));
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
        assert!(Source::settle(worker));
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
        assert!(!Source::settle(worker));
    }

    #[test]
    fn one_among_more_than_are_looked_at_at_once_is_found() {
        let worker = worker();
        let (empty, _peer) = UnixStream::pair().unwrap();
        let (full, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        let sources: Vec<_> = (0..=2 * looks::AT_ONCE).map(|_| Source::take()).collect();
        for (i, source) in sources.iter().enumerate() {
            let stream = if i == looks::AT_ONCE { &full } else { &empty };
            source.doubt(worker, stream.as_fd());
        }
        assert!(Source::settle(worker));
        for (i, source) in sources.iter().enumerate() {
            assert_eq!(is_told_to_read(source), i == looks::AT_ONCE);
            assert_eq!(source.trusts_short_reads(), i != looks::AT_ONCE);
            source.release(empty.as_fd(), true);
        }
    }
}
