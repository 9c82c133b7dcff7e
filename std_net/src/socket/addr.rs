//! [`ToSocketAddrs`]: everything that names a socket address. `ip` turns text into addresses, and `dns`
//! looks names up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{iter, option, slice, vec};

use socket2::SockAddr;
use std_net_runtime::{AddressError, Deadline};

use crate::dns::Resolver;

/// Something that names one or several socket addresses, as [`std::net::ToSocketAddrs`]: the same
/// types, the same text. [`dns::Resolver`](crate::dns::Resolver) looks a name up without blocking the
/// worker. If that fails, the error holds a [`dns::Error`](crate::dns::Error).
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
/// // A zone can be the name of an interface. std does not accept this.
/// assert!("[fe80::1%lo]:80".to_socket_addrs()?.all(|addr| addr.is_ipv6()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The iterator over the addresses.
    type Iter: Iterator<Item = SocketAddr>;

    /// Returns the addresses that this names.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that is not an address; the error of the
    /// name lookup.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// Like [`to_socket_addrs`](Self::to_socket_addrs), but the lookup of a name ends by the deadline.
    /// Without a name there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline; otherwise the errors of
    /// [`to_socket_addrs`](Self::to_socket_addrs).
    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        let _ = deadline;
        self.to_socket_addrs()
    }

    /// Returns whether this is a name, so that the resolver and not the caller chose the order of the
    /// addresses.
    #[doc(hidden)]
    fn is_name(&self) -> bool {
        false
    }

    /// Returns the name and the port, if this is a name that needs a lookup.
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
        look_up(self.0, self.1, Resolver::patient, Deadline::NEVER)
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        look_up(self.0, self.1, Resolver::new, deadline)
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
        of_text(self, Resolver::patient, Deadline::NEVER)
    }

    fn to_socket_addrs_deadline(&self, deadline: Deadline) -> io::Result<Self::Iter> {
        of_text(self, Resolver::new, deadline)
    }

    fn is_name(&self) -> bool {
        true
    }

    fn host(&self) -> Option<(&str, u16)> {
        if std_net_ip::parse_socket_addr(self).is_ok() {
            return None;
        }
        // `to_socket_addrs` reports what is wrong with other text.
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

/// Returns the addresses of text such as `127.0.0.1:80` or `localhost:80`. Only a name needs the resolver.
fn of_text(
    text: &str,
    resolver: fn() -> Resolver,
    deadline: Deadline,
) -> io::Result<vec::IntoIter<SocketAddr>> {
    let reason = match std_net_ip::parse_socket_addr(text) {
        Ok(addr) => return Ok(vec![addr].into_iter()),
        Err(reason) => reason,
    };
    let (host, port) = split(text)?;
    if let Some(inner) = host.strip_prefix('[') {
        // No name begins with `[`, but the text may be an address with a zone: `[fe80::1%eth0]:80`.
        // The resolver knows the interfaces, and makes no query for text with a colon.
        return match inner.strip_suffix(']') {
            Some(scoped) if scoped.contains(':') && scoped.contains('%') => {
                look_up(scoped, port, resolver, deadline)
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, reason)),
        };
    }
    look_up(host, port, resolver, deadline)
}

fn look_up(
    host: &str,
    port: u16,
    resolver: fn() -> Resolver,
    deadline: Deadline,
) -> io::Result<vec::IntoIter<SocketAddr>> {
    Ok(resolver().lookup_port(host, port, deadline)?.into_iter())
}

/// Splits text that is not a complete address with a port into host and port.
fn split(text: &str) -> io::Result<(&str, u16)> {
    let missing = |example: &str| invalid(format!("{text:?}: port missing, as in {example}"));
    let (host, port) = match text.rsplit_once(':') {
        // `::1` has no port, but std reads the `80` in `::1:80` as one.
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

/// Tries the addresses in turn. If all fail, it returns the last error, as std does, with the address
/// in its text; `operation` are the words before the address.
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

/// Converts the address of the peer of a new connection. macOS reports none if the peer has reset the connection before
/// it was accepted. The error is then the one of the other systems, so that a server goes on.
pub(super) fn peer_from_kernel(addr: &SockAddr) -> io::Result<SocketAddr> {
    addr.as_socket()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ECONNABORTED))
}

/// Converts an address from the kernel into one of IPv4 or IPv6.
pub(super) fn from_kernel(addr: SockAddr) -> io::Result<SocketAddr> {
    addr.as_socket().ok_or_else(|| invalid("invalid argument"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_without_an_ip_address_was_aborted() {
        let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(peer_from_kernel(&addr.into()).unwrap(), addr);
        let none = SockAddr::unix("/").unwrap();
        let error = peer_from_kernel(&none).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
