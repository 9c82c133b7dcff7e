//! [`TcpListener`]: a socket that accepts TCP connections.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::time::Instant;

use std_net_runtime::{Deadline, Io, Notifier, is_notified};

use super::addr::{from_kernel, peer_from_kernel, try_each};
use super::{Socket, TcpBuilder, TcpStream, ToSocketAddrs};

/// A TCP socket that accepts connections, as [`std::net::TcpListener`].
///
/// Several processes and threads can accept on one listener at the same time. Each connection goes to
/// one of them. The listener is closed when it is dropped.
///
/// # Examples
///
/// ```
/// use std_net::socket::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let (server, peer) = listener.accept()?;
/// assert_eq!(peer, client.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "TcpServer")]
#[doc(alias = "ServerSocket")]
#[doc(alias = "AsynchronousServerSocketChannel")]
pub struct TcpListener(pub(super) Socket);

impl TcpListener {
    /// Binds to the first of the addresses that can be bound, and listens there. With port 0 the system
    /// chooses the port; [`local_addr`](Self::local_addr) returns it. As in std, `SO_REUSEADDR` is set.
    /// Unlike in std, where 128 connections may wait to be accepted, the number is the most that the
    /// system allows: see [`TcpBuilder::backlog`].
    ///
    /// # Errors
    ///
    /// The error of the last address, such as [`AddrInUse`](io::ErrorKind::AddrInUse) or
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied).
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        try_each("listen on", addr, |addr| TcpBuilder::new().listen_one(addr))
    }

    /// Returns the low-level socket, with every option, as a shared reference.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// Returns the address it listens on.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr().and_then(from_kernel)
    }

    /// Waits for the next connection. Returns it with its peer's address.
    ///
    /// # Errors
    ///
    /// The error of `accept4(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; an error for
    /// which [`is_notified`](super::is_notified) is true when a [`notifier`](Self::notifier) ends the
    /// accept. If there are too many descriptors, the connection stays in the queue for a later accept.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::socket::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_deadline(Duration::from_millis(1));
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (io, addr) = self.0.0.accept()?;
        Ok((TcpStream(Socket(io)), peer_from_kernel(&addr)?))
    }

    /// Takes a connection that has already arrived. It never waits, whatever the mode. Use it in an
    /// event loop of your own.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (io, addr) = self.0.0.try_accept()?;
        Ok((TcpStream(Socket(io)), peer_from_kernel(&addr)?))
    }

    /// Returns an iterator over the connections as they arrive. It ends only when a
    /// [`notifier`](Self::notifier) ends it. An error does not end it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::socket::TcpListener;
    ///
    /// for stream in TcpListener::bind("127.0.0.1:8080")?.incoming() {
    ///     println!("{:?}", stream?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            listener: self,
            ended: false,
        }
    }

    /// Like [`incoming`](Self::incoming), but the iterator owns the listener.
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming {
            listener: self,
            ended: false,
        }
    }

    /// Returns a handle that ends the accepts of this listener from anywhere, for a graceful shutdown.
    /// Make it before the first accept, because it cannot end an accept in which a plain thread already
    /// waits.
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`, if there are too many descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::socket::{self, TcpListener};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let notifier = listener.notifier()?;
    /// let server = std::thread::spawn(move || {
    ///     for stream in listener.incoming() {
    ///         drop(stream);
    ///     }
    ///     listener.accept().unwrap_err()
    /// });
    /// notifier.notify();
    /// assert!(socket::is_notified(&server.join().unwrap()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn notifier(&self) -> io::Result<Notifier> {
        self.io().notifier()
    }

    /// Returns a second handle to the same listener; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`, if there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        self.0.try_clone().map(TcpListener)
    }

    /// Sets the deadline of this handle: see [`Socket::set_deadline`].
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.0.set_deadline(deadline);
    }

    /// Returns the deadline of this handle as an instant.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Removes the deadline: operations wait for as long as they must.
    pub fn reset_deadline(&self) {
        self.0.reset_deadline();
    }

    /// Chooses whether operations wait or fail with [`WouldBlock`](io::ErrorKind::WouldBlock): see
    /// [`Socket::set_nonblocking`].
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.set_nonblocking(nonblocking)
    }

    /// Takes the pending error: see [`Socket::take_error`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    /// Sets how many hops sent packets may go: see [`Socket::set_ttl`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.set_ttl(ttl)
    }

    /// Returns the value that [`set_ttl`](Self::set_ttl) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.ttl()
    }

    /// This has an effect only before a bind, as std says of its own method. Use
    /// [`TcpBuilder::only_v6`](super::TcpBuilder::only_v6) instead.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[deprecated = "it has no effect on a bound socket; use TcpBuilder::only_v6"]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.0.set_only_v6(only_v6)
    }

    /// Returns whether the socket takes IPv6 only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[deprecated = "std's is; use socket().only_v6()"]
    pub fn only_v6(&self) -> io::Result<bool> {
        self.0.only_v6()
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(TcpListener, |fd| Socket::from(fd).into_tcp());
std_net_runtime::std_traits!(TcpListener, std::net::TcpListener);

impl From<Socket> for TcpListener {
    /// Turns a listening TCP socket into a listener.
    fn from(socket: Socket) -> TcpListener {
        TcpListener(socket.into_tcp())
    }
}

impl From<TcpListener> for Socket {
    fn from(listener: TcpListener) -> Socket {
        listener.0
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut res = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            res.field("addr", &addr);
        }
        res.field("fd", &self.io().fd_number()).finish()
    }
}

/// An iterator over the connections of a [`TcpListener`] as they arrive.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    ended: bool,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        next(self.listener, &mut self.ended)
    }
}

/// Like [`Incoming`], but it owns the [`TcpListener`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoIncoming {
    listener: TcpListener,
    ended: bool,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        next(&self.listener, &mut self.ended)
    }
}

impl FusedIterator for Incoming<'_> {}

impl FusedIterator for IntoIncoming {}

/// Returns the next connection, or `None` after the listener's notifier has ended the iterator.
fn next(listener: &TcpListener, ended: &mut bool) -> Option<io::Result<TcpStream>> {
    if *ended {
        return None;
    }
    match listener.0.0.accept_any() {
        Err(error) if is_notified(&error) => {
            *ended = true;
            None
        }
        result => Some(result.map(|io| TcpStream(Socket(io)))),
    }
}
