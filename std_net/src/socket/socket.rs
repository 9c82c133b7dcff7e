//! The low-level socket: the calls of `socket(7)`, one method each. Its options are in `options`.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Type};
use std_net_runtime::{Deadline, Interest, Io, RecvFlags, SendFlags};

use super::Shutdown;

/// A socket of the kernel, with every call and option. It offers what Inko's `std.net.socket.Socket`
/// and the `socket2` crate offer. It waits as all sockets of this crate do: on a plain thread it
/// blocks, in a process it parks.
///
/// Every high-level type has one inside. [`TcpStream::socket`](super::TcpStream::socket) and similar
/// methods lend it, and each type can be made from one. The methods name the system call that they
/// make; see its man page. If a call is missing here, `socket2` may have it: its
/// `SockRef::from(&stream)` borrows any socket of this crate. But if a call of `socket2` waits, it
/// blocks the thread, even in a process.
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
    /// Makes a socket, with close-on-exec. Corresponds to `socket(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`, which is `EAFNOSUPPORT` or `EPROTONOSUPPORT` if the kernel does not
    /// support it, and `EPERM` for a raw socket without `CAP_NET_RAW`.
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

    /// Makes a stream socket: TCP for [`Domain::IPV4`] and [`Domain::IPV6`].
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn stream(domain: Domain) -> io::Result<Socket> {
        Socket::new(domain, Type::STREAM, None)
    }

    /// Makes a datagram socket: UDP for [`Domain::IPV4`] and [`Domain::IPV6`].
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn datagram(domain: Domain) -> io::Result<Socket> {
        Socket::new(domain, Type::DGRAM, None)
    }

    /// Makes a raw socket for the packets of one protocol. Needs `CAP_NET_RAW`.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn raw(domain: Domain, protocol: Protocol) -> io::Result<Socket> {
        Socket::new(domain, Type::RAW, Some(protocol))
    }

    /// Gives the socket an address. Corresponds to `bind(2)`.
    ///
    /// # Errors
    ///
    /// The error of `bind(2)`, such as [`AddrInUse`](io::ErrorKind::AddrInUse),
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable), or `EAFNOSUPPORT` for an address of
    /// another family.
    pub fn bind(&self, addr: impl Into<SockAddr>) -> io::Result<()> {
        self.0.sock().bind(&addr.into())
    }

    /// Connects the socket, and waits within the deadline. Corresponds to `connect(2)`.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn connect(&self, addr: impl Into<SockAddr>) -> io::Result<()> {
        self.0.connect(&addr.into())
    }

    /// Undoes the [`connect`](Self::connect) of a datagram socket: it receives from every sender again.
    /// A TCP connection is reset. Corresponds to `connect(2)` with `AF_UNSPEC`.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    pub fn disconnect(&self) -> io::Result<()> {
        self.0.disconnect()
    }

    /// Begins to connect. It never waits, whatever the mode. Use it in an event loop of your own: when
    /// the socket is writable, [`finish_connect`](Self::finish_connect) returns the result.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the connect has begun; the error of `connect(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let addr = listener.local_addr()?;
    /// use std::io::ErrorKind;
    /// use std_net::socket::{Domain, Socket};
    ///
    /// let socket = Socket::stream(Domain::IPV4)?;
    /// match socket.try_connect(addr) {
    ///     Err(error) if error.kind() == ErrorKind::WouldBlock => {
    ///         // Here an event loop would wait until the socket is writable.
    ///         while let Err(error) = socket.finish_connect() {
    ///             assert_eq!(error.kind(), ErrorKind::WouldBlock);
    ///         }
    ///     }
    ///     done => done?,
    /// }
    /// assert_eq!(socket.peer_addr()?.as_socket(), Some(addr));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_connect(&self, addr: impl Into<SockAddr>) -> io::Result<()> {
        self.0.try_connect(&addr.into())
    }

    /// Returns the result of a connect that has begun. It never waits, and can be called again and
    /// again.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the connect has not ended; the error of the
    /// connect.
    pub fn finish_connect(&self) -> io::Result<()> {
        self.0.finish_connect()
    }

    /// Makes the socket accept connections. At most `backlog` of them may wait to be accepted; -1 is
    /// the most that the system allows. Corresponds to `listen(2)`.
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
        Ok((Socket(io), addr))
    }

    /// Receives into `buf`, up to its length in bytes. Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }

    /// Like [`recv`](Self::recv), but leaves the data in the queue. Corresponds to `recv(2)` with
    /// `MSG_PEEK`.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, libc::MSG_PEEK)
    }

    /// `recv` with flags. Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); [`WouldBlock`](io::ErrorKind::WouldBlock) with
    /// [`DONT_WAIT`](RecvFlags::DONT_WAIT); [`InvalidInput`](io::ErrorKind::InvalidInput) with
    /// [`OUT_OF_BAND`](RecvFlags::OUT_OF_BAND) if there is no urgent byte.
    pub fn recv_with_flags(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        self.0.recv(buf, flags.bits())
    }

    /// Sends from `buf`. Returns how many bytes were taken. Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// The error of `send(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, 0)
    }

    /// `send` with flags. Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`WouldBlock`](io::ErrorKind::WouldBlock) with
    /// [`DONT_WAIT`](SendFlags::DONT_WAIT); `EOPNOTSUPP` for a flag that the protocol does not know.
    pub fn send_with_flags(&self, buf: &[u8], flags: SendFlags) -> io::Result<usize> {
        self.0.send(buf, flags.bits())
    }

    /// Sends one urgent byte, the last of `buf`, out of band. Corresponds to `send(2)` with `MSG_OOB`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn send_out_of_band(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, libc::MSG_OOB)
    }

    /// Receives the urgent byte, unless it is received in line with other data. It never waits.
    /// Corresponds to `recv(2)` with `MSG_OOB`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) (`EINVAL`) if there is no urgent byte;
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it was announced and has not arrived.
    pub fn recv_out_of_band(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, libc::MSG_OOB | libc::MSG_DONTWAIT)
    }

    /// Reads the bytes that have arrived, up to `size`, as text. On a stream it works like
    /// [`TcpStream::read_string`](super::TcpStream::read_string), on messages like
    /// [`UdpSocket::read_string`](super::UdpSocket::read_string).
    ///
    /// # Errors
    ///
    /// The errors of these methods.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// let (socket, _) = listener.socket().accept()?;
    /// peer.write_string("ping")?;
    /// assert_eq!(socket.read_string(16)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_string(&self, size: usize) -> io::Result<String> {
        let stream = self.socket_type()? == super::Type::STREAM;
        std_net_runtime::text::read_string(&self.0, size, stream)
    }

    /// Reads the bytes that have arrived, up to `size`, and appends them to `buf`. Returns how many
    /// came.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv); [`OutOfMemory`](io::ErrorKind::OutOfMemory) if there is no
    /// room for `size` bytes. After an error `buf` is unchanged.
    pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> io::Result<usize> {
        std_net_runtime::text::read_bytes(&self.0, buf, size)
    }

    /// Writes all of `text`. It is one message if the socket keeps messages apart.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn write_string(&self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes all of `bytes`. They are one message if the socket keeps messages apart.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            // On a stream this sends nothing. Otherwise it sends one empty message.
            return self.send(bytes).map(drop);
        }
        // A message is sent whole or not at all.
        self.0.send_all(bytes)
    }

    /// Sends a range of a file, in bytes from its beginning. On a stream it works like
    /// [`TcpStream::send_file`](super::TcpStream::send_file). Otherwise the range is sent as one
    /// message.
    ///
    /// # Errors
    ///
    /// The errors of that method; `EMSGSIZE` for more bytes than a message can hold.
    pub fn send_file(
        &self,
        file: &std::fs::File,
        range: impl std::ops::RangeBounds<u64>,
    ) -> io::Result<u64> {
        if self.socket_type()? == super::Type::STREAM {
            std_net_runtime::sendfile::send_file(&self.0, file, range)
        } else {
            std_net_runtime::sendfile::send_file_message(&self.0, file, range)
        }
    }

    /// Receives one message and its sender's address. Corresponds to `recvfrom(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SockAddr)> {
        self.0.recv_from(buf, 0)
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the message in the queue.
    ///
    /// # Errors
    ///
    /// The errors of [`recv`](Self::recv).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SockAddr)> {
        self.0.recv_from(buf, libc::MSG_PEEK)
    }

    /// `recv_from` with flags. Corresponds to `recvfrom(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv_with_flags`](Self::recv_with_flags).
    pub fn recv_from_with_flags(
        &self,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> io::Result<(usize, SockAddr)> {
        self.0.recv_from(buf, flags.bits())
    }

    /// Sends one message to an address. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn send_to(&self, buf: &[u8], addr: impl Into<SockAddr>) -> io::Result<usize> {
        self.0.send_to(buf, &addr.into(), 0)
    }

    /// `send_to` with flags. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// As [`send_with_flags`](Self::send_with_flags).
    pub fn send_to_with_flags(
        &self,
        buf: &[u8],
        addr: impl Into<SockAddr>,
        flags: SendFlags,
    ) -> io::Result<usize> {
        self.0.send_to(buf, &addr.into(), flags.bits())
    }

    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`, such as [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// Waits until the peer has ended its side or is gone. It reads nothing, so all data stay in the
    /// queue. With it, a process of its own can watch a client, so that the server stops work for a
    /// client that has left.
    ///
    /// A peer that has only said that it will send no more (`shutdown(Write)`) looks the same as one
    /// that is gone. The wait also ends when this side has shut down its own reads. Corresponds to
    /// `POLLRDHUP`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline;
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the socket is non-blocking and the peer is still
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// # let (stream, _) = listener.accept()?;
    /// use std::time::Duration;
    /// use std_net::process;
    ///
    /// // The work goes on until it is done or the client has left.
    /// drop(peer);
    /// process::scope(|scope| {
    ///     let work = scope.spawn(|| process::sleep(Duration::from_secs(3600)));
    ///     stream.socket().wait_closed()?;
    ///     work.cancel();
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "awaitClosed")]
    pub fn wait_closed(&self) -> io::Result<()> {
        self.0.wait_hangup()
    }

    /// Returns whether the peer has ended its side or is gone. It does not wait; see
    /// [`wait_closed`](Self::wait_closed).
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    #[doc(alias = "isClosed")]
    pub fn is_closed(&self) -> io::Result<bool> {
        self.0.is_hung_up()
    }

    /// Returns the address that the socket is bound to. Corresponds to `getsockname(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SockAddr> {
        self.0.sock().local_addr()
    }

    /// Returns the address that the socket is connected to. Corresponds to `getpeername(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getpeername(2)`, such as [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn peer_addr(&self) -> io::Result<SockAddr> {
        self.0.sock().peer_addr()
    }

    /// Returns a second handle to the same socket. It copies the present deadline of this handle, and
    /// shares everything else. Corresponds to `fcntl(F_DUPFD_CLOEXEC)`.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`.
    pub fn try_clone(&self) -> io::Result<Socket> {
        self.0.try_clone().map(Socket)
    }

    /// Receives bytes that have already arrived. It never waits, whatever the mode. Use it in an event
    /// loop of your own. Corresponds to `recv(2)` with `MSG_DONTWAIT`.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing; otherwise the errors of
    /// [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::socket::{Domain, Socket, UdpSocket};
    /// # let socket = Socket::from(UdpSocket::bind("127.0.0.1:0")?);
    /// # let peer = Socket::from(UdpSocket::bind("127.0.0.1:0")?);
    /// # peer.connect(socket.local_addr()?)?;
    /// let error = socket.try_recv(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// assert_eq!(peer.try_send(b"abc")?, 3);
    /// let mut buf = [0; 8];
    /// assert_eq!(socket.recv(&mut buf)?, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io().recv(buf, libc::MSG_DONTWAIT)
    }

    /// Sends if there is room, and never waits. Returns how many bytes were taken. Corresponds to
    /// `send(2)` with `MSG_DONTWAIT`.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send`](Self::send).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.io().send(buf, libc::MSG_DONTWAIT)
    }

    /// Sets the deadline of this handle. After the deadline every operation that has not ended fails
    /// with [`TimedOut`](io::ErrorKind::TimedOut), even if data are ready, until
    /// [`reset_deadline`](Self::reset_deadline). A `Duration` counts from now.
    ///
    /// If there are a deadline and a per-call timeout, the earlier one counts. The change also affects
    /// operations that already wait. There is one exception: an operation of a plain thread that began
    /// without a deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;
    /// use std::time::Duration;
    ///
    /// socket.set_deadline(Duration::from_secs(5));
    /// assert!(socket.deadline().is_some());
    /// socket.reset_deadline();
    /// assert!(socket.deadline().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "timeout_after")]
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.io().set_deadline(deadline.into());
    }

    /// Returns the deadline of this handle as an instant.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.io().deadline().instant()
    }

    /// Removes the deadline: operations wait for as long as they must.
    pub fn reset_deadline(&self) {
        self.io().set_deadline(Deadline::NEVER);
    }

    /// Chooses what happens to operations that cannot be done at once. Either they wait, or they fail
    /// with [`WouldBlock`](io::ErrorKind::WouldBlock). This counts on threads and in processes.
    /// Corresponds to `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;
    /// socket.set_nonblocking(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.io().set_nonblocking(nonblocking)
    }

    /// Takes the pending error of the socket. Corresponds to `SO_ERROR`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io().sock().take_error()
    }

    /// Sets how long each read may wait for data. With `None` it waits for ever. After this time a read
    /// fails as in std: with [`WouldBlock`](io::ErrorKind::WouldBlock). Clones share the timeout.
    /// Corresponds to `SO_RCVTIMEO`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration; the error of
    /// `setsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;
    /// use std::time::Duration;
    ///
    /// socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    /// assert_eq!(socket.read_timeout()?, Some(Duration::from_secs(1)));
    /// assert!(socket.set_read_timeout(Some(Duration::ZERO)).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.io().set_timeout(Interest::Read, timeout)
    }

    /// Sets how long each write may wait for room. With `None` it waits for ever. Corresponds to
    /// `SO_SNDTIMEO`.
    ///
    /// # Errors
    ///
    /// The errors of [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net::socket::Socket::stream(std_net::socket::Domain::IPV4)?;
    /// use std::time::Duration;
    ///
    /// socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    /// assert_eq!(socket.write_timeout()?, Some(Duration::from_secs(1)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.io().set_timeout(Interest::Write, timeout)
    }

    /// Returns how long each read may wait. Corresponds to `SO_RCVTIMEO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.io().timeout(Interest::Read)
    }

    /// Returns how long each write may wait. Corresponds to `SO_SNDTIMEO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.io().timeout(Interest::Write)
    }

    pub(super) fn io(&self) -> &Io {
        &self.0
    }

    /// Marks a socket that was made elsewhere as TCP.
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
        f.debug_struct("Socket")
            .field("fd", &self.io().fd_number())
            .finish()
    }
}
