//! Ranges: a first and a last address, `192.0.2.1-192.0.2.9`. Also the conversion to networks and back.

use std::fmt;
use std::iter::FusedIterator;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::{Form, ParseError, Reason};

/// The addresses from a first to a last one. Both belong to the range, and both have the same version.
///
/// # Examples
///
/// ```
/// let range = std_net::ip::range::parse("192.0.2.1 - 192.0.2.9")?;
/// assert_eq!(range.len(), Some(9));
/// assert!(range.contains("192.0.2.5".parse().unwrap()));
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// Makes the range, or returns `None` if `last` is before `first` or has the other version.
    #[inline]
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<IpRange> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpRange { first, last })
    }

    /// Makes a range of addresses that have the same version and are in order.
    pub(crate) fn ordered(first: IpAddr, last: IpAddr) -> IpRange {
        IpRange { first, last }
    }

    /// Returns the first address.
    #[inline]
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Returns the last address, which belongs to the range.
    #[inline]
    #[must_use]
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Returns how many addresses there are, or `None` for all 2<sup>128</sup>, because no number type
    /// here holds that.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(&self) -> Option<u128> {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        (bits(self.last) - bits(self.first)).checked_add(1)
    }

    /// Returns whether an address belongs to the range.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.first.is_ipv4() && self.first <= addr && addr <= self.last
    }

    /// Returns the range as a network, if it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{net, range};
    ///
    /// let whole = range::parse("192.0.2.0-192.0.2.255")?;
    /// assert_eq!(whole.net(), Some(net::parse("192.0.2.0/24")?));
    /// assert_eq!(range::parse("192.0.2.0-192.0.2.254")?.net(), None);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn net(&self) -> Option<IpNet> {
        let mut nets = self.nets();
        let net = nets.next();
        net.filter(|_| nets.next().is_none())
    }

    /// Returns its text: as a network if it is one, and otherwise as a range.
    pub(crate) fn net_or_range(self) -> NetOrRange {
        NetOrRange(self)
    }

    /// Returns the smallest number of networks with exactly its addresses, in order. There are at most
    /// 62 for IPv4 and 254 for IPv6.
    ///
    /// # Examples
    ///
    /// ```
    /// let range = std_net::ip::range::parse("192.0.2.1-192.0.2.6")?;
    /// let nets: Vec<String> = range.nets().map(|net| net.to_string()).collect();
    /// assert_eq!(nets, ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn nets(&self) -> Nets {
        Nets { left: Some(*self) }
    }
}

impl From<IpNet> for IpRange {
    /// Takes all addresses of a network, including the first and the last.
    #[inline]
    fn from(net: IpNet) -> IpRange {
        IpRange {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

impl From<Ipv4Net> for IpRange {
    fn from(net: Ipv4Net) -> IpRange {
        IpNet::from(net).into()
    }
}

impl From<Ipv6Net> for IpRange {
    fn from(net: Ipv6Net) -> IpRange {
        IpNet::from(net).into()
    }
}

impl From<IpAddr> for IpRange {
    fn from(addr: IpAddr) -> IpRange {
        IpRange {
            first: addr,
            last: addr,
        }
    }
}

/// A range as text. See [`IpRange::net_or_range`].
pub(crate) struct NetOrRange(IpRange);

impl fmt::Display for NetOrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.net() {
            Some(net) => net.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Debug for NetOrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The networks of a range. See [`IpRange::nets`].
#[derive(Clone, Debug)]
pub struct Nets {
    left: Option<IpRange>,
}

impl Iterator for Nets {
    type Item = IpNet;

    #[inline]
    fn next(&mut self) -> Option<IpNet> {
        let IpRange { first, last } = self.left.take()?;
        let (net, next) = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                // The network is as large as its first address and the remaining addresses allow.
                let room = (last - first).checked_add(1).map_or(32, u32::ilog2);
                let size = first.trailing_zeros().min(room);
                let end = first | ((1u64 << size) - 1) as u32;
                let net = Ipv4Net::new_assert(first.into(), (32 - size) as u8);
                let next = (end < last).then(|| Ipv4Addr::from_bits(end + 1).into());
                (net.into(), next)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                let room = (last - first).checked_add(1).map_or(128, u128::ilog2);
                let size = first.trailing_zeros().min(room);
                let end = first | 1u128.checked_shl(size).unwrap_or(0).wrapping_sub(1);
                let net = Ipv6Net::new_assert(first.into(), (128 - size) as u8);
                let next = (end < last).then(|| Ipv6Addr::from_bits(end + 1).into());
                (net.into(), next)
            }
            // The addresses of an `IpRange` have the same version.
            _ => return None,
        };
        self.left = next.map(|first| IpRange { first, last });
        Some(net)
    }
}

impl FusedIterator for Nets {}

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
            let reason = match error.reason() {
                // There is text, but the dash stands at its beginning or end.
                Reason::Empty if from > 0 => Reason::UnexpectedEnd,
                Reason::Empty => Reason::UnexpectedByte,
                reason => reason,
            };
            let at = from + error.position();
            Err(ParseError::new(Form::Range, bytes, reason, at))
        }
    };
    let first = part(0, bytes[..dash].trim_ascii_end())?;
    let after = &bytes[dash + 1..];
    let start = dash + 1 + (after.len() - after.trim_ascii_start().len());
    let last = part(start, &bytes[start..])?;
    match IpRange::new(first, last) {
        Some(range) => Ok(range),
        None => fail(why_not(first, last), start),
    }
}

/// Returns why two addresses do not make a range.
pub(crate) fn why_not(first: IpAddr, last: IpAddr) -> Reason {
    if first.is_ipv4() == last.is_ipv4() {
        Reason::RangeEndsBeforeItBegins
    } else {
        Reason::RangeOfTwoVersions
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
