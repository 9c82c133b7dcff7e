//! Whatever names a socket address: [`ToSocketAddrs`]. Not text to addresses; see `ip`. Not name
//! lookups; see `dns`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{iter, option, slice, vec};

use socket2::SockAddr;
use std_net_runtime::{AddressError, Deadline};

use crate::dns::Resolver;

/// Something that names one or several socket addresses, as [`std::net::ToSocketAddrs`]: the same
/// types, the same text. A name is looked up by [`dns::Resolver`](crate::dns::Resolver), without
/// stopping the worker, and if that fails the error has a [`dns::Error`](crate::dns::Error) in it.
///
/// # Examples
///
/// ```
/// use std_net::socket::{SocketAddr, ToSocketAddrs};
///
/// let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
/// assert_eq!(("127.0.0.1", 80).to_socket_addrs()?.next(), Some(addr));
/// assert_eq!("127.0.0.1:80".to_socket_addrs()?.next(), Some(addr));
/// assert!("127.0.0.1:80000".to_socket_addrs().is_err());
/// // A zone by the name of its interface, which std does not know.
/// assert!("[fe80::1%lo]:80".to_socket_addrs()?.all(|addr| addr.is_ipv6()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, one after another.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses that this names.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that is no address; the error of the
    /// name lookup.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// The same, and the lookup of a name ends by the deadline. What is no name takes no time.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; otherwise as
    /// [`to_socket_addrs`](Self::to_socket_addrs).
    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        let _ = deadline;
        self.to_socket_addrs()
    }

    /// Whether the addresses are those of a name, of which nobody has chosen the order.
    #[doc(hidden)]
    fn is_name(&self) -> bool {
        false
    }

    /// The name and the port, if it is a name and needs a lookup.
    #[doc(hidden)]
    fn host(&self) -> Option<(&str, u16)> {
        None
    }
}

macro_rules! single {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                Ok(Some(SocketAddr::from(*self)).into_iter())
            }
        }
    )*};
}

single!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.to_socket_addrs_deadline(Deadline::NEVER)
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        let addrs = Resolver::new().lookup_port(self.0, self.1, deadline)?;
        Ok(addrs.into_iter())
    }

    fn is_name(&self) -> bool {
        true
    }

    fn host(&self) -> Option<(&str, u16)> {
        Some(*self)
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs()
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs_deadline(deadline)
    }

    fn is_name(&self) -> bool {
        true
    }

    fn host(&self) -> Option<(&str, u16)> {
        Some((&self.0, self.1))
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.to_socket_addrs_deadline(Deadline::NEVER)
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        let reason = match std_net_ip::parse_socket_addr(self) {
            Ok(addr) => return Ok(vec![addr].into_iter()),
            Err(reason) => reason,
        };
        let (host, port) = split(self)?;
        if let Some(inner) = host.strip_prefix('[') {
            // No name begins so, but an address with a zone may be meant: `[fe80::1%eth0]:80`. The resolver
            // knows the interfaces, and asks nobody about what has a colon.
            return match inner.strip_suffix(']') {
                Some(scoped) if scoped.contains(':') && scoped.contains('%') => {
                    (scoped, port).to_socket_addrs_deadline(deadline)
                }
                _ => Err(io::Error::new(io::ErrorKind::InvalidInput, reason)),
            };
        }
        (host, port).to_socket_addrs_deadline(deadline)
    }

    fn is_name(&self) -> bool {
        true
    }

    fn host(&self) -> Option<(&str, u16)> {
        if std_net_ip::parse_socket_addr(self).is_ok() {
            return None;
        }
        // What is wrong with other text `to_socket_addrs` says.
        split(self).ok().filter(|(host, _)| !host.starts_with('['))
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs_deadline(deadline)
    }

    fn is_name(&self) -> bool {
        true
    }

    fn host(&self) -> Option<(&str, u16)> {
        self.as_str().host()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs_deadline(deadline)
    }

    fn is_name(&self) -> bool {
        (**self).is_name()
    }

    fn host(&self) -> Option<(&str, u16)> {
        (**self).host()
    }
}

/// The host and the port of text that is no address with a port.
fn split(text: &str) -> io::Result<(&str, u16)> {
    let missing = |example: &str| invalid(format!("{text:?}: port missing, as in {example}"));
    let (host, port) = match text.rsplit_once(':') {
        // `::1`; but `::1:80` has a port, as std reads it.
        Some((host, _))
            if std_net_ip::parse_v6(text).is_ok() && std_net_ip::parse_v6(host).is_err() =>
        {
            return Err(missing(&format!("[{text}]:80")));
        }
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ if text.is_empty() => return Err(missing("localhost:80")),
        _ => return Err(missing(&format!("{text}:80"))),
    };
    if port.is_empty() {
        return Err(missing(&format!("{host}:80")));
    }
    let port = port
        .parse()
        .map_err(|_| invalid(format!("{text:?}: port {port:?} is not within 0 to 65535")))?;
    Ok((host, port))
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

/// Tries the addresses in turn; the last error if none does, as std, with its address: `operation` are
/// the words before that.
pub(crate) fn try_each<T>(
    operation: &'static str,
    addrs: impl ToSocketAddrs,
    mut f: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match f(addr) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(AddressError::wrap(operation, addr, error)),
        }
    }
    Err(last.unwrap_or_else(|| invalid("could not resolve to any addresses")))
}

/// An address of the kernel's as one of IPv4 or IPv6.
pub(super) fn from_kernel(addr: SockAddr) -> io::Result<SocketAddr> {
    addr.as_socket().ok_or_else(|| invalid("invalid argument"))
}
