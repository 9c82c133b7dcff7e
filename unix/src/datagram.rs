//! [`UnixDatagram`]: datagrams over Unix sockets.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use std_net_runtime::Io;

use super::addr::{from_kernel, from_path, to_kernel};
use super::{Shutdown, Socket, SocketAddr, Type, UnixBuilder};

/// A Unix datagram socket, as [`std::os::unix::net::UnixDatagram`].
///
/// # Examples
///
/// ```
/// use std_net_unix::UnixDatagram;
///
/// let (a, b) = UnixDatagram::pair()?;
/// a.send(b"ping")?;
/// let mut buf = [0; 64];
/// assert_eq!(b.recv(&mut buf)?, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram(pub(super) Socket);

impl UnixDatagram {
    /// Binds to a path, which must not exist.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) if the path exists,
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long, ...
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_addr(&from_path(path.as_ref())?)
    }

    /// Binds to an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixBuilder::new().datagram_addr(addr)
    }

    /// A socket without an address: it can send, and receive once it is connected.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Socket::datagram().map(UnixDatagram)
    }

    /// Two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        Socket::pair(Type::DGRAM).map(|(a, b)| (UnixDatagram(a), UnixDatagram(b)))
    }

    /// Sets the peer for [`send`](Self::send), and receives from it alone.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound),
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused), ...
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&from_path(path.as_ref())?)
    }

    /// The same with an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.connect(addr)
    }

    /// The low-level socket, with every option. Shared access only.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The address it is connected to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Receives one datagram and its sender's address; what does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// The error of `recvfrom(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf)
    }

    /// Receives one datagram and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.peek_from(buf)
    }

    /// Sends one datagram to a path; returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound),
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused), ...;
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &from_path(path.as_ref())?)
    }

    /// The same to an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, addr)
    }

    /// Receives one datagram from the connected peer; what does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }

    /// Receives one datagram from the connected peer and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Sends one datagram to the connected peer; returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`: [`NotConnected`](io::ErrorKind::NotConnected) without a peer; [`TimedOut`](io::ErrorKind::TimedOut)
    /// past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    /// A second handle to the same socket; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        self.0.try_clone().map(UnixDatagram)
    }

    std_net_runtime::message_text_methods!(
        "# let (socket, peer) = std_net_unix::UnixDatagram::pair()?;"
    );
    std_net_runtime::message_file_methods!(
        "# let (socket, peer) = std_net_unix::UnixDatagram::pair()?;"
    );
    /// Receives a datagram that is there already, and its sender's address; never waits, whatever
    /// the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`recv_from`](Self::recv_from).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.io().recv_from(buf, libc::MSG_DONTWAIT)?;
        Ok((n, from_kernel(&addr)?))
    }

    /// Sends a datagram if there is room for it; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.io()
            .send_to(buf, &to_kernel(addr)?, libc::MSG_DONTWAIT)
    }

    std_net_runtime::message_try_methods!(
        "# let (socket, peer) = std_net_unix::UnixDatagram::pair()?;"
    );
    std_net_runtime::waiting_methods!(
        "# let (socket, peer) = std_net_unix::UnixDatagram::pair()?;"
    );
    std_net_runtime::timeout_methods!(
        "# let (socket, peer) = std_net_unix::UnixDatagram::pair()?;"
    );

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(UnixDatagram, Socket::from);
std_net_runtime::std_traits!(UnixDatagram, std::os::unix::net::UnixDatagram);

impl From<Socket> for UnixDatagram {
    /// Takes a datagram socket.
    fn from(socket: Socket) -> UnixDatagram {
        UnixDatagram(socket)
    }
}

impl From<UnixDatagram> for Socket {
    fn from(socket: UnixDatagram) -> Socket {
        socket.0
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("UnixDatagram");
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
