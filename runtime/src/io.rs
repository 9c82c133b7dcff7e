//! A descriptor and the one way through it: every socket operation of every crate is
//! [`Io::perform`], the only place that knows where it runs.

use std::any::Any;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::{self, MaybeUninit};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use libc::c_int;
use rustix::net::SocketFlags;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockRef, Type};

use crate::batch;
use crate::deadline::{AtomicDeadline, Deadline, Nanos};
use crate::lent::Lent;
use crate::notify::{Notifier, Notify, notified};
use crate::park::{self, Eventfd, Unparker};
use crate::pool::{Buffer, LENT};
use crate::source::{Attached, Source, waiting_for};
use crate::sys::{self, cvt, cvt_len, retry_interrupted};
use crate::task::Task;
use crate::wake::{READABLE, Seen, WRITABLE};
use crate::{poll, process, task};

/// Which direction an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Data, a connection to accept, or the end of the stream.
    Read,
    /// Room to send, or the end of a `connect`.
    Write,
}

/// How the one attempt that [`Io::perform`] asks for must behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The kernel may block: a plain thread with nothing else to watch.
    InKernel,
    /// The attempt must return `WouldBlock` at once; the loop does the waiting.
    Never,
}

impl Wait {
    /// The flag for calls that take one: `MSG_DONTWAIT` or nothing.
    #[must_use]
    pub fn flags(self) -> c_int {
        match self {
            Wait::InKernel => 0,
            Wait::Never => libc::MSG_DONTWAIT,
        }
    }
}

/// A socket's descriptor with everything that decides how its operations wait.
///
/// The descriptor stays in the blocking mode its user chose, whatever thread or process uses it.
pub struct Io {
    /// Before the descriptor, so that it is dropped first: see [`Source::release`].
    source: Attached,
    fd: OwnedFd,
    /// What it means that a plain `recv` fills less than its buffer.
    short_reads: ShortReads,
    /// Its sends are made together with those of others, where it pays.
    batched_sends: AtomicBool,
    deadline: AtomicDeadline,
    /// What `dup`ed descriptors share because the kernel does. Absent: a blocking socket
    /// without timeouts that we made ourselves.
    shared: OnceLock<Arc<Shared>>,
}

/// Whether a `recv` that fills less than its buffer has emptied the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShortReads {
    ProveNothing,
    /// TCP.
    Drain,
    /// Unix streams: a read stops where descriptors were passed, and on a socket that asks for
    /// credentials where the sender changes. A `recvmsg` without room for control messages tells of
    /// both, by `MSG_CTRUNC`; it is asked once that has happened, see `doubt`.
    DrainUnlessCut,
}

/// What has an [`Io`] inside: the seam for what works over sockets of several crates.
#[doc(hidden)]
pub trait AsIo {
    /// It.
    fn as_io(&self) -> &Io;
}

/// State of the open file description, which all clones of a socket have in common.
struct Shared {
    mode: AtomicU8,
    /// Nanoseconds; `u64::MAX` is none; [`UNREAD`] asks the kernel first.
    timeouts: [AtomicU64; 2],
    /// What interrupts those who wait, if it was asked for.
    notify: OnceLock<Arc<Notify>>,
    /// Someone asks, or has asked, for a shutdown of the read side.
    read_shut: AtomicBool,
    /// The halves that were claimed, by [`Io::claim`].
    halves: AtomicU8,
    /// What the halves have in common while one of them lives.
    common: Mutex<Option<Weak<dyn Any + Send + Sync>>>,
}

/// Adopted descriptor: `O_NONBLOCK` not looked at yet.
const MODE_UNKNOWN: u8 = 0;
const MODE_BLOCKING: u8 = 1;
/// The user asked for `set_nonblocking(true)`: nothing waits.
const MODE_NONBLOCKING: u8 = 2;
/// The user's mode is blocking; we set `O_NONBLOCK` for calls without a flags argument.
const MODE_FORCED: u8 = 3;

const UNREAD: u64 = u64::MAX - 1;

impl Shared {
    fn new(mode: u8, timeout: u64) -> Arc<Shared> {
        Arc::new(Shared {
            mode: AtomicU8::new(mode),
            timeouts: [AtomicU64::new(timeout), AtomicU64::new(timeout)],
            notify: OnceLock::new(),
            read_shut: AtomicBool::new(false),
            halves: AtomicU8::new(0),
            common: Mutex::new(None),
        })
    }

    fn fresh() -> Arc<Shared> {
        Shared::new(MODE_BLOCKING, u64::MAX)
    }
}

impl Io {
    /// Makes a new socket: blocking, close-on-exec. Corresponds to `socket(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`.
    pub fn socket(domain: Domain, ty: Type, protocol: Option<Protocol>) -> io::Result<Io> {
        socket2::Socket::new_raw(domain, ty.cloexec(), protocol).map(|s| Io::fresh(s.into()))
    }

    /// Makes two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair(domain: Domain, ty: Type, protocol: Option<Protocol>) -> io::Result<(Io, Io)> {
        let (a, b) = socket2::Socket::pair_raw(domain, ty.cloexec(), protocol)?;
        Ok((Io::fresh(a.into()), Io::fresh(b.into())))
    }

    /// Takes over a descriptor whose mode and timeouts are not known; they are asked of the
    /// kernel when first needed.
    #[must_use]
    pub fn adopt(fd: OwnedFd) -> Io {
        let io = Io::fresh(fd);
        io.source.expose();
        // A fresh Io has no shared state, so this always takes.
        let _ = io.shared.set(Shared::new(MODE_UNKNOWN, UNREAD));
        io
    }

    /// A descriptor known to be blocking and without timeouts.
    fn fresh(fd: OwnedFd) -> Io {
        Io {
            source: Attached::none(fd.as_fd()),
            fd,
            short_reads: ShortReads::ProveNothing,
            batched_sends: AtomicBool::new(false),
            deadline: AtomicDeadline::never(),
            shared: OnceLock::new(),
        }
    }

    /// Says that a short `recv` on this socket means that nothing is left to read. True of TCP
    /// streams; not of Unix streams, see below; never of datagrams.
    #[must_use]
    pub fn short_read_drains(mut self) -> Io {
        self.short_reads = ShortReads::Drain;
        self
    }

    /// Says that a short `recv` on this socket means that nothing is left to read, unless something
    /// that came with the bytes cut it short. True of Unix streams; what a listener accepts inherits
    /// it.
    #[must_use]
    pub fn short_read_drains_unless_cut(mut self) -> Io {
        self.short_reads = ShortReads::DrainUnlessCut;
        self
    }

    /// Whether [`short_read_drains`](Self::short_read_drains) was said.
    #[must_use]
    pub fn drains(&self) -> bool {
        self.short_reads == ShortReads::Drain
    }

    /// A second handle to the same socket. The deadline is copied; the blocking mode and the
    /// per-call timeouts are shared, as they are in the kernel.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<Io> {
        self.source.expose();
        let fd = self.fd.try_clone()?;
        let shared = Arc::clone(self.shared.get_or_init(Shared::fresh));
        let source = Attached::none(fd.as_fd());
        source.expose();
        Ok(Io {
            source,
            fd,
            short_reads: self.short_reads,
            batched_sends: AtomicBool::new(self.batched_sends()),
            deadline: AtomicDeadline::at(self.deadline.get()),
            shared: OnceLock::from(shared),
        })
    }

    /// Hands the descriptor out, in the blocking mode its user chose.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        if let Some(shared) = self.shared.get()
            && shared.mode.load(Ordering::SeqCst) == MODE_FORCED
        {
            shared.mode.store(MODE_BLOCKING, Ordering::SeqCst);
            // Cannot fail on a socket; there would be nobody to tell.
            let _ = self.set_o_nonblock(false);
        }
        self.source.expose();
        drop(self.source);
        self.fd
    }

    /// For system calls of this crate.
    pub(crate) fn fd_number(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// socket2's view of this socket, for its options.
    #[must_use]
    pub fn sock(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    // The one way through.

    /// Runs `attempt` until it does not say `WouldBlock`, waiting in between in the way of the
    /// place this runs in.
    ///
    /// `attempt` does one system call in the manner it is given: with [`Wait::Never`] it must
    /// not block.
    ///
    /// # Errors
    ///
    /// The first error of `attempt` other than `WouldBlock`; [`TimedOut`](io::ErrorKind::TimedOut)
    /// once the deadline has passed; `WouldBlock` for a socket the user made non-blocking or when
    /// the per-call timeout has passed, as std reports it.
    #[inline]
    pub fn perform<T>(
        &self,
        interest: Interest,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        self.run(interest, Nanos::NEVER, attempt, |_| false)
    }

    /// `perform` with a deadline of this call alone, of which and the handle's the nearer wins.
    fn perform_by<T>(
        &self,
        interest: Interest,
        deadline: Deadline,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        let until = Nanos::from_deadline(deadline);
        self.run(interest, until, attempt, |_| false)
    }

    /// `perform_by`, and `emptied` says of a result that nothing can be left in that direction.
    #[inline(always)]
    fn run<T>(
        &self,
        interest: Interest,
        until: Nanos,
        mut attempt: impl FnMut(Wait) -> io::Result<T>,
        emptied: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        let task = task::current();
        let mut turn = Turn {
            how: Wait::Never,
            last_try: false,
            waited: false,
            call_end: None,
        };
        if task.is_none() && until == Nanos::NEVER {
            turn.how = self.how_on_thread();
        }
        loop {
            // Most sockets have no more to ask for than this.
            let plain = until == Nanos::NEVER && self.is_plain();
            if !plain {
                self.begin_turn(&mut turn, interest, until)?;
            }
            if let Some(task) = task {
                task.spend();
            }
            let seen = self.source.get().map(|s| (s, s.readiness(interest)));
            // No hint at all: not watched yet, or a thread that asks the kernel itself.
            let hopeful = task.is_none() || seen.is_none_or(|(_, seen)| seen.allows());
            if hopeful || turn.last_try {
                match attempt(turn.how) {
                    Ok(done) => {
                        if let Some((source, seen)) = seen
                            && seen.trusts_short_reads()
                            && emptied(&done)
                        {
                            source.clear(interest, seen);
                        }
                        return Ok(done);
                    }
                    Err(e) => {
                        if self.after_error(&mut turn, interest, seen, e)? {
                            continue;
                        }
                    }
                }
            }
            if plain
                && interest == Interest::Read
                && let Some(task) = park::suspendable()
            {
                // As is most often the case, nothing but an event can end it.
                self.park(task, interest, || self.is_plain().then_some(Nanos::NEVER))?;
            } else {
                self.end_turn(&mut turn, interest, until)?;
            }
        }
    }

    /// The kernel knows the mode and the timeouts: one system call, as std.
    fn how_on_thread(&self) -> Wait {
        if self.deadline.get() == Nanos::NEVER && !self.must_poll() {
            Wait::InKernel
        } else {
            Wait::Never
        }
    }

    /// Whether a socket that is not plain may be tried once more, and may wait then.
    ///
    /// # Errors
    ///
    /// The deadline has passed, or the wait was interrupted.
    #[cold]
    fn begin_turn(&self, turn: &mut Turn, interest: Interest, until: Nanos) -> io::Result<()> {
        if turn.how == Wait::Never {
            match self.check_in_time(until) {
                Err(error)
                    if turn.waited
                        && error.kind() == io::ErrorKind::TimedOut
                        && self.finds_unread(interest)? =>
                {
                    return Ok(());
                }
                checked => checked?,
            }
            let timed_out = turn.call_end.is_some_and(Nanos::has_passed);
            turn.last_try = timed_out || self.user_nonblocking()?;
        }
        Ok(())
    }

    /// Whether there may be data for which it has waited in vain, because a short read was not what
    /// it was taken for: a deadline may be nearer than the look that tells. See `doubt`.
    fn finds_unread(&self, interest: Interest) -> io::Result<bool> {
        let doubtful = interest == Interest::Read && self.short_reads == ShortReads::DrainUnlessCut;
        let Some(source) = self.source.get().filter(|_| doubtful) else {
            return Ok(false);
        };
        if source.readiness(interest).allows() {
            // The look came at the same time.
            return Ok(true);
        }
        let found = source.trusts_short_reads() && poll::is_readable(self.fd.as_fd())?;
        if found {
            source.distrust();
        }
        Ok(found)
    }

    /// An attempt has failed: whether to try again at once. If not, it would have blocked, and all that
    /// was known before it is used up.
    ///
    /// # Errors
    ///
    /// `error`, if it is what the caller is to see.
    #[cold]
    fn after_error(
        &self,
        turn: &mut Turn,
        interest: Interest,
        seen: Option<(&'static Source, Seen)>,
        error: io::Error,
    ) -> io::Result<bool> {
        if error.kind() != io::ErrorKind::WouldBlock || turn.last_try {
            return Err(error);
        }
        if turn.how == Wait::InKernel {
            // A process may have put the descriptor into `O_NONBLOCK` at this moment.
            if self.user_nonblocking()? || !self.sock().nonblocking()? {
                return Err(error);
            }
            turn.how = Wait::Never;
            return Ok(true);
        }
        if interest == Interest::Read && self.is_read_shut()? {
            // It cannot block any more, and tells the end.
            turn.how = Wait::InKernel;
            turn.last_try = true;
            return Ok(true);
        }
        Ok(seen.is_some_and(|(source, seen)| !source.clear(interest, seen)))
    }

    /// Waits in a way that fits everything that may end it.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[inline(never)]
    fn end_turn(&self, turn: &mut Turn, interest: Interest, until: Nanos) -> io::Result<()> {
        if turn.call_end.is_none() && !self.is_plain() {
            turn.call_end = Some(self.call_end(interest)?);
        }
        turn.waited = true;
        self.wait(interest, turn.call_end.unwrap_or(Nanos::NEVER).min(until))
    }

    /// No deadline, and never a timeout, another mode, a clone, or who may interrupt.
    #[inline]
    fn is_plain(&self) -> bool {
        self.deadline.get() == Nanos::NEVER && self.shared.get().is_none()
    }

    /// An error if the deadline has passed, or somebody has interrupted.
    fn check_in_time(&self, until: Nanos) -> io::Result<()> {
        if self.deadline.get().min(until).has_passed() {
            return Err(timed_out());
        }
        if self.notify().is_some_and(|n| n.is_raised()) {
            return Err(notified());
        }
        Ok(())
    }

    /// One attempt that never waits, whatever the mode: `perform` for callers with a loop of their
    /// own.
    #[cold]
    fn once<T>(&self, attempt: impl FnOnce(Wait) -> io::Result<T>) -> io::Result<T> {
        self.check_in_time(Nanos::NEVER)?;
        attempt(Wait::Never)
    }

    /// `perform`, or with `MSG_DONTWAIT` among the flags [`once`](Self::once).
    #[inline]
    pub(crate) fn perform_flagged<T>(
        &self,
        flags: c_int,
        interest: Interest,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        if flags & libc::MSG_DONTWAIT == 0 {
            self.perform(interest, attempt)
        } else {
            self.once(attempt)
        }
    }

    /// When the per-call timeout of an operation that begins to wait now has passed.
    fn call_end(&self, interest: Interest) -> io::Result<Nanos> {
        let timeout = self.timeout_nanos(interest)?;
        Ok(timeout.map_or(Nanos::NEVER, |t| {
            Nanos::now().after(Duration::from_nanos(t))
        }))
    }

    /// Waits until `interest` may be met, the deadline has changed or passed, or `call_end`.
    /// Returns early now and then: the caller looks again.
    #[inline(never)]
    fn wait(&self, interest: Interest, call_end: Nanos) -> io::Result<()> {
        let Some(task) = park::suspendable() else {
            return self.wait_on_thread(interest, call_end);
        };
        let notify = self.notify();
        let _interruptible = notify.map(|n| n.enrol(task)).transpose()?;
        self.park(task, interest, || {
            let interrupted = notify.is_some_and(|n| n.is_raised());
            (!interrupted).then(|| call_end.min(self.deadline.get()))
        })
    }

    /// Parks the process among those who wait for `interest`, unless that can be tried already.
    /// `until` says how long, or that the caller must look again; it is asked when the process is among
    /// them: who changes what it looks at from then on finds it.
    #[inline(always)]
    fn park(
        &self,
        task: &'static Task,
        interest: Interest,
        until: impl FnOnce() -> Option<Nanos>,
    ) -> io::Result<()> {
        if task.is_cancelled() {
            return Err(process::cancelled());
        }
        let source = self.source.get_or_take();
        source.watch(task.worker(), self.fd.as_fd())?;
        let entered = source.enrol(interest, task);
        if interest == Interest::Read && self.short_reads == ShortReads::DrainUnlessCut {
            source.doubt(task.worker(), self.fd.as_fd());
        }
        let result = source.rearm(self.fd.as_fd());
        if result.is_ok()
            && let Some(until) = until()
            && !source.readiness(interest).allows()
        {
            task.set_handle(self);
            task.park(until, waiting_for(interest, self.fd.as_fd()));
        }
        // Looked at here: at the end of its scope it would be a call, also where there is none.
        if let Some(entry) = entered {
            drop(entry);
        }
        result?;
        if task.is_cancelled() {
            return Err(process::cancelled());
        }
        Ok(())
    }

    /// The same with `ppoll(2)`, and with an eventfd by which a changed deadline is told.
    fn wait_on_thread(&self, interest: Interest, call_end: Nanos) -> io::Result<()> {
        let notify = self.notify().map(|n| n.as_fd());
        if self.deadline.get() == Nanos::NEVER {
            return poll::wait(self.fd.as_fd(), interest, call_end, [notify, None]);
        }
        let eventfd = Eventfd::of_thread()?;
        let unparker = Unparker::Polling(Arc::clone(&eventfd));
        let entered = self.source.get_or_take().enrol_other(interest, unparker);
        let until = call_end.min(self.deadline.get());
        let wakers = [notify, Some(eventfd.as_fd())];
        let result = poll::wait(self.fd.as_fd(), interest, until, wakers);
        // First: who finds it raises the eventfd.
        drop(entered);
        eventfd.clear();
        result
    }

    // Data.

    /// Receives into `buf`, up to its length in bytes. Corresponds to `recv(2)`. With
    /// `MSG_DONTWAIT`, here as in the other calls with flags, it never waits.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv(&self, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
        self.recv_until(buf, flags, Nanos::NEVER)
    }

    /// `recv` with a deadline of this call alone, of which and the handle's the nearer wins: so the
    /// two halves of a connection can have a deadline each.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_by(&self, buf: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        self.recv_until(buf, 0, Nanos::from_deadline(deadline))
    }

    fn recv_until(&self, buf: &mut [u8], flags: c_int, until: Nanos) -> io::Result<usize> {
        if flags & libc::MSG_DONTWAIT != 0 {
            return self.once(|wait| self.recv_into(buf, flags, wait).map(|r| r.len));
        }
        let attempt = |wait| self.recv_into(buf, flags, wait);
        let received = self.run(Interest::Read, until, attempt, |r| r.emptied)?;
        Ok(received.len)
    }

    /// `recv_by` into a buffer that `lend` gives for one attempt only, and that is dropped before a
    /// wait: a process that waits for data holds no buffer. Returns the buffer with the data.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_lending<B: AsMut<[u8]>>(
        &self,
        lend: impl FnMut() -> B,
        deadline: Deadline,
    ) -> io::Result<(B, usize)> {
        self.recv_lending_until(lend, Nanos::from_deadline(deadline))
    }

    #[inline(always)]
    fn recv_lending_until<B: AsMut<[u8]>>(
        &self,
        mut lend: impl FnMut() -> B,
        until: Nanos,
    ) -> io::Result<(B, usize)> {
        let attempt = |wait| {
            let mut buf = lend();
            match self.recv_into(buf.as_mut(), 0, wait) {
                Ok(received) => Ok((buf, received)),
                Err(error) => Err(without(buf, error)),
            }
        };
        let (buf, received) = self.run(Interest::Read, until, attempt, |(_, r)| r.emptied)?;
        Ok((buf, received.len))
    }

    /// Receives into a buffer of the runtime's, which is held only while there are data in it.
    /// Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_lent(&self) -> io::Result<Lent> {
        let (buf, len) = self.recv_lending_until(|| Buffer::take(LENT), Nanos::NEVER)?;
        Ok(Lent::new(buf, len))
    }

    /// One attempt to receive.
    #[inline(always)]
    fn recv_into(&self, buf: &mut [u8], flags: c_int, wait: Wait) -> io::Result<Received> {
        let drains = match self.short_reads {
            ShortReads::ProveNothing => false,
            ShortReads::Drain => true,
            ShortReads::DrainUnlessCut => match self.source.get() {
                Some(source) if source.trusts_short_reads() => true,
                Some(_) if wait == Wait::Never => return self.recv_uncut(buf, flags),
                _ => false,
            },
        };
        let room = buf.len();
        let len = sys::recv(self.fd.as_fd(), buf, flags | wait.flags())?;
        Ok(Received::of(len, room, drains && flags == 0))
    }

    /// Receives without a wait, and tells whether what stopped it was an empty socket.
    #[inline(never)]
    fn recv_uncut(&self, buf: &mut [u8], flags: c_int) -> io::Result<Received> {
        let mut slice = libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        let mut msg = empty_msghdr();
        msg.msg_iov = &raw mut slice;
        msg.msg_iovlen = 1;
        let all_flags = flags | Wait::Never.flags();
        // SAFETY: one live, writable slice; no address and no control messages are asked for.
        let len = unsafe { sys::recvmsg(self.fd.as_raw_fd(), &raw mut msg, all_flags) }?;
        // Something came with these bytes, and the read stopped behind it.
        let cut = msg.msg_flags & libc::MSG_CTRUNC != 0;
        Ok(Received::of(len, buf.len(), !cut && flags == 0))
    }

    /// Receives into several buffers in turn. Corresponds to `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>], flags: c_int) -> io::Result<usize> {
        self.recv_vectored_by(bufs, flags, Deadline::NEVER)
    }

    /// `recv_vectored` with a deadline of this call alone.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_vectored_by(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        flags: c_int,
        deadline: Deadline,
    ) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            // As readv(2), which std calls; recvmsg(2) would wait for data to put nowhere.
            return Ok(0);
        }
        let fd = self.fd.as_raw_fd();
        let mut msg = empty_msghdr();
        msg.msg_iov = bufs.as_mut_ptr().cast();
        msg.msg_iovlen = bufs.len().min(MAX_IOV) as _;
        self.perform_by(Interest::Read, deadline, |wait| {
            // SAFETY: IoSliceMut has the layout of iovec (std documents it), the slices are live
            // and writable, and the count is not above their number.
            cvt_len(unsafe { libc::recvmsg(fd, &raw mut msg, flags | wait.flags()) })
        })
    }

    /// Receives one message and its sender's address. Corresponds to `recvfrom(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn recv_from(&self, buf: &mut [u8], flags: c_int) -> io::Result<(usize, SockAddr)> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Read, |wait| {
            let mut storage = SockAddrStorage::zeroed();
            let mut len = storage.size_of();
            // SAFETY: buffer and address storage are live and writable with the lengths given.
            let n = cvt_len(unsafe {
                libc::recvfrom(
                    fd,
                    buf.as_mut_ptr().cast(),
                    buf.len(),
                    flags | wait.flags(),
                    (&raw mut storage).cast(),
                    &raw mut len,
                )
            })?;
            // SAFETY: the kernel wrote `len` bytes of an address into the storage.
            Ok((n, unsafe { SockAddr::new(storage, len) }))
        })
    }

    /// Sends from `buf`; returns how many bytes were taken. Never raises `SIGPIPE`.
    /// Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    #[inline]
    pub fn send(&self, buf: &[u8], flags: c_int) -> io::Result<usize> {
        self.perform_flagged(flags, Interest::Write, |wait| {
            self.send_from(buf, flags, wait)
        })
    }

    /// One attempt to send.
    #[inline(always)]
    fn send_from(&self, buf: &[u8], flags: c_int, wait: Wait) -> io::Result<usize> {
        let flags = flags | libc::MSG_NOSIGNAL;
        if self.batched_sends()
            && wait == Wait::Never
            && let Some(sent) = self.send_in_batch(buf, flags)
        {
            return sent;
        }
        sys::send(self.fd.as_fd(), buf, flags | wait.flags())
    }

    /// The attempt, made a little later together with others; `None` if it is better made now.
    #[cold]
    fn send_in_batch(&self, buf: &[u8], flags: c_int) -> Option<io::Result<usize>> {
        let may_wait =
            flags & libc::MSG_DONTWAIT == 0 && matches!(self.user_nonblocking(), Ok(false));
        if !may_wait || buf.len() > batch::LARGEST {
            return None;
        }
        batch::send(self.fd.as_fd(), buf, flags)
    }

    /// `send` until all of `buf` is taken.
    ///
    /// # Errors
    ///
    /// As [`Write::write_all`].
    // Built in: no return behind the system call, which would be mispredicted.
    #[inline(always)]
    pub fn send_all(&self, buf: &[u8]) -> io::Result<()> {
        if buf.is_empty() {
            return Ok(());
        }
        let sent = self.perform(Interest::Write, |wait| self.send_from(buf, 0, wait));
        match sent {
            Ok(sent) if sent == buf.len() => Ok(()),
            sent => self.send_rest(buf, sent),
        }
    }

    #[cold]
    fn send_rest(&self, buf: &[u8], sent: io::Result<usize>) -> io::Result<()> {
        struct Sending<'a>(&'a Io, Option<io::Result<usize>>);
        impl Write for Sending<'_> {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.1.take().unwrap_or_else(|| self.0.send(buf, 0))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        Sending(self, Some(sent)).write_all(buf)
    }

    /// `send` with a deadline of this call alone.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn send_by(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize> {
        let attempt = |wait| self.send_from(buf, 0, wait);
        self.perform_by(Interest::Write, deadline, attempt)
    }

    /// Sends from several buffers in turn. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn send_vectored(&self, bufs: &[IoSlice<'_>], flags: c_int) -> io::Result<usize> {
        self.send_vectored_by(bufs, flags, Deadline::NEVER)
    }

    /// `send_vectored` with a deadline of this call alone.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn send_vectored_by(
        &self,
        bufs: &[IoSlice<'_>],
        flags: c_int,
        deadline: Deadline,
    ) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        let mut msg = empty_msghdr();
        msg.msg_iov = bufs.as_ptr().cast_mut().cast();
        msg.msg_iovlen = bufs.len().min(MAX_IOV) as _;
        self.perform_by(Interest::Write, deadline, |wait| {
            let flags = flags | libc::MSG_NOSIGNAL | wait.flags();
            // SAFETY: IoSlice has the layout of iovec (std documents it), the slices are live, the
            // count is not above their number, and sendmsg writes to none of it.
            cvt_len(unsafe { libc::sendmsg(fd, &raw const msg, flags) })
        })
    }

    /// Sends one message to `addr`. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn send_to(&self, buf: &[u8], addr: &SockAddr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | libc::MSG_NOSIGNAL | wait.flags();
            // SAFETY: the slice and the address are live, with the lengths they state.
            cvt_len(unsafe {
                libc::sendto(
                    fd,
                    buf.as_ptr().cast(),
                    buf.len(),
                    flags,
                    addr.as_ptr().cast(),
                    addr.len(),
                )
            })
        })
    }

    /// `recvmsg(2)` with a message header of the caller's, for ancillary data.
    ///
    /// # Safety
    ///
    /// Every pointer in `msg` is null or valid for writes of the length beside it, for the whole
    /// call.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub unsafe fn recv_msg(&self, msg: &mut libc::msghdr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        let (name_len, control_len) = (msg.msg_namelen, msg.msg_controllen);
        self.perform_flagged(flags, Interest::Read, |wait| {
            // The kernel overwrites both lengths, also in an attempt that comes to nothing.
            msg.msg_namelen = name_len;
            msg.msg_controllen = control_len;
            // SAFETY: the caller keeps the pointers of `msg` valid.
            cvt_len(unsafe { libc::recvmsg(fd, msg, flags | wait.flags()) })
        })
    }

    /// `sendmsg(2)` with a message header of the caller's, for ancillary data.
    ///
    /// # Safety
    ///
    /// Every pointer in `msg` is null or valid for reads of the length beside it, for the whole
    /// call.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub unsafe fn send_msg(&self, msg: &libc::msghdr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | libc::MSG_NOSIGNAL | wait.flags();
            // SAFETY: the caller keeps the pointers of `msg` valid.
            cvt_len(unsafe { libc::sendmsg(fd, msg, flags) })
        })
    }

    // Connections.

    /// Waits for a connection and returns it with its peer's address; the new socket is blocking
    /// and close-on-exec. Interruptions by signals are retried. Corresponds to `accept4(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn accept(&self) -> io::Result<(Io, SockAddr)> {
        self.perform(Interest::Read, |wait| self.accept_once(wait, accept_from))
    }

    /// Waits for a connection, without asking from where it comes.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform).
    pub fn accept_any(&self) -> io::Result<Io> {
        let (io, ()) = self.perform(Interest::Read, |wait| self.accept_once(wait, accept_any))?;
        Ok(io)
    }

    /// Returns a connection that is there already.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; otherwise as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(Io, SockAddr)> {
        self.once(|wait| self.accept_once(wait, accept_from))
    }

    fn accept_once<A>(
        &self,
        wait: Wait,
        accept: impl Fn(BorrowedFd<'_>) -> io::Result<(OwnedFd, A)>,
    ) -> io::Result<(Io, A)> {
        if wait == Wait::Never {
            // accept has no MSG_DONTWAIT, and a ready listener may be emptied by another.
            self.force_nonblocking()?;
        }
        let (new, addr) = retry_interrupted(|| accept(self.fd.as_fd()))?;
        let mut io = Io::fresh(new);
        if self.short_reads == ShortReads::DrainUnlessCut {
            io.short_reads = self.short_reads;
        }
        Ok((io, addr))
    }

    /// Connects to `addr`, within the deadline. Corresponds to `connect(2)`; interruptions by
    /// signals are retried as std does.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform); `EINPROGRESS` for a socket the user made non-blocking.
    pub fn connect(&self, addr: &SockAddr) -> io::Result<()> {
        if self.user_nonblocking()? {
            return self.connect_once(addr);
        }
        let mut begun = false;
        let mut forced = false;
        let result = self.perform(Interest::Write, |wait| {
            if begun {
                return self.connect_outcome();
            }
            if wait == Wait::Never && !forced {
                self.set_o_nonblock(true)?;
                forced = true;
            }
            match self.connect_begin(addr, wait) {
                // Already: an earlier call began it and met its deadline; go on waiting.
                Err(e) if matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY)) => {
                    begun = true;
                    Err(io::ErrorKind::WouldBlock.into())
                }
                other => other,
            }
        });
        if forced && !self.is_forced() {
            self.set_o_nonblock(false)?;
        }
        result
    }

    /// The first step of a connect. A Unix listener whose queue is full says `EAGAIN`, and nothing
    /// tells when there is room: ask again after a while.
    fn connect_begin(&self, addr: &SockAddr, wait: Wait) -> io::Result<()> {
        let call_end = self.call_end(Interest::Write)?;
        let mut pause = Duration::from_millis(1);
        loop {
            let error = match self.connect_once(addr) {
                Err(e) if e.raw_os_error() == Some(libc::EAGAIN) && wait == Wait::Never => e,
                other => return other,
            };
            let now = Nanos::now();
            if self.deadline.get() <= now {
                return Err(timed_out());
            }
            if call_end <= now {
                return Err(error);
            }
            let until = now.after(pause).min(self.deadline.get()).min(call_end);
            process::sleep(Deadline::from(until.to_instant()));
            process::check_cancelled()?;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn connect_once(&self, addr: &SockAddr) -> io::Result<()> {
        retry_interrupted(|| {
            // SAFETY: the address is live, with the length it states.
            cvt(unsafe { libc::connect(self.fd.as_raw_fd(), addr.as_ptr().cast(), addr.len()) })
        })
        .map(drop)
        .or_else(|e| match e.raw_os_error() {
            // An attempt that a signal interrupted went on and has come to its end.
            Some(libc::EISCONN) => Ok(()),
            _ => Err(e),
        })
    }

    /// How a connect in progress ended, or `WouldBlock`. A readiness hint may be stale and then
    /// `SO_ERROR` is 0 for an unfinished connect: only `getpeername` is proof.
    fn connect_outcome(&self) -> io::Result<()> {
        if let Some(error) = self.sock().take_error()? {
            return Err(error);
        }
        match self.sock().peer_addr() {
            Ok(_) => Ok(()),
            Err(e) if e.raw_os_error() == Some(libc::ENOTCONN) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(e) => Err(e),
        }
    }

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            // Before the call: whoever its event wakes must find this.
            let shared = self.shared.get_or_init(Shared::fresh);
            shared.read_shut.store(true, Ordering::SeqCst);
        }
        self.sock().shutdown(how)
    }

    /// Whether the read side is shut down by us. A datagram socket tells that only to a call that
    /// would wait: one with `MSG_DONTWAIT` gets `EAGAIN` for ever, where a plain one gets 0.
    fn is_read_shut(&self) -> io::Result<bool> {
        let asked = |s: &Arc<Shared>| s.read_shut.load(Ordering::SeqCst);
        Ok(self.shared.get().is_some_and(asked) && poll::is_read_shut(self.fd.as_fd())?)
    }

    /// Takes halves of a connection for good, for all handles to it: whoever buffers what it reads
    /// must be the only one to read. False, and nothing taken, if one of them is taken already.
    #[must_use]
    pub fn claim(&self, halves: u8) -> bool {
        let cell = &self.shared.get_or_init(Shared::fresh).halves;
        let free = |taken| (taken & halves == 0).then_some(taken | halves);
        cell.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free)
            .is_ok()
    }

    /// The one handle that the claimed halves of a connection have in common, made by `make` if
    /// there is none. Kept as long as somebody else holds it.
    ///
    /// # Errors
    ///
    /// The error of `make`.
    pub fn common<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Arc<T>> {
        let shared = self.shared.get_or_init(Shared::fresh);
        let mut common = shared.common.lock().unwrap_or_else(PoisonError::into_inner);
        let there = common.as_ref().and_then(Weak::upgrade);
        if let Some(Ok(there)) = there.map(Arc::downcast) {
            return Ok(there);
        }
        let new = Arc::new(make()?);
        let weak: Weak<T> = Arc::downgrade(&new);
        *common = Some(weak);
        Ok(new)
    }

    /// Reads a socket option that is a C `int` and that socket2 does not know. Corresponds to
    /// `getsockopt(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn int_option(&self, level: c_int, name: c_int) -> io::Result<c_int> {
        let mut value: c_int = 0;
        let mut len = mem::size_of::<c_int>() as libc::socklen_t;
        // SAFETY: a live, writable int and its length.
        cvt(unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw mut value).cast(),
                &raw mut len,
            )
        })?;
        Ok(value)
    }

    /// Sets a socket option that is a C `int`. Corresponds to `setsockopt(2)`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_int_option(&self, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
        let len = mem::size_of::<c_int>() as libc::socklen_t;
        // SAFETY: a live int and its length.
        cvt(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw const value).cast(),
                len,
            )
        })
        .map(drop)
    }

    /// Joins (or leaves) a multicast group for the datagrams of one source, on the interface with
    /// this index. Corresponds to `MCAST_JOIN_SOURCE_GROUP` and `MCAST_LEAVE_SOURCE_GROUP`, which
    /// take the addresses of any family.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn source_membership(
        &self,
        level: c_int,
        join: bool,
        interface: u32,
        source: &SockAddr,
        group: &SockAddr,
    ) -> io::Result<()> {
        let name = if join {
            libc::MCAST_JOIN_SOURCE_GROUP
        } else {
            libc::MCAST_LEAVE_SOURCE_GROUP
        };
        // SAFETY: all-zero is a valid request: an interface of 0 and addresses without a family.
        let mut request: libc::group_source_req = unsafe { MaybeUninit::zeroed().assume_init() };
        request.gsr_interface = interface;
        // SAFETY: a SockAddr holds a whole sockaddr_storage, whatever its length; as_ptr points to it.
        unsafe {
            request.gsr_source = *source.as_ptr().cast();
            request.gsr_group = *group.as_ptr().cast();
        }
        // SAFETY: a live request and its length.
        cvt(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw const request).cast(),
                mem::size_of_val(&request) as libc::socklen_t,
            )
        })
        .map(drop)
    }

    // How it waits.

    /// Sets the deadline of this handle: every operation that has not ended by then fails with
    /// [`TimedOut`](io::ErrorKind::TimedOut), even with data ready. Operations that wait already
    /// follow the change, but for those of a plain thread that began without a deadline: they wait
    /// in the kernel, as std's.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.set(Nanos::from_deadline(deadline));
        if let Some(source) = self.source.get() {
            source.wake(READABLE | WRITABLE);
        }
    }

    /// The deadline set on this handle.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline.get().to_instant().into()
    }

    /// Chooses whether small sends of processes on this handle are made together with those of other
    /// processes that are ready: with one system call, where the kernel has `io_uring(7)`. Such a
    /// send is a wait also where there is room.
    pub fn set_batched_sends(&self, batched: bool) {
        self.batched_sends.store(batched, Ordering::Relaxed);
    }

    /// What [`set_batched_sends`](Self::set_batched_sends) has chosen.
    #[inline]
    #[must_use]
    pub fn batched_sends(&self) -> bool {
        self.batched_sends.load(Ordering::Relaxed)
    }

    /// Chooses whether operations wait at all. Corresponds to `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        // A blocking socket that nobody has asked about needs no state, but the user may have
        // changed the mode behind our back, so the call is made in any case.
        self.set_o_nonblock(nonblocking)?;
        let mode = if nonblocking {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        self.set_mode(mode);
        Ok(())
    }

    /// Says of an adopted descriptor that its user wants to wait, whatever mode it is in: one that
    /// came from another program, which may share it still, is best left as it is.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_GETFL)`.
    pub fn regard_as_blocking(&self) -> io::Result<()> {
        let mode = if self.sock().nonblocking()? {
            MODE_FORCED
        } else {
            MODE_BLOCKING
        };
        self.set_mode(mode);
        Ok(())
    }

    fn set_mode(&self, mode: u8) {
        let shared = self.shared.get_or_init(Shared::fresh);
        shared.mode.store(mode, Ordering::SeqCst);
    }

    /// One call, where `fcntl(2)` needs two.
    fn set_o_nonblock(&self, on: bool) -> io::Result<()> {
        let mut on = c_int::from(on);
        // SAFETY: a live int.
        cvt(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::FIONBIO, &raw mut on) }).map(drop)
    }

    /// Whether the user chose non-blocking operations.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_GETFL)`, which is asked for adopted descriptors only.
    pub fn user_nonblocking(&self) -> io::Result<bool> {
        let Some(shared) = self.shared.get() else {
            return Ok(false);
        };
        let mode = shared.mode.load(Ordering::SeqCst);
        if mode != MODE_UNKNOWN {
            return Ok(mode == MODE_NONBLOCKING);
        }
        let nonblocking = self.sock().nonblocking()?;
        let mode = if nonblocking {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        // Someone may have set the mode meanwhile: theirs is newer.
        let seen = shared
            .mode
            .compare_exchange(MODE_UNKNOWN, mode, Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|newer| newer, |_| mode);
        Ok(seen == MODE_NONBLOCKING)
    }

    /// A handle that interrupts those who wait on this socket, on any of its handles. From now on a
    /// plain thread waits with `ppoll(2)`, so that it can be told; one that is in the kernel already is not,
    /// nor is a process that waits already on another handle.
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`.
    pub fn notifier(&self) -> io::Result<Notifier> {
        let shared = self.shared.get_or_init(Shared::fresh);
        let notify = match shared.notify.get() {
            Some(notify) => notify,
            None => {
                let new = Arc::new(Notify::new()?);
                shared.notify.get_or_init(|| new)
            }
        };
        let notifier = Notifier(Arc::clone(notify));
        if let Some(source) = self.source.get() {
            // Processes that wait on this handle already wait again, so as to be told.
            source.wake(READABLE | WRITABLE);
        }
        Ok(notifier)
    }

    fn notify(&self) -> Option<&Arc<Notify>> {
        self.shared.get()?.notify.get()
    }

    /// Whether a plain thread must not wait in the kernel's own way.
    fn must_poll(&self) -> bool {
        self.shared.get().is_some_and(|shared| {
            shared.mode.load(Ordering::SeqCst) == MODE_FORCED || shared.notify.get().is_some()
        })
    }

    fn is_forced(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| s.mode.load(Ordering::SeqCst) == MODE_FORCED)
    }

    /// Puts the descriptor into `O_NONBLOCK` once, remembering that the user did not ask for it.
    pub(crate) fn force_nonblocking(&self) -> io::Result<()> {
        if self.is_forced() || self.user_nonblocking()? {
            return Ok(());
        }
        self.set_o_nonblock(true)?;
        self.shared
            .get_or_init(Shared::fresh)
            .mode
            .store(MODE_FORCED, Ordering::SeqCst);
        Ok(())
    }

    /// Sets the per-call timeout of one direction, `SO_RCVTIMEO` or `SO_SNDTIMEO`; `None` waits
    /// for ever.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration; the error of
    /// `setsockopt(2)`.
    pub fn set_timeout(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        // The kernel counts microseconds, and 0 of them is "for ever": round up, as std.
        let timeout = timeout.map(|t| t.max(Duration::from_micros(1)));
        match interest {
            Interest::Read => self.sock().set_read_timeout(timeout)?,
            Interest::Write => self.sock().set_write_timeout(timeout)?,
        }
        let nanos = timeout.map_or(u64::MAX, |t| {
            u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)
        });
        self.timeout_cell(interest).store(nanos, Ordering::SeqCst);
        Ok(())
    }

    /// The per-call timeout of one direction, as the kernel has it.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn timeout(&self, interest: Interest) -> io::Result<Option<Duration>> {
        match interest {
            Interest::Read => self.sock().read_timeout(),
            Interest::Write => self.sock().write_timeout(),
        }
    }

    fn timeout_cell(&self, interest: Interest) -> &AtomicU64 {
        &self.shared.get_or_init(Shared::fresh).timeouts[interest as usize]
    }

    /// The timeout in nanoseconds without a system call, unless the descriptor was adopted.
    fn timeout_nanos(&self, interest: Interest) -> io::Result<Option<u64>> {
        let Some(shared) = self.shared.get() else {
            return Ok(None);
        };
        let cell = &shared.timeouts[interest as usize];
        let mut nanos = cell.load(Ordering::SeqCst);
        if nanos == UNREAD {
            nanos = self.timeout(interest)?.map_or(u64::MAX, |t| {
                u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)
            });
            let _ = cell.compare_exchange(UNREAD, nanos, Ordering::SeqCst, Ordering::SeqCst);
        }
        Ok((nanos != u64::MAX).then_some(nanos))
    }
}

/// The error of an attempt, and the lent buffer into which nothing came goes back.
#[cold]
#[inline(never)]
fn without<B>(_: B, error: io::Error) -> io::Error {
    error
}

/// `accept4(2)`: a new connection, and from where it comes.
fn accept_from(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let addr = (&raw mut storage).cast();
    // SAFETY: the address storage is live and writable with the length given.
    let new =
        cvt(unsafe { libc::accept4(fd.as_raw_fd(), addr, &raw mut len, libc::SOCK_CLOEXEC) })?;
    // SAFETY: accept4 has just made this descriptor, nobody else owns it.
    let new = unsafe { OwnedFd::from_raw_fd(new) };
    // SAFETY: the kernel wrote `len` bytes of an address into the storage.
    Ok((new, unsafe { SockAddr::new(storage, len) }))
}

/// The same without the address, which costs the kernel some more.
fn accept_any(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, ())> {
    Ok((rustix::net::accept_with(fd, SocketFlags::CLOEXEC)?, ()))
}

/// What an operation remembers from one attempt to the next.
struct Turn {
    how: Wait,
    /// If this one would block, the caller is to know.
    last_try: bool,
    /// It has waited, with a deadline or whatever else may end it.
    waited: bool,
    /// When the timeout of this call has passed, once it has begun to wait.
    call_end: Option<Nanos>,
}

/// What an attempt to receive gave.
struct Received {
    len: usize,
    /// It was less than there was room for, which means that nothing is left.
    emptied: bool,
}

impl Received {
    /// `drains` says whether it would mean that.
    #[inline]
    fn of(len: usize, room: usize, drains: bool) -> Received {
        Received {
            len,
            emptied: drains && len < room && len > 0,
        }
    }
}

/// `UIO_MAXIOV`: more slices than this are an error, fewer are a legal short operation.
pub(crate) const MAX_IOV: usize = 1024;

pub(crate) fn empty_msghdr() -> libc::msghdr {
    // SAFETY: all-zero is a valid msghdr: null pointers with zero lengths.
    unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "deadline has passed")
}

impl From<OwnedFd> for Io {
    fn from(fd: OwnedFd) -> Io {
        Io::adopt(fd)
    }
}

impl From<Io> for OwnedFd {
    fn from(io: Io) -> OwnedFd {
        io.into_fd()
    }
}

impl AsFd for Io {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.expose();
        self.fd.as_fd()
    }
}

impl AsRawFd for Io {
    fn as_raw_fd(&self) -> RawFd {
        self.source.expose();
        self.fd.as_raw_fd()
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("fd", &self.fd.as_raw_fd())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

const _: () = assert!(mem::size_of::<Io>() <= 64);
