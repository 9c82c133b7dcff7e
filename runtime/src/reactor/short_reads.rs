//! What a short read means: a `recv` that fills less than its buffer. Only this module decides that.
//!
//! On TCP, a short read proves that the socket is empty. This saves the attempt that would find it out. A read of a
//! Unix stream may also stop before the end of the data: after passed descriptors, and where the sender changes.
//! `recvmsg(2)` reports this, but each call takes a tenth longer. So a short read of a Unix stream is trusted at first
//! and checked later. One system call checks many sockets, and it is made rarely. Once a short read of a socket was
//! wrong, `recvmsg` is used for this socket.
//!
//! A short read proves nothing once the peer has closed its side or has announced urgent data. See
//! [`Seen::is_open`](crate::wake::Seen::is_open).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::interest::{Interest, Wait};
use crate::reactor::source::Source;
use crate::sched::Watched;
use crate::sched::worker::Worker;
use crate::sys::{Reactor, alarm, poll};

/// The shortest time between two checks of a worker.
const EVERY: Duration = Duration::from_millis(10);
/// The longest time that a worker sleeps before a due check. It is longer than `EVERY` by more than a clock tick. So a
/// busy worker moves its alarm on at each check, and the alarm never rings.
const LATEST: Duration = Duration::from_millis(25);

const _: () = assert!(EVERY.as_millis() + 10 < LATEST.as_millis());

/// What a short read means on a kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortReads {
    /// It proves nothing: datagrams, and all descriptors of unknown origin.
    ProveNothing,
    /// It proves that the socket is empty: TCP.
    Drain,
    /// It proves that the socket is empty, unless control data cut the read short: Unix streams.
    DrainUnlessCut,
}

/// How to make one attempt to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// `recv(2)`. A short read means that the socket is empty.
    Draining,
    /// `recv(2)`. A short read proves nothing.
    Plain,
    /// `recvmsg(2)`. It reports whether control data cut the read short.
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

    /// Whether a process may wait although there are data. Then the wait needs a later check.
    #[inline]
    pub(crate) fn may_deceive(self, interest: Interest) -> bool {
        interest == Interest::Read && self == ShortReads::DrainUnlessCut
    }

    /// Checks before a wait fails by its deadline: there may be unread data after a short read, and the deadline may
    /// come before the regular check. Returns true if there is something to read.
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
            // An event or the regular check came at the same time.
            return Ok(true);
        }
        let found = source.trusts_short_reads() && poll::is_readable(fd)?;
        if found {
            source.distrust();
        }
        Ok(found)
    }
}

/// The result of an attempt to receive.
pub(crate) struct Received {
    pub(crate) len: usize,
    /// Whether the read was short and this proves that the socket is empty.
    pub(crate) emptied: bool,
}

impl Received {
    /// `drains` says whether a short read proves that the socket is empty.
    #[inline]
    pub(crate) fn of(len: usize, room: usize, drains: bool) -> Received {
        Received {
            len,
            emptied: drains && len < room && len > 0,
        }
    }
}

/// Whether short reads of a source are still trusted. This matters only where they may be wrong.
pub(crate) struct Trust(AtomicU8);

/// A short read means that the socket is empty.
const FULL: u8 = 0;
/// As `FULL`, and a process waits for this reason. A worker will check whether the socket really is empty.
const DOUBTED: u8 = 1;
/// A short read was wrong once, so no short read is trusted.
const LOST: u8 = 2;

impl Trust {
    pub(crate) const fn new() -> Trust {
        Trust(AtomicU8::new(FULL))
    }

    /// Prepares for the next user of the source.
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
    /// Whether a short read of a socket is trusted, where some short reads are wrong.
    #[inline]
    pub(crate) fn trusts_short_reads(&self) -> bool {
        self.trust.0.load(Ordering::SeqCst) != LOST
    }

    /// Asks `worker` to check later whether the socket is empty, as a short read has suggested. Call this after
    /// [`register`](Self::register), so that the check can wake the caller.
    #[inline]
    pub(crate) fn doubt(&'static self, worker: &'static Worker, fd: BorrowedFd<'_>) {
        // The portable reactor never trusts a short read.
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

    /// Marks the doubted source with this key as checked. A process that waits from now on because of a short read asks
    /// for a new check. Returns whether the source still has the same user.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    unsafe fn begin_look(key: u64) -> bool {
        // SAFETY: the caller keeps this function's contract.
        let source = unsafe { Source::of_key(key) };
        // If the source has a new user meanwhile, the worst result is one extra check.
        source.is_of(key) && source.trust.change(DOUBTED, FULL)
    }

    /// Handles a source that has something to read, after all events have been delivered. If no event has reported
    /// this, a short read was wrong.
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

    /// The socket has data that no event will report. From now on no short read of it is trusted.
    fn distrust(&'static self) {
        self.trust.0.store(LOST, Ordering::SeqCst);
        self.notify(crate::wake::READABLE);
    }
}

impl Watched for Source {
    /// Checks the doubted sockets if the last check is long enough ago. Otherwise sets an alarm, so that a sleep ends
    /// in time.
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
        return !worker.reactor.set_alarm(alarm::LOOK, LATEST);
    };
    worker.reactor.drop_alarm(alarm::LOOK);
    // SAFETY: all keys come from `Source::key`.
    looks.look(|key| unsafe { Source::begin_look(key) });
    let found = !looks.is_empty();
    if found {
        // Data may have arrived just now, and then an event reports them. SAFETY: this is the worker's own thread, and
        // no process of it is inside `wait`.
        unsafe { worker.reactor.wait::<Source>(Some(Duration::ZERO)) };
        for key in looks.keys() {
            // SAFETY: all keys come from `Source::key`.
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

    /// A worker on this thread, which runs no processes.
    fn worker() -> &'static Worker {
        let worker = Worker::leak(0).unwrap();
        worker.make_current();
        worker
    }

    fn tell_events(worker: &Worker) {
        // SAFETY: only this thread knows this worker, and it is not inside `wait`.
        unsafe { worker.reactor.wait::<Source>(Some(Duration::ZERO)) };
    }

    /// Does what a read does that seems to have emptied the socket.
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
        // A distrusted socket is not checked again.
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
        // The data come after the read, and their event is not delivered yet.
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
