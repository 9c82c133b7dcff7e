//! Networks: an address and a prefix length. The types are those of the crate `ipnet`. This crate's own
//! parsers read the text, because ipnet's parser accepts `010.0.0.0/8`.

pub use ipnet::{
    IpAdd, IpAddrRange, IpBitAnd, IpBitOr, IpNet, IpSub, IpSubnets, Ipv4AddrRange, Ipv4Net,
    Ipv4Subnets, Ipv6AddrRange, Ipv6Net, Ipv6Subnets, PrefixLenError,
};

use std::net::IpAddr;

use crate::error::{Form, ParseError};
use crate::{v4, v6};

/// Parses `ADDRESS/LENGTH`. Host bits stay. [`IpNet::trunc`] clears them.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net::ip::net;
///
/// let net = net::parse("192.0.2.7/24")?;
/// assert_eq!(net.trunc().to_string(), "192.0.2.0/24");
/// assert!(net::parse("192.0.2.0/33").is_err());
/// assert!(net::parse("010.0.0.0/8").is_err());
/// # Ok::<(), std_net::ip::ParseError>(())
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

/// Makes the network of a single address: `/32` or `/128`.
///
/// # Examples
///
/// ```
/// let net = std_net::ip::net::single("192.0.2.1".parse().unwrap());
/// assert_eq!(net.to_string(), "192.0.2.1/32");
/// ```
#[must_use]
pub fn single(addr: IpAddr) -> IpNet {
    IpNet::from(addr)
}

#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<IpNet> {
    let (ip, len, digits) = split_length(bytes)?;
    match crate::parse_bytes(ip)? {
        IpAddr::V4(_) if digits > 2 => None,
        IpAddr::V4(ip) => Ipv4Net::new(ip, len).ok().map(IpNet::V4),
        IpAddr::V6(ip) => Ipv6Net::new(ip, len).ok().map(IpNet::V6),
    }
}

#[inline]
fn parse_v4_bytes(bytes: &[u8]) -> Option<Ipv4Net> {
    let (ip, len, digits) = split_length(bytes)?;
    if digits > 2 {
        return None;
    }
    Ipv4Net::new(v4::parse_bytes(ip)?, len).ok()
}

#[inline]
fn parse_v6_bytes(bytes: &[u8]) -> Option<Ipv6Net> {
    let (ip, len, _) = split_length(bytes)?;
    Ipv6Net::new(v6::parse_bytes(ip)?, len).ok()
}

/// Returns the bytes before the slash, the number behind it, and how many digits it has. There may be
/// one to three digits, or two for IPv4. As in ipnet, leading zeros are allowed. It works like the
/// split of a port in `socket`, but with the last four bytes:
///
/// ```text
/// text     30 2f 32 34     "0/24", the last byte lowest
/// values   00 1f 02 04     XOR "0"
/// over 9    . 10  .  .     a bit for what is no digit: the lowest one is the slash
/// ```
#[inline(always)]
fn split_length(bytes: &[u8]) -> Option<(&[u8], u8, u32)> {
    let text = u32::from_be_bytes(*bytes.last_chunk::<4>()?);
    let values = text ^ 0x3030_3030;
    let over_9 = (values | values.wrapping_add(0x0606_0606)) & 0xf0f0_f0f0;
    let digits = over_9.trailing_zeros() >> 3;
    if !(1..=3).contains(&digits) {
        return None;
    }
    let [ip @ .., b'/'] = bytes.get(..bytes.len() - digits as usize)? else {
        return None;
    };
    let [_, c, b, a] = (values & ((1 << (8 * digits)) - 1))
        .to_be_bytes()
        .map(u32::from);
    Some((ip, u8::try_from(100 * c + 10 * b + a).ok()?, digits))
}
