//! Addresses with a zone: `fe80::1%eth0` (RFC 4007, section 11).

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use crate::error::{Form, ParseError};

/// The longest zone in bytes, which is the longest name of a network interface (`IFNAMSIZ` - 1).
pub const MAX_ZONE: usize = 15;

/// An address that may have a zone: the name or number of the interface to which the address belongs.
///
/// # Examples
///
/// ```
/// use std_net::ip::ScopedAddr;
///
/// let addr = ScopedAddr::parse("fe80::1%eth0")?;
/// assert_eq!(addr.zone(), Some("eth0"));
/// assert_eq!(addr.to_string(), "fe80::1%eth0");
/// // Turning a name into a number is the caller's: this crate makes no system call.
/// let socket = addr.to_socket_addr(80, |name| if name == "eth0" { Some(2) } else { None });
/// assert_eq!(socket.unwrap().to_string(), "[fe80::1%2]:80");
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopedAddr {
    addr: IpAddr,
    zone: [u8; MAX_ZONE],
    zone_len: u8,
}

impl ScopedAddr {
    /// Parses an address that may have `%` and a zone. A zone has 1 to 15 bytes of UTF-8 without `%`,
    /// `/`, `]` and space. An IPv4 address cannot have a zone.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with the place and the reason.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<ScopedAddr, ParseError> {
        let bytes = text.as_ref();
        ScopedAddr::parse_bytes(bytes).ok_or_else(|| ParseError::find(Form::Scoped, bytes))
    }

    fn parse_bytes(bytes: &[u8]) -> Option<ScopedAddr> {
        let (addr, zone) = match bytes.iter().position(|b| *b == b'%') {
            None => (crate::parse_bytes(bytes)?, &b""[..]),
            Some(at) => {
                let zone = &bytes[at + 1..];
                if zone.is_empty() || zone.len() > MAX_ZONE || zone_len(zone) != zone.len() {
                    return None;
                }
                (crate::v6::parse_bytes(&bytes[..at])?.into(), zone)
            }
        };
        let mut copy = [0; MAX_ZONE];
        copy[..zone.len()].copy_from_slice(zone);
        Some(ScopedAddr {
            addr,
            zone: copy,
            zone_len: zone.len() as u8,
        })
    }

    /// Returns the address.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// Returns the zone, if it has one.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        let zone = &self.zone[..usize::from(self.zone_len)];
        if zone.is_empty() {
            None
        } else {
            std::str::from_utf8(zone).ok()
        }
    }

    /// Returns the socket address with this port. If the zone is a number, it is the index of the
    /// interface. Otherwise `index` turns the name into an index. Returns `None` if `index` does not
    /// know the name.
    pub fn to_socket_addr(
        &self,
        port: u16,
        index: impl FnOnce(&str) -> Option<u32>,
    ) -> Option<SocketAddr> {
        match (self.addr, self.zone()) {
            (IpAddr::V6(ip), Some(zone)) => {
                let scope = zone.parse().ok().or_else(|| index(zone))?;
                Some(SocketAddrV6::new(ip, port, 0, scope).into())
            }
            (ip, _) => Some(SocketAddr::new(ip, port)),
        }
    }
}

/// Returns how many bytes at the beginning can belong to a zone.
pub(crate) fn zone_len(zone: &[u8]) -> usize {
    let text = match std::str::from_utf8(zone) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    zone[..text]
        .iter()
        .position(|b| b"%/] ".contains(b))
        .unwrap_or(text)
}

impl fmt::Display for ScopedAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)?;
        match self.zone() {
            Some(zone) => write!(f, "%{zone}"),
            None => Ok(()),
        }
    }
}

impl From<IpAddr> for ScopedAddr {
    fn from(addr: IpAddr) -> ScopedAddr {
        ScopedAddr {
            addr,
            zone: [0; MAX_ZONE],
            zone_len: 0,
        }
    }
}
