//! [`UnixListener`]: a socket that accepts connections over a Unix socket.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::path::Path;
use std::time::Instant;

use std_net_runtime::{Deadline, Io, Notifier, is_notified};

use super::addr::{from_kernel, from_path};
use super::{Socket, SocketAddr, UnixBuilder, UnixStream};

/// A Unix socket that accepts connections, as [`std::os::unix::net::UnixListener`].
///
/// Several processes and threads can accept on one listener at the same time. Each connection goes to
/// one of them. The listener is closed when it is dropped. The file of its path stays, unless
/// [`UnixBuilder::unlink_on_drop`](super::UnixBuilder::unlink_on_drop) is set.
///
/// # Examples
///
/// ```
/// use std_net::unix::{AddrText, SocketAddr, UnixListener, UnixStream};
///
/// let listener = UnixListener::bind_addr(&SocketAddr::from_text("@std_net-example-listener")?)?;
/// let client = UnixStream::connect_addr(&listener.local_addr()?)?;
/// let (server, peer) = listener.accept()?;
/// assert!(peer.is_unnamed());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "UnixServer")]
pub struct UnixListener(pub(super) Socket);

impl UnixListener {
    /// Binds to a path, which must not exist, and listens there.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) if the path exists (see
    /// [`UnixBuilder::rebind_stale`](super::UnixBuilder::rebind_stale)),
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long, ...
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_addr(&from_path(path.as_ref())?)
    }

    /// Binds to an address, which may be an abstract name, and listens there.
    ///
    /// # Errors
    ///
    /// The errors of [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixBuilder::new().listen_addr(addr)
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
        self.0.local_addr()
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
    /// use std_net::unix::{AddrText, SocketAddr, UnixListener};
    ///
    /// let listener = UnixListener::bind_addr(&SocketAddr::from_text("@std_net-example-accept")?)?;
    /// listener.set_deadline(Duration::from_millis(1));
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (io, addr) = self.0.0.accept()?;
        Ok((UnixStream(Socket(io)), from_kernel(&addr)?))
    }

    /// Takes a connection that has already arrived. It never waits, whatever the mode. Use it in an
    /// event loop of your own.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (io, addr) = self.0.0.try_accept()?;
        Ok((UnixStream(Socket(io)), from_kernel(&addr)?))
    }

    /// Returns an iterator over the connections as they arrive. It ends only when a
    /// [`notifier`](Self::notifier) ends it. An error does not end it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::unix::UnixListener;
    ///
    /// for stream in UnixListener::bind("/tmp/example.sock")?.incoming() {
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
    /// use std_net::unix::{self, SocketAddr, UnixListener};
    ///
    /// let listener = UnixListener::bind_addr(&SocketAddr::from_pathname("")?)?;
    /// let notifier = listener.notifier()?;
    /// let server = std::thread::spawn(move || {
    ///     for stream in listener.incoming() {
    ///         drop(stream);
    ///     }
    ///     listener.accept().unwrap_err()
    /// });
    /// notifier.notify();
    /// assert!(unix::is_notified(&server.join().unwrap()));
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
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        self.0.try_clone().map(UnixListener::from)
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

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(UnixListener, Socket::from);
std_net_runtime::std_traits!(UnixListener, std::os::unix::net::UnixListener);

impl From<Socket> for UnixListener {
    /// Turns a listening stream socket into a listener.
    fn from(socket: Socket) -> UnixListener {
        UnixListener(socket)
    }
}

impl From<UnixListener> for Socket {
    fn from(listener: UnixListener) -> Socket {
        listener.0
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("UnixListener");
        builder.field("fd", &self.io().fd_number());
        if let Ok(addr) = self.local_addr() {
            builder.field("local", &addr);
        }
        builder.finish()
    }
}

/// An iterator over the connections of a [`UnixListener`] as they arrive.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
    ended: bool,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        next(self.listener, &mut self.ended)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl FusedIterator for Incoming<'_> {}

/// Returns the next connection, or `None` after the listener's notifier has ended the iterator.
fn next(listener: &UnixListener, ended: &mut bool) -> Option<io::Result<UnixStream>> {
    if *ended {
        return None;
    }
    match listener.0.0.accept_any() {
        Err(error) if is_notified(&error) => {
            *ended = true;
            None
        }
        result => Some(result.map(|io| UnixStream(Socket(io)))),
    }
}
