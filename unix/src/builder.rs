//! Settings that must be made before a `bind` or `connect`: the file's mode, how to handle a stale
//! path, and whether the file is removed with the socket.

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

/// Makes Unix listeners, connections and datagram sockets with settings that must be made before the
/// bind or connect.
///
/// # Examples
///
/// ```
/// use std_net::unix::UnixBuilder;
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
    /// Makes a builder with std's behaviour: the umask decides the mode, an existing path is an error,
    /// and the file stays.
    pub fn new() -> UnixBuilder {
        UnixBuilder::default()
    }

    /// Sets the size of the receive buffer in bytes: `SO_RCVBUF`.
    pub fn recv_buffer_size(mut self, bytes: usize) -> UnixBuilder {
        self.recv_buffer_size = Some(bytes);
        self
    }

    /// Sets the size of the send buffer in bytes: `SO_SNDBUF`.
    pub fn send_buffer_size(mut self, bytes: usize) -> UnixBuilder {
        self.send_buffer_size = Some(bytes);
        self
    }

    /// Sets how many connections may wait to be accepted. The default is -1, the most that the system
    /// allows.
    pub fn backlog(mut self, backlog: i32) -> UnixBuilder {
        self.backlog = Some(backlog);
        self
    }

    /// Sets the address that a connection comes from. The file of a path is made like that of a
    /// listener: with the mode, and it is removed with the connection if this is asked for.
    pub fn local_addr(mut self, addr: SocketAddr) -> UnixBuilder {
        self.local_addr = Some(addr);
        self
    }

    /// Sets the deadline of a connect. The connection itself gets no deadline.
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> UnixBuilder {
        self.deadline = Some(deadline.into());
        self
    }

    /// Sets how long each read of a connection may wait for data: `SO_RCVTIMEO`.
    pub fn read_timeout(mut self, timeout: Duration) -> UnixBuilder {
        self.read_timeout = Some(timeout);
        self
    }

    /// Sets how long each write of a connection may wait for room: `SO_SNDTIMEO`.
    pub fn write_timeout(mut self, timeout: Duration) -> UnixBuilder {
        self.write_timeout = Some(timeout);
        self
    }

    /// Sets the permissions of the socket's file, as for `chmod(2)`. They decide which programs may
    /// connect. They are set after the bind and before the listen, so that no program can connect in
    /// between.
    pub fn mode(mut self, mode: u32) -> UnixBuilder {
        self.mode = Some(mode);
        self
    }

    /// Sets whether the bind replaces a socket file that a dead server has left behind. The kernel
    /// tells whether a live socket is bound to the file, which may be one that does not listen yet. If
    /// there is one, or the file is no socket, the file stays and the bind fails with
    /// [`AddrInUse`](io::ErrorKind::AddrInUse).
    ///
    /// If several servers start at once, one of them wins. They take turns with a lock of the directory
    /// (`flock(2)`), which must be readable for that. If the lock is not free after five seconds, the
    /// error is [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    pub fn rebind_stale(mut self, on: bool) -> UnixBuilder {
        self.rebind_stale = on;
        self
    }

    /// Sets whether the file is removed with the socket, if it still belongs to this socket. It is
    /// removed when the last handle is dropped, just before the socket is closed. Clones and the
    /// low-level socket are handles too. The file stays if the descriptor is given away (`into_raw_fd`,
    /// `OwnedFd::from`) or was passed on by `std_net::activation::pass`, and in a fork. A descriptor
    /// that was duplicated without this library does not count as a handle.
    pub fn unlink_on_drop(mut self, on: bool) -> UnixBuilder {
        self.unlink_on_drop = on;
        self
    }

    /// Binds a stream listener to a path.
    ///
    /// # Errors
    ///
    /// The errors of [`UnixListener::bind`], and the error of setting the mode.
    pub fn listen<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixListener> {
        self.listen_addr(&from_path(path.as_ref())?)
    }

    /// Connects to the listener at a path.
    ///
    /// # Errors
    ///
    /// The errors of [`UnixStream::connect`]; [`TimedOut`](io::ErrorKind::TimedOut) past the
    /// [`deadline`](Self::deadline); the error of an option.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::unix::{UnixBuilder, UnixListener};
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
    /// The errors of [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<UnixStream> {
        self.connected(Type::STREAM, addr).map(UnixStream)
    }

    /// Connects to a listener for connections that keep messages apart.
    ///
    /// This does not exist on macOS.
    ///
    /// # Errors
    ///
    /// The errors of [`connect`](Self::connect).
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
        // Set the timeouts only now: the kernel would also apply them to the connect.
        if self.read_timeout.is_some() {
            socket.set_read_timeout(self.read_timeout)?;
        }
        if self.write_timeout.is_some() {
            socket.set_write_timeout(self.write_timeout)?;
        }
        Ok(socket)
    }

    /// Binds a stream listener to an address. An abstract name has no file, so the settings for the
    /// file have no effect.
    ///
    /// # Errors
    ///
    /// The errors of [`listen`](Self::listen).
    pub fn listen_addr(&self, addr: &SocketAddr) -> io::Result<UnixListener> {
        self.bind(Type::STREAM, addr, true).map(UnixListener)
    }

    /// Binds a listener for connections that keep messages apart.
    ///
    /// This does not exist on macOS.
    ///
    /// # Errors
    ///
    /// The errors of [`listen`](Self::listen).
    #[cfg(not(target_vendor = "apple"))]
    pub fn listen_seqpacket(&self, addr: &SocketAddr) -> io::Result<UnixSeqpacketListener> {
        self.bind(Type::SEQPACKET, addr, true)
            .map(UnixSeqpacketListener)
    }

    /// Binds a datagram socket to a path.
    ///
    /// # Errors
    ///
    /// The errors of [`listen`](Self::listen).
    pub fn datagram<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixDatagram> {
        self.datagram_addr(&from_path(path.as_ref())?)
    }

    pub(super) fn datagram_addr(&self, addr: &SocketAddr) -> io::Result<UnixDatagram> {
        self.bind(Type::DGRAM, addr, false).map(UnixDatagram)
    }

    /// Makes a bound socket, which listens if `listens` is set. If the settings say so, its file is
    /// removed with it.
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
        // From here on, an error must not leave the file behind.
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

    /// Makes a socket with the settings that every type can have.
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
