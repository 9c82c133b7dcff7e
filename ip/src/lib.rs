//! Text to IP addresses, socket addresses and networks, and back.
//!
//! The parsers are strict: they accept exactly the text that std's `FromStr` accepts, and return std's
//! own address types. This crate adds speed, errors with a place and a reason, text as bytes, and forms
//! that std does not have. It makes no system calls, and its parsers do not allocate.
//!
//! ```
//! use std_net::ip::{self, IpAddress, ToIpAddress};
//!
//! assert_eq!(ip::parse("192.0.2.1")?, "192.0.2.1".to_ip_address()?);
//! assert!(ip::parse("::1")?.is_loopback());
//!
//! let error = ip::parse("192.0.2.300").unwrap_err();
//! assert_eq!((error.position(), error.reason()), (8, ip::Reason::OctetOver255));
//! assert_eq!(
//!     error.to_string(),
//!     "invalid IP address: octet over 255 at byte 8: 192.0.2.>3<00",
//! );
//! # Ok::<(), ip::ParseError>(())
//! ```
//!
//! # Map
//!
//! | where | form |
//! |---|---|
//! | [`v4`], [`v6`] | addresses: parsed, canonical (RFC 5952), expanded, integer, hexadecimal |
//! | [`socket`] | address and port: `192.0.2.1:80`, `[::1]:80` |
//! | [`scoped`] | address and zone: `fe80::1%eth0` |
//! | [`net`] | networks: `192.0.2.0/24`, over the `ipnet` crate |
//! | [`range`](mod@range) | first and last address: `192.0.2.1-192.0.2.9` |
//! | [`forms`] | the forms of lists: `10.0.0.1-20`, `192.168.1.*`, `10/8`, `1[.]2[.]3[.]4` |
//! | [`set`] | many networks as one set: look-ups, aggregate, union, intersect, subtract |
//! | [`map`] | networks and ranges with values: finds the one that contains an address, by longest match |
//! | [`reverse`] | names for reverse DNS: `1.2.0.192.in-addr.arpa` |
//! | [`lenient`] | the classic forms of `inet_aton`: `127.1`, `0x7f.1` |
//! | [`classify`](mod@classify) | the purpose of an address, by the IANA registries |
//! | [`IpAddress`], [`ToIpAddress`] | addresses with the methods of Inko's; text to an address |
//! | [`ParseError`] | where and why text is refused |
//!
//! With the feature `serde`, ranges, sets and maps are text in every format of serde.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod bits;
pub mod classify;
mod cursor;
mod error;
pub mod forms;
pub mod lenient;
pub mod map;
pub mod net;
pub mod range;
pub mod reverse;
pub mod scoped;
#[cfg(feature = "serde")]
mod serde;
pub mod set;
pub mod socket;
pub mod v4;
pub mod v6;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

pub use address::{IpAddress, ToIpAddress};
pub use classify::{Registration, classify};
pub use error::{Form, ParseError, Reason};
pub use forms::Forms;
pub use map::IpMap;
pub use scoped::ScopedAddr;
pub use set::IpSet;

/// Parses an IPv4 or IPv6 address, as [`IpAddr`]'s `FromStr` does.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net::ip;
///
/// assert!(ip::parse("2001:db8::1")?.is_ipv6());
/// assert!(ip::parse(b"192.0.2.1")?.is_ipv4());
/// assert!(ip::parse("192.0.2.01").is_err());
/// # Ok::<(), ip::ParseError>(())
/// ```
#[inline]
pub fn parse(text: impl AsRef<[u8]>) -> Result<IpAddr, ParseError> {
    let bytes = text.as_ref();
    match parse_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::Ip, bytes)),
    }
}

#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<IpAddr> {
    if has_early_colon(bytes) {
        v6::parse_bytes(bytes).map(IpAddr::V6)
    } else {
        v4::parse_bytes(bytes).map(IpAddr::V4)
    }
}

/// Returns whether the text can only be IPv6. Every IPv6 address has a colon among its first five
/// bytes, and no IPv4 address has one. For other text the result can be either.
#[inline(always)]
fn has_early_colon(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<8>() {
        Some(first) => {
            // A colon, 0x3a, has bits 4, 3 and 1 set. No digit (0x30 to 0x39) and no dot (0x2e) has all
            // three.
            let text = u64::from_le_bytes(*first);
            text & text >> 2 & text >> 3 & 0x02_0202_0202 != 0
        }
        None => bytes.iter().take(5).any(|byte| *byte == b':'),
    }
}

/// Parses an IPv4 address: four decimal octets without leading zeros.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
///
/// assert_eq!(std_net::ip::parse_v4("127.0.0.1")?, Ipv4Addr::LOCALHOST);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[inline]
pub fn parse_v4(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let bytes = text.as_ref();
    match v4::parse_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::V4, bytes)),
    }
}

/// Parses an IPv6 address (RFC 4291, section 2.2).
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
///
/// assert_eq!(std_net::ip::parse_v6("::1")?, Ipv6Addr::LOCALHOST);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[inline]
pub fn parse_v6(text: impl AsRef<[u8]>) -> Result<Ipv6Addr, ParseError> {
    let bytes = text.as_ref();
    match v6::parse_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::V6, bytes)),
    }
}

/// Parses an address and a port, as [`SocketAddr`]'s `FromStr` does, with numeric scopes.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// let addr = std_net::ip::parse_socket_addr("[::1]:8080")?;
/// assert_eq!(addr.port(), 8080);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[inline]
pub fn parse_socket_addr(text: impl AsRef<[u8]>) -> Result<SocketAddr, ParseError> {
    let bytes = text.as_ref();
    match socket::parse_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::Socket, bytes)),
    }
}

/// Parses an IPv4 address and a port.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
#[inline]
pub fn parse_socket_addr_v4(text: impl AsRef<[u8]>) -> Result<SocketAddrV4, ParseError> {
    let bytes = text.as_ref();
    match socket::parse_v4_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::SocketV4, bytes)),
    }
}

/// Parses an IPv6 address and a port. There may be a numeric scope.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
#[inline]
pub fn parse_socket_addr_v6(text: impl AsRef<[u8]>) -> Result<SocketAddrV6, ParseError> {
    let bytes = text.as_ref();
    match socket::parse_v6_bytes(bytes) {
        Some(addr) => Ok(addr),
        None => Err(ParseError::find(Form::SocketV6, bytes)),
    }
}
