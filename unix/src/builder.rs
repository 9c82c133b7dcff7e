//! What must be said before a `bind` or `connect`: the file's mode, what to do with a stale path, and whether
//! the file goes with the socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use std_net_runtime::Deadline;

use super::addr::{from_path, named};
use super::file::{self, Unlink};
use super::{Socket, SocketAddr, Type, UnixDatagram, UnixListener, UnixStream};
#[cfg(not(target_vendor = "apple"))]
use super::{UnixSeqpacket, UnixSeqpacketListener};

/// Makes Unix listeners, connections and datagram sockets with settings that must be said before.
///
/// # Examples
///
/// ```
/// use std_net_unix::UnixBuilder;
///
/// let path = std::env::temp_dir().join(format!("std_net-builder-{}.sock", std::process::id()));
/// let listener =
///     UnixBuilder::new().mode(0o600).rebind_stale(true).unlink_on_drop(true).listen(&path)?;
/// assert!(path.exists());
/// drop(listener);
/// assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `listen` or `connect`"]
pub struct UnixBuilder {
    backlog: Option<i32>,
    mode: Option<u32>,
    rebind_stale: bool,
    unlink_on_drop: bool,
    deadline: Option<Deadline>,
    local_addr: Option<SocketAddr>,
    read_timeout: Option<Duration>,
    recv_buffer_size: Option<usize>,
    send_buffer_size: Option<usize>,
    write_timeout: Option<Duration>,
}

impl UnixBuilder {
    /// As std: the mode that the umask leaves, an error if the path exists, the file stays.
    pub fn new() -> UnixBuilder {
        UnixBuilder::default()
    }

    /// The size of the receive buffer in bytes: `SO_RCVBUF`.
    pub fn recv_buffer_size(mut self, bytes: usize) -> UnixBuilder {
        self.recv_buffer_size = Some(bytes);
        self
    }

    /// The size of the send buffer in bytes: `SO_SNDBUF`.
    pub fn send_buffer_size(mut self, bytes: usize) -> UnixBuilder {
        self.send_buffer_size = Some(bytes);
        self
    }

    /// How many connections may wait to be accepted; -1, the default, is the most the system
    /// allows.
    pub fn backlog(mut self, backlog: i32) -> UnixBuilder {
        self.backlog = Some(backlog);
        self
    }

    /// The address a connection comes from. A path is made as that of a listener: with the mode, and
    /// removed with the connection if that is asked for.
    pub fn local_addr(mut self, addr: SocketAddr) -> UnixBuilder {
        self.local_addr = Some(addr);
        self
    }

    /// The deadline of a connect. The connection itself has none.
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> UnixBuilder {
        self.deadline = Some(deadline.into());
        self
    }

    /// How long each read of a connection may wait for data: `SO_RCVTIMEO`.
    pub fn read_timeout(mut self, timeout: Duration) -> UnixBuilder {
        self.read_timeout = Some(timeout);
        self
    }

    /// How long each write of a connection may wait for room: `SO_SNDTIMEO`.
    pub fn write_timeout(mut self, timeout: Duration) -> UnixBuilder {
        self.write_timeout = Some(timeout);
        self
    }

    /// The permissions of the socket's file, as for `chmod(2)`: who may connect. Set after the bind
    /// and before the listen, so that nobody can connect in between.
    pub fn mode(mut self, mode: u32) -> UnixBuilder {
        self.mode = Some(mode);
        self
    }

    /// Whether a socket file that a dead server left behind is replaced. The kernel says whether it is
    /// dead: whether no living socket is bound to the file, one that does not listen yet included. A
    /// file that is alive, or is no socket, is left alone, and the bind fails with
    /// [`AddrInUse`](io::ErrorKind::AddrInUse).
    ///
    /// Of several starters one wins: they take turns by a lock of the directory (`flock(2)`), which must
    /// be readable for that. If it stays locked for five seconds the error is
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    pub fn rebind_stale(mut self, on: bool) -> UnixBuilder {
        self.rebind_stale = on;
        self
    }

    /// Whether the file is removed with the socket (if it still is this socket's): when the last handle is
    /// dropped, clones and the low-level socket included, just before it is closed. It stays if the
    /// descriptor is handed out (`into_raw_fd`, `OwnedFd::from`) or was passed on by
    /// `std_net::activation::pass`, and in a fork. A descriptor that was duplicated past this library
    /// does not count as a handle.
    pub fn unlink_on_drop(mut self, on: bool) -> UnixBuilder {
        self.unlink_on_drop = on;
        self
    }

    /// Binds a stream listener to a path.
    ///
    /// # Errors
    ///
    /// As [`UnixListener::bind`], and the error of setting the mode.
    pub fn listen<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixListener> {
        self.listen_addr(&from_path(path.as_ref())?)
    }

    /// Connects to the listener at a path.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`]; [`TimedOut`](io::ErrorKind::TimedOut) past the
    /// [`deadline`](Self::deadline); the error of an option.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net_unix::{UnixBuilder, UnixListener};
    /// # let path = std::env::temp_dir().join(format!("std_net-c-{}.sock", std::process::id()));
    /// # let listener = UnixBuilder::new().unlink_on_drop(true).listen(&path)?;
    /// use std::time::Duration;
    ///
    /// let stream = UnixBuilder::new()
    ///     .deadline(Duration::from_secs(5))
    ///     .read_timeout(Duration::from_secs(30))
    ///     .connect(&path)?;
    /// assert_eq!(stream.read_timeout()?, Some(Duration::from_secs(30)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixStream> {
        self.connect_addr(&from_path(path.as_ref())?)
    }

    /// Connects to the listener at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<UnixStream> {
        self.connected(Type::STREAM, addr).map(UnixStream)
    }

    /// Connects to a listener for connections that keep messages apart.
    ///
    /// Not on macOS.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(not(target_vendor = "apple"))]
    pub fn connect_seqpacket(&self, addr: &SocketAddr) -> io::Result<UnixSeqpacket> {
        self.connected(Type::SEQPACKET, addr).map(UnixSeqpacket)
    }

    fn connected(&self, ty: Type, addr: &SocketAddr) -> io::Result<Socket> {
        let socket = match &self.local_addr {
            Some(local) => self.bind(ty, local, false)?,
            None => self.socket(ty)?,
        };
        if let Some(deadline) = self.deadline {
            socket.set_deadline(deadline);
        }
        socket
            .connect(addr)
            .map_err(|e| named("connect to", addr, e))?;
        socket.reset_deadline();
        // Not before: the kernel would count them for the connect too.
        if self.read_timeout.is_some() {
            socket.set_read_timeout(self.read_timeout)?;
        }
        if self.write_timeout.is_some() {
            socket.set_write_timeout(self.write_timeout)?;
        }
        Ok(socket)
    }

    /// Binds a stream listener to an address. An abstract name has no file: the settings of one
    /// mean nothing for it.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn listen_addr(&self, addr: &SocketAddr) -> io::Result<UnixListener> {
        self.bind(Type::STREAM, addr, true).map(UnixListener)
    }

    /// Binds a listener for connections that keep messages apart.
    ///
    /// Not on macOS.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    #[cfg(not(target_vendor = "apple"))]
    pub fn listen_seqpacket(&self, addr: &SocketAddr) -> io::Result<UnixSeqpacketListener> {
        self.bind(Type::SEQPACKET, addr, true)
            .map(UnixSeqpacketListener)
    }

    /// Binds a datagram socket to a path.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn datagram<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixDatagram> {
        self.datagram_addr(&from_path(path.as_ref())?)
    }

    pub(super) fn datagram_addr(&self, addr: &SocketAddr) -> io::Result<UnixDatagram> {
        self.bind(Type::DGRAM, addr, false).map(UnixDatagram)
    }

    /// A bound socket, which listens if `listens` says so. Its file goes with it where that was asked for.
    fn bind(&self, ty: Type, addr: &SocketAddr, listens: bool) -> io::Result<Socket> {
        let operation = if listens { "listen on" } else { "bind to" };
        self.try_bind(ty, addr, listens)
            .map_err(|e| named(operation, addr, e))
    }

    fn try_bind(&self, ty: Type, addr: &SocketAddr, listens: bool) -> io::Result<Socket> {
        let socket = self.socket(ty)?;
        let _lock = match (socket.bind(addr), addr.as_pathname()) {
            (Err(error), Some(path))
                if error.kind() == io::ErrorKind::AddrInUse && self.rebind_stale =>
            {
                Some(file::bind_stale(&socket, addr, path, error)?)
            }
            (result, _) => {
                result?;
                None
            }
        };
        // From here on a failure must not leave the file behind.
        let path = addr
            .as_pathname()
            .filter(|path| !path.as_os_str().is_empty());
        let unlink = path.map(|path| Unlink::of(&socket, path)).transpose()?;
        if let (Some(mode), Some(path)) = (self.mode, path) {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        if listens {
            socket.listen(self.backlog.unwrap_or(-1))?;
        }
        match unlink {
            Some(unlink) if self.unlink_on_drop => socket.io().set_belonging(Box::new(unlink)),
            Some(unlink) => unlink.keep(),
            None => {}
        }
        Ok(socket)
    }

    /// A socket with the settings that any may have.
    fn socket(&self, ty: Type) -> io::Result<Socket> {
        let socket = Socket::new(ty)?;
        if let Some(bytes) = self.recv_buffer_size {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer_size {
            socket.set_send_buffer_size(bytes)?;
        }
        Ok(socket)
    }
}
