//! The low-level socket: the calls of `socket(7)`, one method each. Not its options; see `options`.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use socket2::{Domain, Type};
use std_net_runtime::{Deadline, Interest, Io};

use super::addr::{from_kernel, to_kernel};
use super::credentials::{self, UCred};
use super::{Shutdown, SocketAddr};

/// A Unix socket as the kernel has it, with every call and option; what Inko's
/// `std.net.socket.UnixSocket` offers, waiting as everything here does: on a plain thread it
/// blocks, in a process it parks.
///
/// Under every high-level type: [`UnixStream::socket`](super::UnixStream::socket) and its like lend
/// it, and each type can be made from one. The methods name the system call they are; see its man
/// page. What is missing here, `socket2` may have: its `SockRef::from(&stream)` borrows any socket of ours.
/// Calls of its that wait block the thread, also in a process.
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

    /// Dissolves the connection that [`connect`](Self::connect) made of a datagram socket: it receives from
    /// everybody again. Corresponds to `connect(2)` with `AF_UNSPEC`.
    ///
    /// # Errors
    ///
    /// The error of `connect(2)`.
    pub fn disconnect(&self) -> io::Result<()> {
        self.0.disconnect()
    }

    /// Begins to connect and never waits, whatever the mode: for an event loop of your own. When the
    /// socket is writable, [`finish_connect`](Self::finish_connect) says how it has ended.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it has begun; the error of `connect(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net_unix::{SocketAddr, UnixListener};
    /// # let listener = UnixListener::bind_addr(&SocketAddr::from_pathname("")?)?;
    /// # let addr = listener.local_addr()?;
    /// use std_net_unix::Socket;
    ///
    /// // A Unix socket connects at once, or there is no room in the listener's queue.
    /// let socket = Socket::stream()?;
    /// socket.try_connect(&addr)?;
    /// socket.finish_connect()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_connect(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.try_connect(&to_kernel(addr)?)
    }

    /// How a connect that has begun ended; never waits. It may be asked again and again.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it has not ended; its error.
    pub fn finish_connect(&self) -> io::Result<()> {
        self.0.finish_connect()
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

    /// Sends one urgent byte, the last of `buf`, out of band: of stream sockets, since Linux 5.15. Corresponds to `send(2)` with `MSG_OOB`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_out_of_band(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, libc::MSG_OOB)
    }

    /// Receives the urgent byte, if it is not in line with the others; never waits. Corresponds to `recv(2)`
    /// with `MSG_OOB`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) (`EINVAL`) if there is none;
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it was announced and has not come.
    pub fn recv_out_of_band(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, libc::MSG_OOB | libc::MSG_DONTWAIT)
    }

    /// Reads what there is, up to `size` bytes, as text: of a stream as
    /// [`UnixStream::read_string`](super::UnixStream::read_string), of messages as
    /// [`UnixDatagram::read_string`](super::UnixDatagram::read_string).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// let (socket, peer) = std_net_unix::Socket::pair(std_net_unix::Type::DGRAM)?;
    /// peer.write_string("ping")?;
    /// assert_eq!(socket.read_string(16)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_string(&self, size: usize) -> io::Result<String> {
        let stream = self.socket_type()? == super::Type::STREAM;
        std_net_runtime::text::read_string(&self.0, size, stream)
    }

    /// Reads what there is, up to `size` bytes, to the end of `buf`; returns how many bytes came.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); [`OutOfMemory`](io::ErrorKind::OutOfMemory) if there is no room for `size`
    /// bytes. `buf` is then as it was.
    pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> io::Result<usize> {
        std_net_runtime::text::read_bytes(&self.0, buf, size)
    }

    /// Writes all of `text`; as one message, if the socket keeps messages apart.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn write_string(&self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes all of `bytes`; as one message, if the socket keeps messages apart.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            // Of a stream nothing; of messages one without anything in it.
            return self.send(bytes).map(drop);
        }
        // A message goes out whole or not at all.
        self.0.send_all(bytes)
    }

    /// Sends a range of a file, in bytes from its beginning: over a stream as
    /// [`UnixStream::send_file`](super::UnixStream::send_file), else as one message.
    ///
    /// # Errors
    ///
    /// As there; `EMSGSIZE` for more than a message holds.
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
    /// The error of `shutdown(2)`. Without a connection Linux gives none.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// Waits until the peer has ended its side or is gone, and reads nothing: whatever it has sent stays
    /// there. So a server can stop its work for a client that has left, while a process of its own waits for
    /// this.
    ///
    /// A peer that has only said that it will send no more (`shutdown(Write)`) cannot be told from one that is
    /// gone. An end that this side has made of its reads counts too. Corresponds to `POLLRDHUP`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; [`WouldBlock`](io::ErrorKind::WouldBlock) of
    /// a non-blocking socket whose peer is there.
    ///
    /// # Examples
    ///
    /// ```
    /// let (a, b) = std_net_unix::Socket::pair(std_net_unix::Type::STREAM)?;
    /// assert!(!a.is_closed()?);
    /// drop(b);
    /// a.wait_closed()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "awaitClosed")]
    pub fn wait_closed(&self) -> io::Result<()> {
        self.0.wait_hangup()
    }

    /// Whether the peer has ended its side or is gone, without waiting; see
    /// [`wait_closed`](Self::wait_closed).
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    #[doc(alias = "isClosed")]
    pub fn is_closed(&self) -> io::Result<bool> {
        self.0.is_hung_up()
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

    /// Receives what is there already, and never waits, whatever the mode: for an event loop of
    /// your own. Corresponds to `recv(2)` with `MSG_DONTWAIT`.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing; otherwise as
    /// [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net_unix::Socket::pair(std_net_unix::Type::STREAM)?;
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

    /// Sends if there is room, and never waits; returns how many bytes were taken. Corresponds
    /// to `send(2)` with `MSG_DONTWAIT`.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise as
    /// [`send`](Self::send).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.io().send(buf, libc::MSG_DONTWAIT)
    }

    /// Sets the deadline of this handle: from then on every operation that has not ended by
    /// the deadline fails with [`TimedOut`](io::ErrorKind::TimedOut), even with data
    /// ready, until [`reset_deadline`](Self::reset_deadline). A `Duration` counts from now.
    ///
    /// Of a deadline and a per-call timeout the nearer wins. Operations that wait already
    /// follow the change, but for those of a plain thread that began without a deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net_unix::Socket::stream()?;
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

    /// The instant of the deadline set on this handle.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.io().deadline().instant()
    }

    /// Takes the deadline away: operations wait for as long as it takes.
    pub fn reset_deadline(&self) {
        self.io().set_deadline(Deadline::NEVER);
    }

    /// Chooses whether operations that cannot be done at once wait or fail with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), on threads and in processes alike.
    /// Corresponds to `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net_unix::Socket::stream()?;
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
    /// # let socket = std_net_unix::Socket::stream()?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io().sock().take_error()
    }

    /// Sets how long each read may wait for data; `None` waits for ever. A read that waited for
    /// so long fails as std's does: with [`WouldBlock`](io::ErrorKind::WouldBlock).
    /// Shared with clones. Corresponds to `SO_RCVTIMEO`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration; the error of
    /// `setsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net_unix::Socket::stream()?;
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

    /// Sets how long each write may wait for room; `None` waits for ever. Corresponds to
    /// `SO_SNDTIMEO`.
    ///
    /// # Errors
    ///
    /// As [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = std_net_unix::Socket::stream()?;
    /// use std::time::Duration;
    ///
    /// socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    /// assert_eq!(socket.write_timeout()?, Some(Duration::from_secs(1)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.io().set_timeout(Interest::Write, timeout)
    }

    /// How long each read may wait. Corresponds to `SO_RCVTIMEO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.io().timeout(Interest::Read)
    }

    /// How long each write may wait. Corresponds to `SO_SNDTIMEO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.io().timeout(Interest::Write)
    }

    /// The peer's credentials. Corresponds to `SO_PEERCRED`.
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
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`: `ENOPROTOOPT` on an older kernel.
    #[cfg(target_os = "linux")]
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
        f.debug_struct("Socket")
            .field("fd", &self.io().fd_number())
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
