//! Many networks and ranges, each with a value. A look-up finds the one that contains an address.
//!
//! The keys and values are in two parallel lists, in no order. Two structures are made from them when
//! they are needed. The *classes* are ordered maps from the keys of about the same size to their
//! places. They answer all questions that are not about one address, and every change updates them. The
//! *index* cuts the address space wherever a key begins or ends, and stores for each piece the smallest
//! key around it. A look-up searches for the piece, as in [`IpSet`](crate::IpSet). A change drops the
//! index. Look-ups then use the classes, until these look-ups have taken as long as making a new index
//! takes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bits::Bits;
use crate::range::IpRange;

/// Networks, ranges and addresses of both versions, each with a value. [`lookup`](IpMap::lookup) finds
/// the most specific one that contains an address: of networks, this is the one with the longest
/// prefix.
///
/// A key is the range of addresses from the first to the last. So `10.0.0.0/8`, `10.0.0.7/8` and
/// `10.0.0.0-10.255.255.255` are the same key, and so are an address and its `/32`. Keys may overlap in
/// any way. The most specific key is the one with the fewest addresses. Of two keys with the same size,
/// it is the one that begins later. IPv4-mapped addresses are IPv6 addresses here.
///
/// Look-ups are fastest in a map that was made at once, with [`FromIterator`] or [`Extend`]. After a
/// change the first look-ups are slower (some microseconds each). Then one look-up takes the time to
/// make an index over all keys. [`prepare`](IpMap::prepare) makes the index at a time that the caller
/// chooses.
///
/// # Examples
///
/// ```
/// use std_net::ip::{IpMap, net};
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
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone)]
pub struct IpMap<V> {
    v4: Half<u32, V>,
    v6: Half<u128, V>,
}

impl<V> IpMap<V> {
    /// Makes an empty map.
    #[must_use]
    pub fn new() -> IpMap<V> {
        IpMap {
            v4: Half::new(),
            v6: Half::new(),
        }
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.keys.len() + self.v6.keys.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the most specific key that contains an address, and its value: the longest match.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpMap, range};
    ///
    /// // A list of autonomous systems has first and last addresses.
    /// let map = IpMap::from_iter([
    ///     (range::parse("1.0.0.0-1.0.0.255")?, 13335),
    ///     (range::parse("1.0.4.0-1.0.7.255")?, 38803),
    /// ]);
    /// assert_eq!(map.lookup("1.0.6.7".parse().unwrap()).unwrap().1, &38803);
    /// assert_eq!(map.lookup("1.0.1.0".parse().unwrap()), None);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn lookup(&self, addr: IpAddr) -> Option<(IpRange, &V)> {
        match addr {
            IpAddr::V4(addr) => self.v4.item(self.v4.find(addr.to_bits())?),
            IpAddr::V6(addr) => self.v6.item(self.v6.find(addr.to_bits())?),
        }
    }

    /// Looks up many addresses. Yields for each, in the same order, what [`lookup`](IpMap::lookup) returns
    /// for it.
    ///
    /// It looks up 64 addresses together. In a large map the processor then waits for the memory once for
    /// many IPv4 addresses, which takes up to a fifth off the time. IPv6 addresses take as long as one by
    /// one. The iterator takes up to 64 addresses from `addrs` before it yields the first result. It is
    /// fastest with methods that go through all results, such as `for_each`, `fold` and `sum`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use std_net::ip::{IpMap, net};
    ///
    /// let map = IpMap::from_iter([
    ///     (net::parse("10.0.0.0/8")?, "ours"),
    ///     (net::parse("2001:db8::/32")?, "an example"),
    /// ]);
    /// let addrs = ["10.1.2.3", "192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
    /// let names = map.lookups(addrs).map(|found| found.map_or("others", |(_, name)| *name));
    /// assert_eq!(names.collect::<Vec<_>>(), ["ours", "others", "an example"]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    pub fn lookups(
        &self,
        addrs: impl IntoIterator<Item = IpAddr>,
    ) -> impl Iterator<Item = Option<(IpRange, &V)>> {
        Lookups {
            map: self,
            addrs: addrs.into_iter(),
            v4: Batch::new(),
            v6: Batch::new(),
            is_v4: [true; BATCH],
            next: 0,
        }
    }

    /// Like [`lookup`](IpMap::lookup), with a value that can be changed.
    pub fn lookup_mut(&mut self, addr: IpAddr) -> Option<(IpRange, &mut V)> {
        match addr {
            IpAddr::V4(addr) => self.v4.item_mut(self.v4.find(addr.to_bits())?),
            IpAddr::V6(addr) => self.v6.item_mut(self.v6.find(addr.to_bits())?),
        }
    }

    /// Returns the value of exactly this key.
    #[must_use]
    pub fn get(&self, key: impl Into<IpRange>) -> Option<&V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.values.get(self.v4.exact(key)?),
            Ends::V6(key) => self.v6.values.get(self.v6.exact(key)?),
        }
    }

    /// Like [`get`](IpMap::get), with a value that can be changed.
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

    /// Returns whether exactly this key is in the map.
    #[must_use]
    pub fn contains_key(&self, key: impl Into<IpRange>) -> bool {
        self.get(key).is_some()
    }

    /// Inserts a value. Returns the value that the key had before.
    pub fn insert(&mut self, key: impl Into<IpRange>, value: V) -> Option<V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.insert(key, value),
            Ends::V6(key) => self.v6.insert(key, value),
        }
    }

    /// Removes exactly this key. Returns its value.
    pub fn remove(&mut self, key: impl Into<IpRange>) -> Option<V> {
        match Ends::of(key) {
            Ends::V4(key) => self.v4.remove(key),
            Ends::V6(key) => self.v6.remove(key),
        }
    }

    /// Keeps only the keys for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(IpRange, &mut V) -> bool) {
        self.v4.retain(&mut keep);
        self.v6.retain(&mut keep);
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        *self = IpMap::new();
    }

    /// Returns all keys that contain a whole network or range, or an address, the largest first. The
    /// last one is the most specific one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpMap, net};
    ///
    /// let nets = ["10.0.0.0/8", "10.7.0.0/16", "10.8.0.0/16"];
    /// let map = IpMap::from_iter(nets.map(|text| (net::parse(text).unwrap(), text)));
    /// let around = map.containing(net::parse("10.7.3.0/24")?);
    /// assert_eq!(around.map(|(_, text)| *text).collect::<Vec<_>>(), ["10.0.0.0/8", "10.7.0.0/16"]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    pub fn containing(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.containing(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.containing(range)),
        };
        self.items(v4, v6)
    }

    /// Returns all keys inside a network or a range, including the range itself if it is a key. They
    /// are ordered by their first address, with larger keys before smaller ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpMap, net};
    ///
    /// let nets = ["10.0.0.0/8", "10.7.0.0/16", "10.8.0.0/16", "10.7.3.0/24"];
    /// let map = IpMap::from_iter(nets.map(|text| (net::parse(text).unwrap(), text)));
    /// let inside = map.inside(net::parse("10.7.0.0/16")?);
    /// assert_eq!(inside.map(|(_, text)| *text).collect::<Vec<_>>(), ["10.7.0.0/16", "10.7.3.0/24"]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    pub fn inside(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.inside(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.inside(range)),
        };
        self.items(v4, v6)
    }

    /// Returns all keys that share an address with a network or a range, in the order of
    /// [`inside`](IpMap::inside).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::{IpMap, range};
    ///
    /// let ranges = ["10.0.0.0-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.30-10.0.0.40"];
    /// let map = IpMap::from_iter(ranges.map(|text| (range::parse(text).unwrap(), text)));
    /// let some = map.overlapping(range::parse("10.0.0.8-10.0.0.29")?);
    /// assert_eq!(some.map(|(_, text)| *text).collect::<Vec<_>>(), ranges[..2]);
    /// # Ok::<(), std_net::ip::ParseError>(())
    /// ```
    pub fn overlapping(&self, range: impl Into<IpRange>) -> impl Iterator<Item = (IpRange, &V)> {
        let (v4, v6) = match Ends::of(range) {
            Ends::V4(range) => (self.v4.overlapping(range), Vec::new()),
            Ends::V6(range) => (Vec::new(), self.v6.overlapping(range)),
        };
        self.items(v4, v6)
    }

    /// Returns all keys with their values: IPv4 first, ordered by the first address, with larger keys
    /// before smaller ones.
    pub fn iter(&self) -> impl Iterator<Item = (IpRange, &V)> {
        self.items(self.v4.all(), self.v6.all())
    }

    /// Returns all keys, in the order of [`iter`](IpMap::iter).
    pub fn keys(&self) -> impl Iterator<Item = IpRange> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns all values, in the order of [`iter`](IpMap::iter).
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns all values for changes, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.v4.values.iter_mut().chain(&mut self.v6.values)
    }

    /// Makes the index now, which a later look-up would make. This is for a program that changes the
    /// map in one place and must not wait in another.
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
    /// If a key is given twice, the later value stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> IpMap<V> {
        let mut map = IpMap::new();
        map.extend(items);
        map
    }
}

impl<K: Into<IpRange>, V> Extend<(K, V)> for IpMap<V> {
    /// If a key is given twice, or is already in the map, the later value stays.
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

    /// Iterates in the order of [`iter`](IpMap::iter).
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

/// The first and last addresses of a range, as numbers.
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

/// How many addresses are looked up together. Twice as many are no faster.
const BATCH: usize = 64;

/// The iterator of [`IpMap::lookups`].
struct Lookups<'a, V, I> {
    map: &'a IpMap<V>,
    addrs: I,
    v4: Batch<u32>,
    v6: Batch<u128>,
    /// The versions of the addresses that are looked up together.
    is_v4: [bool; BATCH],
    /// How many of these have been yielded.
    next: usize,
}

impl<V, I: Iterator<Item = IpAddr>> Lookups<'_, V, I> {
    fn filled(&self) -> usize {
        self.v4.count + self.v6.count
    }

    /// Takes the next addresses and looks them up. Returns whether there are any.
    fn fill(&mut self) -> bool {
        (self.v4.count, self.v6.count, self.next) = (0, 0, 0);
        (self.v4.used, self.v6.used) = (0, 0);
        for (is_v4, addr) in self.is_v4.iter_mut().zip(&mut self.addrs) {
            *is_v4 = addr.is_ipv4();
            match addr {
                IpAddr::V4(addr) => self.v4.push(addr.to_bits()),
                IpAddr::V6(addr) => self.v6.push(addr.to_bits()),
            }
        }
        self.map.v4.find_all(&mut self.v4);
        self.map.v6.find_all(&mut self.v6);
        self.filled() > 0
    }
}

impl<'a, V, I: Iterator<Item = IpAddr>> Iterator for Lookups<'a, V, I> {
    type Item = Option<(IpRange, &'a V)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.filled() && !self.fill() {
            return None;
        }
        self.next += 1;
        Some(if self.is_v4[self.next - 1] {
            self.map.v4.item(self.v4.place())
        } else {
            self.map.v6.item(self.v6.place())
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.filled() - self.next;
        let (least, most) = self.addrs.size_hint();
        let all = most.and_then(|most| most.checked_add(ready));
        (least.saturating_add(ready), all)
    }

    /// Most batches are of one version, so that all their results come from one list.
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let mut result = init;
        while self.next < self.filled() || self.fill() {
            if self.next == 0 && self.v6.count == 0 {
                for place in self.v4.places.iter().take(self.v4.count) {
                    result = f(result, self.map.v4.item(*place as usize));
                }
                self.next = self.v4.count;
            } else if self.next == 0 && self.v4.count == 0 {
                for place in self.v6.places.iter().take(self.v6.count) {
                    result = f(result, self.map.v6.item(*place as usize));
                }
                self.next = self.v6.count;
            } else if let Some(found) = self.next() {
                result = f(result, found);
            }
        }
        result
    }
}

/// Addresses that are looked up together, and the places of their keys.
struct Batch<T> {
    addrs: [T; BATCH],
    places: [u32; BATCH],
    count: usize,
    /// How many of the places have been used.
    used: usize,
}

impl<T: Key> Batch<T> {
    fn new() -> Batch<T> {
        Batch {
            addrs: [T::MIN; BATCH],
            places: [NONE; BATCH],
            count: 0,
            used: 0,
        }
    }

    #[inline]
    fn push(&mut self, addr: T) {
        self.addrs[self.count] = addr;
        self.count += 1;
    }

    /// Returns the next place.
    #[inline]
    fn place(&mut self) -> usize {
        self.used += 1;
        self.places[self.used - 1] as usize
    }
}

/// What the keys of a version need besides [`Bits`].
trait Key: Bits {
    /// With how many pieces of a bucket an address is compared.
    const COMPARED: usize;
    /// Whether it is faster to look several addresses up together. It is not where each step takes more
    /// time than the wait for the memory.
    const TOGETHER: bool;
    const MIN: Self;
    const MAX: Self;
    /// The value by which a key is sorted: its first address, with larger keys before smaller ones.
    type Order: Ord;
    /// The start of a piece, and the place of its key.
    type Piece: Copy;
    fn order(key: (Self, Self)) -> Self::Order;
    fn piece(start: Self, place: u32) -> Self::Piece;
    fn start(piece: &Self::Piece) -> Self;
    fn place(piece: &Self::Piece) -> u32;
    /// Returns `self - n`, but not below 0.
    fn minus(self, n: Self) -> Self;
    /// Returns a number with this many one bits.
    fn ones(count: usize) -> Self;
    fn range(key: (Self, Self)) -> IpRange;
}

impl Key for u32 {
    const COMPARED: usize = 8;
    const TOGETHER: bool = true;
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
    const TOGETHER: bool = false;
    const MIN: u128 = 0;
    const MAX: u128 = u128::MAX;
    type Order = (u128, Reverse<u128>);
    /// The start is stored in two halves: with a `u128` a piece would take 32 bytes instead of 24.
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

/// The keys of one version of IP.
struct Half<T: Key, V> {
    /// The first and last address of each key. Each key occurs once.
    keys: Vec<(T, T)>,
    /// The values, in the same places.
    values: Vec<V>,
    /// Made when first needed. After that every change updates them.
    classes: OnceLock<Classes<T>>,
    /// Made after some look-ups, and dropped by a change.
    index: OnceLock<Index<T>>,
    /// How many look-ups were made without an index since the last change.
    walks: AtomicUsize,
}

/// The places of the keys, by how many bits `last - first` has.
type Classes<T> = Vec<BTreeMap<(T, T), u32>>;

/// In the time of one look-up through the classes, this many keys can be put into the index.
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

    /// Makes it of any items. Of equal keys the last one stays.
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
        // Get the value first. The compiler can then drop the read of the key if the caller does not
        // use it.
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
        // The key that was the last one is now at this place.
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

    /// Returns the place of the most specific key that contains an address.
    #[inline]
    fn find(&self, addr: T) -> Option<usize> {
        match self.index.get() {
            Some(index) => index.find(addr),
            None => self.walk(addr),
        }
    }

    /// Finds the places for all addresses of a batch.
    #[inline]
    fn find_all(&self, batch: &mut Batch<T>) {
        let Batch {
            addrs,
            places,
            count,
            ..
        } = batch;
        if *count == 0 {
            return;
        }
        let (addrs, places) = (&addrs[..*count], &mut places[..*count]);
        if T::TOGETHER
            && let Some(index) = self.index.get()
        {
            return index.find_all(addrs, places);
        }
        for (addr, place) in addrs.iter().zip(places) {
            *place = self.find(*addr).map_or(NONE, |place| place as u32);
        }
    }

    /// Like `find`, without an index. After some of these look-ups, it makes the index.
    #[cold]
    #[inline(never)]
    fn walk(&self, addr: T) -> Option<usize> {
        let walks = self.walks.fetch_add(1, Ordering::Relaxed);
        if walks >= self.keys.len() / WALK {
            return self.index().find(addr);
        }
        // All keys of a class are smaller than those of the next classes.
        let mut classes = self.classes().iter().enumerate();
        classes.find_map(|(class, keys)| {
            let around = keys.range(window(class, (addr, addr)));
            let holding = around.filter(|((_, last), _)| *last >= addr);
            let best =
                holding.min_by_key(|((first, last), _)| (last.minus(*first), Reverse(*first)));
            best.map(|(_, place)| *place as usize)
        })
    }

    /// Returns the keys that contain a range, the largest first.
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

/// Returns where the keys of a class begin that may contain a range: at its first address or before,
/// but not so far before its last address that the longest key of the class could not reach it.
fn window<T: Key>(class: usize, (first, last): (T, T)) -> RangeInclusive<(T, T)> {
    let low = last.minus(T::ones(class));
    (low.min(first), T::MIN)..=(first, T::MAX)
}

/// The place for a piece without a key. No key has this place, so a look-up there finds nothing.
const NONE: u32 = (1 << TAG) - 1;

/// The pieces of the address space, and the way from an address to its piece.
///
/// A node divides a part of the address space into equal buckets, with several buckets for each piece
/// that begins there. If no piece begins in a bucket, the bucket has the place of its key. If few
/// pieces begin in it, the address is compared with their starts. If more begin, the bucket has its own
/// node, over just the part in which they begin.
#[derive(Clone)]
struct Index<T: Key> {
    /// The pieces in order. Each reaches up to the next one.
    pieces: Vec<T::Piece>,
    root: Node<T>,
    nodes: Vec<Node<T>>,
    /// The contents of each bucket of all nodes: a kind in the highest bits, and a number in the
    /// others.
    buckets: Vec<u32>,
}

#[derive(Clone)]
struct Node<T> {
    /// The starts of its first and its last piece.
    from: T,
    to: T,
    /// Bucket `b` has the addresses `a` with `(a - from) >> shift == b`. The last bucket also has all
    /// addresses behind `to`.
    shift: u32,
    /// The number of its first bucket.
    base: u32,
    /// The place of the key before `from`.
    before: u32,
}

/// The kind of a bucket is in the two bits from this bit on.
const TAG: u32 = 30;
/// The number is the place of the key.
const WHOLE: u32 = 0;
/// The number is that of the piece in which the bucket begins. Up to [`Key::COMPARED`] pieces begin
/// behind it in the bucket.
const FEW: u32 = 1;
/// The number is that of a node.
const NODE: u32 = 2;

impl<T: Key> Index<T> {
    /// Makes an index of keys. `ordered` has their places in order.
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

    /// Makes the node of the pieces from `begin` to before `end`, with all nodes below. There must be
    /// at least one piece.
    fn fill(&mut self, begin: usize, end: usize) -> Node<T> {
        let before = begin
            .checked_sub(1)
            .map_or(NONE, |at| T::place(&self.pieces[at]));
        let base = u32::try_from(self.buckets.len()).expect("fewer than 2^32 buckets");
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
                // In the very first bucket, there is no piece before the first one.
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
            // Clamp before the shift: far behind the last piece, the bucket would not fit into `usize`.
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

    /// Like `find`, for up to [`BATCH`] addresses at once. Each step is done for all addresses before the
    /// next step, almost without branches. So the processor reads for many addresses at the same time,
    /// and never has to guess what a bucket is while it waits for it.
    fn find_all(&self, addrs: &[T], places: &mut [u32]) {
        for (addr, place) in addrs.iter().zip(&mut *places) {
            *place = self.bucket(&self.root, *addr);
        }
        // The numbers of the addresses that are not done.
        let mut open = [0u8; BATCH];
        let mut count = 0;
        for (i, place) in places.iter().enumerate() {
            open[count % BATCH] = i as u8;
            count += usize::from(*place >> TAG != WHOLE);
        }
        while count > 0 {
            let mut left = 0;
            for at in 0..count {
                let i = usize::from(open[at % BATCH]);
                let (found, addr) = (places[i], addrs[i]);
                let number = (found & NONE) as usize;
                places[i] = match found >> TAG {
                    FEW => self.among(number, addr) as u32,
                    _ => match self.nodes.get(number) {
                        Some(node) => self.bucket(node, addr),
                        None => NONE,
                    },
                };
                open[left % BATCH] = i as u8;
                left += usize::from(places[i] >> TAG != WHOLE);
            }
            count = left;
        }
    }

    /// Returns the bucket of a node for an address, or the key before the node.
    #[inline]
    fn bucket(&self, node: &Node<T>, addr: T) -> u32 {
        let inside = addr.max(node.from).min(node.to);
        let bucket = node.base as usize + inside.bucket(node.from, node.shift);
        let found = self.buckets.get(bucket).copied().unwrap_or(NONE);
        if addr < node.from { node.before } else { found }
    }

    /// Returns the place of the key whose piece contains an address. The piece is `at` or one of the
    /// few behind it.
    #[inline]
    fn among(&self, at: usize, addr: T) -> usize {
        let behind = at + 1;
        // Pieces that begin behind the bucket also begin behind the address, so it does not matter how
        // many are in the bucket.
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
    /// Makes a node of these pieces. Its buckets begin at `base`.
    fn of(pieces: &[T::Piece], base: u32, before: u32) -> Node<T> {
        let (from, to) = match pieces {
            [first, .., last] => (T::start(first), T::start(last)),
            [one] => (T::start(one), T::start(one)),
            [] => (T::MIN, T::MIN),
        };
        // Use four to eight times as many buckets as pieces. Then most buckets have only one piece,
        // which is fastest. Even more buckets would not fit into the cache.
        let bits = usize::BITS - pieces.len().leading_zeros() + 2;
        let mut shift = to.width(from).saturating_sub(bits);
        // In IPv6 the pieces are often in a few small parts of the space. Then larger buckets are better,
        // each with a node of its own: these are as small as the parts, and the buckets here are few.
        while pieces.len() > FEW_PIECES {
            let buckets = to.bucket(from, shift) / (SPARSE * used(pieces, from, shift));
            if buckets == 0 {
                break;
            }
            // Larger buckets are never more, so this makes them no larger than they must be.
            shift += usize::BITS - buckets.leading_zeros();
        }
        Node {
            from,
            to,
            shift,
            base,
            before,
        }
    }
}

/// A node has no more than this many buckets for each bucket in which pieces begin, unless it has only a
/// few pieces.
const SPARSE: usize = 32;
const FEW_PIECES: usize = 64;

/// Returns in how many buckets pieces begin.
fn used<T: Key>(pieces: &[T::Piece], from: T, shift: u32) -> usize {
    let mut last = usize::MAX;
    let mut count = 0;
    for piece in pieces {
        let bucket = T::start(piece).bucket(from, shift);
        count += usize::from(bucket != last);
        last = bucket;
    }
    count
}

/// Goes through the address space and cuts it into pieces.
struct Pieces<'a, T: Key> {
    keys: &'a [(T, T)],
    /// The keys that have begun, the most specific one at the top. Below the top there may still be
    /// keys that have ended.
    open: BinaryHeap<Open<T>>,
    done: Vec<T::Piece>,
}

/// A key that has begun: its size, its first address, its last address, its place. The first two say
/// how specific it is.
type Open<T> = (Reverse<T>, T, T, u32);

impl<'a, T: Key> Pieces<'a, T> {
    fn new(keys: &'a [(T, T)]) -> Pieces<'a, T> {
        Pieces {
            keys,
            open: BinaryHeap::new(),
            done: Vec::with_capacity(keys.len() * 2),
        }
    }

    /// Begins a key, at or behind all earlier ones.
    fn open(&mut self, place: u32) {
        let (first, last) = self.keys[place as usize];
        self.open
            .push((Reverse(last.minus(first)), first, last, place));
        if self.top() == place {
            self.cut(first, place);
        }
    }

    /// Ends the keys whose last address is before `until`, or all keys. Where the key at the top ends,
    /// a piece of the next one begins.
    fn close(&mut self, until: Option<T>) {
        while let Some(&(_, _, last, _)) = self.open.peek()
            && until.is_none_or(|until| last < until)
        {
            // At the end of the address space, no piece follows.
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
