//! Traits over std's types, with what IPv4 and IPv6 addresses have in common.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::classify::{self, Registration};
use crate::error::ParseError;
use crate::reverse::{self, ReverseName};
use crate::{v4, v6};

/// Text that may be an IP address, as Inko's `String.to_ip_address`.
///
/// # Examples
///
/// ```
/// use std_net::ip::ToIpAddress;
///
/// assert!("192.0.2.1".to_ip_address()?.is_ipv4());
/// assert!(String::from("nonsense").to_ip_address().is_err());
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub trait ToIpAddress {
    /// Parses the text. See [`parse`](crate::parse).
    ///
    /// # Errors
    ///
    /// A [`ParseError`] with the place and the reason.
    fn to_ip_address(&self) -> Result<IpAddr, ParseError>;
}

impl ToIpAddress for str {
    fn to_ip_address(&self) -> Result<IpAddr, ParseError> {
        crate::parse(self)
    }
}

impl ToIpAddress for String {
    fn to_ip_address(&self) -> Result<IpAddr, ParseError> {
        crate::parse(self)
    }
}

/// Questions and conversions for [`Ipv4Addr`], [`Ipv6Addr`] and [`IpAddr`]. They correspond to Inko's
/// `IpAddress`.
///
/// If std's type has a stable method of the same name, `addr.method()` calls that one. It returns the
/// same.
///
/// # Examples
///
/// ```
/// use std_net::ip::{self, IpAddress};
///
/// let addr = ip::parse("::ffff:192.168.1.1")?;
/// assert!(addr.is_v6() && addr.is_v4_mapped());
/// assert_eq!(addr.to_v4(), Some("192.168.1.1".parse().unwrap()));
/// assert!(addr.to_v4().unwrap().is_private());
/// # Ok::<(), ip::ParseError>(())
/// ```
pub trait IpAddress: Copy + Into<IpAddr> {
    /// Returns whether it is an IPv4 address.
    fn is_v4(&self) -> bool {
        self.ip().is_ipv4()
    }

    /// Returns whether it is an IPv6 address.
    fn is_v6(&self) -> bool {
        self.ip().is_ipv6()
    }

    /// Returns the address as [`IpAddr`].
    fn ip(&self) -> IpAddr {
        (*self).into()
    }

    /// Returns whether the address is for documentation: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
    /// (RFC 5737), 2001:db8::/32 (RFC 3849), 3fff::/20 (RFC 9637).
    fn is_documentation(&self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => ip.is_documentation(),
            IpAddr::V6(ip) => {
                let s = ip.segments();
                s[..2] == [0x2001, 0xdb8] || (s[0] == 0x3fff && s[1] < 0x1000)
            }
        }
    }

    /// Returns whether it is a loopback address: 127.0.0.0/8, ::1.
    fn is_loopback(&self) -> bool {
        self.ip().is_loopback()
    }

    /// Returns whether it is a multicast address: 224.0.0.0/4, ff00::/8.
    fn is_multicast(&self) -> bool {
        self.ip().is_multicast()
    }

    /// Returns whether it is 0.0.0.0 or `::`.
    fn is_unspecified(&self) -> bool {
        self.ip().is_unspecified()
    }

    /// Returns whether the address is for private use: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC
    /// 1918), fc00::/7 (unique local, RFC 4193).
    fn is_private(&self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => ip.is_private(),
            IpAddr::V6(ip) => ip.is_unique_local(),
        }
    }

    /// Returns whether it is link-local: 169.254.0.0/16, fe80::/10.
    fn is_link_local(&self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        }
    }

    /// Returns whether the address is 255.255.255.255. IPv6 has no broadcast.
    fn is_broadcast(&self) -> bool {
        matches!(self.ip(), IpAddr::V4(ip) if ip.is_broadcast())
    }

    /// Returns whether the address is IPv4-compatible, `::a.b.c.d` (deprecated by RFC 4291). `::` and
    /// `::1` are not.
    fn is_v4_compatible(&self) -> bool {
        matches!(self.ip(), IpAddr::V6(ip) if ip.to_bits() >> 32 == 0 && ip.to_bits() > 1)
    }

    /// Returns whether it is IPv4-mapped, `::ffff:a.b.c.d`.
    fn is_v4_mapped(&self) -> bool {
        matches!(self.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some())
    }

    /// Returns the address as IPv4, if it is an IPv4 address or an IPv4-mapped one.
    fn to_v4(&self) -> Option<Ipv4Addr> {
        match self.ip() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(ip) => ip.to_ipv4_mapped(),
        }
    }

    /// Returns the address as IPv6. An IPv4 address becomes an IPv4-mapped one.
    fn to_v6(&self) -> Ipv6Addr {
        match self.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        }
    }

    /// Returns an iterator over its four octets or eight groups, which are Inko's `segments`.
    #[doc(alias = "segments")]
    fn parts(&self) -> Parts {
        match self.ip() {
            IpAddr::V4(ip) => {
                let mut parts = [0; 8];
                for (part, octet) in parts.iter_mut().zip(ip.octets()) {
                    *part = octet.into();
                }
                Parts {
                    parts,
                    next: 0,
                    end: 4,
                }
            }
            IpAddr::V6(ip) => Parts {
                parts: ip.segments(),
                next: 0,
                end: 8,
            },
        }
    }

    /// Returns the address as one number.
    fn to_integer(&self) -> u128 {
        match self.ip() {
            IpAddr::V4(ip) => ip.to_bits().into(),
            IpAddr::V6(ip) => ip.to_bits(),
        }
    }

    /// Returns the purpose of the address, by the IANA registries, or `None` for an ordinary address.
    fn registration(&self) -> Option<&'static Registration> {
        classify::classify(self.ip())
    }

    /// Returns its canonical text. With `{}` it needs no allocation, and it is faster than std's.
    fn canonical(&self) -> Text {
        match self.ip() {
            IpAddr::V4(ip) => Text::of_v4(ip),
            IpAddr::V6(ip) => Text::of_v6(ip),
        }
    }

    /// Returns its full text: all 32 digits of an IPv6 address, or the usual text of an IPv4 address.
    fn expanded(&self) -> Text {
        match self.ip() {
            IpAddr::V4(_) => self.canonical(),
            IpAddr::V6(ip) => Text::of_expanded(ip),
        }
    }

    /// Returns it as a hexadecimal number with all its digits: `0xc0000201`.
    fn hex(&self) -> Hex {
        Hex(self.ip())
    }

    /// Returns it as a binary number with all its digits: `0b1100...`.
    fn binary(&self) -> Binary {
        Binary(self.ip())
    }

    /// Returns its name for reverse DNS.
    fn reverse_name(&self) -> ReverseName {
        reverse::name(self.ip())
    }
}

impl IpAddress for Ipv4Addr {}
impl IpAddress for Ipv6Addr {}
impl IpAddress for IpAddr {}

/// The octets or groups of an address. See [`IpAddress::parts`].
#[derive(Clone, Debug)]
pub struct Parts {
    parts: [u16; 8],
    next: usize,
    end: usize,
}

impl Iterator for Parts {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let part = self.parts[..self.end].get(self.next).copied();
        self.next += usize::from(part.is_some());
        part
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Parts {}

/// The text of an address, on the stack.
///
/// # Examples
///
/// ```
/// use std_net::ip::IpAddress;
///
/// let addr = std::net::Ipv6Addr::LOCALHOST;
/// assert_eq!(addr.canonical().as_str(), "::1");
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; v6::BUF_LEN],
    start: u8,
    end: u8,
}

impl Text {
    fn of_v4(ip: Ipv4Addr) -> Text {
        let (text, end) = v4::format(ip);
        let mut bytes = [0; v6::BUF_LEN];
        bytes[..v4::BUF_LEN].copy_from_slice(&text.to_le_bytes());
        Text::new(bytes, (0, end))
    }

    fn of_v6(ip: Ipv6Addr) -> Text {
        let mut bytes = [0; v6::BUF_LEN];
        let place = v6::format(ip, &mut bytes);
        Text::new(bytes, place)
    }

    fn of_expanded(ip: Ipv6Addr) -> Text {
        let mut bytes = [0; v6::BUF_LEN];
        let (place, _) = bytes
            .split_first_chunk_mut()
            .expect("the buffer is long enough");
        v6::expand_into(ip, place);
        Text::new(bytes, (0, v6::EXPANDED_LEN))
    }

    fn new(bytes: [u8; v6::BUF_LEN], (start, end): (usize, usize)) -> Text {
        Text {
            bytes,
            start: start as u8,
            end: end as u8,
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (start, end) = (usize::from(self.start), usize::from(self.end));
        // Check a multiple of 16 bytes: the bytes behind the text are ASCII too.
        let checked = v4::as_text(&self.bytes[..end.next_multiple_of(16)]);
        &checked[start..end]
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// An address as a hexadecimal number. See [`IpAddress::hex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hex(IpAddr);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "{:#010x}", ip.to_bits()),
            IpAddr::V6(ip) => write!(f, "{:#034x}", ip.to_bits()),
        }
    }
}

/// An address as a binary number. See [`IpAddress::binary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binary(IpAddr);

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "{:#034b}", ip.to_bits()),
            IpAddr::V6(ip) => write!(f, "{:#0130b}", ip.to_bits()),
        }
    }
}
