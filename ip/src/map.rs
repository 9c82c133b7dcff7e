//! Many networks and ranges, each with a value: which one is an address in?
//!
//! The keys and values stand side by side, in no order. Two things are made of them when they are asked
//! for. The *classes* are ordered maps from the keys of about one size to their places: they answer all
//! that is not about one address, and are kept up with every change. The *index* cuts the address space
//! where a key begins or ends, and says of each piece which is the smallest key around it: a look-up is
//! a search among pieces, as in [`IpSet`](crate::IpSet). A change drops the index. Until it is made
//! anew, look-ups go through the classes; they do so only as often as takes the time of making it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bits::Bits;
use crate::range::IpRange;

/// Networks, ranges and addresses of both versions, each with a value. [`lookup`](IpMap::lookup) finds the
/// most specific one that holds an address: of networks the one with the longest prefix.
///
/// A key is the range of addresses from the first to the last: `10.0.0.0/8`, `10.0.0.7/8` and
/// `10.0.0.0-10.255.255.255` are the same key, and so are an address and its `/32`. Keys may overlap in any
/// way. The most specific one is the one with the fewest addresses; of two that are as large, the one that
/// begins later. IPv4-mapped addresses are IPv6 addresses here.
///
/// Look-ups are fastest in a map that was made at once, with [`FromIterator`] or [`Extend`]. After a change
/// the first of them are slower (some microseconds each), and then one takes the time to make an index over
/// all keys; [`prepare`](IpMap::prepare) does that at a time of the caller's choice.
///
/// # Examples
///
/// ```
/// use std_net_ip::{IpMap, net};
///
/// let mut map = IpMap::from_iter([
///     (net::parse("10.0.0.0/8")?, "ours"),
///     (net::parse("10.7.0.0/16")?, "the office"),
///     (net::parse("2001:db8::/32")?, "an example"),
/// ]);
/// let (key, value) = map.lookup("10.7.1.2".parse().unwrap()).unwrap();
/// assert_eq!((key.net().unwrap(), *value), (net::parse("10.7.0.0/16")?, "the office"));
///
/// map.remove(net::parse("10.7.0.0/16")?);
/// let (_, value) = map.lookup("10.7.1.2".parse().unwrap()).unwrap();
/// assert_eq!(*value, "ours");
/// assert!(map.lookup("192.0.2.1".parse().unwrap()).is_none());
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
#[derive(Clone)]
pub struct IpMap<V> {
    v4: Half<u32, V>,
    v6: Half<u128, V>,
}

impl<V> IpMap<V> {
    /// The empty map.
    #[must_use]
    pub fn new() -> IpMap<V> {
        IpMap {
            v4: Half::new(),
            v6: Half::new(),
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.keys.len() + self.v6.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most specific key that holds an address, and its value: the longest match.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_ip::{IpMap, range};
    ///
    /// // As a list of autonomous systems has them: first and last addresses.
    /// let map = IpMap::from_iter([
    ///     (range::parse("1.0.0.0-1.0.0.255")?, 13335),
    ///     (range::parse("1.0.4.0-1.0.7.255")?, 38803),
    /// ]);
    /// assert_eq!(map.lookup("1.0.6.7".parse().unwrap()).unwrap().1, &38803);
    /// assert_eq!(map.lookup("1.0.1.0".parse().unwrap()), None);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn lookup(&self, addr: IpAddr) -> Option<(IpRange, &V)> {
        match addr {
            IpAddr::V4(addr) => self.v4.item(self.v4.find(addr.to_bits())?),
            IpAddr::V6(addr) => self.v6.item(self.v6.find(addr.to_bits())?),
        }
    }

    /// As [`lookup`](IpMap::lookup), with a value that can be changed.
    pub fn lookup_mut(&mut self, addr: IpAddr) -> Option<(IpRange, &mut V)> {
        match addr {
            IpAddr::V4(addr) => self.v4.item_mut(self.v4.find(addr.to_bits())?),
            IpAddr::V6(addr) => self.v6.item_mut(self.v6.find(addr.to_bits())?),
        }
    }

    /// The value of exactly this key.
    #[must_use]
    pub fn get(&self, key: impl Into<IpRange>) -> Option<&V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.values.get(self.v4.exact(key)?),
            Ends::V6(key) => self.v6.values.get(self.v6.exact(key)?),
        }
    }

    /// As [`get`](IpMap::get), with a value that can be changed.
    pub fn get_mut(&mut self, key: impl Into<IpRange>) -> Option<&mut V> {
        match Ends::of(key) {
            Ends::V4(key) => {
                let place = self.v4.exact(key)?;
                self.v4.values.get_mut(place)
            }
            Ends::V6(key) => {
                let place = self.v6.exact(key)?;
                self.v6.values.get_mut(place)
            }
        }
    }

    /// Whether exactly this key is in the map.
    #[must_use]
    pub fn contains_key(&self, key: impl Into<IpRange>) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value in, and returns the one that the key had before.
    pub fn insert(&mut self, key: impl Into<IpRange>, value: V) -> Option<V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.insert(key, value),
            Ends::V6(key) => self.v6.insert(key, value),
        }
    }

    /// Takes exactly this key out, and returns its value.
    pub fn remove(&mut self, key: impl Into<IpRange>) -> Option<V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.remove(key),
            Ends::V6(key) => self.v6.remove(key),
        }
    }

    /// Keeps the keys of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(IpRange, &mut V) -> bool) {
        self.v4.retain(&mut keep);
        self.v6.retain(&mut keep);
    }

    /// Takes all keys out.
    pub fn clear(&mut self) {
        *self = IpMap::new();
    }

    /// All keys that hold an address, a network or a range as a whole, the largest first: the last of them
    /// is the most specific one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_ip::{IpMap, net};
    ///
    /// let nets = ["10.0.0.0/8", "10.7.0.0/16", "10.8.0.0/16"];
    /// let map = IpMap::from_iter(nets.map(|text| (net::parse(text).unwrap(), text)));
    /// let around = map.containing(net::parse("10.7.3.0/24")?);
    /// assert_eq!(around.map(|(_, text)| *text).collect::<Vec<_>>(), ["10.0.0.0/8", "10.7.0.0/16"]);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    pub fn containing(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.containing(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.containing(range)),
        };
        self.items(v4, v6)
    }

    /// All keys that lie inside a network or a range, itself among them if it is one, in order: by their
    /// first address, the larger before the smaller.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_ip::{IpMap, net};
    ///
    /// let nets = ["10.0.0.0/8", "10.7.0.0/16", "10.8.0.0/16", "10.7.3.0/24"];
    /// let map = IpMap::from_iter(nets.map(|text| (net::parse(text).unwrap(), text)));
    /// let inside = map.inside(net::parse("10.7.0.0/16")?);
    /// assert_eq!(inside.map(|(_, text)| *text).collect::<Vec<_>>(), ["10.7.0.0/16", "10.7.3.0/24"]);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    pub fn inside(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.inside(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.inside(range)),
        };
        self.items(v4, v6)
    }

    /// All keys that share an address with a network or a range, in order as [`inside`](IpMap::inside).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_ip::{IpMap, range};
    ///
    /// let ranges = ["10.0.0.0-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.30-10.0.0.40"];
    /// let map = IpMap::from_iter(ranges.map(|text| (range::parse(text).unwrap(), text)));
    /// let some = map.overlapping(range::parse("10.0.0.8-10.0.0.29")?);
    /// assert_eq!(some.map(|(_, text)| *text).collect::<Vec<_>>(), ranges[..2]);
    /// # Ok::<(), std_net_ip::ParseError>(())
    /// ```
    pub fn overlapping(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.overlapping(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.overlapping(range)),
        };
        self.items(v4, v6)
    }

    /// All keys with their values, in order: IPv4 first, by the first address, the larger key before the
    /// smaller.
    pub fn iter(&self) -> impl Iterator<Item = (IpRange, &V)> {
        self.items(self.v4.all(), self.v6.all())
    }

    /// All keys, in the order of [`iter`](IpMap::iter).
    pub fn keys(&self) -> impl Iterator<Item = IpRange> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of [`iter`](IpMap::iter).
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, to change them, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.v4.values.iter_mut().chain(&mut self.v6.values)
    }

    /// Makes the index now that the next look-ups would make: for a program that changes the map in one
    /// place and must not wait in another.
    pub fn prepare(&mut self) {
        self.v4.index();
        self.v6.index();
    }

    fn items(&self, v4: Vec<u32>, v6: Vec<u32>) -> impl Iterator<Item = (IpRange, &V)> {
        let v4 = v4.into_iter().filter_map(|at| self.v4.item(at as usize));
        let v6 = v6.into_iter().filter_map(|at| self.v6.item(at as usize));
        v4.chain(v6)
    }
}

impl<V> Default for IpMap<V> {
    fn default() -> IpMap<V> {
        IpMap::new()
    }
}

impl<K: Into<IpRange>, V> FromIterator<(K, V)> for IpMap<V> {
    /// Of a key that is given twice, the later value stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> IpMap<V> {
        let mut map = IpMap::new();
        map.extend(items);
        map
    }
}

impl<K: Into<IpRange>, V> Extend<(K, V)> for IpMap<V> {
    /// Of a key that is given twice, or was there, the later value stays.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, items: I) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (key, value) in items {
            match Ends::of(key) {
                Ends::V4(key) => v4.push((key, value)),
                Ends::V6(key) => v6.push((key, value)),
            }
        }
        self.v4.extend(v4);
        self.v6.extend(v6);
    }
}

impl<V> IntoIterator for IpMap<V> {
    type Item = (IpRange, V);
    type IntoIter = std::vec::IntoIter<(IpRange, V)>;

    /// In the order of [`iter`](IpMap::iter).
    fn into_iter(self) -> Self::IntoIter {
        let mut items = self.v4.into_items();
        items.extend(self.v6.into_items());
        items.into_iter()
    }
}

impl<V: PartialEq> PartialEq for IpMap<V> {
    fn eq(&self, other: &IpMap<V>) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<V: Eq> Eq for IpMap<V> {}

impl<V: fmt::Debug> fmt::Debug for IpMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.iter().map(|(key, value)| (key.net_or_range(), value));
        f.debug_map().entries(items).finish()
    }
}

/// The ends of a range as numbers.
enum Ends {
    V4((u32, u32)),
    V6((u128, u128)),
}

impl Ends {
    fn of(range: impl Into<IpRange>) -> Ends {
        let range = range.into();
        match (range.first(), range.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Ends::V4((first.to_bits(), last.to_bits())),
            (IpAddr::V6(first), IpAddr::V6(last)) => Ends::V6((first.to_bits(), last.to_bits())),
            _ => unreachable!("a range has addresses of one version"),
        }
    }
}

/// What keys of a version need besides [`Bits`].
trait Key: Bits {
    /// How many pieces of a bucket an address is compared with.
    const COMPARED: usize;
    const MIN: Self;
    const MAX: Self;
    /// What a key is sorted by: its first address, and the larger before the smaller.
    type Order: Ord;
    /// Where a piece begins, and the place of the key that it is of.
    type Piece: Copy;
    fn order(key: (Self, Self)) -> Self::Order;
    fn piece(start: Self, place: u32) -> Self::Piece;
    fn start(piece: &Self::Piece) -> Self;
    fn place(piece: &Self::Piece) -> u32;
    /// `self - n`, but not below 0.
    fn minus(self, n: Self) -> Self;
    /// A number of so many ones.
    fn ones(count: usize) -> Self;
    fn range(key: (Self, Self)) -> IpRange;
}

impl Key for u32 {
    const COMPARED: usize = 8;
    const MIN: u32 = 0;
    const MAX: u32 = u32::MAX;
    type Order = u64;
    type Piece = (u32, u32);

    fn order((first, last): (u32, u32)) -> u64 {
        u64::from(first) << 32 | u64::from(!last)
    }

    fn piece(start: u32, place: u32) -> (u32, u32) {
        (start, place)
    }

    #[inline]
    fn start(piece: &(u32, u32)) -> u32 {
        piece.0
    }

    #[inline]
    fn place(piece: &(u32, u32)) -> u32 {
        piece.1
    }

    fn minus(self, n: u32) -> u32 {
        self.saturating_sub(n)
    }

    fn ones(count: usize) -> u32 {
        u32::MAX.checked_shr(32 - count as u32).unwrap_or(0)
    }

    #[inline]
    fn range((first, last): (u32, u32)) -> IpRange {
        let (first, last) = (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
        IpRange::ordered(first.into(), last.into())
    }
}

impl Key for u128 {
    const COMPARED: usize = 4;
    const MIN: u128 = 0;
    const MAX: u128 = u128::MAX;
    type Order = (u128, Reverse<u128>);
    /// The halves of the start: a `u128` would have the whole take 32 bytes instead of 24.
    type Piece = (u64, u64, u32);

    fn order((first, last): (u128, u128)) -> (u128, Reverse<u128>) {
        (first, Reverse(last))
    }

    fn piece(start: u128, place: u32) -> (u64, u64, u32) {
        ((start >> 64) as u64, start as u64, place)
    }

    #[inline]
    fn start(piece: &(u64, u64, u32)) -> u128 {
        u128::from(piece.0) << 64 | u128::from(piece.1)
    }

    #[inline]
    fn place(piece: &(u64, u64, u32)) -> u32 {
        piece.2
    }

    fn minus(self, n: u128) -> u128 {
        self.saturating_sub(n)
    }

    fn ones(count: usize) -> u128 {
        u128::MAX.checked_shr(128 - count as u32).unwrap_or(0)
    }

    #[inline]
    fn range((first, last): (u128, u128)) -> IpRange {
        let (first, last) = (Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last));
        IpRange::ordered(first.into(), last.into())
    }
}

/// The keys of one version.
struct Half<T: Key, V> {
    /// First and last addresses, each key once.
    keys: Vec<(T, T)>,
    /// In the same places.
    values: Vec<V>,
    /// Made at the first need, and kept up then.
    classes: OnceLock<Classes<T>>,
    /// Made after some look-ups, and dropped by a change.
    index: OnceLock<Index<T>>,
    /// How many look-ups there were without an index since the last change.
    walks: AtomicUsize,
}

/// The places of keys, by how many bits `last - first` has.
type Classes<T> = Vec<BTreeMap<(T, T), u32>>;

/// A look-up through the classes takes the time in which so many keys are put into the index.
const WALK: usize = 32;

impl<T: Key, V: Clone> Clone for Half<T, V> {
    fn clone(&self) -> Half<T, V> {
        Half {
            keys: self.keys.clone(),
            values: self.values.clone(),
            classes: self.classes.clone(),
            index: self.index.clone(),
            walks: AtomicUsize::new(0),
        }
    }
}

impl<T: Key, V> Half<T, V> {
    fn new() -> Half<T, V> {
        Half {
            keys: Vec::new(),
            values: Vec::new(),
            classes: OnceLock::new(),
            index: OnceLock::new(),
            walks: AtomicUsize::new(0),
        }
    }

    /// Of any items; of equal keys the last one stays.
    fn of(mut items: Vec<((T, T), V)>) -> Half<T, V> {
        items.sort_by_key(|(key, _)| T::order(*key));
        items.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            same
        });
        let (keys, values) = items.into_iter().unzip();
        let half = Half {
            keys,
            values,
            ..Half::new()
        };
        half.index();
        half
    }

    #[inline]
    fn item(&self, place: usize) -> Option<(IpRange, &V)> {
        // The value first: whoever wants no key does not pay for it.
        let value = self.values.get(place)?;
        Some((T::range(*self.keys.get(place)?), value))
    }

    fn item_mut(&mut self, place: usize) -> Option<(IpRange, &mut V)> {
        let value = self.values.get_mut(place)?;
        Some((T::range(*self.keys.get(place)?), value))
    }

    fn into_items(self) -> Vec<(IpRange, V)> {
        let mut items: Vec<_> = self.keys.into_iter().zip(self.values).collect();
        items.sort_by_key(|(key, _)| T::order(*key));
        let range = |(key, value)| (T::range(key), value);
        items.into_iter().map(range).collect()
    }

    fn class((first, last): (T, T)) -> usize {
        last.width(first) as usize
    }

    fn classes(&self) -> &Classes<T> {
        self.classes.get_or_init(|| {
            let mut classes = vec![Vec::new(); size_of::<T>() * 8 + 1];
            for place in self.all() {
                let key = self.keys[place as usize];
                classes[Self::class(key)].push((key, place));
            }
            let sorted = classes.into_iter().map(BTreeMap::from_iter);
            sorted.collect()
        })
    }

    fn classes_mut(&mut self) -> &mut Classes<T> {
        self.classes();
        self.classes.get_mut().expect("they were just made")
    }

    fn index(&self) -> &Index<T> {
        self.index
            .get_or_init(|| Index::new(&self.keys, &self.all()))
    }

    fn changed(&mut self) {
        self.index = OnceLock::new();
        *self.walks.get_mut() = 0;
    }

    fn exact(&self, key: (T, T)) -> Option<usize> {
        let place = self.classes()[Self::class(key)].get(&key)?;
        Some(*place as usize)
    }

    fn insert(&mut self, key: (T, T), value: V) -> Option<V> {
        if let Some(place) = self.exact(key) {
            return Some(std::mem::replace(&mut self.values[place], value));
        }
        let place = u32::try_from(self.keys.len())
            .ok()
            .filter(|place| *place != NONE);
        let place = place.expect("fewer than 2^32 - 1 keys");
        self.classes_mut()[Self::class(key)].insert(key, place);
        self.keys.push(key);
        self.values.push(value);
        self.changed();
        None
    }

    fn remove(&mut self, key: (T, T)) -> Option<V> {
        let place = self.classes_mut()[Self::class(key)].remove(&key)?;
        self.keys.swap_remove(place as usize);
        let value = self.values.swap_remove(place as usize);
        // What was the last one stands here now.
        if let Some(moved) = self.keys.get(place as usize).copied() {
            self.classes_mut()[Self::class(moved)].insert(moved, place);
        }
        self.changed();
        Some(value)
    }

    fn extend(&mut self, items: Vec<((T, T), V)>) {
        if items.len() < self.keys.len() / 8 {
            for (key, value) in items {
                self.insert(key, value);
            }
        } else if !items.is_empty() {
            let Half { keys, values, .. } = std::mem::replace(self, Half::new());
            let mut all: Vec<_> = keys.into_iter().zip(values).collect();
            all.extend(items);
            *self = Half::of(all);
        }
    }

    fn retain(&mut self, keep: &mut impl FnMut(IpRange, &mut V) -> bool) {
        let Half { keys, values, .. } = std::mem::replace(self, Half::new());
        let mut items: Vec<_> = keys.into_iter().zip(values).collect();
        items.retain_mut(|(key, value)| keep(T::range(*key), value));
        *self = Half::of(items);
    }

    /// The place of the most specific key that holds an address.
    #[inline]
    fn find(&self, addr: T) -> Option<usize> {
        match self.index.get() {
            Some(index) => index.find(addr),
            None => self.walk(addr),
        }
    }

    /// The same without an index, which is made after some of these.
    #[cold]
    #[inline(never)]
    fn walk(&self, addr: T) -> Option<usize> {
        let walks = self.walks.fetch_add(1, Ordering::Relaxed);
        if walks >= self.keys.len() / WALK {
            return self.index().find(addr);
        }
        // All keys of a class are smaller than those of the next ones.
        let mut classes = self.classes().iter().enumerate();
        classes.find_map(|(class, keys)| {
            let around = keys.range(window(class, (addr, addr)));
            let holding = around.filter(|((_, last), _)| *last >= addr);
            let best =
                holding.min_by_key(|((first, last), _)| (last.minus(*first), Reverse(*first)));
            best.map(|(_, place)| *place as usize)
        })
    }

    /// The keys around a range, the largest first.
    fn containing(&self, (first, last): (T, T)) -> Vec<u32> {
        let mut found = Vec::new();
        let classes = self.classes().iter().enumerate();
        for (class, keys) in classes.skip(Self::class((first, last))) {
            let around = keys.range(window(class, (first, last)));
            let holding = around.filter(|((_, end), _)| *end >= last);
            found.extend(holding.map(|(key, place)| (*key, *place)));
        }
        found.sort_by_key(|((first, last), _)| (Reverse(last.minus(*first)), *first));
        found.into_iter().map(|(_, place)| place).collect()
    }

    fn inside(&self, (first, last): (T, T)) -> Vec<u32> {
        let mut found = Vec::new();
        for keys in &self.classes()[..=Self::class((first, last))] {
            let inside = keys.range((first, T::MIN)..=(last, T::MAX));
            let whole = inside.filter(|((_, end), _)| *end <= last);
            found.extend(whole.map(|(_, place)| *place));
        }
        self.ordered(found)
    }

    fn overlapping(&self, (first, last): (T, T)) -> Vec<u32> {
        let mut found = Vec::new();
        for (class, keys) in self.classes().iter().enumerate() {
            let (low, _) = *window(class, (first, first)).start();
            let some = keys.range((low, T::MIN)..=(last, T::MAX));
            let reaching = some.filter(|((_, end), _)| *end >= first);
            found.extend(reaching.map(|(_, place)| *place));
        }
        self.ordered(found)
    }

    fn all(&self) -> Vec<u32> {
        let len = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys");
        self.ordered((0..len).collect())
    }

    fn ordered(&self, mut places: Vec<u32>) -> Vec<u32> {
        places.sort_by_key(|place| T::order(self.keys[*place as usize]));
        places
    }
}

/// Which keys of a class can reach around a range: they begin at its first address or before, and not so
/// far before its last that the longest of them does not reach there.
fn window<T: Key>(class: usize, (first, last): (T, T)) -> RangeInclusive<(T, T)> {
    let low = last.minus(T::ones(class));
    (low.min(first), T::MIN)..=(first, T::MAX)
}

/// The place of a piece that no key holds. Whoever looks there finds nothing.
const NONE: u32 = (1 << TAG) - 1;

/// The address space in pieces, and the way to the piece of an address.
///
/// A node divides a part of the address space into equal buckets, some for each piece that begins there.
/// A bucket in which no piece begins says at once which key it is of. If few begin, they are compared
/// with the address. If more do, the bucket has a node of its own, over just the part in which they begin.
#[derive(Clone)]
struct Index<T: Key> {
    /// In order; each reaches to the next one.
    pieces: Vec<T::Piece>,
    root: Node<T>,
    nodes: Vec<Node<T>>,
    /// What each bucket of the nodes is: a kind in the highest bits, and a number below.
    buckets: Vec<u32>,
}

#[derive(Clone)]
struct Node<T> {
    /// Where the first and the last of its pieces begin.
    from: T,
    to: T,
    /// Bucket `b` has the addresses `a` with `(a - from) >> shift == b`, and the last one those behind `to`.
    shift: u32,
    /// Where its buckets are.
    base: u32,
    /// The place of the key that is before `from`.
    before: u32,
}

/// The kind of a bucket is in the two bits from this one on.
const TAG: u32 = 30;
/// The number is the place of the key.
const WHOLE: u32 = 0;
/// The number is that of the piece in which the bucket begins; up to [`Key::COMPARED`] begin behind it.
const FEW: u32 = 1;
/// The number is that of a node.
const NODE: u32 = 2;

impl<T: Key> Index<T> {
    /// Of keys that are given in order by their places.
    fn new(keys: &[(T, T)], ordered: &[u32]) -> Index<T> {
        let mut pieces = Pieces::new(keys);
        for place in ordered {
            let (first, _) = keys[*place as usize];
            pieces.close(Some(first));
            pieces.open(*place);
        }
        pieces.close(None);
        let mut pieces = pieces.done;
        pieces.shrink_to_fit();
        assert!(pieces.len() < NONE as usize, "fewer than 2^29 keys");
        let mut index = Index {
            root: Node::<T>::of(&pieces, 0, NONE),
            pieces,
            nodes: Vec::new(),
            buckets: Vec::new(),
        };
        if !index.pieces.is_empty() {
            index.root = index.fill(0, index.pieces.len());
        }
        index.nodes.shrink_to_fit();
        index.buckets.shrink_to_fit();
        index
    }

    /// The node of the pieces from `begin` to before `end`, of which there is one at least, with all below.
    fn fill(&mut self, begin: usize, end: usize) -> Node<T> {
        let before = begin
            .checked_sub(1)
            .map_or(NONE, |at| T::place(&self.pieces[at]));
        let base = u32::try_from(self.buckets.len()).expect("at most four for each piece");
        let node: Node<T> = Node::of(&self.pieces[begin..end], base, before);
        let count = node.to.bucket(node.from, node.shift) + 1;
        self.buckets.resize(self.buckets.len() + count, 0);
        let mut at = begin;
        for bucket in 0..count {
            let begins = at;
            while at < end && T::start(&self.pieces[at]).bucket(node.from, node.shift) == bucket {
                at += 1;
            }
            let (kind, number) = match at - begins {
                0 => (WHOLE, T::place(&self.pieces[begins - 1])),
                // In the first bucket of all nothing is before the first piece.
                n if n <= T::COMPARED => (FEW, begins.saturating_sub(1) as u32),
                _ => {
                    let node = self.fill(begins, at);
                    self.nodes.push(node);
                    (NODE, self.nodes.len() as u32 - 1)
                }
            };
            self.buckets[base as usize + bucket] = kind << TAG | number;
        }
        node
    }

    #[inline]
    fn find(&self, addr: T) -> Option<usize> {
        let mut node = &self.root;
        loop {
            if addr < node.from {
                return Some(node.before as usize);
            }
            // Clamped before the shift: far behind the last piece the bucket would not fit.
            let bucket = addr.min(node.to).bucket(node.from, node.shift);
            let found = *self.buckets.get(node.base as usize + bucket)?;
            let number = (found & NONE) as usize;
            match found >> TAG {
                WHOLE => return Some(number),
                FEW => return Some(self.among(number, addr)),
                _ => node = self.nodes.get(number)?,
            }
        }
    }

    /// The place of the key of the piece from `at` on in which an address is, one of few.
    #[inline]
    fn among(&self, at: usize, addr: T) -> usize {
        let behind = at + 1;
        // What begins behind the bucket begins behind the address: no need to know how many are in it.
        let few = match self.pieces.get(behind..behind + T::COMPARED) {
            Some(few) => few,
            None => self.pieces.get(behind..).unwrap_or_default(),
        };
        let begun = few.iter().map(|piece| usize::from(T::start(piece) <= addr));
        let found = self.pieces.get(at + begun.sum::<usize>());
        found.map_or(NONE, T::place) as usize
    }
}

impl<T: Key> Node<T> {
    /// A node of these pieces, whose buckets begin at `base`.
    fn of(pieces: &[T::Piece], base: u32, before: u32) -> Node<T> {
        let (from, to) = match pieces {
            [first, .., last] => (T::start(first), T::start(last)),
            [one] => (T::start(one), T::start(one)),
            [] => (T::MIN, T::MIN),
        };
        // Four to eight times as many buckets as pieces: most then have one piece only, which is the quickest,
        // and with more of them they have no room in the cache.
        let bits = usize::BITS - pieces.len().leading_zeros() + 2;
        Node {
            from,
            to,
            shift: to.width(from).saturating_sub(bits),
            base,
            before,
        }
    }
}

/// A walk over the address space that cuts it into pieces.
struct Pieces<'a, T: Key> {
    keys: &'a [(T, T)],
    /// The keys that have begun, the most specific at the top. Those that have ended may still be among
    /// them, below the top.
    open: BinaryHeap<Open<T>>,
    done: Vec<T::Piece>,
}

/// By how specific it is: its size, where it begins, its end, its place.
type Open<T> = (Reverse<T>, T, T, u32);

impl<'a, T: Key> Pieces<'a, T> {
    fn new(keys: &'a [(T, T)]) -> Pieces<'a, T> {
        Pieces {
            keys,
            open: BinaryHeap::new(),
            done: Vec::with_capacity(keys.len() * 2),
        }
    }

    /// A key begins, at or behind all before it.
    fn open(&mut self, place: u32) {
        let (first, last) = self.keys[place as usize];
        self.open
            .push((Reverse(last.minus(first)), first, last, place));
        if self.top() == place {
            self.cut(first, place);
        }
    }

    /// Ends the keys whose last address is before `until`, or all: where the top one ends, the next one
    /// comes to light.
    fn close(&mut self, until: Option<T>) {
        while let Some(&(_, _, last, _)) = self.open.peek()
            && until.is_none_or(|until| last < until)
        {
            // At the end of the address space nothing follows.
            let Some(next) = last.next() else {
                self.open.clear();
                return;
            };
            while let Some(&(_, _, last, _)) = self.open.peek()
                && last < next
            {
                self.open.pop();
            }
            self.cut(next, self.top());
        }
    }

    fn top(&self) -> u32 {
        self.open.peek().map_or(NONE, |&(_, _, _, place)| place)
    }

    fn cut(&mut self, start: T, place: u32) {
        let piece = T::piece(start, place);
        match self.done.last_mut() {
            Some(last) if T::start(last) == start => *last = piece,
            Some(last) if T::place(last) == place => {}
            _ => self.done.push(piece),
        }
    }
}
