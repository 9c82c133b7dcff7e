//! [`UdpSocket`]: UDP datagrams.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use std_net_runtime::Io;

use super::addr::{from_kernel, try_each};
use super::{Socket, ToSocketAddrs, UdpBuilder};

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// # Examples
///
/// ```
/// use std_net::socket::UdpSocket;
///
/// let a = UdpSocket::bind("127.0.0.1:0")?;
/// let b = UdpSocket::bind("127.0.0.1:0")?;
/// a.send_to(b"ping", b.local_addr()?)?;
/// let mut buf = [0; 64];
/// let (n, from) = b.recv_from(&mut buf)?;
/// assert_eq!((&buf[..n], from), (&b"ping"[..], a.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "DatagramChannel")]
#[doc(alias = "BoundDatagramSocket")]
pub struct UdpSocket(pub(super) Socket);

/// Options of std's `UdpSocket` that are the socket's.
macro_rules! forward {
    ($($set:ident, $get:ident: $type:ty;)*) => {$(
        #[doc = concat!("See [`Socket::", stringify!($set), "`].")]
        ///
        /// # Errors
        ///
        /// The error of `setsockopt(2)`.
        pub fn $set(&self, value: $type) -> io::Result<()> {
            self.0.$set(value)
        }

        #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") sets.")]
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn $get(&self) -> io::Result<$type> {
            self.0.$get()
        }
    )*};
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be bound.
    ///
    /// # Errors
    ///
    /// The error of the last address: [`AddrInUse`](io::ErrorKind::AddrInUse), ...
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        try_each(addr, |addr| UdpBuilder::new().bind_one(addr))
    }

    /// Sets the peer for [`send`](Self::send), and receives from it alone: the first of the
    /// addresses that can be. Nothing is sent.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)` for the last address.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let addrs: Vec<_> = addr
            .to_socket_addrs_deadline(self.deadline().into())?
            .collect();
        try_each(&addrs[..], |addr| self.0.connect(addr))
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
        self.0.local_addr().and_then(from_kernel)
    }

    /// The address it is connected to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr().and_then(from_kernel)
    }

    /// Receives one datagram and its sender's address; what does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// The error of `recvfrom(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.recv_from(buf)?;
        Ok((n, from_kernel(addr)?))
    }

    /// Receives one datagram and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.peek_from(buf)?;
        Ok((n, from_kernel(addr)?))
    }

    /// Sends one datagram to the first of the addresses; returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there is no address; the error of
    /// `sendto(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        match addr
            .to_socket_addrs_deadline(self.deadline().into())?
            .next()
        {
            Some(addr) => self.0.send_to(buf, addr),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no addresses to send data to",
            )),
        }
    }

    /// Receives one datagram from the connected peer; what does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`, [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if an
    /// earlier datagram was; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
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
    /// The error of `send(2)`: `EDESTADDRREQ` without a peer; [`TimedOut`](io::ErrorKind::TimedOut)
    /// past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    /// A second handle to the same socket; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        self.0.try_clone().map(UdpSocket)
    }

    std_net_runtime::message_text_methods!(
        "# let socket = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# socket.connect(peer.local_addr()?)?;
# peer.connect(socket.local_addr()?)?;"
    );
    std_net_runtime::message_file_methods!(
        "# let socket = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# socket.connect(peer.local_addr()?)?;
# peer.connect(socket.local_addr()?)?;"
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
        Ok((n, from_kernel(addr)?))
    }

    /// Sends a datagram if there is room for it; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.io().send_to(buf, &(*addr).into(), libc::MSG_DONTWAIT)
    }

    std_net_runtime::message_try_methods!(
        "# let socket = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;
# socket.connect(peer.local_addr()?)?;
# peer.connect(socket.local_addr()?)?;"
    );
    std_net_runtime::waiting_methods!(
        "# let socket = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;"
    );
    std_net_runtime::timeout_methods!(
        "# let socket = std_net::socket::UdpSocket::bind(\"127.0.0.1:0\")?;"
    );

    forward! {
        set_broadcast, broadcast: bool;
        set_multicast_loop_v4, multicast_loop_v4: bool;
        set_multicast_loop_v6, multicast_loop_v6: bool;
        set_multicast_ttl_v4, multicast_ttl_v4: u32;
        set_ttl, ttl: u32;
    }

    /// See [`Socket::join_multicast_v4`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.join_multicast_v4(multiaddr, interface)
    }

    /// See [`Socket::join_multicast_v6`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.join_multicast_v6(multiaddr, interface)
    }

    /// See [`Socket::leave_multicast_v4`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.leave_multicast_v4(multiaddr, interface)
    }

    /// See [`Socket::leave_multicast_v6`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.leave_multicast_v6(multiaddr, interface)
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(UdpSocket, Socket::from);
std_net_runtime::std_traits!(UdpSocket, std::net::UdpSocket);

impl From<Socket> for UdpSocket {
    /// Takes a UDP socket.
    fn from(socket: Socket) -> UdpSocket {
        UdpSocket(socket)
    }
}

impl From<UdpSocket> for Socket {
    fn from(socket: UdpSocket) -> Socket {
        socket.0
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut res = f.debug_struct("UdpSocket");
        if let Ok(addr) = self.local_addr() {
            res.field("addr", &addr);
        }
        res.field("fd", &self.as_raw_fd()).finish()
    }
}
