//! Ranges: a first and a last address, `192.0.2.1-192.0.2.9`.

use std::fmt;
use std::net::IpAddr;

use crate::error::{Form, ParseError, Reason};

/// The addresses from a first to a last one, both included and of one version.
///
/// # Examples
///
/// ```
/// let range = std_net_ip::range::parse("192.0.2.1 - 192.0.2.9")?;
/// assert_eq!(range.len(), Some(9));
/// assert!(range.contains("192.0.2.5".parse().unwrap()));
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// The range, or `None` if `last` is before `first` or of the other version.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<IpRange> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpRange { first, last })
    }

    /// The first address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The last address, which belongs to it.
    #[must_use]
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// How many addresses; `None` for all 2<sup>128</sup>, which no number here holds.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(&self) -> Option<u128> {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        (bits(self.last) - bits(self.first)).checked_add(1)
    }

    /// Whether an address belongs to it.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.first.is_ipv4() && self.first <= addr && addr <= self.last
    }
}

/// Parses `FIRST-LAST`, with or without spaces around the dash.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
pub fn parse(text: impl AsRef<[u8]>) -> Result<IpRange, ParseError> {
    let bytes = text.as_ref();
    let fail = |reason, at| Err(ParseError::new(Form::Range, bytes, reason, at));
    if bytes.is_empty() {
        return fail(Reason::Empty, 0);
    }
    let Some(dash) = bytes.iter().position(|b| *b == b'-') else {
        return fail(Reason::UnexpectedEnd, bytes.len());
    };
    let part = |from: usize, text: &[u8]| match crate::parse_bytes(text) {
        Some(addr) => Ok(addr),
        None => {
            let error = ParseError::find(Form::Ip, text);
            Err(ParseError::new(
                Form::Range,
                bytes,
                error.reason(),
                from + error.position(),
            ))
        }
    };
    let first = part(0, bytes[..dash].trim_ascii_end())?;
    let after = &bytes[dash + 1..];
    let start = dash + 1 + (after.len() - after.trim_ascii_start().len());
    let last = part(start, &bytes[start..])?;
    match IpRange::new(first, last) {
        Some(range) => Ok(range),
        None => fail(Reason::BadRange, start),
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
