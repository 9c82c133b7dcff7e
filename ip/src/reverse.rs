//! Names for reverse DNS lookups: `1.2.0.192.in-addr.arpa` (RFC 1035, section 3.5) and
//! `1.0.....8.b.d.0.1.0.0.2.ip6.arpa` (RFC 3596, section 2.5). Both ways.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::error::{Form, ParseError, Reason};
use crate::v4;

/// The reverse DNS name of an address, without a dot at its end.
///
/// # Examples
///
/// ```
/// use std_net_ip::reverse;
///
/// let name = reverse::name("192.0.2.1".parse().unwrap());
/// assert_eq!(name.to_string(), "1.2.0.192.in-addr.arpa");
/// assert_eq!(reverse::parse("1.2.0.192.in-addr.arpa.")?, std_net_ip::parse("192.0.2.1")?);
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
#[must_use]
pub fn name(addr: IpAddr) -> ReverseName {
    ReverseName(addr)
}

/// The reverse DNS name of an address as text; see [`name`].
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

/// The address of a whole reverse DNS name: four octets or 32 digits. Upper and lower case; a dot at
/// its end is allowed.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
pub fn parse(text: impl AsRef<[u8]>) -> Result<IpAddr, ParseError> {
    let bytes = text.as_ref();
    let fail = |reason, at| Err(ParseError::new(Form::Reverse, bytes, reason, at));
    if bytes.is_empty() {
        return fail(Reason::Empty, 0);
    }
    let name = bytes.strip_suffix(b".").unwrap_or(bytes);
    if let Some(labels) = strip_suffix_ignoring_case(name, b".in-addr.arpa") {
        return match v4::parse_bytes(labels) {
            Some(ip) => {
                let [a, b, c, d] = ip.octets();
                Ok(std::net::Ipv4Addr::new(d, c, b, a).into())
            }
            None => {
                let error = ParseError::find(Form::V4, labels);
                fail(error.reason(), error.position())
            }
        };
    }
    let Some(labels) = strip_suffix_ignoring_case(name, b".ip6.arpa") else {
        return fail(Reason::UnexpectedByte, 0);
    };
    let mut bits = 0u128;
    let mut count = 0;
    for (i, byte) in labels.iter().enumerate() {
        if i % 2 == 1 {
            if *byte != b'.' {
                return fail(Reason::UnexpectedByte, i);
            }
            continue;
        }
        let Some(digit) = char::from(*byte).to_digit(16) else {
            return fail(Reason::UnexpectedByte, i);
        };
        if count == 32 {
            return fail(Reason::TooManyParts, i);
        }
        bits |= u128::from(digit) << (4 * count);
        count += 1;
    }
    if count < 32 || labels.len() % 2 == 0 {
        return fail(Reason::TooFewParts, labels.len());
    }
    Ok(Ipv6Addr::from_bits(bits).into())
}

fn strip_suffix_ignoring_case<'a>(text: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}
