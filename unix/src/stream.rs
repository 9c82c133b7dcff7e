//! [`UnixStream`]: a connection over a Unix socket.

use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use std_net_runtime::{Deadline, Io, Lent};

use super::addr::{from_path, named};
use super::{Shutdown, Socket, SocketAddr, Type, UCred};

/// A connection over a Unix socket, as [`std::os::unix::net::UnixStream`].
///
/// Reads and writes wait: on a plain thread they block, in a process they park it. Shared references
/// can read and write too, so that one process can read while another writes. The connection is closed
/// when the stream is dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std_net::unix::UnixStream;
///
/// let (mut a, mut b) = UnixStream::pair()?;
/// a.write_all(b"ping")?;
/// let mut buf = [0; 4];
/// b.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "UnixClient")]
pub struct UnixStream(pub(super) Socket);

impl UnixStream {
    /// Connects to the listener at a path.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if no program listens,
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&from_path(path.as_ref())?)
    }

    /// Connects to the listener at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// The errors of [`connect`](Self::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::unix::{AddrText, SocketAddr, UnixListener, UnixStream};
    ///
    /// let addr = SocketAddr::from_text("@std_net-example-stream")?;
    /// let _listener = UnixListener::bind_addr(&addr)?;
    /// let stream = UnixStream::connect_addr(&addr)?;
    /// assert_eq!(stream.peer_addr()?.display().to_string(), "@std_net-example-stream");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_deadline(addr, Deadline::NEVER)
    }

    /// Connects before the deadline. The call has to wait if the listener's queue is full. The
    /// connection itself gets no deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); otherwise the errors of [`connect`](Self::connect).
    pub fn connect_deadline(
        addr: &SocketAddr,
        deadline: impl Into<Deadline>,
    ) -> io::Result<UnixStream> {
        let socket = Socket::stream()?;
        socket.set_deadline(deadline);
        socket
            .connect(addr)
            .map_err(|e| named("connect to", addr, e))?;
        socket.reset_deadline();
        Ok(UnixStream(socket))
    }

    /// Makes two connected streams. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        Socket::pair(Type::STREAM).map(|(a, b)| (UnixStream(a), UnixStream(b)))
    }

    /// Returns the low-level socket, with every option, as a shared reference.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (stream, _peer) = std_net::unix::UnixStream::pair()?;
    /// stream.socket().set_passcred(true)?;
    /// assert!(stream.socket().passcred()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
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

    /// Ends one or both directions. The peer sees the end of the stream, and reads here return 0.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`. On Linux it is no error if there is no connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (stream, peer) = std_net::unix::UnixStream::pair()?;
    /// stream.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(peer.read_string(8)?, "");
    /// # Ok::<(), std::io::Error>(())
    /// ```
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
    /// # let (stream, peer) = std_net::unix::UnixStream::pair()?;
    /// peer.write_string("a question")?;
    /// assert!(!stream.is_closed()?);
    /// drop(peer);
    /// stream.wait_closed()?;
    /// assert_eq!(stream.read_string(80)?, "a question");
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
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        self.0.try_clone().map(UnixStream)
    }

    /// Reads into `buf`, but leaves the data in the queue.
    ///
    /// # Errors
    ///
    /// The errors of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    /// Reads the bytes that have arrived, up to 68 KiB, into a buffer of the runtime. The result is
    /// empty at the end of the stream.
    ///
    /// A process that waits here holds no buffer. So an idle connection costs a page of memory less
    /// than one with its own buffer on the stack. Drop the result before the next wait: then the
    /// connections of a worker use one buffer in turn, which stays in the processor's cache.
    ///
    /// # Errors
    ///
    /// The error of `recv(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// peer.write_string("ping")?;
    /// assert_eq!(*socket.read_lent()?, *b"ping");
    /// drop(peer);
    /// assert!(socket.read_lent()?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn read_lent(&self) -> io::Result<Lent> {
        self.io().recv_lent()
    }

    /// Reads the bytes that have arrived, up to `size`, as text. The text is empty at the end of the
    /// stream.
    ///
    /// The last character may be cut off by `size`, or because the peer has not sent all of it yet.
    /// Then its remaining bytes (three at most) are read too, beyond `size`.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the bytes are not UTF-8, or if the rest of the
    /// last character does not come. Nothing is lost: the error holds a
    /// [`FromUtf8Error`](std::string::FromUtf8Error) with the bytes. Otherwise the error of the read.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// peer.write_string("héllo")?;
    /// assert_eq!(socket.read_string(2)?, "hé");
    /// assert_eq!(socket.read_string(100)?, "llo");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_string(&self, size: usize) -> io::Result<String> {
        std_net_runtime::text::read_string(self.io(), size, true)
    }

    /// Reads the bytes that have arrived, up to `size`, and appends them to `buf`. Returns how many
    /// bytes came, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// The errors of [`Read::read`](io::Read::read); [`OutOfMemory`](io::ErrorKind::OutOfMemory) if
    /// there is no room for `size` bytes. After an error `buf` is unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// peer.write_bytes(b"abc")?;
    /// let mut buf = Vec::new();
    /// assert_eq!(socket.read_bytes(&mut buf, 16)?, 3);
    /// assert_eq!(buf, b"abc");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> io::Result<usize> {
        std_net_runtime::text::read_bytes(self.io(), buf, size)
    }

    /// Writes all of `text`.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`](io::Write::write_all).
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// socket.write_string("ping")?;
    /// assert_eq!(peer.read_string(4)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_string(&self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`](io::Write::write_all).
    pub fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.io().send_all(bytes)
    }

    /// Sends a range of a file, in bytes from its beginning. Where the kernel can, it sends without a
    /// copy: `sendfile(2)`. The file's own cursor does not move.
    ///
    /// Returns how many bytes were sent. There are two reasons for fewer bytes than the range has. The
    /// file may end before, perhaps because it becomes shorter meanwhile. Or an error (such as a passed
    /// deadline) came after some bytes were sent. Call again for the rest: the call then returns the
    /// error, or 0 at the end of the file.
    ///
    /// This thread reads the file. If pages are not in memory, the worker waits for them, as in every
    /// read of a file. In a process, and with a deadline, the descriptor gets `O_NONBLOCK` internally,
    /// like a listener's.
    ///
    /// # Errors
    ///
    /// The error of the send or of reading the file, if nothing was sent;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an offset that no file can have.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// use std::fs::File;
    ///
    /// let path = std::env::temp_dir().join(format!("send_file-{}", std::process::id()));
    /// std::fs::write(&path, "0123456789")?;
    /// assert_eq!(socket.send_file(&File::open(&path)?, 2..5)?, 3);
    /// assert_eq!(peer.read_string(10)?, "234");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "sendfile")]
    pub fn send_file(
        &self,
        file: &std::fs::File,
        range: impl std::ops::RangeBounds<u64>,
    ) -> io::Result<u64> {
        std_net_runtime::sendfile::send_file(self.io(), file, range)
    }

    /// Reads bytes that have already arrived. It never waits, whatever the mode. Use it in an event
    /// loop of your own. 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing;
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; otherwise the errors of a read.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// let error = socket.try_read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// assert_eq!(peer.try_write(b"abc")?, 3);
    /// assert_eq!(socket.read_string(8)?, "abc");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket().try_recv(buf)
    }

    /// Writes as many bytes as there is room for, and never waits. Returns how many bytes were taken.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room;
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; otherwise the errors of a write.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket().try_send(buf)
    }

    /// Chooses whether writes of processes on this handle are batched: one system call then makes the
    /// writes of several processes, to several connections. It is for servers with many connections
    /// that are busy at once. Such a server becomes a tenth faster (`bench/README.md`).
    ///
    /// A process that writes while others of its worker are ready first lets some of them run, 31 at
    /// most. Then the kernel gets all their writes together. The write returns when the kernel has
    /// taken its bytes, with the same result as without batching. But the write **always waits, even if
    /// there is room**. So hold no [`std::sync::Mutex`] across it: another process of the worker that
    /// wants the lock would block the thread. Hold a `process::Mutex` instead. This is why batching is
    /// off by default.
    ///
    /// Writes on a plain thread, writes of more than 16 KiB and vectored writes are never batched.
    /// Nothing is batched if the kernel has no `io_uring(7)` or does not allow it. Clones that are made
    /// from now on start with the same choice, and can then change their own.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// use std::io::Write;
    ///
    /// socket.set_batched_writes(true);
    /// assert!(socket.batched_writes());
    /// (&socket).write_all(b"as ever")?;
    /// assert_eq!(peer.read_string(16)?, "as ever");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "io_uring")]
    pub fn set_batched_writes(&self, batched: bool) {
        self.io().set_batched_sends(batched);
    }

    /// Returns the value that [`set_batched_writes`](Self::set_batched_writes) has chosen.
    #[must_use]
    pub fn batched_writes(&self) -> bool {
        self.io().batched_sends()
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

std_net_runtime::stream_traits!(UnixStream);
std_net_runtime::descriptor_traits!(UnixStream, Socket::from);
std_net_runtime::std_traits!(UnixStream, std::os::unix::net::UnixStream);

impl From<Socket> for UnixStream {
    /// Turns a connected stream socket into this type.
    fn from(socket: Socket) -> UnixStream {
        UnixStream(socket)
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Socket {
        stream.0
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("UnixStream");
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
