//! [`TcpStream`]: a TCP connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use std_net_runtime::{Deadline, Io};

use super::addr::from_kernel;
use super::{Shutdown, Socket, ToSocketAddrs};
use crate::channel::{Connected, ReadChannel, WriteChannel};
use crate::connect;
#[cfg(feature = "tls")]
use crate::tls::{ClientConfig, Tls, TlsStream};

/// A TCP connection, as [`std::net::TcpStream`].
///
/// Reads and writes wait: on a plain thread they block, in a process they park it. Shared
/// references read and write too, so that one process can read while another writes. Closed when
/// dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std_net::socket::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut server, _) = listener.accept()?;
/// client.write_all(b"ping")?;
/// let mut buf = [0; 4];
/// server.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "TcpClient")]
#[doc(alias = "aSocket")]
pub struct TcpStream(pub(super) Socket);

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// Several addresses race as RFC 8305 asks: the families take turns, beginning with IPv6 for a
    /// name and with that of the first address for a list; the next attempt begins when one fails or
    /// has been silent for 250 ms; the first to connect wins and the others are closed. The lookup
    /// of a name comes before; see [`dns`](crate::dns).
    ///
    /// # Errors
    ///
    /// The error of the attempts: if they failed in different ways, with
    /// [`ConnectErrors`](super::ConnectErrors) inside, and of the kind of the last.
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that is no address; that of a name
    /// lookup, with a [`dns::Error`](crate::dns::Error) inside.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// use std_net::socket::TcpStream;
    ///
    /// let stream = TcpStream::connect(("localhost", port))?;
    /// assert_eq!(stream.peer_addr()?.port(), port);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        connect::tcp(addr, Deadline::NEVER).map(TcpStream)
    }

    /// Connects to one address, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); [`InvalidInput`](io::ErrorKind::InvalidInput) for a
    /// zero duration; otherwise as [`connect`](Self::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let addr = listener.local_addr()?;
    /// use std::time::Duration;
    /// use std_net::socket::TcpStream;
    ///
    /// let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5))?;
    /// assert!(stream.deadline().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        connect::tcp_one(*addr, timeout.into()).map(TcpStream)
    }

    /// Connects to the first of the addresses that answers before the deadline, as
    /// [`connect`](Self::connect). The lookup of a name has the same deadline; the connection itself
    /// has none.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); otherwise as [`connect`](Self::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    /// use std_net::socket::TcpStream;
    ///
    /// let error = TcpStream::connect_deadline("127.0.0.1:9", Instant::now()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// ```
    pub fn connect_deadline<A: ToSocketAddrs>(
        addr: A,
        deadline: impl Into<Deadline>,
    ) -> io::Result<TcpStream> {
        connect::tcp(addr, deadline.into()).map(TcpStream)
    }

    /// The low-level socket, with every option. Shared access only: it stays this stream's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// stream.socket().set_keepalive(true)?;
    /// assert!(stream.socket().keepalive()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The error of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr().and_then(from_kernel)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr().and_then(from_kernel)
    }

    /// Ends one or both directions: the peer sees the end of the stream, reads here return 0.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// # let (peer, _) = listener.accept()?;
    /// stream.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(peer.read_string(8)?, "");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// A second handle to the same connection; see [`Socket::try_clone`].
    ///
    /// # Errors
    ///
    /// The error of `fcntl(2)`: too many descriptors.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        self.0.try_clone().map(TcpStream)
    }

    /// Receives into `buf` and leaves the data in the queue.
    ///
    /// # Errors
    ///
    /// As a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf)
    }

    std_net_runtime::stream_text_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
# let (socket, _) = listener.accept()?;"
    );
    std_net_runtime::stream_file_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
# let (socket, _) = listener.accept()?;"
    );
    std_net_runtime::stream_try_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
# let (socket, _) = listener.accept()?;"
    );
    std_net_runtime::batching_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let peer = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
# let (socket, _) = listener.accept()?;"
    );
    std_net_runtime::waiting_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let socket = std_net::socket::TcpStream::connect(listener.local_addr()?)?;"
    );
    std_net_runtime::timeout_methods!(
        "# let listener = std_net::socket::TcpListener::bind(\"127.0.0.1:0\")?;
# let socket = std_net::socket::TcpStream::connect(listener.local_addr()?)?;"
    );

    /// Whether small writes go out at once: see [`Socket::set_nodelay`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.set_nodelay(nodelay)
    }

    /// What [`set_nodelay`](Self::set_nodelay) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.nodelay()
    }

    /// How long a close waits for unsent data: see [`Socket::set_linger`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.set_linger(linger)
    }

    /// What [`set_linger`](Self::set_linger) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.linger()
    }

    /// How many hops the packets sent go: see [`Socket::set_ttl`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.set_ttl(ttl)
    }

    /// What [`set_ttl`](Self::set_ttl) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.ttl()
    }

    /// Whether acknowledgements go out at once, as std's `TcpStreamExt`: see
    /// [`Socket::set_quickack`].
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.0.set_quickack(quickack)
    }

    /// What [`set_quickack`](Self::set_quickack) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn quickack(&self) -> io::Result<bool> {
        self.0.quickack()
    }

    /// Opens the half that reads: see [`Connected::open_read_channel`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// # let (peer, _) = listener.accept()?;
    /// let mut read = stream.open_read_channel()?;
    /// let mut write = stream.open_write_channel(true)?;
    /// write.write_line("ping")?;
    /// assert_eq!(peer.read_string(8)?, "ping\n");
    /// peer.write_string("pong\r\n")?;
    /// assert_eq!(read.read_utf8_line(8)?, Some("pong"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open_read_channel(&self) -> io::Result<ReadChannel<TcpStream>> {
        Connected::open_read_channel(self)
    }

    /// Opens the half that writes: see [`Connected::open_write_channel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_write_channel(&self, auto_flush: bool) -> io::Result<WriteChannel<TcpStream>> {
        Connected::open_write_channel(self, auto_flush)
    }

    /// Opens both halves: see [`Connected::into_channels`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn into_channels(
        self,
        auto_flush: bool,
    ) -> io::Result<(ReadChannel<TcpStream>, WriteChannel<TcpStream>)> {
        Connected::into_channels(self, auto_flush)
    }

    /// Becomes a TLS client: see [`Tls::tls`](crate::tls::Tls::tls).
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tls")]
    pub fn tls(self, server_name: &str) -> io::Result<TlsStream<TcpStream>> {
        Tls::tls(self, server_name)
    }

    /// Becomes a TLS client with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`ClientConfig::connect`].
    #[cfg(feature = "tls")]
    pub fn tls_with(
        self,
        server_name: &str,
        config: &ClientConfig,
    ) -> io::Result<TlsStream<TcpStream>> {
        config.connect(self, server_name)
    }

    fn io(&self) -> &Io {
        self.0.io()
    }
}

std_net_runtime::stream_traits!(TcpStream);
std_net_runtime::descriptor_traits!(TcpStream, |fd| Socket::from(fd).into_tcp());
std_net_runtime::std_traits!(TcpStream, std::net::TcpStream);

impl From<Socket> for TcpStream {
    /// Takes a connected TCP socket.
    fn from(socket: Socket) -> TcpStream {
        TcpStream(socket.into_tcp())
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Socket {
        stream.0
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut res = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            res.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            res.field("peer", &peer);
        }
        res.field("fd", &self.as_raw_fd()).finish()
    }
}
