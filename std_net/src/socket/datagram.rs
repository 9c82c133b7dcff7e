//! [`UdpSocket`]: UDP datagrams.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use std_net_runtime::{Deadline, Io};

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

impl UdpSocket {
    /// Binds to the first of the addresses that can be bound.
    ///
    /// # Errors
    ///
    /// The error of the last address, such as [`AddrInUse`](io::ErrorKind::AddrInUse).
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        try_each("bind to", addr, |addr| UdpBuilder::new().bind_one(addr))
    }

    /// Sets the peer for [`send`](Self::send), and receives only from this peer. It uses the first of
    /// the addresses that works. Nothing is sent.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)` for the last address.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let addrs: Vec<_> = addr
            .to_socket_addrs_deadline(self.deadline().into())?
            .collect();
        try_each("connect to", &addrs[..], |addr| self.0.connect(addr))
    }

    /// Undoes [`connect`](Self::connect): the socket receives from every sender again. It keeps its own
    /// address.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::socket::UdpSocket;
    /// let (a, b) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// a.connect(b.local_addr()?)?;
    /// a.disconnect()?;
    /// assert!(a.peer_addr().is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disconnect(&self) -> io::Result<()> {
        let own = self.local_addr();
        self.0.disconnect()?;
        // The disconnect releases a port that the kernel has chosen, so bind to it again.
        match (own, self.local_addr()) {
            (Ok(own), Ok(now)) if now.port() == 0 && own.port() != 0 => self.0.bind(own),
            _ => Ok(()),
        }
    }

    /// Returns the low-level socket, with every option, as a shared reference.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// Returns the address it is bound to.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr().and_then(from_kernel)
    }

    /// Returns the address it is connected to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if it is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr().and_then(from_kernel)
    }

    /// Receives one datagram and its sender's address. Bytes that do not fit into `buf` are lost.
    ///
    /// # Errors
    ///
    /// The error of `recvfrom(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.recv_from(buf)?;
        Ok((n, from_kernel(addr)?))
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the datagram in the queue.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.0.peek_from(buf)?;
        Ok((n, from_kernel(addr)?))
    }

    /// Sends one datagram to the first of the addresses. Returns its length in bytes.
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

    /// Receives one datagram from the connected peer. Bytes that do not fit into `buf` are lost.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`, which is [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if an
    /// earlier datagram was refused; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }

    /// Receives one datagram from the connected peer and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Sends one datagram to the connected peer. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`: `EDESTADDRREQ` without a peer; [`TimedOut`](io::ErrorKind::TimedOut)
    /// past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    /// Returns a second handle to the same socket; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`, if there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        self.0.try_clone().map(UdpSocket)
    }

    /// Receives one message of up to `size` bytes as text. As with [`recv`](Self::recv), the bytes
    /// beyond `size` are lost.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the message is not UTF-8, for example because
    /// `size` cuts off a character. The error holds a [`FromUtf8Error`](std::string::FromUtf8Error)
    /// with the bytes. Otherwise the error of the receive.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// peer.write_string("ping")?;
    /// assert_eq!(socket.read_string(64)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_string(&self, size: usize) -> io::Result<String> {
        std_net_runtime::text::read_string(self.io(), size, false)
    }

    /// Receives one message of up to `size` bytes, and appends it to `buf`. Returns its length in
    /// bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv); [`OutOfMemory`](io::ErrorKind::OutOfMemory) if there is no
    /// room for `size` bytes. After an error `buf` is unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// peer.write_bytes(b"abc")?;
    /// let mut buf = Vec::new();
    /// assert_eq!(socket.read_bytes(&mut buf, 16)?, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> io::Result<usize> {
        std_net_runtime::text::read_bytes(self.io(), buf, size)
    }

    /// Sends `text` as one message to the connected peer.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// socket.write_string("ping")?;
    /// assert_eq!(peer.read_string(64)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_string(&self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    /// Sends `bytes` as one message to the connected peer.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        // A message is sent whole or not at all.
        self.send(bytes).map(drop)
    }

    /// Sends a range of a file as one message, by a copy. The range is in bytes from the file's
    /// beginning. The file's own cursor does not move.
    ///
    /// Returns how many bytes were sent. These are fewer than the range has if the file ends before.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` for more bytes than a message can hold; otherwise the error of the send or of reading
    /// the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// use std::fs::File;
    ///
    /// let path = std::env::temp_dir().join(format!("send_file-m-{}", std::process::id()));
    /// std::fs::write(&path, "0123456789")?;
    /// assert_eq!(socket.send_file(&File::open(&path)?, 2..5)?, 3);
    /// assert_eq!(peer.read_string(10)?, "234");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_file(
        &self,
        file: &std::fs::File,
        range: impl std::ops::RangeBounds<u64>,
    ) -> io::Result<u64> {
        std_net_runtime::sendfile::send_file_message(self.io(), file, range)
    }

    /// Receives a datagram that has already arrived, and its sender's address. It never waits, whatever
    /// the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`recv_from`](Self::recv_from).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, addr) = self.io().recv_from(buf, libc::MSG_DONTWAIT)?;
        Ok((n, from_kernel(addr)?))
    }

    /// Sends a datagram if there is room for it. It never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.io().send_to(buf, &(*addr).into(), libc::MSG_DONTWAIT)
    }

    /// Receives a message that has already arrived, and never waits: see [`Socket::try_recv`].
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_recv(buf)
    }

    /// Sends a message if there is room, and never waits: see [`Socket::try_send`].
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of [`send`](Self::send).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_send(buf)
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

    /// Sets how long each read may wait for data: see [`Socket::set_read_timeout`].
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration; the error of `setsockopt(2)`.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(timeout)
    }

    /// Sets how long each write may wait for room: see [`Socket::set_write_timeout`].
    ///
    /// # Errors
    ///
    /// The errors of [`set_read_timeout`](Self::set_read_timeout).
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_write_timeout(timeout)
    }

    /// Returns how long each read may wait: see [`Socket::read_timeout`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.0.read_timeout()
    }

    /// Returns how long each write may wait: see [`Socket::write_timeout`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.0.write_timeout()
    }

    /// Sets whether datagrams may go to a broadcast address: see [`Socket::set_broadcast`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.0.set_broadcast(on)
    }

    /// Returns the value that [`set_broadcast`](Self::set_broadcast) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.broadcast()
    }

    /// Sets whether the host gets its own multicast datagrams over IPv4: see [`Socket::set_multicast_loop_v4`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.0.set_multicast_loop_v4(on)
    }

    /// Returns the value that [`set_multicast_loop_v4`](Self::set_multicast_loop_v4) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.multicast_loop_v4()
    }

    /// Sets whether the host gets its own multicast datagrams over IPv6: see [`Socket::set_multicast_loop_v6`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.0.set_multicast_loop_v6(on)
    }

    /// Returns the value that [`set_multicast_loop_v6`](Self::set_multicast_loop_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.multicast_loop_v6()
    }

    /// Sets how many hops multicast datagrams go over IPv4: see [`Socket::set_multicast_ttl_v4`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.0.set_multicast_ttl_v4(ttl)
    }

    /// Returns the value that [`set_multicast_ttl_v4`](Self::set_multicast_ttl_v4) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.multicast_ttl_v4()
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
    /// Turns a low-level UDP socket into this type.
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
        res.field("fd", &self.io().fd_number()).finish()
    }
}
