//! Names for reverse DNS lookups: `1.2.0.192.in-addr.arpa` (RFC 1035, section 3.5) and
//! `1.0.....8.b.d.0.1.0.0.2.ip6.arpa` (RFC 3596, section 2.5). This module makes them and parses them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::{Form, ParseError, Reason};
use crate::v4;

/// Returns the reverse DNS name of an address, without a dot at its end.
///
/// # Examples
///
/// ```
/// use std_net::ip::reverse;
///
/// let name = reverse::name("192.0.2.1".parse().unwrap());
/// assert_eq!(name.to_string(), "1.2.0.192.in-addr.arpa");
/// assert_eq!(reverse::parse("1.2.0.192.in-addr.arpa.")?, std_net::ip::parse("192.0.2.1")?);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[must_use]
pub fn name(addr: IpAddr) -> ReverseName {
    ReverseName(addr)
}

/// The reverse DNS name of an address as text. See [`name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReverseName(IpAddr);

impl fmt::Display for ReverseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                write!(f, "{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(ip) => {
                for octet in ip.octets().iter().rev() {
                    write!(f, "{:x}.{:x}.", octet & 15, octet >> 4)?;
                }
                f.write_str("ip6.arpa")
            }
        }
    }
}

/// Parses a complete reverse DNS name, with four octets or 32 digits. Upper and lower case are equal. A
/// dot at its end is allowed.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
pub fn parse(text: impl AsRef<[u8]>) -> Result<IpAddr, ParseError> {
    let bytes = text.as_ref();
    let fail = |reason, at| Err(ParseError::new(Form::Reverse, bytes, reason, at));
    match labels(bytes) {
        Err((reason, at)) => fail(reason, at),
        Ok(Labels::V4(labels)) => match v4::parse_bytes(labels) {
            Some(ip) => Ok(turned(ip).into()),
            None => {
                let error = ParseError::find(Form::V4, labels);
                fail(error.reason(), error.position())
            }
        },
        Ok(Labels::V6(labels)) => match digits(labels) {
            Ok((bits, 32)) => Ok(Ipv6Addr::from_bits(bits).into()),
            Ok(_) => fail(Reason::TooFewParts, labels.len()),
            Err((reason, at)) => fail(reason, at),
        },
    }
}

/// Parses the network of a reverse DNS zone: `2.0.192.in-addr.arpa` is 192.0.2.0/24, and
/// `8.b.d.0.1.0.0.2.ip6.arpa` is 2001:db8::/32. The name of an address is its /32 or /128, and
/// `in-addr.arpa` itself is 0.0.0.0/0. A first label such as `64/26` means that part of the network of
/// the other labels (RFC 2317). Upper and lower case are equal. A dot at its end is allowed.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net::ip::reverse;
///
/// for (zone, net) in [
///     ("2.0.192.in-addr.arpa", "192.0.2.0/24"),
///     ("64/26.2.0.192.in-addr.arpa.", "192.0.2.64/26"),
///     ("8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8::/32"),
///     ("ip6.arpa", "::/0"),
/// ] {
///     assert_eq!(reverse::parse_net(zone)?.to_string(), net);
/// }
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub fn parse_net(text: impl AsRef<[u8]>) -> Result<IpNet, ParseError> {
    let bytes = text.as_ref();
    let found = labels(bytes).and_then(|labels| match labels {
        Labels::V4(labels) => zone_v4(labels).map(IpNet::V4),
        Labels::V6(labels) => digits(labels).map(|(bits, count)| {
            Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), 4 * count as u8).into()
        }),
    });
    found.map_err(|(reason, at)| ParseError::new(Form::Reverse, bytes, reason, at))
}

/// The labels before the suffix.
enum Labels<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

fn labels(bytes: &[u8]) -> Result<Labels<'_>, (Reason, usize)> {
    if bytes.is_empty() {
        return Err((Reason::Empty, 0));
    }
    let name = bytes.strip_suffix(b".").unwrap_or(bytes);
    let before = |suffix: &[u8]| {
        let labels = strip_suffix_ignoring_case(name, suffix)?;
        if labels.is_empty() {
            return Some(labels);
        }
        labels
            .strip_suffix(b".")
            .filter(|labels| !labels.is_empty())
    };
    if let Some(labels) = before(b"in-addr.arpa") {
        return Ok(Labels::V4(labels));
    }
    before(b"ip6.arpa")
        .map(Labels::V6)
        .ok_or((Reason::UnexpectedByte, 0))
}

fn turned(ip: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, d] = ip.octets();
    Ipv4Addr::new(d, c, b, a)
}

/// Reads the hexadecimal digits of an IPv6 name, in which the last one is the highest. Also returns how
/// many there are.
fn digits(labels: &[u8]) -> Result<(u128, usize), (Reason, usize)> {
    let (mut bits, mut count) = (0u128, 0);
    for (i, byte) in labels.iter().enumerate() {
        if i % 2 == 1 {
            if *byte != b'.' {
                return Err((Reason::UnexpectedByte, i));
            }
            continue;
        }
        let Some(digit) = char::from(*byte).to_digit(16) else {
            return Err((Reason::UnexpectedByte, i));
        };
        if count == 32 {
            return Err((Reason::TooManyParts, i));
        }
        bits |= u128::from(digit) << (4 * count);
        count += 1;
    }
    if count > 0 && labels.len().is_multiple_of(2) {
        return Err((Reason::UnexpectedEnd, labels.len()));
    }
    // The last digit is the highest.
    Ok((
        bits.checked_shl(128 - 4 * count).unwrap_or(0),
        count as usize,
    ))
}

/// Reads the network of up to four octets. The first label may be a part of the network of the others.
fn zone_v4(labels: &[u8]) -> Result<Ipv4Net, (Reason, usize)> {
    if labels.is_empty() {
        return Ok(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
    }
    let (mut bits, mut count, mut at) = (0u32, 0, 0);
    let mut part = None;
    for label in labels.split(|b| *b == b'.') {
        let octet = match label.iter().position(|b| *b == b'/') {
            Some(slash) if at == 0 => {
                let place = (Reason::BadPrefixLength, slash + 1);
                let len = v4::number(&label[slash + 1..], 10, 32).map_err(|_| place)?;
                part = Some((len as u8, place));
                &label[..slash]
            }
            _ => label,
        };
        if count == 4 {
            return Err((Reason::TooManyParts, at));
        }
        let padded = octet.len() > 1 && octet[0] == b'0';
        let value = v4::number(octet, 10, 255).map_err(|error| match error.reason() {
            Reason::TooLarge => (Reason::OctetOver255, at),
            reason => (reason, at + error.position()),
        })?;
        if padded {
            return Err((Reason::LeadingZero, at));
        }
        bits |= (value as u32) << (8 * count);
        count += 1;
        at += label.len() + 1;
    }
    // The last octet is the highest.
    let addr = Ipv4Addr::from_bits(bits << (32 - 8 * count));
    let whole = 8 * count as u8;
    match part {
        None => Ok(Ipv4Net::new_assert(addr, whole)),
        // The part must lie within the last octet, and its host bits must be 0.
        Some((len, place)) => match Ipv4Net::new(addr, len) {
            Ok(net) if whole - 8 < len && len <= whole && net.trunc() == net => Ok(net),
            _ => Err(place),
        },
    }
}

fn strip_suffix_ignoring_case<'a>(text: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}
