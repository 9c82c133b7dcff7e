//! Addresses of Unix sockets: a path, an abstract name, or no name. This module turns them into text
//! and into the kernel's form.
//!
//! A path of 108 bytes fills the kernel's `sun_path` and leaves no room for the zero byte. A C program
//! can bind to such a path, and the kernel then reports it as the sender's address. std's constructors
//! refuse such a path, but an address that std gets from the kernel may hold it. Here too the
//! connection or message must not be lost because of its sender's address.

use std::ffi::OsStr;
use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::mem;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use socket2::SockAddr;
#[cfg(target_os = "linux")]
use socket2::SockAddrStorage;
use std_net_runtime::AddressError;

/// Makes the address of a path.
///
/// Returns the errors of std: `InvalidInput` for a path that is too long or has a zero byte.
pub(crate) fn from_path(path: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(path)
}

/// Returns the name of an abstract address, which is in no file system. Only Linux has such addresses.
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

/// Converts std's form into the kernel's.
pub(crate) fn to_kernel(addr: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = addr.as_pathname() {
        #[cfg(target_os = "linux")]
        if path.as_os_str().len() == LONGEST {
            return Ok(of_long_path(path.as_os_str().as_bytes()));
        }
        return SockAddr::unix(path);
    }
    let mut name = Vec::new();
    if let Some(abstract_name) = abstract_name(addr) {
        name.push(0);
        name.extend_from_slice(abstract_name);
    }
    SockAddr::unix(Path::new(OsStr::from_bytes(&name)))
}

/// Converts the kernel's form into std's. A socket without a name may report an address of length 0.
///
/// # Errors
///
/// The error of std, if the descriptor is not a Unix socket.
pub(crate) fn from_kernel(addr: &SockAddr) -> io::Result<SocketAddr> {
    if let Some(path) = addr.as_pathname() {
        #[cfg(target_os = "linux")]
        if path.as_os_str().len() == LONGEST {
            return Ok(long_path(path));
        }
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

/// The size of `sun_path`.
#[cfg(target_os = "linux")]
const LONGEST: usize = 108;
#[cfg(target_os = "linux")]
const FAMILY: libc::sa_family_t = libc::AF_UNIX as libc::sa_family_t;

/// Makes std's address for a path of 108 bytes, which std's constructor refuses. The only other way
/// leads through the kernel, which reports only addresses that are bound and can be reached. So this
/// takes an address that is one byte shorter, and makes it longer inside std's value. The value
/// consists of the kernel's structure and the kernel's length. std does not promise their order, so the
/// code finds it out. If std changes its form, the result is an address without a name: the connection
/// or message is more important.
#[cfg(target_os = "linux")]
#[cold]
fn long_path(path: &Path) -> SocketAddr {
    #[repr(C)]
    struct AddrFirst(libc::sockaddr_un, libc::socklen_t);
    #[repr(C)]
    struct LenFirst(libc::socklen_t, libc::sockaddr_un);

    let bytes = path.as_os_str().as_bytes();
    let short = Path::new(OsStr::from_bytes(&bytes[..LONGEST - 1]));
    let mut addr = SocketAddr::from_pathname(short).expect("short enough, and no zero byte");
    let unnamed = || SocketAddr::from_pathname("").expect("short enough");
    let same = |size, align| (size, align) == (size_of::<SocketAddr>(), align_of::<SocketAddr>());
    if !same(size_of::<AddrFirst>(), align_of::<AddrFirst>())
        || !same(size_of::<LenFirst>(), align_of::<LenFirst>())
    {
        return unnamed();
    }
    let at = &raw mut addr;
    // SAFETY: in either order, the first two bytes are initialised: they belong to the family or to the
    // length.
    let addr_first = unsafe { at.cast::<libc::sa_family_t>().read() } == FAMILY;
    let (kernel, len) = if addr_first {
        let at = at.cast::<AddrFirst>();
        // SAFETY: the type has this size and alignment, and no other reference to it is used meanwhile.
        unsafe { (&mut (*at).0, &mut (*at).1) }
    } else {
        let at = at.cast::<LenFirst>();
        // SAFETY: the type has this size and alignment, and no other reference to it is used meanwhile.
        unsafe { (&mut (*at).1, &mut (*at).0) }
    };
    if kernel.sun_family != FAMILY || *len as usize != mem::size_of_val(kernel) {
        return unnamed();
    }
    // This replaces the zero byte. `c_char` is signed only on some processors. The kernel's length
    // counts one more byte behind it.
    kernel.sun_path[LONGEST - 1] = bytes[LONGEST - 1] as libc::c_char;
    *len += 1;
    if addr.as_pathname() == Some(path) {
        addr
    } else {
        unnamed()
    }
}

/// Makes the kernel's form of a path that fills `sun_path`.
#[cfg(target_os = "linux")]
fn of_long_path(path: &[u8]) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a storage has room for every kind of address, and all zero is a valid value.
    let addr = unsafe { storage.view_as::<libc::sockaddr_un>() };
    addr.sun_family = FAMILY;
    for (to, from) in addr.sun_path.iter_mut().zip(path) {
        *to = *from as libc::c_char;
    }
    // SAFETY: the storage holds an address of this length.
    unsafe {
        SockAddr::new(
            storage,
            mem::size_of::<libc::sockaddr_un>() as libc::socklen_t,
        )
    }
}

/// Text forms of a [`SocketAddr`], which std does not have. A path is written as it is, an abstract
/// name has an `@` before it, and an address without a name is `unnamed`. This is like Inko's
/// `UnixAddress`.
///
/// # Examples
///
/// ```
/// use std_net::unix::{AddrText, SocketAddr, UnixStream};
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
    /// Returns the address as text.
    fn display(&self) -> DisplayAddr<'_>;

    /// Returns whether the address is an abstract name, which is in no file system and ends with its
    /// socket.
    fn is_abstract(&self) -> bool;

    /// Returns the address that `text` means: with a leading `@` it is an abstract name, otherwise a
    /// path.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the text is too long (107 bytes), or is a path
    /// with a zero byte; [`Unsupported`](io::ErrorKind::Unsupported) for an abstract name on a system
    /// other than Linux.
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

/// The content of a [`SocketAddr`]. It can be compared, ordered and kept in maps, which std's type
/// cannot.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std_net::unix::{AddrKey, AddrText, SocketAddr};
///
/// let mut clients = HashMap::new();
/// let addr = SocketAddr::from_pathname("/run/client.sock")?;
/// clients.insert(AddrKey::from(&addr), "the first");
/// assert_eq!(clients[&AddrKey::Path("/run/client.sock".into())], "the first");
/// // And back.
/// let addr = SocketAddr::try_from(&AddrKey::Path("/run/client.sock".into()))?;
/// assert_eq!(addr.display().to_string(), "/run/client.sock");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddrKey {
    /// A socket without an address.
    Unnamed,
    /// The path of an address, as it was bound: relative paths are not resolved.
    Path(PathBuf),
    /// An abstract name, without the zero byte before it.
    Abstract(Vec<u8>),
}

impl From<&SocketAddr> for AddrKey {
    fn from(addr: &SocketAddr) -> AddrKey {
        if let Some(path) = addr.as_pathname() {
            AddrKey::Path(path.to_owned())
        } else if let Some(name) = abstract_name(addr) {
            AddrKey::Abstract(name.to_owned())
        } else {
            AddrKey::Unnamed
        }
    }
}

impl TryFrom<&AddrKey> for SocketAddr {
    type Error = io::Error;

    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the name is too long (107 bytes), for a path
    /// with a zero byte, or for an abstract name on a system without such names.
    fn try_from(key: &AddrKey) -> io::Result<SocketAddr> {
        match key {
            AddrKey::Unnamed => SocketAddr::from_pathname(""),
            AddrKey::Path(path) => SocketAddr::from_pathname(path),
            AddrKey::Abstract(name) => {
                let text = [b"@", &**name].concat();
                SocketAddr::from_text(OsStr::from_bytes(&text))
            }
        }
    }
}

/// Adds the address to `error`.
pub(crate) fn named(operation: &'static str, addr: &SocketAddr, error: io::Error) -> io::Error {
    AddressError::wrap(operation, addr.display(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_kinds_survive_the_kernel_form() {
        let mut addrs = vec![
            SocketAddr::from_pathname("/tmp/x").unwrap(),
            SocketAddr::from_pathname("relative").unwrap(),
            SocketAddr::from_pathname("").unwrap(),
        ];
        if cfg!(target_os = "linux") {
            addrs.push(from_abstract_name(b"a\0b").unwrap());
            addrs.push(from_abstract_name(&[b'x'; 107]).unwrap());
        }
        for addr in addrs {
            let back = from_kernel(&to_kernel(&addr).unwrap()).unwrap();
            assert_eq!(back.as_pathname(), addr.as_pathname());
            assert_eq!(abstract_name(&back), abstract_name(&addr));
            assert_eq!(back.is_unnamed(), addr.is_unnamed());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_that_fills_the_kernels_form_is_whole() {
        let path = "y".repeat(LONGEST);
        let addr = long_path(Path::new(&path));
        assert_eq!(addr.as_pathname(), Some(Path::new(&path)));
        let kernel = to_kernel(&addr).unwrap();
        assert_eq!(kernel.len() as usize, mem::size_of::<libc::sockaddr_un>());
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
