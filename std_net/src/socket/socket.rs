//! The low-level socket: the calls of `socket(7)`, one method each. Not its options; see `options`.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, SockAddr, Type};
use std_net_runtime::Io;

use super::Shutdown;

/// A socket as the kernel has it, with every call and option; what Inko's `std.net.socket.Socket`
/// and the `socket2` crate offer, waiting as everything here does: on a plain thread it blocks, in
/// a process it parks.
///
/// Under every high-level type: [`TcpStream::socket`](super::TcpStream::socket) and its like lend
/// it, and each type can be made from one. The methods name the system call they are; see its man
/// page.
///
/// # Examples
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
/// use std_net::socket::{Domain, Socket, TcpListener};
///
/// let socket = Socket::stream(Domain::IPV4)?;
/// socket.set_reuse_address(true)?;
/// socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
/// socket.listen(16)?;
/// let listener = TcpListener::from(socket);
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "AsynchronousSocketChannel")]
pub struct Socket(pub(super) Io);

impl Socket {
    /// A new socket, close-on-exec. Corresponds to `socket(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`: `EAFNOSUPPORT` or `EPROTONOSUPPORT` for what the kernel lacks,
    /// `EPERM` for a raw socket without `CAP_NET_RAW`.
    pub fn new(domain: Domain, ty: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        let io = Io::socket(domain, ty, protocol)?;
        let inet = domain == Domain::IPV4 || domain == Domain::IPV6;
        let tcp = protocol.is_none() || protocol == Some(Protocol::TCP);
        Ok(Socket(if inet && ty == Type::STREAM && tcp {
            io.short_read_drains()
        } else {
            io
        }))
    }

    /// A new stream socket: TCP for [`Domain::IPV4`] and [`Domain::IPV6`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn stream(domain: Domain) -> io::Result<Socket> {
        Socket::new(domain, Type::STREAM, None)
    }

    /// A new datagram socket: UDP for [`Domain::IPV4`] and [`Domain::IPV6`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn datagram(domain: Domain) -> io::Result<Socket> {
        Socket::new(domain, Type::DGRAM, None)
    }

    /// A new raw socket for the packets of one protocol. Needs `CAP_NET_RAW`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn raw(domain: Domain, protocol: Protocol) -> io::Result<Socket> {
        Socket::new(domain, Type::RAW, Some(protocol))
    }

    /// Gives it an address. Corresponds to `bind(2)`.
    ///
    /// # Errors
    ///
    /// The error of `bind(2)`: [`AddrInUse`](io::ErrorKind::AddrInUse),
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable), `EAFNOSUPPORT` for an address of
    /// another family.
    pub fn bind(&self, addr: impl Into<SockAddr>) -> io::Result<()> {
        self.0.sock().bind(&addr.into())
    }

    /// Connects it. Corresponds to `connect(2)`; waits within the deadline.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn connect(&self, addr: impl Into<SockAddr>) -> io::Result<()> {
        self.0.connect(&addr.into())
    }

    /// Makes it take connections, of which `backlog` may wait to be accepted; -1 is the most the
    /// system allows. Corresponds to `listen(2)`.
    ///
    /// # Errors
    ///
    /// The error of `listen(2)`.
    pub fn listen(&self, backlog: i32) -> io::Result<()> {
        self.0.sock().listen(backlog)
    }

    /// Takes the next connection and its peer's address. Corresponds to `accept4(2)`.
    ///
    /// # Errors
    ///
    /// The error of `accept4(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn accept(&self) -> io::Result<(Socket, SockAddr)> {
        let (io, addr) = self.0.accept()?;
        // The same kind of socket, so the same rule.
        Ok((
            Socket(if self.0.drains() {
                io.short_read_drains()
            } else {
                io
            }),
            addr,
        ))
    }

    /// Receives into `buf`, up to its length in bytes. Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }

    /// Receives and leaves the data in the queue. Corresponds to `recv(2)` with `MSG_PEEK`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, libc::MSG_PEEK)
    }

    /// Sends from `buf`; returns how many bytes were taken. Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, 0)
    }

    /// Receives one message and its sender's address. Corresponds to `recvfrom(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SockAddr)> {
        self.0.recv_from(buf, 0)
    }

    /// Receives one message and its sender's address and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SockAddr)> {
        self.0.recv_from(buf, libc::MSG_PEEK)
    }

    /// Sends one message to an address. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_to(&self, buf: &[u8], addr: impl Into<SockAddr>) -> io::Result<usize> {
        self.0.send_to(buf, &addr.into(), 0)
    }

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// The address it is bound to. Corresponds to `getsockname(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SockAddr> {
        self.0.sock().local_addr()
    }

    /// The address it is connected to. Corresponds to `getpeername(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getpeername(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn peer_addr(&self) -> io::Result<SockAddr> {
        self.0.sock().peer_addr()
    }

    /// A second handle to the same socket. It has the deadline of this one at this moment, and
    /// shares everything else. Corresponds to `fcntl(F_DUPFD_CLOEXEC)`.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`.
    pub fn try_clone(&self) -> io::Result<Socket> {
        self.0.try_clone().map(Socket)
    }

    std_net_runtime::message_try_methods!(
        "# use std_net::socket::{Domain, Socket, UdpSocket};
# let socket = Socket::from(UdpSocket::bind(\"127.0.0.1:0\")?);
# let peer = Socket::from(UdpSocket::bind(\"127.0.0.1:0\")?);
# peer.connect(socket.local_addr()?)?;"
    );
    std_net_runtime::waiting_methods!(
        "# let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;"
    );
    std_net_runtime::timeout_methods!(
        "# let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;"
    );

    pub(super) fn io(&self) -> &Io {
        &self.0
    }

    /// Marks a socket that came from outside as TCP.
    pub(super) fn into_tcp(self) -> Socket {
        Socket(self.0.short_read_drains())
    }
}

std_net_runtime::descriptor_traits!(Socket, Io::adopt);
std_net_runtime::stream_traits!(Socket);

impl From<socket2::Socket> for Socket {
    fn from(socket: socket2::Socket) -> Socket {
        Socket::from(OwnedFd::from(socket))
    }
}

impl From<Socket> for socket2::Socket {
    fn from(socket: Socket) -> socket2::Socket {
        OwnedFd::from(socket).into()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::os::fd::AsRawFd;
        f.debug_struct("Socket")
            .field("fd", &self.as_raw_fd())
            .finish()
    }
}
