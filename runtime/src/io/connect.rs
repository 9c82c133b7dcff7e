//! Connections: accept, connect, shutdown.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::SockAddr;

use super::Io;
use super::halves::Reader;
use super::mode::Shared;
use super::wait::timed_out;
use crate::deadline::Nanos;
use crate::interest::{Interest, Wait};
use crate::sched::park;
use crate::sys::{Accepts, Refused, accept_any, accept_from, cvt, poll, retry_interrupted};
use crate::wake::{READABLE, WRITABLE};

impl Io {
    /// Waits for a connection and returns it with its peer's address; the new socket is blocking
    /// and close-on-exec. Interruptions by signals are retried. Corresponds to `accept4(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn accept(&self) -> io::Result<(Io, SockAddr)> {
        let attempt = |wait| self.accept_once(wait, accept_from, |addr| addr);
        self.perform(Interest::Read, attempt)
            .map_err(|error| self.accept_error(error))
    }

    /// Waits for a connection, without asking from where it comes.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn accept_any(&self) -> io::Result<Io> {
        let attempt = |wait| self.accept_once(wait, accept_any, drop);
        let accepted = self.perform(Interest::Read, attempt);
        let (io, ()) = accepted.map_err(|error| self.accept_error(error))?;
        Ok(io)
    }

    /// Returns a connection that is there already.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; otherwise as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(Io, SockAddr)> {
        self.once(Interest::Read, Reader::User, |wait| {
            self.accept_once(wait, accept_from, |addr| addr)
        })
    }

    fn accept_once<A>(
        &self,
        wait: Wait,
        accept: impl Fn(BorrowedFd<'_>) -> io::Result<(OwnedFd, A)>,
        of: impl FnOnce(SockAddr) -> A,
    ) -> io::Result<(Io, A)> {
        if wait == Wait::Never {
            if self.source.is_exposed()
                && let Some(accepted) = accept_by_ring(self.fd.as_fd())
            {
                let (new, addr) = accepted?;
                return Ok((self.accepted(new), of(addr)));
            }
            // accept has no MSG_DONTWAIT, and a ready listener may be emptied by another.
            self.force_nonblocking(Interest::Read)?;
        }
        let (new, addr) = retry_interrupted(|| accept(self.fd.as_fd()))?;
        Ok((self.accepted(new), addr))
    }

    fn accepted(&self, new: OwnedFd) -> Io {
        let mut io = Io::fresh(new);
        // It is of the same kind.
        io.short_reads = self.short_reads;
        io.fd.of_listener(&self.fd);
        io
    }

    /// A Unix listener that was shut down says `EINVAL`, but to a call that would not wait `EAGAIN`, for
    /// ever.
    #[cold]
    fn accept_error(&self, error: io::Error) -> io::Error {
        let would_block = error.kind() == io::ErrorKind::WouldBlock;
        if would_block
            && matches!(self.user_nonblocking(), Ok(false))
            && matches!(self.is_read_shut(), Ok(true))
        {
            return io::Error::from_raw_os_error(libc::EINVAL);
        }
        error
    }

    /// Connects to `addr`, within the deadline. Corresponds to `connect(2)`; interruptions by
    /// signals are retried as std does.
    ///
    /// # Errors
    ///
    /// As [`perform`](Self::perform); `EINPROGRESS` for a socket the user made non-blocking.
    pub fn connect(&self, addr: &SockAddr) -> io::Result<()> {
        if self.is_shown() {
            self.ask_kernel(Interest::Write)?;
        }
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

    /// Begins to connect and does not wait for the end of it, whatever the mode.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it has begun, or a Unix listener's queue is full; the error of `connect(2)`.
    pub fn try_connect(&self, addr: &SockAddr) -> io::Result<()> {
        let forced = !self.user_nonblocking()? && !self.is_forced();
        if forced {
            self.set_o_nonblock(true)?;
        }
        let result = self.once(Interest::Write, Reader::User, |_| {
            self.connect_once(addr)
                .map_err(|error| match error.raw_os_error() {
                    Some(libc::EALREADY) => io::ErrorKind::WouldBlock.into(),
                    _ => error,
                })
        });
        // Where the attempt itself has put it there for good, it stays.
        if forced && !self.is_forced() {
            self.set_o_nonblock(false)?;
        }
        result
    }

    /// How a connect that [`try_connect`](Self::try_connect) began has ended.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it has not; its error.
    pub fn finish_connect(&self) -> io::Result<()> {
        self.once(Interest::Write, Reader::User, |_| self.connect_outcome())
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
            self.pause(pause, call_end)?;
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

    /// Dissolves the connection of a datagram socket, which has sent nothing to say so. Corresponds to
    /// `connect(2)` with `AF_UNSPEC`.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    pub fn disconnect(&self) -> io::Result<()> {
        // SAFETY: all-zero is a valid address, and AF_UNSPEC is 0.
        let addr: libc::sockaddr = unsafe { std::mem::zeroed() };
        let len = std::mem::size_of_val(&addr) as libc::socklen_t;
        // SAFETY: the address is live, with its length.
        cvt(unsafe { libc::connect(self.fd.as_raw_fd(), &raw const addr, len) }).map(drop)
    }

    /// Waits until the peer has ended its side or is gone, and reads nothing.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn wait_hangup(&self) -> io::Result<()> {
        let nonblocking = self.user_nonblocking()?;
        self.perform(Interest::Hangup, |wait| {
            let waits = wait == Wait::InKernel && !nonblocking;
            loop {
                match poll::is_hung_up(self.fd.as_fd(), waits) {
                    Ok(true) => return Ok(()),
                    // The error queue of a datagram socket has something, which concerns others.
                    Ok(false) if waits => park::sleep(Duration::from_millis(1)),
                    Ok(false) => return Err(io::ErrorKind::WouldBlock.into()),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
        })
    }

    /// Whether the peer has ended its side or is gone.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_hung_up(&self) -> io::Result<bool> {
        poll::is_hung_up(self.fd.as_fd(), false)
    }

    /// Whether the connection is gone in both directions.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_gone(&self) -> io::Result<bool> {
        poll::is_gone(self.fd.as_fd())
    }

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            // Before the call: the waiter that its event wakes must find this.
            let shared = self.shared.get_or_init(Shared::fresh);
            shared.read_shut.store(true, Ordering::SeqCst);
        }
        self.sock().shutdown(how)?;
        // The kernel tells no poller of a Unix socket that its own side sends no more: whoever waits for
        // room would wait for ever.
        self.each_source(|source| source.notify(READABLE | WRITABLE));
        Ok(())
    }

    /// Whether the read side is shut down by us, or perhaps by code outside. A datagram socket tells that only to a call that
    /// would wait: one with `MSG_DONTWAIT` gets `EAGAIN` for ever, where a plain one gets 0.
    pub(super) fn is_read_shut(&self) -> io::Result<bool> {
        let asked = |s: &Arc<Shared>| s.read_shut.load(Ordering::SeqCst);
        let perhaps = self.shared.get().is_some_and(asked) || self.is_shown();
        Ok(perhaps && poll::is_read_shut(self.fd.as_fd())?)
    }
}

/// A connection that is there already, by a call that blocks in no mode: a listener that other programs
/// share may lose its `O_NONBLOCK` at any moment, also between a look at it and `accept4(2)`. `None`
/// where there is no `io_uring(7)`.
#[cold]
fn accept_by_ring(fd: BorrowedFd<'_>) -> Option<io::Result<(OwnedFd, SockAddr)>> {
    thread_local! {
        static ACCEPTS: RefCell<Option<Option<Accepts>>> = const { RefCell::new(None) };
    }
    let accepted = ACCEPTS.try_with(|ring| {
        let mut ring = ring.borrow_mut();
        let accepts = ring.get_or_insert_with(|| Accepts::new().ok()).as_mut()?;
        match accepts.accept(fd) {
            Ok(accepted) => Some(Ok(accepted)),
            Err(Refused::Error(code)) => Some(Err(io::Error::from_raw_os_error(code))),
            Err(Refused::Broken) => {
                *ring = Some(None);
                None
            }
        }
    });
    // A thread that is ending may have dropped its ring.
    accepted.ok().flatten()
}
