//! [`UnixStream`]: a connection over a Unix socket.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use std_net_runtime::{Deadline, Io};

use super::addr::from_path;
use super::{Shutdown, Socket, SocketAddr, Type, UCred};

/// A connection over a Unix socket, as [`std::os::unix::net::UnixStream`].
///
/// Reads and writes wait: on a plain thread they block, in a process they park it. Shared
/// references read and write too, so that one process can read while another writes. Closed when
/// dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std_net_unix::UnixStream;
///
/// let (mut a, mut b) = UnixStream::pair()?;
/// a.write_all(b"ping")?;
/// let mut buf = [0; 4];
/// b.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "UnixClient")]
pub struct UnixStream(pub(super) Socket);

impl UnixStream {
    /// Connects to the listener at a path.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if there is nothing,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody listens,
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&from_path(path.as_ref())?)
    }

    /// Connects to the listener at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_unix::{AddrText, SocketAddr, UnixListener, UnixStream};
    ///
    /// let addr = SocketAddr::from_text("@std_net-example-stream")?;
    /// let _listener = UnixListener::bind_addr(&addr)?;
    /// let stream = UnixStream::connect_addr(&addr)?;
    /// assert_eq!(stream.peer_addr()?.display().to_string(), "@std_net-example-stream");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_deadline(addr, Deadline::NEVER)
    }

    /// Connects before the deadline: a listener whose queue is full makes it wait. The connection
    /// itself has no deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); otherwise as [`connect`](Self::connect).
    pub fn connect_deadline(
        addr: &SocketAddr,
        deadline: impl Into<Deadline>,
    ) -> io::Result<UnixStream> {
        let socket = Socket::stream()?;
        socket.timeout_after(deadline);
        socket.connect(addr)?;
        socket.reset_deadline();
        Ok(UnixStream(socket))
    }

    /// Two connected streams. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        Socket::pair(Type::STREAM).map(|(a, b)| (UnixStream(a), UnixStream(b)))
    }

    /// The low-level socket, with every option. Shared access only: it stays this stream's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (stream, _peer) = std_net_unix::UnixStream::pair()?;
    /// stream.socket().set_passcred(true)?;
    /// assert!(stream.socket().passcred()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Ends one or both directions: the peer sees the end of the stream, reads here return 0.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (stream, peer) = std_net_unix::UnixStream::pair()?;
    /// stream.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(peer.read_string(8)?, "");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// A second handle to the same connection; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        self.0.try_clone().map(UnixStream)
    }

    /// Receives into `buf` and leaves the data in the queue.
    ///
    /// # Errors
    ///
    /// As a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    std_net_runtime::stream_text_methods!(
        "# let (socket, peer) = std_net_unix::UnixStream::pair()?;"
    );
    std_net_runtime::stream_file_methods!(
        "# let (socket, peer) = std_net_unix::UnixStream::pair()?;"
    );
    std_net_runtime::stream_try_methods!(
        "# let (socket, peer) = std_net_unix::UnixStream::pair()?;"
    );
    std_net_runtime::batching_methods!("# let (socket, peer) = std_net_unix::UnixStream::pair()?;");
    std_net_runtime::waiting_methods!("# let (socket, peer) = std_net_unix::UnixStream::pair()?;");
    std_net_runtime::timeout_methods!("# let (socket, peer) = std_net_unix::UnixStream::pair()?;");

    /// Who the peer is; see [`Socket::peer_cred`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        self.0.peer_cred()
    }

    /// A descriptor for the peer's OS process; see [`Socket::peer_pidfd`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`: `ENOPROTOOPT` before Linux 6.5.
    pub fn peer_pidfd(&self) -> io::Result<OwnedFd> {
        self.0.peer_pidfd()
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::stream_traits!(UnixStream);
std_net_runtime::descriptor_traits!(UnixStream, Socket::from);
std_net_runtime::std_traits!(UnixStream, std::os::unix::net::UnixStream);

impl From<Socket> for UnixStream {
    /// Takes a connected stream socket.
    fn from(socket: Socket) -> UnixStream {
        UnixStream(socket)
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Socket {
        stream.0
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("UnixStream");
        builder.field("fd", &self.as_raw_fd());
        if let Ok(addr) = self.local_addr() {
            builder.field("local", &addr);
        }
        if let Ok(addr) = self.peer_addr() {
            builder.field("peer", &addr);
        }
        builder.finish()
    }
}
