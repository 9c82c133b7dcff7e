//! Many networks, ranges and addresses as one set, with fast look-ups and the operations of sets.
//!
//! The set holds sorted ranges that neither overlap nor touch. So a set has only one form, and every
//! operation goes once through two lists. An index over the first addresses of the ranges lets a
//! look-up compare with only a few of them. The set is not a trie. It does not remember which of the
//! given networks an address was in, and so it is small and fast.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::bits::{Bits, Buckets};
use crate::range::IpRange;

/// A set of addresses, given as networks, ranges and addresses of both versions.
///
/// IPv4-mapped addresses are IPv6 addresses here.
///
/// # Examples
///
/// ```
/// use std_net::ip::{IpSet, net};
///
/// let office = IpSet::from_iter([net::parse("192.0.2.0/25")?, net::parse("192.0.2.128/25")?]);
/// assert!(office.contains("192.0.2.77".parse().unwrap()));
/// assert_eq!(office.to_string(), "192.0.2.0/24");
///
/// let guests = IpSet::from(net::parse("192.0.2.64/26")?);
/// assert_eq!(office.subtract(&guests).to_string(), "192.0.2.0/26\n192.0.2.128/25");
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IpSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl IpSet {
    /// Makes an empty set.
    #[must_use]
    pub fn new() -> IpSet {
        IpSet::default()
    }

    /// Makes the set of all addresses of both versions.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpSet, net};
    ///
    /// let half = IpSet::from(net::parse("0.0.0.0/1")?);
    /// assert_eq!(IpSet::all().subtract(&half).to_string(), "128.0.0.0/1\n::/0");
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn all() -> IpSet {
        IpSet {
            v4: Ranges::new(vec![(0, u32::MAX)]),
            v6: Ranges::new(vec![(0, u128::MAX)]),
        }
    }

    /// Makes a set of first and last addresses as numbers, in any order. This is the fastest way to
    /// make a set of very many.
    ///
    /// # Panics
    ///
    /// If a last address is before its first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::IpSet;
    ///
    /// let set = IpSet::from_bits(vec![(0xc0000200, 0xc00002ff)], vec![(1, 1)]);
    /// assert_eq!(set.to_string(), "192.0.2.0/24\n::1/128");
    /// ```
    #[must_use]
    pub fn from_bits(v4: Vec<(u32, u32)>, v6: Vec<(u128, u128)>) -> IpSet {
        assert!(
            v4.iter().all(|(first, last)| first <= last)
                && v6.iter().all(|(first, last)| first <= last),
            "a last address is before its first",
        );
        IpSet {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }

    /// Returns the first and last IPv4 addresses of its ranges as numbers, in order.
    #[must_use]
    pub fn bits_v4(&self) -> &[(u32, u32)] {
        &self.v4.ranges
    }

    /// Returns the first and last IPv6 addresses of its ranges as numbers, in order.
    #[must_use]
    pub fn bits_v6(&self) -> &[(u128, u128)] {
        &self.v6.ranges
    }

    /// Returns whether an address is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.contains_v4(addr),
            IpAddr::V6(addr) => self.contains_v6(addr),
        }
    }

    /// Returns whether an IPv4 address is in the set.
    #[inline]
    #[must_use]
    pub fn contains_v4(&self, addr: Ipv4Addr) -> bool {
        self.v4.find(addr.to_bits()).is_some()
    }

    /// Returns whether an IPv6 address is in the set.
    #[inline]
    #[must_use]
    pub fn contains_v6(&self, addr: Ipv6Addr) -> bool {
        self.v6.find(addr.to_bits()).is_some()
    }

    /// Returns whether all addresses of a range or network are in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpSet, net};
    ///
    /// let set = IpSet::from_iter([net::parse("10.0.0.0/9")?, net::parse("10.128.0.0/9")?]);
    /// assert!(set.contains_all(net::parse("10.64.0.0/10")?));
    /// assert!(set.contains_all(net::parse("10.0.0.0/8")?));
    /// assert!(!set.contains_all(net::parse("10.0.0.0/7")?));
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn contains_all(&self, range: impl Into<IpRange>) -> bool {
        let range = range.into();
        // Ranges do not touch, so a single range must contain it all.
        self.range_of(range.first())
            .is_some_and(|found| found.last() >= range.last())
    }

    /// Returns whether the set contains at least one address of a range or network.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpSet, net};
    ///
    /// let set = IpSet::from_iter([net::parse("10.1.0.0/16")?, net::parse("10.3.0.0/16")?]);
    /// assert!(set.overlaps(net::parse("10.0.0.0/8")?));
    /// assert!(set.overlaps(net::parse("10.3.7.0/24")?));
    /// assert!(!set.overlaps(net::parse("10.2.0.0/16")?));
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn overlaps(&self, range: impl Into<IpRange>) -> bool {
        let range = range.into();
        match (range.first(), range.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.meet(first.to_bits(), last.to_bits()),
            (IpAddr::V6(first), IpAddr::V6(last)) => self.v6.meet(first.to_bits(), last.to_bits()),
            // The addresses of a range have the same version.
            _ => false,
        }
    }

    /// Returns whether the sets have an address in common. This is faster than
    /// [`intersect`](IpSet::intersect).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpSet, net};
    ///
    /// let ours = IpSet::from(net::parse("10.0.0.0/8")?);
    /// assert!(ours.overlaps_set(&IpSet::from(net::parse("10.7.0.0/16")?)));
    /// assert!(!ours.overlaps_set(&IpSet::from(net::parse("::/0")?)));
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn overlaps_set(&self, other: &IpSet) -> bool {
        self.v4.overlaps(&other.v4) || self.v6.overlaps(&other.v6)
    }

    /// Returns the range of the set around an address: all addresses around it without a gap.
    #[must_use]
    pub fn range_of(&self, addr: IpAddr) -> Option<IpRange> {
        match addr {
            IpAddr::V4(addr) => self.v4.find(addr.to_bits()).map(v4_range),
            IpAddr::V6(addr) => self.v6.find(addr.to_bits()).map(v6_range),
        }
    }

    /// Returns whether the set has no addresses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.ranges.is_empty() && self.v6.ranges.is_empty()
    }

    /// Returns how many IPv4 addresses are in the set.
    #[must_use]
    pub fn count_v4(&self) -> u64 {
        let ranges = self.v4.ranges.iter();
        ranges
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum()
    }

    /// Returns how many IPv6 addresses are in the set, or `None` for all 2<sup>128</sup>, because no
    /// number type here holds that.
    #[must_use]
    pub fn count_v6(&self) -> Option<u128> {
        let mut ranges = self.v6.ranges.iter();
        ranges.try_fold(0u128, |sum, (first, last)| {
            sum.checked_add((last - first).checked_add(1)?)
        })
    }

    /// Returns its ranges in order, IPv4 first. There are as few as possible.
    pub fn ranges(&self) -> impl Iterator<Item = IpRange> + '_ {
        let v4 = self.v4.ranges.iter().copied().map(v4_range);
        v4.chain(self.v6.ranges.iter().copied().map(v6_range))
    }

    /// Returns the smallest number of networks with exactly its addresses, in order, IPv4 first.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.ranges().flat_map(|range| range.nets())
    }

    /// Returns the set of addresses that are in at least one of the two sets.
    #[must_use]
    pub fn union(&self, other: &IpSet) -> IpSet {
        IpSet {
            v4: self.v4.union(&other.v4),
            v6: self.v6.union(&other.v6),
        }
    }

    /// Returns the set of addresses that are in both sets.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpSet, net, range};
    ///
    /// let a = IpSet::from(range::parse("10.0.0.3-10.0.0.9")?);
    /// let b = IpSet::from(net::parse("10.0.0.0/29")?);
    /// let both: Vec<String> = a.intersect(&b).ranges().map(|r| r.to_string()).collect();
    /// assert_eq!(both, ["10.0.0.3-10.0.0.7"]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[must_use]
    pub fn intersect(&self, other: &IpSet) -> IpSet {
        IpSet {
            v4: self.v4.intersect(&other.v4),
            v6: self.v6.intersect(&other.v6),
        }
    }

    /// Returns the set of addresses that are in this set and not in the other.
    #[must_use]
    pub fn subtract(&self, other: &IpSet) -> IpSet {
        IpSet {
            v4: self.v4.subtract(&other.v4),
            v6: self.v6.subtract(&other.v6),
        }
    }
}

/// Returns the smallest number of networks with exactly the addresses of the given ones, in order, IPv4
/// first.
///
/// # Examples
///
/// ```
/// use std_net::ip::{net, set};
///
/// let nets = ["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7/32"].map(|n| net::parse(n).unwrap());
/// assert_eq!(set::aggregate(nets), [net::parse("10.0.0.0/23")?]);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[must_use]
pub fn aggregate(nets: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
    nets.into_iter().collect::<IpSet>().nets().collect()
}

impl<T: Into<IpRange>> From<T> for IpSet {
    fn from(item: T) -> IpSet {
        IpSet::from_iter([item])
    }
}

impl<T: Into<IpRange>> FromIterator<T> for IpSet {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> IpSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for item in items {
            let range = item.into();
            match (range.first(), range.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                _ => unreachable!("a range has addresses of one version"),
            }
        }
        IpSet {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }
}

impl fmt::Display for IpSet {
    /// Writes its networks, each on a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, net) in self.nets().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            net.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.nets()).finish()
    }
}

fn v4_range((first, last): (u32, u32)) -> IpRange {
    IpRange::ordered(
        Ipv4Addr::from_bits(first).into(),
        Ipv4Addr::from_bits(last).into(),
    )
}

fn v6_range((first, last): (u128, u128)) -> IpRange {
    IpRange::ordered(
        Ipv6Addr::from_bits(first).into(),
        Ipv6Addr::from_bits(last).into(),
    )
}

/// The base-2 logarithm of the largest index. The index then has 256 KiB, which stay in a core's
/// second-level cache.
const MAX_INDEX_BITS: u32 = 16;

/// Sorted ranges (first, last) that neither overlap nor touch, and the index over their first
/// addresses.
#[derive(Clone, Default)]
struct Ranges<T> {
    ranges: Vec<(T, T)>,
    buckets: Buckets<T>,
}

impl<T: Bits> PartialEq for Ranges<T> {
    fn eq(&self, other: &Ranges<T>) -> bool {
        self.ranges == other.ranges
    }
}

impl<T: Bits> Eq for Ranges<T> {}

impl<T: Bits> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Ranges<T> {
        T::sort(&mut ranges);
        let mut kept = 0;
        for i in 0..ranges.len() {
            let (first, last) = ranges[i];
            kept = push(&mut ranges, kept, first, last);
        }
        ranges.truncate(kept);
        Ranges::indexed(ranges)
    }

    /// Makes it of ranges that are in order and do not touch.
    fn indexed(ranges: Vec<(T, T)>) -> Ranges<T> {
        // Use eight buckets for each range. If the ranges are spread evenly, few buckets have more than
        // one.
        let bits = (usize::BITS - ranges.len().leading_zeros() + 3).min(MAX_INDEX_BITS);
        let buckets = Buckets::new(&ranges, |(first, _)| *first, bits);
        Ranges { ranges, buckets }
    }

    /// Returns the range that contains an address.
    #[inline]
    fn find(&self, addr: T) -> Option<(T, T)> {
        let found = self
            .buckets
            .last_from(&self.ranges, |(first, _)| *first, addr)?;
        let found = *self.ranges.get(found)?;
        (addr <= found.1).then_some(found)
    }

    /// Returns whether a range contains at least one of the addresses from `first` to `last`.
    #[inline]
    fn meet(&self, first: T, last: T) -> bool {
        let before = self
            .buckets
            .last_from(&self.ranges, |(first, _)| *first, first);
        let behind = before.map_or(0, |at| at + 1);
        let reaches = |at: usize| self.ranges.get(at).is_some_and(|(_, end)| *end >= first);
        let begins = |(from, _): &(T, T)| *from <= last;
        before.is_some_and(reaches) || self.ranges.get(behind).is_some_and(begins)
    }

    fn union(&self, other: &Ranges<T>) -> Ranges<T> {
        let (a, b) = (&self.ranges, &other.ranges);
        let mut out = vec![(T::default(), T::default()); a.len() + b.len()];
        let (mut i, mut j, mut kept) = (0, 0, 0);
        while i < a.len() || j < b.len() {
            let from_a = j == b.len() || i < a.len() && a[i].0 <= b[j].0;
            let (first, last) = if from_a { a[i] } else { b[j] };
            i += usize::from(from_a);
            j += usize::from(!from_a);
            kept = push(&mut out, kept, first, last);
        }
        out.truncate(kept);
        Ranges::indexed(out)
    }

    fn intersect(&self, other: &Ranges<T>) -> Ranges<T> {
        let (a, b) = (&self.ranges, &other.ranges);
        let mut out = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < a.len() && j < b.len() {
            let first = a[i].0.max(b[j].0);
            let last = a[i].1.min(b[j].1);
            if first <= last {
                out.push((first, last));
            }
            if a[i].1 < b[j].1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        Ranges::indexed(out)
    }

    fn overlaps(&self, other: &Ranges<T>) -> bool {
        let (few, many) = if self.ranges.len() <= other.ranges.len() {
            (self, other)
        } else {
            (other, self)
        };
        let mut ranges = few.ranges.iter();
        ranges.any(|(first, last)| many.meet(*first, *last))
    }

    fn subtract(&self, other: &Ranges<T>) -> Ranges<T> {
        let mut out = Vec::new();
        let mut j = 0;
        for &(mut first, last) in &self.ranges {
            while j < other.ranges.len() && other.ranges[j].1 < first {
                j += 1;
            }
            // A range of the other set may reach into the next range of this set, so `j` stays at it.
            let mut k = j;
            let mut rest = true;
            while let Some(&(from, to)) = other.ranges.get(k)
                && from <= last
            {
                if first < from {
                    out.push((first, from.before()));
                }
                match to.next() {
                    Some(next) if next <= last => first = next,
                    _ => {
                        rest = false;
                        break;
                    }
                }
                k += 1;
            }
            if rest {
                out.push((first, last));
            }
            j = k;
        }
        Ranges::indexed(out)
    }
}

/// Adds a range to the first `kept` ranges of `out`, which are in order. The new range must not begin
/// before the last of them. Returns how many there are then.
#[inline]
fn push<T: Bits>(out: &mut [(T, T)], kept: usize, first: T, last: T) -> usize {
    if let Some(before) = kept.checked_sub(1) {
        let (_, end) = &mut out[before];
        // The new range overlaps or touches the last one. Behind the last address there is nothing.
        if end.next().is_none_or(|next| first <= next) {
            *end = last.max(*end);
            return kept;
        }
    }
    out[kept] = (first, last);
    kept + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_address_space() {
        let all = IpSet::all();
        assert_eq!((all.count_v4(), all.count_v6()), (1 << 32, None));
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(all.contains("::".parse().unwrap()));
        assert!(all.subtract(&all).is_empty());
        assert_eq!(all.intersect(&all), all);
        assert_eq!(all.union(&all), all);
        let none = IpSet::new();
        assert!(!none.contains("0.0.0.0".parse().unwrap()));
        assert_eq!(all.subtract(&none), all);
        assert_eq!(none.to_string(), "");
        let last = IpSet::from_bits(vec![(u32::MAX, u32::MAX)], vec![(u128::MAX, u128::MAX)]);
        assert_eq!(last.to_string().lines().count(), 2);
        assert_eq!(all.subtract(&last).count_v6(), Some(u128::MAX));
        assert_eq!(all.subtract(&last).union(&last), all);
    }

    #[test]
    fn far_apart_ranges_share_buckets() {
        let v6 = vec![(0, 0), (5, 9), (1 << 127, u128::MAX - 1)];
        let set = IpSet::from_bits(Vec::new(), v6);
        for (addr, inside) in [
            (0, true),
            (1, false),
            (4, false),
            (5, true),
            (9, true),
            (10, false),
        ] {
            assert_eq!(set.contains_v6(Ipv6Addr::from_bits(addr)), inside, "{addr}");
        }
        assert!(set.contains_v6(Ipv6Addr::from_bits(1 << 127)));
        assert!(!set.contains_v6(Ipv6Addr::from_bits(u128::MAX)));
    }

    #[test]
    #[should_panic(expected = "before its first")]
    fn ranges_are_not_turned_round() {
        drop(IpSet::from_bits(vec![(2, 1)], Vec::new()));
    }
}
