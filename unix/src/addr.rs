//! Addresses of Unix sockets: a path, an abstract name, or none. As text, and for the kernel.

use std::ffi::OsStr;
use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use socket2::SockAddr;
use std_net_runtime::AddressError;

/// The address of a path.
///
/// The errors are std's: `InvalidInput` for a path that is too long or has a zero byte.
pub(crate) fn from_path(path: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(path)
}

/// The name of an abstract address: one that is in no file system. Only Linux has such.
fn abstract_name(addr: &SocketAddr) -> Option<&[u8]> {
    #[cfg(target_os = "linux")]
    return addr.as_abstract_name();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = addr;
        None
    }
}

fn from_abstract_name(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    return SocketAddr::from_abstract_name(name);
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("@{}: only Linux has abstract names", name.escape_ascii()),
    ))
}

/// std's form as the kernel's.
pub(crate) fn to_kernel(addr: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = addr.as_pathname() {
        return SockAddr::unix(path);
    }
    let mut name = Vec::new();
    if let Some(abstract_name) = abstract_name(addr) {
        name.push(0);
        name.extend_from_slice(abstract_name);
    }
    SockAddr::unix(Path::new(OsStr::from_bytes(&name)))
}

/// The kernel's form as std's. A socket without a name may report an address of no length.
pub(crate) fn from_kernel(addr: &SockAddr) -> io::Result<SocketAddr> {
    if let Some(path) = addr.as_pathname() {
        return SocketAddr::from_pathname(path);
    }
    #[cfg(target_os = "linux")]
    if let Some(name) = addr.as_abstract_namespace() {
        return SocketAddr::from_abstract_name(name);
    }
    if addr.is_unix() || addr.len() == 0 {
        return SocketAddr::from_pathname("");
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "file descriptor did not correspond to a Unix socket",
    ))
}

/// Text forms of a [`SocketAddr`], which std's has not: a path is itself, an abstract name has an
/// `@` before it, an address without a name is `unnamed`. As Inko's `UnixAddress`.
///
/// # Examples
///
/// ```
/// use std_net_unix::{AddrText, SocketAddr, UnixStream};
///
/// assert_eq!(SocketAddr::from_text("/tmp/a.sock")?.display().to_string(), "/tmp/a.sock");
/// let addr = SocketAddr::from_text("@name")?;
/// assert!(addr.is_abstract());
/// assert_eq!(addr.display().to_string(), "@name");
/// let (a, _b) = UnixStream::pair()?;
/// assert_eq!(a.local_addr()?.display().to_string(), "unnamed");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait AddrText: Sized {
    /// The address as text.
    fn display(&self) -> DisplayAddr<'_>;

    /// Whether it is an abstract name: one that is in no file system and goes with its socket.
    fn is_abstract(&self) -> bool;

    /// The address that `text` means: with a leading `@` an abstract name, else a path.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if it is too long (107 bytes), or a path with
    /// a zero byte; [`Unsupported`](io::ErrorKind::Unsupported) for an abstract name on another system
    /// than Linux.
    fn from_text(text: impl AsRef<OsStr>) -> io::Result<Self>;
}

impl AddrText for SocketAddr {
    fn display(&self) -> DisplayAddr<'_> {
        DisplayAddr(self)
    }

    fn is_abstract(&self) -> bool {
        abstract_name(self).is_some()
    }

    fn from_text(text: impl AsRef<OsStr>) -> io::Result<SocketAddr> {
        let text = text.as_ref();
        match text.as_bytes().strip_prefix(b"@") {
            Some(name) => from_abstract_name(name),
            None => SocketAddr::from_pathname(Path::new(text)),
        }
    }
}

/// A [`SocketAddr`] as text; see [`AddrText::display`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayAddr<'a>(&'a SocketAddr);

impl fmt::Display for DisplayAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.0.as_pathname() {
            path.display().fmt(f)
        } else if let Some(name) = abstract_name(self.0) {
            write!(f, "@{}", name.escape_ascii())
        } else {
            f.write_str("unnamed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_kinds_survive_the_kernel_form() {
        for addr in [
            SocketAddr::from_pathname("/tmp/x").unwrap(),
            SocketAddr::from_pathname("relative").unwrap(),
            SocketAddr::from_abstract_name(b"a\0b").unwrap(),
            SocketAddr::from_abstract_name([b'x'; 107]).unwrap(),
            SocketAddr::from_pathname("").unwrap(),
        ] {
            let back = from_kernel(&to_kernel(&addr).unwrap()).unwrap();
            assert_eq!(back.as_pathname(), addr.as_pathname());
            assert_eq!(back.as_abstract_name(), addr.as_abstract_name());
            assert_eq!(back.is_unnamed(), addr.is_unnamed());
        }
    }

    #[test]
    fn bad_text_is_an_error() {
        for text in [
            "x".repeat(108),
            "a\0b".into(),
            format!("@{}", "x".repeat(108)),
        ] {
            let error = SocketAddr::from_text(&text).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{text}");
        }
    }
}

/// `error` with the address.
pub(crate) fn named(operation: &'static str, addr: &SocketAddr, error: io::Error) -> io::Error {
    AddressError::wrap(operation, addr.display(), error)
}
