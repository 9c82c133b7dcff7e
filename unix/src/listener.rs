//! [`UnixListener`]: where connections over a Unix socket come in.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::path::Path;
use std::time::Instant;

use std_net_runtime::{Deadline, Io, Notifier, is_notified};

use super::addr::{from_kernel, from_path};
use super::{Socket, SocketAddr, UnixBuilder, UnixStream};

/// A Unix socket that takes connections, as [`std::os::unix::net::UnixListener`].
///
/// Several processes and threads can accept on one listener at the same time; each connection goes
/// to one of them. Closed when dropped; the file of its path stays, unless
/// [`UnixBuilder::unlink_on_drop`](super::UnixBuilder::unlink_on_drop) was asked for.
///
/// # Examples
///
/// ```
/// use std_net_unix::{AddrText, SocketAddr, UnixListener, UnixStream};
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
    /// Binds to a path, which must not exist, and listens.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) if the path exists (see
    /// [`UnixBuilder::rebind_stale`](super::UnixBuilder::rebind_stale)),
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long, ...
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_addr(&from_path(path.as_ref())?)
    }

    /// Binds to an address, which may be an abstract name, and listens.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixBuilder::new().listen_addr(addr)
    }

    /// The low-level socket, with every option. Shared access only: it stays this listener's.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits for the next connection; returns it with its peer's address.
    ///
    /// # Errors
    ///
    /// The error of `accept4(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; that of
    /// [`is_notified`](super::is_notified) when a [`notifier`](Self::notifier) interrupts it. At the
    /// limit of descriptors the connection stays in the queue, and a later accept finds it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net_unix::{AddrText, SocketAddr, UnixListener};
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

    /// Takes a connection that is there already, and never waits, whatever the mode: for an event
    /// loop of your own.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (io, addr) = self.0.0.try_accept()?;
        Ok((UnixStream(Socket(io)), from_kernel(&addr)?))
    }

    /// The connections as they come. Ends only when a [`notifier`](Self::notifier) says so; an error
    /// does not end it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net_unix::UnixListener;
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

    /// A handle that ends the accepts of this listener, from anywhere: for a graceful shutdown. Make it
    /// before the first accept: a plain thread that is in one already is not told.
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`: too many descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_unix::{self as unix, SocketAddr, UnixListener};
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

    /// A second handle to the same listener; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        self.0.try_clone().map(UnixListener::from)
    }

    /// Sets the deadline of this handle: see [`Socket::set_deadline`].
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.0.set_deadline(deadline);
    }

    /// The instant of the deadline set on this handle.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Takes the deadline away: operations wait for as long as it takes.
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
    /// Takes a listening stream socket.
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

/// The connections of a [`UnixListener`] as they come.
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

/// The next connection; none any more once the listener's notifier has said so.
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
