//! [`UnixDatagram`]: datagrams over Unix sockets.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use std_net_runtime::{Deadline, Io};

use super::addr::{from_kernel, from_path, named, to_kernel};
use super::{Shutdown, Socket, SocketAddr, Type, UnixBuilder};

/// A Unix datagram socket, as [`std::os::unix::net::UnixDatagram`].
///
/// # Examples
///
/// ```
/// use std_net::unix::UnixDatagram;
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
    /// The errors of [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixBuilder::new().datagram_addr(addr)
    }

    /// Makes a socket without an address. It can send, and it can receive once it is connected.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Socket::datagram().map(UnixDatagram)
    }

    /// Makes two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        Socket::pair(Type::DGRAM).map(|(a, b)| (UnixDatagram(a), UnixDatagram(b)))
    }

    /// Sets the peer for [`send`](Self::send), and receives only from this peer.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`, such as [`NotFound`](io::ErrorKind::NotFound) or
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&from_path(path.as_ref())?)
    }

    /// Like [`connect`](Self::connect), with an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// The errors of [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0
            .connect(addr)
            .map_err(|e| named("connect to", addr, e))
    }

    /// Undoes [`connect`](Self::connect): the socket receives from every sender again. It keeps its own
    /// address.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    pub fn disconnect(&self) -> io::Result<()> {
        self.0.disconnect()
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
        self.0.local_addr()
    }

    /// Returns the address it is connected to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) if it is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Receives one datagram and its sender's address. Bytes that do not fit into `buf` are lost.
    ///
    /// # Errors
    ///
    /// The error of `recvfrom(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf)
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the datagram in the queue.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.peek_from(buf)
    }

    /// Sends one datagram to a path. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `sendto(2)`, such as [`NotFound`](io::ErrorKind::NotFound) or
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused); [`TimedOut`](io::ErrorKind::TimedOut)
    /// past the deadline.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &from_path(path.as_ref())?)
    }

    /// Like [`send_to`](Self::send_to), to an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// The errors of [`send_to`](Self::send_to).
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, addr)
    }

    /// Receives one datagram from the connected peer. Bytes that do not fit into `buf` are lost.
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
    /// The errors of [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Sends one datagram to the connected peer. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`: [`NotConnected`](io::ErrorKind::NotConnected) without a peer; [`TimedOut`](io::ErrorKind::TimedOut)
    /// past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    /// Returns a second handle to the same socket; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`, if there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        self.0.try_clone().map(UnixDatagram)
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
    /// # let (socket, peer) = std_net::unix::UnixDatagram::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixDatagram::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixDatagram::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixDatagram::pair()?;
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
        Ok((n, from_kernel(&addr)?))
    }

    /// Sends a datagram if there is room for it. It never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.io()
            .send_to(buf, &to_kernel(addr)?, libc::MSG_DONTWAIT)
    }

    /// Receives a message that has already arrived, and never waits: see [`Socket::try_recv`].
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_recv(buf)
    }

    /// Sends a message if there is room, and never waits: see [`Socket::try_send`].
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send`](Self::send).
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
    /// Turns a datagram socket into this type.
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
        builder.field("fd", &self.io().fd_number());
        if let Ok(addr) = self.local_addr() {
            builder.field("local", &addr);
        }
        if let Ok(addr) = self.peer_addr() {
            builder.field("peer", &addr);
        }
        builder.finish()
    }
}
