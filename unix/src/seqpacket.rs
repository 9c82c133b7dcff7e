//! [`UnixSeqpacket`] and [`UnixSeqpacketListener`]: connections that keep messages apart, in order
//! and without loss (`SOCK_SEQPACKET`). std has no such type.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use std_net_runtime::{Deadline, Io, Notifier};

use super::addr::from_kernel;
use super::builder::Unlink;
use super::{Shutdown, Socket, SocketAddr, Type, UCred, UnixBuilder};

/// A connection that keeps messages apart: each [`send`](Self::send) is one
/// [`recv`](Self::recv) of the peer.
///
/// # Examples
///
/// ```
/// use std_net_unix::UnixSeqpacket;
///
/// let (a, b) = UnixSeqpacket::pair()?;
/// a.send(b"one")?;
/// a.send(b"two")?;
/// let mut buf = [0; 64];
/// assert_eq!(b.recv(&mut buf)?, 3);
/// assert_eq!(&buf[..3], b"one");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixSeqpacket(pub(super) Socket);

impl UnixSeqpacket {
    /// Connects to the listener at an address.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`](super::UnixStream::connect); `EPROTOTYPE` if the listener is of
    /// another type.
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixSeqpacket> {
        UnixSeqpacket::connect_deadline(addr, Deadline::NEVER)
    }

    /// Connects before the deadline. The connection itself has no deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); otherwise as [`connect_addr`](Self::connect_addr).
    pub fn connect_deadline(
        addr: &SocketAddr,
        deadline: impl Into<Deadline>,
    ) -> io::Result<UnixSeqpacket> {
        let socket = Socket::seqpacket()?;
        socket.timeout_after(deadline);
        socket.connect(addr)?;
        socket.reset_deadline();
        Ok(UnixSeqpacket(socket))
    }

    /// Two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixSeqpacket, UnixSeqpacket)> {
        Socket::pair(Type::SEQPACKET).map(|(a, b)| (UnixSeqpacket(a), UnixSeqpacket(b)))
    }

    /// The low-level socket, with every option. Shared access only: it stays this connection's.
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

    /// Receives one message; what does not fit into `buf` is lost. Returns 0 at the end of the
    /// connection (and for an empty message).
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }

    /// Receives one message and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Sends one message; returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`: `EMSGSIZE` if it is larger than the send buffer;
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// A second handle to the same connection; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixSeqpacket> {
        self.0.try_clone().map(UnixSeqpacket)
    }

    std_net_runtime::message_text_methods!(
        "# let (socket, peer) = std_net_unix::UnixSeqpacket::pair()?;"
    );
    std_net_runtime::message_file_methods!(
        "# let (socket, peer) = std_net_unix::UnixSeqpacket::pair()?;"
    );
    std_net_runtime::message_try_methods!(
        "# let (socket, peer) = std_net_unix::UnixSeqpacket::pair()?;"
    );
    std_net_runtime::waiting_methods!(
        "# let (socket, peer) = std_net_unix::UnixSeqpacket::pair()?;"
    );
    std_net_runtime::timeout_methods!(
        "# let (socket, peer) = std_net_unix::UnixSeqpacket::pair()?;"
    );

    /// Who the peer is; see [`Socket::peer_cred`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        self.0.peer_cred()
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(UnixSeqpacket, Socket::from);

impl From<Socket> for UnixSeqpacket {
    /// Takes a connected seqpacket socket.
    fn from(socket: Socket) -> UnixSeqpacket {
        UnixSeqpacket(socket)
    }
}

impl From<UnixSeqpacket> for Socket {
    fn from(connection: UnixSeqpacket) -> Socket {
        connection.0
    }
}

impl fmt::Debug for UnixSeqpacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixSeqpacket")
            .field("fd", &self.as_raw_fd())
            .finish_non_exhaustive()
    }
}

/// A socket that takes [`UnixSeqpacket`] connections. Made by
/// [`bind_addr`](Self::bind_addr) or [`UnixBuilder::listen_seqpacket`].
///
/// # Examples
///
/// ```
/// use std_net_unix::{AddrText, SocketAddr, UnixSeqpacket, UnixSeqpacketListener};
///
/// let addr = SocketAddr::from_text("@std_net-example-seqpacket")?;
/// let listener = UnixSeqpacketListener::bind_addr(&addr)?;
/// let client = UnixSeqpacket::connect_addr(&addr)?;
/// let (server, _) = listener.accept()?;
/// client.send(b"ping")?;
/// assert_eq!(server.read_string(16)?, "ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct UnixSeqpacketListener(
    pub(super) Socket,
    #[allow(dead_code, reason = "held for its drop")] pub(super) Option<Unlink>,
);

impl UnixSeqpacketListener {
    /// Binds to an address and listens.
    ///
    /// # Errors
    ///
    /// As [`UnixListener::bind`](super::UnixListener::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixSeqpacketListener> {
        UnixBuilder::new().listen_seqpacket(addr)
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
    /// As [`UnixListener::accept`](super::UnixListener::accept).
    pub fn accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let (io, addr) = self.0.0.accept()?;
        Ok((UnixSeqpacket(Socket(io)), from_kernel(&addr)?))
    }

    /// Takes a connection that is there already, and never waits, whatever the mode: for an event
    /// loop of your own.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let (io, addr) = self.0.0.try_accept()?;
        Ok((UnixSeqpacket(Socket(io)), from_kernel(&addr)?))
    }

    /// A handle that ends the accepts of this listener; see
    /// [`UnixListener::notifier`](super::UnixListener::notifier).
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`: too many descriptors.
    pub fn notifier(&self) -> io::Result<Notifier> {
        self.io().notifier()
    }

    std_net_runtime::waiting_methods!(
        "# use std_net_unix::{SocketAddr, UnixSeqpacketListener};
# let socket = UnixSeqpacketListener::bind_addr(&SocketAddr::from_pathname(\"\")?)?;"
    );

    fn io(&self) -> &Io {
        self.0.io()
    }
}

impl From<OwnedFd> for UnixSeqpacketListener {
    /// Takes a listening seqpacket socket.
    fn from(fd: OwnedFd) -> UnixSeqpacketListener {
        UnixSeqpacketListener(Socket::from(fd), None)
    }
}

impl AsFd for UnixSeqpacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
