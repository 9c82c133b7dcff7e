//! Connections: accept, connect, shutdown.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socket2::SockAddr;

use super::Io;
use super::halves::Reader;
use super::mode::Shared;
use super::wait::timed_out;
use crate::deadline::Nanos;
use crate::interest::{Interest, Wait};
use crate::sched::park;
use crate::sched::traffic;
use crate::sys::{
    Accepts, CONNECT_RESUMES, Refused, accept_any, accept_from, cvt, poll, retry_interrupted,
};
use crate::wake::{READABLE, WRITABLE};

impl Io {
    /// Waits for a connection. Returns it with its peer's address. The new socket is blocking and close-on-exec. A call
    /// that a signal interrupts is repeated. Corresponds to `accept4(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn accept(&self) -> io::Result<(Io, SockAddr)> {
        let attempt = |wait| self.accept_once(wait, accept_from, |addr| addr);
        self.perform(Interest::Read, attempt)
            .map_err(|error| self.accept_error(error))
    }

    /// Waits for a connection, without the address of the peer.
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

    /// Returns a connection that is already in the queue.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. Otherwise the errors of [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(Io, SockAddr)> {
        self.once(Interest::Read, Reader::User, |wait| {
            self.accept_once(wait, accept_from, |addr| addr)
        })
    }

    /// Waits until there is a connection in the queue, and leaves it there. Another caller may accept it first.
    ///
    /// # Errors
    ///
    /// The errors of [`accept`](Self::accept) that do not concern a connection.
    pub fn wait_acceptable(&self) -> io::Result<()> {
        self.perform(Interest::Read, |wait| {
            if retry_interrupted(|| poll::has_input(self.fd.as_fd(), wait == Wait::InKernel))? {
                return Ok(());
            }
            Err(io::ErrorKind::WouldBlock.into())
        })?;
        // A Unix listener that was shut down looks for ever as if there were a connection.
        if self.is_read_shut()? {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(())
    }

    fn accept_once<A>(
        &self,
        wait: Wait,
        accept: impl Fn(BorrowedFd<'_>) -> io::Result<(OwnedFd, A)>,
        of: impl FnOnce(SockAddr) -> A,
    ) -> io::Result<(Io, A)> {
        if wait == Wait::Never {
            if self.source.is_exposed()
                && let Some(accept) = BY_RING.get()
                && let Some(accepted) = accept(self.fd.as_fd())
            {
                let (new, addr) = accepted?;
                return Ok((self.accepted(new), of(addr)));
            }
            // accept has no MSG_DONTWAIT, and another thread may take the last connection of a ready listener.
            self.force_nonblocking(Interest::Read)?;
        }
        let (new, addr) = retry_interrupted(|| accept(self.fd.as_fd()))?;
        Ok((self.accepted(new), addr))
    }

    fn accepted(&self, new: OwnedFd) -> Io {
        traffic::accepted();
        let mut io = Io::fresh(new);
        // The new socket is of the same kind as its listener.
        io.short_reads = self.short_reads;
        io.fd.of_listener(&self.fd);
        io
    }

    /// Replaces the error of a shut-down Unix listener. Such a listener returns `EINVAL` to a call that may wait, but
    /// `EAGAIN` for ever to one that may not.
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

    /// Connects to `addr`, within the deadline. A call that a signal interrupts is repeated, as in std. Corresponds to
    /// `connect(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform). `EINPROGRESS` for a socket that the user made non-blocking.
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
                // EALREADY means that an earlier call has begun the connection and met its deadline. Go on waiting.
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

    /// Begins to connect and does not wait for the result, in any mode.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the connect has begun or if the queue of a Unix listener is full. Otherwise the error of
    /// `connect(2)`.
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
        // If the attempt itself has set the mode permanently, the mode stays.
        if forced && !self.is_forced() {
            self.set_o_nonblock(false)?;
        }
        result
    }

    /// The result of a connect that [`try_connect`](Self::try_connect) has begun.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the connect has not ended. Otherwise its error.
    pub fn finish_connect(&self) -> io::Result<()> {
        self.once(Interest::Write, Reader::User, |_| self.connect_outcome())
    }

    /// The first step of a connect. A Unix listener with a full queue returns `EAGAIN`, and no event reports when there
    /// is room. So the call is repeated after a pause.
    fn connect_begin(&self, addr: &SockAddr, wait: Wait) -> io::Result<()> {
        let call_end = self.call_end(Interest::Write)?;
        let mut pause = Duration::from_millis(1);
        loop {
            let error = match self.connect_call(addr) {
                Err(e) if e.raw_os_error() == Some(libc::EAGAIN) && wait == Wait::Never => e,
                Err(e) if wait == Wait::InKernel && !CONNECT_RESUMES && has_begun(&e) => {
                    return self.wait_connected();
                }
                other => return or_connected(other),
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
        or_connected(self.connect_call(addr))
    }

    fn connect_call(&self, addr: &SockAddr) -> io::Result<()> {
        retry_interrupted(|| {
            // SAFETY: the address is live, and its length is right.
            cvt(unsafe { libc::connect(self.fd.as_raw_fd(), addr.as_ptr().cast(), addr.len()) })
        })
        .map(drop)
    }

    /// Waits on a plain thread for a connect that has begun. Systems whose `connect(2)` does not do that need it after
    /// a signal.
    fn wait_connected(&self) -> io::Result<()> {
        loop {
            poll::wait(self.fd.as_fd(), Interest::Write, Nanos::NEVER, [None, None])?;
            match self.connect_outcome() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// The result of a connect in progress, or `WouldBlock`. The readiness may be outdated, and `SO_ERROR` is 0 for an
    /// unfinished connect. So only `getpeername` proves success.
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

    /// Ends the connection of a datagram socket. Nothing is sent to the peer for this. Corresponds to `connect(2)` with
    /// `AF_UNSPEC`.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    pub fn disconnect(&self) -> io::Result<()> {
        // SAFETY: all-zero is a valid address, and AF_UNSPEC is 0.
        let addr: libc::sockaddr = unsafe { std::mem::zeroed() };
        let len = std::mem::size_of_val(&addr) as libc::socklen_t;
        // SAFETY: the address is live, and its length is right.
        let ended = cvt(unsafe { libc::connect(self.fd.as_raw_fd(), &raw const addr, len) });
        ended.map(drop).or_else(|error| {
            // macOS and FreeBSD end the connection, and then refuse the address.
            let peer = self.sock().peer_addr();
            if peer.is_err_and(|e| e.raw_os_error() == Some(libc::ENOTCONN)) {
                Ok(())
            } else {
                Err(error)
            }
        })
    }

    /// Waits until the peer has closed its side or is gone. Reads nothing.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn wait_hangup(&self) -> io::Result<()> {
        let nonblocking = self.user_nonblocking()?;
        self.perform(Interest::Hangup, |wait| {
            let waits = wait == Wait::InKernel && !nonblocking;
            loop {
                match retry_interrupted(|| poll::is_hung_up(self.fd.as_fd(), waits))? {
                    true => return Ok(()),
                    // The error queue of a datagram socket has an entry, which is not for this caller.
                    false if waits => park::sleep(Duration::from_millis(1)),
                    false => return Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        })
    }

    /// Whether the peer has closed its side or is gone.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_hung_up(&self) -> io::Result<bool> {
        poll::is_hung_up(self.fd.as_fd(), false)
    }

    /// Whether the connection has ended in both directions.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_gone(&self) -> io::Result<bool> {
        poll::is_gone(self.fd.as_fd())
    }

    /// Shuts down one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            // This comes before the call, because the waiter that its event wakes must see this flag.
            let shared = self.shared.get_or_init(Shared::fresh);
            shared.read_shut.store(true, Ordering::SeqCst);
        }
        self.sock().shutdown(how)?;
        if how != Shutdown::Read {
            // A sender may be between its attempt and its wait. It looks at this flag after it has entered the waiters.
            let shared = self.shared.get_or_init(Shared::fresh);
            shared.write_shut.store(true, Ordering::SeqCst);
        }
        // When a Unix socket's own write side is shut down, the kernel sends no event. Without this call, a process
        // that waits for room to send would wait for ever.
        self.each_source(|source| source.notify(READABLE | WRITABLE));
        Ok(())
    }

    /// Whether the read side was shut down, here or perhaps by code outside. A datagram socket reports that only to a
    /// call that may wait: that call returns 0, but a call with `MSG_DONTWAIT` returns `EAGAIN` for ever.
    pub(super) fn is_read_shut(&self) -> io::Result<bool> {
        let asked = |s: &Arc<Shared>| s.read_shut.load(Ordering::SeqCst);
        let perhaps = self.shared.get().is_some_and(asked) || self.is_shown();
        Ok(perhaps && poll::is_read_shut(self.fd.as_fd())?)
    }
}

/// Whether the error means that an earlier call has begun this connect, or has completed it.
fn has_begun(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EALREADY | libc::EISCONN))
}

/// Replaces the error of a socket that is connected. A signal had interrupted an attempt, and that attempt has gone on
/// and succeeded.
fn or_connected(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.raw_os_error() == Some(libc::EISCONN) => Ok(()),
        other => other,
    }
}

/// [`accept_by_ring`], once a descriptor was shown to other code. Before that no listener is shared. A program that shows
/// none does not contain the code for the ring.
static BY_RING: OnceLock<Accept> = OnceLock::new();

type Accept = fn(BorrowedFd<'_>) -> Option<io::Result<(OwnedFd, SockAddr)>>;

/// Call this before other code sees a descriptor.
pub(super) fn expect_sharing() {
    BY_RING.get_or_init(|| accept_by_ring);
}

/// Accepts a connection that is already in the queue, by a call that blocks in no mode. Other OS processes may share
/// the listener and clear its `O_NONBLOCK` at any moment, even between a check and `accept4(2)`. Returns `None` if
/// there is no `io_uring(7)`.
#[cold]
fn accept_by_ring(fd: BorrowedFd<'_>) -> Option<io::Result<(OwnedFd, SockAddr)>> {
    thread_local! {
        // Boxed, because hardly a thread has one, and each threadlike process has room for it.
        static ACCEPTS: RefCell<Option<Option<Box<Accepts>>>> = const { RefCell::new(None) };
    }
    let accepted = ACCEPTS.try_with(|ring| {
        let mut ring = ring.borrow_mut();
        let accepts = ring
            .get_or_insert_with(|| Accepts::new().ok().map(Box::new))
            .as_mut()?;
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

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;

    fn begin(addr: SocketAddr) -> Io {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let io = Io::adopt(socket.into());
        match io.try_connect(&addr.into()) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => panic!("{e}"),
            _ => io,
        }
    }

    #[test]
    fn a_connect_that_has_begun_is_waited_for_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let io = begin(addr);
        io.wait_connected().unwrap();
        // A second wait finds it there.
        io.wait_connected().unwrap();
        assert_eq!(io.sock().peer_addr().unwrap().as_socket(), Some(addr));
    }

    #[test]
    fn a_connect_that_is_refused_ends_the_wait_with_its_error() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let io = Io::adopt(socket.into());
        let begun = io.try_connect(&addr.into()).unwrap_err();
        if begun.kind() == io::ErrorKind::WouldBlock {
            let error = io.wait_connected().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        } else {
            assert_eq!(begun.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
