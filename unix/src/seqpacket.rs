//! [`UnixSeqpacket`] and [`UnixSeqpacketListener`]: connections that keep messages apart, in order
//! and without loss (`SOCK_SEQPACKET`). std has no such type.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use std_net_runtime::{Deadline, Io, Notifier, is_notified};

use super::addr::{from_kernel, named};
use super::{Shutdown, Socket, SocketAddr, Type, UCred, UnixBuilder};

/// A connection that keeps messages apart: each [`send`](Self::send) is one
/// [`recv`](Self::recv) of the peer.
///
/// # Examples
///
/// ```
/// use std_net::unix::UnixSeqpacket;
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
    /// The errors of [`UnixStream::connect`](super::UnixStream::connect); `EPROTOTYPE` if the listener
    /// has another type.
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixSeqpacket> {
        UnixSeqpacket::connect_deadline(addr, Deadline::NEVER)
    }

    /// Connects before the deadline. The connection itself gets no deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); otherwise the errors of [`connect_addr`](Self::connect_addr).
    pub fn connect_deadline(
        addr: &SocketAddr,
        deadline: impl Into<Deadline>,
    ) -> io::Result<UnixSeqpacket> {
        let socket = Socket::seqpacket()?;
        socket.set_deadline(deadline);
        socket
            .connect(addr)
            .map_err(|e| named("connect to", addr, e))?;
        socket.reset_deadline();
        Ok(UnixSeqpacket(socket))
    }

    /// Makes two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixSeqpacket, UnixSeqpacket)> {
        Socket::pair(Type::SEQPACKET).map(|(a, b)| (UnixSeqpacket(a), UnixSeqpacket(b)))
    }

    /// Returns the low-level socket, with every option, as a shared reference.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// Returns the address of this end.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Returns the address of the other end.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Receives one message. Bytes that do not fit into `buf` are lost. Returns 0 at the end of the
    /// connection, and also for an empty message.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }

    /// Like [`recv`](Self::recv), but leaves the message in the queue.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Sends one message. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`, which is `EMSGSIZE` if the message is larger than the send buffer;
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

    /// Waits until the peer has ended its side or is gone. It reads nothing: see
    /// [`Socket::wait_closed`].
    ///
    /// # Errors
    ///
    /// The errors of that method.
    ///
    /// # Examples
    ///
    /// ```
    /// let (a, b) = std_net::unix::UnixSeqpacket::pair()?;
    /// assert!(!a.is_closed()?);
    /// drop(b);
    /// a.wait_closed()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "awaitClosed")]
    pub fn wait_closed(&self) -> io::Result<()> {
        self.0.wait_closed()
    }

    /// Returns whether the peer has ended its side or is gone. It does not wait: see
    /// [`Socket::is_closed`].
    ///
    /// # Errors
    ///
    /// The errors of that method.
    #[doc(alias = "isClosed")]
    pub fn is_closed(&self) -> io::Result<bool> {
        self.0.is_closed()
    }

    /// Returns a second handle to the same connection; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`, if there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixSeqpacket> {
        self.0.try_clone().map(UnixSeqpacket)
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
    /// # let (socket, peer) = std_net::unix::UnixSeqpacket::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixSeqpacket::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixSeqpacket::pair()?;
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
    /// # let (socket, peer) = std_net::unix::UnixSeqpacket::pair()?;
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

    /// Returns the peer's credentials; see [`Socket::peer_cred`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        self.0.peer_cred()
    }

    /// Returns a descriptor for the peer's OS process; see [`Socket::peer_pidfd`].
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`, which is `ENOPROTOOPT` before Linux 6.5.
    #[cfg(target_os = "linux")]
    pub fn peer_pidfd(&self) -> io::Result<OwnedFd> {
        self.0.peer_pidfd()
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::descriptor_traits!(UnixSeqpacket, Socket::from);

impl From<Socket> for UnixSeqpacket {
    /// Turns a connected seqpacket socket into this type.
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
            .field("fd", &self.io().fd_number())
            .finish_non_exhaustive()
    }
}

/// A socket that accepts [`UnixSeqpacket`] connections. [`bind_addr`](Self::bind_addr) or
/// [`UnixBuilder::listen_seqpacket`] makes it.
///
/// # Examples
///
/// ```
/// use std_net::unix::{AddrText, SocketAddr, UnixSeqpacket, UnixSeqpacketListener};
///
/// let addr = SocketAddr::from_text("@std_net-example-seqpacket")?;
/// let listener = UnixSeqpacketListener::bind_addr(&addr)?;
/// let client = UnixSeqpacket::connect_addr(&addr)?;
/// let (server, _) = listener.accept()?;
/// client.send(b"ping")?;
/// assert_eq!(server.read_string(16)?, "ping");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixSeqpacketListener(pub(super) Socket);

impl UnixSeqpacketListener {
    /// Binds to an address and listens there.
    ///
    /// # Errors
    ///
    /// The errors of [`UnixListener::bind`](super::UnixListener::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixSeqpacketListener> {
        UnixBuilder::new().listen_seqpacket(addr)
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
    /// The errors of [`UnixListener::accept`](super::UnixListener::accept).
    pub fn accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let (io, addr) = self.0.0.accept()?;
        Ok((UnixSeqpacket(Socket(io)), from_kernel(&addr)?))
    }

    /// Takes a connection that has already arrived. It never waits, whatever the mode. Use it in an
    /// event loop of your own.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let (io, addr) = self.0.0.try_accept()?;
        Ok((UnixSeqpacket(Socket(io)), from_kernel(&addr)?))
    }

    /// Returns an iterator over the connections as they arrive. It ends only when a
    /// [`notifier`](Self::notifier) ends it. An error does not end it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::unix::{SocketAddr, UnixSeqpacketListener};
    ///
    /// let addr = SocketAddr::from_pathname("/tmp/example.sock")?;
    /// for connection in UnixSeqpacketListener::bind_addr(&addr)?.incoming() {
    ///     println!("{:?}", connection?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> SeqpacketIncoming<'_> {
        SeqpacketIncoming {
            listener: self,
            ended: false,
        }
    }

    /// Returns a second handle to the same listener; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`, if there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<UnixSeqpacketListener> {
        self.0.try_clone().map(UnixSeqpacketListener)
    }

    /// Returns a handle that ends the accepts of this listener; see
    /// [`UnixListener::notifier`](super::UnixListener::notifier).
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`, if there are too many descriptors.
    pub fn notifier(&self) -> io::Result<Notifier> {
        self.io().notifier()
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

std_net_runtime::descriptor_traits!(UnixSeqpacketListener, Socket::from);

impl From<Socket> for UnixSeqpacketListener {
    /// Turns a listening seqpacket socket into a listener.
    fn from(socket: Socket) -> UnixSeqpacketListener {
        UnixSeqpacketListener(socket)
    }
}

impl From<UnixSeqpacketListener> for Socket {
    fn from(listener: UnixSeqpacketListener) -> Socket {
        listener.0
    }
}

impl<'a> IntoIterator for &'a UnixSeqpacketListener {
    type Item = io::Result<UnixSeqpacket>;
    type IntoIter = SeqpacketIncoming<'a>;

    fn into_iter(self) -> SeqpacketIncoming<'a> {
        self.incoming()
    }
}

/// An iterator over the connections of a [`UnixSeqpacketListener`] as they arrive.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct SeqpacketIncoming<'a> {
    listener: &'a UnixSeqpacketListener,
    ended: bool,
}

impl Iterator for SeqpacketIncoming<'_> {
    type Item = io::Result<UnixSeqpacket>;

    fn next(&mut self) -> Option<io::Result<UnixSeqpacket>> {
        if self.ended {
            return None;
        }
        match self.listener.0.0.accept_any() {
            Err(error) if is_notified(&error) => {
                self.ended = true;
                None
            }
            result => Some(result.map(|io| UnixSeqpacket(Socket(io)))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl FusedIterator for SeqpacketIncoming<'_> {}

impl fmt::Debug for UnixSeqpacketListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("UnixSeqpacketListener");
        builder.field("fd", &self.0.io().fd_number());
        if let Ok(addr) = self.local_addr() {
            builder.field("local", &addr);
        }
        builder.finish()
    }
}
