//! What must be said before a `bind`: the file's mode, what to do with a stale path, and whether
//! the file goes with the socket.

use std::fs::{self, Permissions};
use std::io;
use std::mem;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::addr::from_path;
use super::{Socket, SocketAddr, Type, UnixDatagram, UnixListener, UnixSeqpacketListener};

/// Makes Unix listeners and datagram sockets with settings of their path.
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
#[must_use = "settings do nothing until `listen`"]
pub struct UnixBuilder {
    backlog: Option<i32>,
    mode: Option<u32>,
    rebind_stale: bool,
    unlink_on_drop: bool,
}

impl UnixBuilder {
    /// As std: the mode that the umask leaves, an error if the path exists, the file stays.
    pub fn new() -> UnixBuilder {
        UnixBuilder::default()
    }

    /// How many connections may wait to be accepted; -1, the default, is the most the system
    /// allows.
    pub fn backlog(mut self, backlog: i32) -> UnixBuilder {
        self.backlog = Some(backlog);
        self
    }

    /// The permissions of the socket's file, as for `chmod(2)`: who may connect. Set after the bind
    /// and before the listen, so that nobody can connect in between.
    pub fn mode(mut self, mode: u32) -> UnixBuilder {
        self.mode = Some(mode);
        self
    }

    /// Whether a socket file that a dead server left behind is replaced. Whether it is dead is found
    /// out by connecting to it; a live server, or a file that is no socket, is left alone and the
    /// bind fails with [`AddrInUse`](io::ErrorKind::AddrInUse).
    pub fn rebind_stale(mut self, on: bool) -> UnixBuilder {
        self.rebind_stale = on;
        self
    }

    /// Whether the file is removed when the socket is dropped (if it still is this socket's).
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

    /// Binds a stream listener to an address. An abstract name has no file: the settings of one
    /// mean nothing for it.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn listen_addr(&self, addr: &SocketAddr) -> io::Result<UnixListener> {
        let (socket, unlink) = self.bind(Type::STREAM, addr)?;
        socket.listen(self.backlog.unwrap_or(-1))?;
        Ok(UnixListener(socket, unlink))
    }

    /// Binds a listener for connections that keep messages apart.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn listen_seqpacket(&self, addr: &SocketAddr) -> io::Result<UnixSeqpacketListener> {
        let (socket, unlink) = self.bind(Type::SEQPACKET, addr)?;
        socket.listen(self.backlog.unwrap_or(-1))?;
        Ok(UnixSeqpacketListener(socket, unlink))
    }

    /// Binds a datagram socket to a path. Its file is not removed with it.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn datagram<P: AsRef<Path>>(&self, path: P) -> io::Result<UnixDatagram> {
        self.datagram_addr(&from_path(path.as_ref())?)
    }

    pub(super) fn datagram_addr(&self, addr: &SocketAddr) -> io::Result<UnixDatagram> {
        let (socket, unlink) = self.bind(Type::DGRAM, addr)?;
        if let Some(unlink) = unlink {
            unlink.forget();
        }
        Ok(UnixDatagram(socket))
    }

    fn bind(&self, ty: Type, addr: &SocketAddr) -> io::Result<(Socket, Option<Unlink>)> {
        let socket = Socket::new(ty)?;
        match socket.bind(addr) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.rebind_stale => {
                let Some(path) = addr.as_pathname() else {
                    return Err(error);
                };
                if !is_stale(ty, addr, path)? {
                    return Err(error);
                }
                fs::remove_file(path)?;
                socket.bind(addr)?;
            }
            result => result?,
        }
        let Some(path) = addr.as_pathname() else {
            return Ok((socket, None));
        };
        // From here on a failure must not leave the file behind.
        let unlink = Unlink::of(path)?;
        if let Some(mode) = self.mode {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        let unlink = if self.unlink_on_drop {
            Some(unlink)
        } else {
            unlink.forget();
            None
        };
        Ok((socket, unlink))
    }
}

/// Whether the path is a socket that nobody listens on.
fn is_stale(ty: Type, addr: &SocketAddr, path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let probe = Socket::new(ty)?;
    // A live server with a full queue would make this wait; it is alive all the same.
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        // Gone in between: there is nothing to remove, and the caller's removal says so.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(e),
        _ => Ok(false),
    }
}

/// Removes a socket's file when dropped, if it is still the same file.
#[derive(Debug)]
pub(super) struct Unlink {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Unlink {
    fn of(path: &Path) -> io::Result<Unlink> {
        use std::os::unix::fs::MetadataExt;
        let meta = fs::symlink_metadata(path)?;
        // The program may change its directory before the drop.
        let path = std::path::absolute(path)?;
        Ok(Unlink {
            path,
            device: meta.dev(),
            inode: meta.ino(),
        })
    }

    /// Leaves the file where it is.
    pub(super) fn forget(self) {
        mem::forget(self);
    }
}

impl Drop for Unlink {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        if let Ok(meta) = fs::symlink_metadata(&self.path)
            && (meta.dev(), meta.ino()) == (self.device, self.inode)
        {
            // Nobody to tell; it may be gone already.
            let _ = fs::remove_file(&self.path);
        }
    }
}
