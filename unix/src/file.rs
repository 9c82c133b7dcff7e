//! The file of a bound Unix socket: which handle removes it, and whether an existing one may be
//! replaced.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use std_net_runtime::Belonging;
use std_net_runtime::process::sleep;

use super::{Socket, SocketAddr};

/// How long a server waits for another one that replaces a file in the same directory. Replacing takes
/// some microseconds. A program that holds the lock for longer than this does something else.
const PATIENCE: Duration = Duration::from_secs(5);

/// The identity of a file, by which it differs from another file of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(meta: &fs::Metadata) -> Identity {
        Identity {
            device: meta.dev(),
            inode: meta.ino(),
        }
    }
}

/// The files that are removed with their sockets, by the inodes of the sockets, for [`keep_file`].
static OWNED: Mutex<Vec<(u64, Weak<Inner>)>> = Mutex::new(Vec::new());

/// Removes a socket's file when this is dropped, if it still is the same file. This is dropped with the
/// last handle to the socket, before the socket is closed: as long as the socket is open, no program
/// takes the file for a stale one.
#[derive(Debug)]
pub(super) struct Unlink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Identity,
    /// A forked child has the socket too, but must not remove the file of its parent.
    owner: u32,
    kept: AtomicBool,
}

impl Unlink {
    /// Describes the file at `path`, to which `socket` has just been bound.
    pub(super) fn of(socket: &Socket, path: &Path) -> io::Result<Unlink> {
        let inner = Arc::new(Inner {
            file: Identity::of(&fs::symlink_metadata(path)?),
            // The program may change its directory before the drop.
            path: std::path::absolute(path)?,
            owner: process::id(),
            kept: AtomicBool::new(false),
        });
        let mut owned = OWNED.lock().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|(_, file)| file.strong_count() > 0);
        owned.push((inode(socket.as_fd())?, Arc::downgrade(&inner)));
        drop(owned);
        Ok(Unlink(inner))
    }

    /// Keeps the file.
    pub(super) fn keep(&self) {
        self.0.kept.store(true, Ordering::SeqCst);
    }
}

impl Belonging for Unlink {
    fn outlived(&self) {
        self.keep();
    }
}

impl Drop for Unlink {
    fn drop(&mut self) {
        let Inner {
            path,
            file,
            owner,
            kept,
        } = &*self.0;
        if !kept.load(Ordering::SeqCst)
            && *owner == process::id()
            && let Ok(meta) = fs::symlink_metadata(path)
            && Identity::of(&meta) == *file
        {
            // A drop cannot report an error, and the file may be gone already.
            let _ = fs::remove_file(path);
        }
    }
}

/// Keeps the file of this socket, even if it was to be removed with the socket, because another program
/// has the socket from now on.
///
/// # Errors
///
/// The error of duplicating the descriptor.
#[doc(hidden)]
pub fn keep_file(socket: BorrowedFd<'_>) -> io::Result<()> {
    let inode = inode(socket)?;
    let owned = OWNED.lock().unwrap_or_else(PoisonError::into_inner);
    for (_, file) in owned.iter().filter(|(of, _)| *of == inode) {
        if let Some(file) = file.upgrade() {
            file.kept.store(true, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// Returns the number by which the kernel knows an open socket. All its descriptors have the same
/// number.
fn inode(socket: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(File::from(socket.try_clone_to_owned()?).metadata()?.ino())
}

/// Binds `socket` to a path that has a file, if the file belongs to a socket that no program has open
/// any more. Keep the result until the socket listens: other servers that start at the same time wait
/// for this, and the next one then finds this socket alive.
///
/// # Errors
///
/// `in_use`, if the file must not be replaced; [`ResourceBusy`](io::ErrorKind::ResourceBusy) if the
/// directory stays locked; the errors of the calls.
pub(super) fn bind_stale(
    socket: &Socket,
    addr: &SocketAddr,
    path: &Path,
    in_use: io::Error,
) -> io::Result<File> {
    let lock = lock_directory(path)?;
    // A program that does not take the lock (another library, an older version) may bind between two
    // steps.
    for _ in 0..16 {
        let seen = match fs::symlink_metadata(path) {
            Ok(meta) if !meta.file_type().is_socket() => return Err(in_use),
            Ok(meta) => Some(Identity::of(&meta)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        if let Some(seen) = seen {
            match is_bound(addr) {
                Ok(true) => return Err(in_use),
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            let same = fs::symlink_metadata(path).is_ok_and(|meta| Identity::of(&meta) == seen);
            if !same {
                continue;
            }
            fs::remove_file(path)?;
        }
        match socket.bind(addr) {
            Ok(()) => return Ok(lock),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            Err(e) => return Err(e),
        }
    }
    Err(in_use)
}

/// Returns whether a live socket is bound to the file, even if it does not listen yet. A datagram
/// socket asks for this, because it does not disturb a listener and sends nothing.
///
/// # Errors
///
/// [`NotFound`](io::ErrorKind::NotFound) if the file is gone; the error of `socket(2)`.
fn is_bound(addr: &SocketAddr) -> io::Result<bool> {
    match Socket::datagram()?.connect(addr) {
        // A listener, or a socket that will listen, gives the error EPROTOTYPE.
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(e),
        // There may be no permission to ask, for example. Then the file stays.
        _ => Ok(true),
    }
}

/// Locks the directory of `path` for programs that replace files in it. It leaves no file behind.
fn lock_directory(path: &Path) -> io::Result<File> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let name = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", directory.display()));
    let file = File::open(directory).map_err(name)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(name(e)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                sleep(Duration::from_millis(1));
                std_net_runtime::process::check_cancelled()?;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    format!("{}: another program keeps it locked", directory.display()),
                ));
            }
        }
    }
}
