//! The low-level socket: the calls of `socket(7)`, one method each. Not its options; see `options`.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use socket2::{Domain, Type};
use std_net_runtime::Io;

use super::addr::{from_kernel, to_kernel};
use super::credentials::{self, UCred};
use super::{Shutdown, SocketAddr};

/// A Unix socket as the kernel has it, with every call and option; what Inko's
/// `std.net.socket.UnixSocket` offers, waiting as everything here does: on a plain thread it
/// blocks, in a process it parks.
///
/// Under every high-level type: [`UnixStream::socket`](super::UnixStream::socket) and its like lend
/// it, and each type can be made from one. The methods name the system call they are; see its man
/// page.
///
/// # Examples
///
/// ```
/// use std_net_unix::{AddrText, Socket, SocketAddr};
///
/// let receiver = Socket::datagram()?;
/// let addr = SocketAddr::from_text("@std_net-example-socket")?;
/// receiver.bind(&addr)?;
/// Socket::datagram()?.send_to(b"ping", &addr)?;
/// let mut buf = [0; 16];
/// let (n, from) = receiver.recv_from(&mut buf)?;
/// assert_eq!(&buf[..n], b"ping");
/// assert!(from.is_unnamed());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Socket(pub(super) Io);

impl Socket {
    /// A new socket, close-on-exec. Corresponds to `socket(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`.
    pub fn new(ty: Type) -> io::Result<Socket> {
        Io::socket(Domain::UNIX, ty, None).map(|io| Socket(with_short_reads(io, ty)))
    }

    /// A new stream socket.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn stream() -> io::Result<Socket> {
        Socket::new(Type::STREAM)
    }

    /// A new datagram socket.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn datagram() -> io::Result<Socket> {
        Socket::new(Type::DGRAM)
    }

    /// A new socket for connections that keep messages apart.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn seqpacket() -> io::Result<Socket> {
        Socket::new(Type::SEQPACKET)
    }

    /// Two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair(ty: Type) -> io::Result<(Socket, Socket)> {
        let (a, b) = Io::pair(Domain::UNIX, ty, None)?;
        Ok((
            Socket(with_short_reads(a, ty)),
            Socket(with_short_reads(b, ty)),
        ))
    }

    /// Gives it an address. Corresponds to `bind(2)`.
    ///
    /// # Errors
    ///
    /// The error of `bind(2)`: [`AddrInUse`](io::ErrorKind::AddrInUse) if the path
    /// exists, [`NotFound`](io::ErrorKind::NotFound) if its directory does not.
    pub fn bind(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.sock().bind(&to_kernel(addr)?)
    }

    /// Connects it. Corresponds to `connect(2)`; waits within the deadline.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn connect(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.connect(&to_kernel(addr)?)
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
    pub fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        let (io, addr) = self.0.accept()?;
        Ok((Socket(io), from_kernel(&addr)?))
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
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.recv_from(buf, 0)?;
        Ok((n, from_kernel(&addr)?))
    }

    /// Receives one message and its sender's address and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.recv_from(buf, libc::MSG_PEEK)?;
        Ok((n, from_kernel(&addr)?))
    }

    /// Sends one message to an address. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_to(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, &to_kernel(addr)?, 0)
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
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0
            .sock()
            .local_addr()
            .and_then(|addr| from_kernel(&addr))
    }

    /// The address it is connected to. Corresponds to `getpeername(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getpeername(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0
            .sock()
            .peer_addr()
            .and_then(|addr| from_kernel(&addr))
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
        "# let (socket, peer) = std_net_unix::Socket::pair(std_net_unix::Type::STREAM)?;"
    );
    std_net_runtime::waiting_methods!("# let socket = std_net_unix::Socket::stream()?;");
    std_net_runtime::timeout_methods!("# let socket = std_net_unix::Socket::stream()?;");

    /// Who the peer is. Corresponds to `SO_PEERCRED`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        credentials::peer_cred(&self.0)
    }

    /// A descriptor for the peer's OS process, which cannot come to mean another one. Corresponds
    /// to `SO_PEERPIDFD` (Linux 6.5).
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`: `ENOPROTOOPT` on an older kernel.
    pub fn peer_pidfd(&self) -> io::Result<OwnedFd> {
        credentials::peer_pidfd(&self.0)
    }

    pub(super) fn io(&self) -> &Io {
        &self.0
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

/// Says of a stream what a short read means there.
fn with_short_reads(io: Io, ty: Type) -> Io {
    if ty == Type::STREAM {
        io.short_read_drains_unless_cut()
    } else {
        io
    }
}
