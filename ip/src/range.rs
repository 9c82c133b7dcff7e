//! Ranges: a first and a last address, `192.0.2.1-192.0.2.9`; to networks and back.

use std::fmt;
use std::iter::FusedIterator;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

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
    #[inline]
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<IpRange> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpRange { first, last })
    }

    /// Of addresses that are of one version and in order.
    pub(crate) fn ordered(first: IpAddr, last: IpAddr) -> IpRange {
        IpRange { first, last }
    }

    /// The first address.
    #[inline]
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The last address, which belongs to it.
    #[inline]
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

    /// The network that it is, if it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_ip::{net, range};
    ///
    /// let whole = range::parse("192.0.2.0-192.0.2.255")?;
    /// assert_eq!(whole.net(), Some(net::parse("192.0.2.0/24")?));
    /// assert_eq!(range::parse("192.0.2.0-192.0.2.254")?.net(), None);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn net(&self) -> Option<IpNet> {
        let mut nets = self.nets();
        let net = nets.next();
        net.filter(|_| nets.next().is_none())
    }

    /// Its text as a network where it is one, and else as a range.
    pub(crate) fn net_or_range(self) -> NetOrRange {
        NetOrRange(self)
    }

    /// The fewest networks that hold exactly its addresses, in their order: at most 62 of IPv4, 254
    /// of IPv6.
    ///
    /// # Examples
    ///
    /// ```
    /// let range = std_net_ip::range::parse("192.0.2.1-192.0.2.6")?;
    /// let nets: Vec<String> = range.nets().map(|net| net.to_string()).collect();
    /// assert_eq!(nets, ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn nets(&self) -> Nets {
        Nets { left: Some(*self) }
    }
}

impl From<IpNet> for IpRange {
    /// All addresses of a network, its first and its last among them.
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

/// A range as text; see [`IpRange::net_or_range`].
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

/// The networks of a range; see [`IpRange::nets`].
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
                // As large as the place allows and as the rest fills.
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
            // `IpRange` has addresses of one version.
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
                // There is text, but the dash is at its end or beginning.
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

/// Why two addresses are no range.
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
