//! The operations of a socket for futures. They make an attempt, and register a waker if it would block. Nothing here
//! waits. The loop that waits is in `wait`.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::ptr;
use std::task::{Context, Poll, ready};

use super::Io;
use super::data::copy_to;
use super::halves::Reader;
use super::wait::Turn;
use crate::buffers::lent::Lent;
use crate::buffers::pool::{Buffer, LENT};
use crate::deadline::Nanos;
use crate::interest::{Interest, Wait};
use crate::reactor::short_reads::{Received, ShortReads};
use crate::reactor::source::Entry;
use crate::sched::alarms::Alarm;
use crate::sched::park;
use crate::sched::scheduler::Scheduler;
use crate::sched::stop;
use crate::sched::traffic;
use crate::sched::waker;
use crate::sched::worker::Worker;
use crate::sys::{self, NO_SIGNAL};

/// How many operations of a future may succeed in a row before others get their turn.
const TURNS: u8 = 64;

/// Up to this many bytes of several buffers are copied and sent as one. The copy then costs less than what `sendmsg(2)`
/// costs more than `send(2)`.
const TOGETHER: usize = 2048;

/// A socket for futures. A worker of the runtime watches it. Up to two futures wait for it, one for each direction, and
/// their wakers are among its waiters.
///
/// Its operations never suspend a process and never block a thread, so a future may hold a lock meanwhile.
pub struct Polled<T: super::AsIo> {
    /// Declared before the socket, so that they are dropped first.
    entries: [Option<Entry>; 2],
    /// The alarms at the deadline of the handle.
    alarms: [Option<Alarm>; 2],
    turns: u8,
    socket: T,
}

impl<T: super::AsIo> Polled<T> {
    /// Takes ownership of the socket.
    pub fn new(socket: T) -> Polled<T> {
        Polled {
            entries: [None, None],
            alarms: [None, None],
            turns: 0,
            socket,
        }
    }

    /// A reference to the socket.
    pub fn get_ref(&self) -> &T {
        &self.socket
    }

    /// Returns the socket.
    pub fn into_inner(self) -> T {
        // The entries are dropped first, while the socket still lives.
        let Polled {
            entries, socket, ..
        } = self;
        drop(entries);
        socket
    }

    /// Becomes ready when the socket may be readable or writable. An operation may still return `WouldBlock` then.
    ///
    /// # Errors
    ///
    /// The errors of [`poll_recv`](Self::poll_recv).
    pub fn poll_ready(&mut self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_perform(interest, cx, |io, _| io.look(interest), |()| false)) {
            // Bytes that an earlier owner of the half had read ahead count as something to read.
            Err(error) => self.unread(error, &mut []).map(drop).into(),
            ready => Poll::Ready(ready),
        }
    }

    /// Receives into `buf`. Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`. [`TimedOut`](io::ErrorKind::TimedOut) once the deadline of the handle has passed. The
    /// error of a cancel if the process was cancelled.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let received = ready!(self.poll_perform(
            Interest::Read,
            cx,
            |io, wait| io.recv_for_future(buf, wait),
            |received| received.emptied,
        ));
        Poll::Ready(match received {
            Ok(received) => Ok(received.len),
            Err(error) => self.unread(error, buf),
        })
    }

    /// Receives at most `room` bytes into a buffer of the runtime.
    ///
    /// # Errors
    ///
    /// The errors of [`poll_recv`](Self::poll_recv).
    pub fn poll_recv_lent(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<Lent>> {
        let room = room.min(LENT);
        let received = ready!(self.poll_perform(
            Interest::Read,
            cx,
            |io, wait| {
                let mut buf = Buffer::take(LENT);
                let received = io.recv_for_future(&mut buf.bytes_mut()[..room], wait)?;
                Ok((buf, received))
            },
            |(_, received)| received.emptied,
        ));
        Poll::Ready(match received {
            Ok((buf, received)) => Ok(Lent::new(buf, received.len)),
            Err(error) => {
                let mut buf = Buffer::take(LENT);
                self.unread(error, &mut buf.bytes_mut()[..room])
                    .map(|len| Lent::new(buf, len))
            }
        })
    }

    /// The bytes that an earlier owner of the half had read ahead, if `error` means that.
    #[cold]
    fn unread(&self, error: io::Error, buf: &mut [u8]) -> io::Result<usize> {
        let unread = self.socket.as_io().take_unread(error, |unread| {
            let len = copy_to(unread, buf);
            (len, len)
        })?;
        unread.ok_or_else(|| io::ErrorKind::Interrupted.into())
    }

    /// Sends from `buf` and returns how many bytes were sent. Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`poll_recv`](Self::poll_recv), but with the error of `send(2)`.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_perform(
            Interest::Write,
            cx,
            |io, wait| io.send_for_future(buf, wait),
            |_| false,
        )
    }

    /// Sends from several buffers in order. Corresponds to `sendmsg(2)`. A few bytes are put together and sent by
    /// `send(2)`, which is cheaper by about 100 ns.
    ///
    /// # Errors
    ///
    /// The errors of [`poll_send`](Self::poll_send).
    pub fn poll_send_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_perform(
            Interest::Write,
            cx,
            |io, wait| io.send_slices_for_future(bufs, wait),
            |_| false,
        )
    }

    /// Makes one turn of [`Io::perform`](Io::perform), but registers a waker instead of waiting.
    #[inline(always)]
    fn poll_perform<R>(
        &mut self,
        interest: Interest,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&Io, Wait) -> io::Result<R>,
        emptied: impl FnOnce(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        if self.turns == TURNS {
            // Other tasks get their turn. The process is not suspended for that, since the future may hold a lock.
            self.turns = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let io = self.socket.as_io();
        let mut turn = Turn::new(Wait::Never);
        loop {
            io.begin_future_turn(interest)?;
            let seen = io.source.get().map(|s| (s, s.readiness(interest)));
            if seen.is_none_or(|(_, seen)| seen.allows()) {
                match attempt(io, turn.how) {
                    Ok(done) => {
                        if let Some((source, seen)) = seen
                            && seen.is_open()
                            && emptied(&done)
                        {
                            source.clear(interest, seen);
                        }
                        self.turns += 1;
                        return Poll::Ready(Ok(done));
                    }
                    Err(error) => {
                        if io.after_error(&mut turn, interest, seen, error)? {
                            continue;
                        }
                    }
                }
            }
            if !io.leave_waker(&mut self.entries[interest as usize], interest, cx)? {
                continue;
            }
            let alarm = &mut self.alarms[interest as usize];
            Alarm::keep(alarm, io.deadline.get(), cx.waker());
            self.turns = 0;
            return Poll::Pending;
        }
    }
}

impl Io {
    /// Checks whether the kernel reports that `interest` is met.
    fn look(&self, interest: Interest) -> io::Result<()> {
        if self.is_ready(interest)? {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// Makes one attempt to receive. A short read of a Unix stream proves nothing here, because futures do not have the
    /// later check of short reads that processes have.
    fn recv_for_future(&self, buf: &mut [u8], wait: Wait) -> io::Result<Received> {
        let drains = self.short_reads == ShortReads::Drain;
        let room = buf.len();
        let len = sys::recv(self.fd.as_fd(), buf, wait.flags())?;
        traffic::received(len, 0);
        Ok(Received::of(len, room, drains))
    }

    /// Makes one attempt to send from several buffers.
    fn send_slices_for_future(&self, bufs: &[IoSlice<'_>], wait: Wait) -> io::Result<usize> {
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if bufs.len() == 1 || len > TOGETHER {
            return self.send_slices(bufs, wait.flags());
        }
        let mut together = Buffer::take(LENT);
        let mut at = 0;
        for buf in bufs {
            together.bytes_mut()[at..at + buf.len()].copy_from_slice(buf);
            at += buf.len();
        }
        self.send_for_future(&together.bytes_mut()[..len], wait)
    }

    fn send_for_future(&self, buf: &[u8], wait: Wait) -> io::Result<usize> {
        let sent = sys::send(self.fd.as_fd(), buf, NO_SIGNAL | wait.flags())?;
        traffic::sent(sent);
        Ok(sent)
    }

    /// Checks what may end the operation of a future before its attempt.
    fn begin_future_turn(&self, interest: Interest) -> io::Result<()> {
        if !self.is_plain() {
            self.check_in_time(Nanos::NEVER)?;
        }
        if let Some(stopped) = stop::current() {
            return Err(stopped.into());
        }
        if interest == Interest::Read {
            self.check_half(Reader::User)?;
        }
        self.prepare_attempts(interest, Wait::Never)
    }

    /// Registers the waker of `cx` among the waiters for `interest`. Returns `false` if the operation can be tried at
    /// once.
    fn leave_waker(
        &self,
        entry: &mut Option<Entry>,
        interest: Interest,
        cx: &Context<'_>,
    ) -> io::Result<bool> {
        let source = self.source.get_or_take_for(interest);
        if entry.is_none()
            && let Some(task) = park::suspendable()
            && waker::task_of(cx.waker()).is_some_and(|woken| ptr::eq(woken, task))
        {
            // The usual case: the process itself waits for the future.
            source.watch(task.worker(), self.fd.as_fd())?;
            if source.register_for_future(interest, task) {
                task.set_handle(self);
                return Ok(!source.readiness(interest).allows());
            }
        }
        let worker = watcher()?;
        if entry.as_ref().is_some_and(|e| e.wakes(cx.waker())) {
            source.watch(worker, self.fd.as_fd())?;
            source.rearm(self.fd.as_fd())?;
        } else {
            *entry = Some(self.register_waker(worker, interest, cx.waker().clone())?);
        }
        Ok(!source.readiness(interest).allows())
    }
}

/// The worker whose reactor should watch the socket: that of the process, or any other.
fn watcher() -> io::Result<&'static Worker> {
    if let Some(task) = park::suspendable() {
        return Ok(task.worker());
    }
    Scheduler::started()
        .and_then(|scheduler| scheduler.workers().first().copied())
        .ok_or_else(|| io::Error::other("the runtime of std_net has not been started"))
}

impl<T: super::AsIo + fmt::Debug> fmt::Debug for Polled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Polled").field(&self.socket).finish()
    }
}
