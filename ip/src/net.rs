//! Networks: an address and a prefix length. The types are the `ipnet` crate's; the text is read by
//! this crate's parsers, because ipnet's own takes `010.0.0.0/8`.

pub use ipnet::{
    IpAdd, IpAddrRange, IpBitAnd, IpBitOr, IpNet, IpSub, IpSubnets, Ipv4AddrRange, Ipv4Net,
    Ipv4Subnets, Ipv6AddrRange, Ipv6Net, Ipv6Subnets, PrefixLenError,
};

use std::net::IpAddr;

use crate::error::{Form, ParseError};
use crate::{v4, v6};

/// Parses `ADDRESS/LENGTH`. Host bits stay; [`IpNet::trunc`] clears them.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net_ip::net;
///
/// let net = net::parse("192.0.2.7/24")?;
/// assert_eq!(net.trunc().to_string(), "192.0.2.0/24");
/// assert!(net::parse("192.0.2.0/33").is_err());
/// assert!(net::parse("010.0.0.0/8").is_err());
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
#[inline]
pub fn parse(text: impl AsRef<[u8]>) -> Result<IpNet, ParseError> {
    let bytes = text.as_ref();
    parse_bytes(bytes).ok_or_else(|| ParseError::find(Form::Net, bytes))
}

/// Parses an IPv4 network.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
#[inline]
pub fn parse_v4(text: impl AsRef<[u8]>) -> Result<Ipv4Net, ParseError> {
    let bytes = text.as_ref();
    parse_v4_bytes(bytes).ok_or_else(|| ParseError::find(Form::NetV4, bytes))
}

/// Parses an IPv6 network.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
#[inline]
pub fn parse_v6(text: impl AsRef<[u8]>) -> Result<Ipv6Net, ParseError> {
    let bytes = text.as_ref();
    parse_v6_bytes(bytes).ok_or_else(|| ParseError::find(Form::NetV6, bytes))
}

/// The network of a single address: `/32` or `/128`.
///
/// # Examples
///
/// ```
/// let net = std_net_ip::net::single("192.0.2.1".parse().unwrap());
/// assert_eq!(net.to_string(), "192.0.2.1/32");
/// ```
#[must_use]
pub fn single(addr: IpAddr) -> IpNet {
    IpNet::from(addr)
}

#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<IpNet> {
    if bytes.iter().take(5).any(|b| *b == b':') {
        parse_v6_bytes(bytes).map(IpNet::V6)
    } else {
        parse_v4_bytes(bytes).map(IpNet::V4)
    }
}

#[inline]
fn parse_v4_bytes(bytes: &[u8]) -> Option<Ipv4Net> {
    let (ip, len) = v4::parse_prefix(bytes)?;
    Ipv4Net::new(ip, length(&bytes[len..], 2)?).ok()
}

#[inline]
fn parse_v6_bytes(bytes: &[u8]) -> Option<Ipv6Net> {
    let (ip, rest) = v6::parse_prefix(bytes)?;
    Ipv6Net::new(ip, length(rest, 3)?).ok()
}

/// `/` and a number of as many digits as the largest has, perhaps with leading zeros, as ipnet.
#[inline]
fn length(bytes: &[u8], max_digits: usize) -> Option<u8> {
    let (b'/', digits) = bytes.split_first()? else {
        return None;
    };
    if digits.is_empty() || digits.len() > max_digits {
        return None;
    }
    let mut value = 0u32;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    u8::try_from(value).ok()
}
