//! The entries of a list with their original text, and the search for the most specific entry of an
//! address.
//!
//! The most specific entry is the smallest one that holds the address. Entries may lie inside each
//! other or overlap in any way. So the list is cut into segments, each with one smallest entry, and a
//! look-up searches for the segment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::net::IpAddr;
use std::ops::Sub;

use std_net_ip::range::IpRange;

use crate::item::Item;

/// Entries in the order of the list.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    ranges: Vec<IpRange>,
    /// These are apart from the ranges, because most look-ups need only them. Smaller entries mean
    /// fewer waits for the memory.
    written: Vec<Written>,
    /// The texts, in the parts in which they were read: to join them would take longer than to read
    /// them.
    texts: Vec<Vec<u8>>,
}

/// A part of the texts that is longer gets no more texts.
const PART: usize = 1 << 30;

/// The place of the text of an entry. Behind the text there are a tab, the rest of its line, and a line
/// end.
#[derive(Clone, Copy, Debug)]
struct Written {
    part: u32,
    start: u32,
    /// The length of the text of the entry, and of the rest of its line.
    text: u32,
    rest: u32,
}

/// An entry that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match<'a> {
    /// The entry as it is written in the list.
    pub(crate) text: &'a [u8],
    /// The other fields of its line, with tabs between them.
    pub(crate) rest: &'a [u8],
    /// The text, a tab, the rest, and a line end.
    pub(crate) line: &'a [u8],
}

impl Match<'_> {
    /// Brings its text into the processor's cache: see [`List::fetch`].
    #[inline(always)]
    pub(crate) fn fetch(&self) {
        black_box((self.line.first().copied(), self.line.last().copied()));
    }
}

impl Entries {
    /// Makes it for the entries of a text of `len` bytes.
    pub(crate) fn for_text(len: usize) -> Entries {
        Entries {
            texts: vec![Vec::with_capacity(len)],
            ..Entries::default()
        }
    }

    pub(crate) fn push(&mut self, range: IpRange, text: &[u8]) {
        self.push_with(range, text, std::iter::empty::<&[u8]>());
    }

    /// Adds an entry with the rest of its line.
    pub(crate) fn push_with(
        &mut self,
        range: IpRange,
        text: &[u8],
        rest: impl Iterator<Item: AsRef<[u8]>>,
    ) {
        if self.texts.last().is_none_or(|part| part.len() > PART) {
            self.texts.push(Vec::new());
        }
        let part = self.texts.len() - 1;
        let texts = &mut self.texts[part];
        let start = texts.len();
        texts.extend_from_slice(text);
        texts.push(b'\t');
        let behind = texts.len();
        for (i, field) in rest.enumerate() {
            if i > 0 {
                texts.push(b'\t');
            }
            let at = texts.len();
            let field = field.as_ref();
            texts.extend_from_slice(field);
            if memchr::memchr(b'\t', field).is_some() {
                spaces_for_tabs(&mut texts[at..]);
            }
        }
        let rest = texts.len() - behind;
        texts.push(b'\n');
        let short = |len: usize| u32::try_from(len).expect("a line has less than 4 GB");
        self.ranges.push(range);
        self.written.push(Written {
            part: short(part),
            start: short(start),
            text: short(text.len()),
            rest: short(rest),
        });
    }

    /// Returns the ranges of all entries.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = IpRange> {
        self.ranges.iter().copied()
    }

    pub(crate) fn append(&mut self, other: Entries) {
        if self.ranges.is_empty() {
            *self = other;
            return;
        }
        let shift = self.texts.len() as u32;
        self.texts.extend(other.texts);
        self.ranges.extend_from_slice(&other.ranges);
        let moved = other.written.into_iter().map(|entry| Written {
            part: entry.part + shift,
            ..entry
        });
        self.written.extend(moved);
    }
}

/// Turns tabs into spaces: tabs separate columns, so a column must not contain one.
pub(crate) fn spaces_for_tabs(text: &mut [u8]) {
    text.iter_mut()
        .filter(|b| **b == b'\t')
        .for_each(|b| *b = b' ');
}

/// No entry.
const NONE: u32 = u32::MAX;

/// A list that can be searched.
#[derive(Debug)]
pub(crate) struct List {
    all: Entries,
    v4: Segments<u32>,
    v6: Segments<u128>,
    /// For each entry, the smallest other entry that contains it.
    outer: Vec<u32>,
    /// The entries ordered by their first address, larger ones first.
    order: Vec<u32>,
    /// Whether two entries overlap, but neither contains the other.
    crossed: bool,
}

/// The starts of the segments in order, each with its smallest entry.
#[derive(Debug)]
struct Segments<T> {
    all: Vec<(T, u32)>,
    /// For the highest 16 bits of an address, the first segment that begins there or later.
    index: Vec<u32>,
}

/// An address of one version as a number.
trait Bits: Copy + Ord + Sub<Output = Self> {
    const ZERO: Self;
    fn next(self) -> Option<Self>;
    /// Returns the highest 16 bits.
    fn high(self) -> usize;
    /// Returns the first and the last address of a range of this version.
    fn ends(range: &IpRange) -> (Self, Self);
}

impl Bits for u32 {
    const ZERO: u32 = 0;

    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }

    #[inline]
    fn high(self) -> usize {
        self as usize >> 16
    }

    fn ends(range: &IpRange) -> (u32, u32) {
        match (range.first(), range.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits(), last.to_bits()),
            _ => unreachable!("the ranges of the other version are apart"),
        }
    }
}

impl Bits for u128 {
    const ZERO: u128 = 0;

    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }

    #[inline]
    fn high(self) -> usize {
        (self >> 112) as usize
    }

    fn ends(range: &IpRange) -> (u128, u128) {
        match (range.first(), range.last()) {
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits()),
            _ => unreachable!("the ranges of the other version are apart"),
        }
    }
}

/// An address as a number, with its version before it.
type Key = (bool, u128);

fn key(addr: IpAddr) -> Key {
    match addr {
        IpAddr::V4(addr) => (false, addr.to_bits().into()),
        IpAddr::V6(addr) => (true, addr.to_bits()),
    }
}

impl List {
    pub(crate) fn new(all: Entries) -> List {
        let ends = |i: u32| {
            let range = all.ranges[i as usize];
            (key(range.first()), key(range.last()))
        };
        let mut order: Vec<u32> = (0..all.ranges.len() as u32).collect();
        let mut outer = vec![NONE; order.len()];
        let mut crossed = false;
        // Most large lists are in order, and no entry holds another one.
        let apart = |pair: &[IpRange]| pair[0].last() < pair[1].first();
        let plain = all.ranges.windows(2).all(apart);
        if !plain {
            order.sort_by_cached_key(|i| {
                let (first, last) = ends(*i);
                (first, Reverse(last))
            });
            crossed = nest(&order, &mut outer, ends);
        }
        let border = order.partition_point(|i| !ends(*i).0.0);
        let (v4, v6) = order.split_at(border);
        let v4 = Segments::new(&all.ranges, v4, plain);
        let v6 = Segments::new(&all.ranges, v6, plain);
        List {
            all,
            v4,
            v6,
            outer,
            order,
            crossed,
        }
    }

    /// Returns the place of the smallest entry that holds an address, for [`List::written`].
    #[inline]
    pub(crate) fn find(&self, addr: IpAddr) -> Option<u32> {
        let found = match addr {
            IpAddr::V4(addr) => self.v4.find(addr.to_bits()),
            IpAddr::V6(addr) => self.v6.find(addr.to_bits()),
        };
        (found != NONE).then_some(found)
    }

    /// Brings the segments around an address into the processor's cache. If this is done for several
    /// addresses before the first of them is looked up, the processor waits for the memory once, not
    /// once for each.
    #[inline(always)]
    pub(crate) fn fetch(&self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.v4.fetch(addr.to_bits()),
            IpAddr::V6(addr) => self.v6.fetch(addr.to_bits()),
        }
    }

    /// Returns the smallest entry that contains the whole item, by either of its versions. If there is
    /// none, returns the entry at the item's beginning, or otherwise the first entry inside the item.
    pub(crate) fn of_item(&self, item: &Item) -> Option<Match<'_>> {
        let of = |range: IpRange| {
            let here = self.find(range.first());
            // An entry that contains the whole range need not contain the entry at its beginning.
            if self.crossed
                && range.first() != range.last()
                && let Some(i) = self.around(range)
            {
                return Some(i);
            }
            let mut entry = here;
            while let Some(i) = entry {
                let holds = self.all.ranges[i as usize];
                if holds.contains(range.first()) && holds.contains(range.last()) {
                    return Some(i);
                }
                entry = Some(self.outer[i as usize]).filter(|outer| *outer != NONE);
            }
            here.or_else(|| self.within(range).next())
        };
        let range = item.range();
        let found = of(range).or_else(|| {
            let unmapped = item.unmapped().range();
            (unmapped != range).then(|| of(unmapped))?
        })?;
        Some(self.written(found))
    }

    /// Returns the smallest entry that contains the whole range. It looks at all entries that begin
    /// before the range.
    fn around(&self, range: IpRange) -> Option<u32> {
        let of = |i: u32| self.all.ranges[i as usize];
        let behind = self
            .order
            .partition_point(|i| key(of(*i).first()) <= key(range.first()));
        let holds = self.order[..behind]
            .iter()
            .filter(|i| of(**i).contains(range.first()) && of(**i).contains(range.last()));
        let size = |i: u32| key(of(i).last()).1 - key(of(i).first()).1;
        holds.copied().min_by_key(|i| (size(*i), *i))
    }

    /// Returns the entries that begin inside a range, in order.
    fn within(&self, range: IpRange) -> impl Iterator<Item = u32> {
        let first = |i: &u32| key(self.all.ranges[*i as usize].first());
        let from = self
            .order
            .partition_point(|i| first(i) < key(range.first()));
        let last = key(range.last());
        let behind = self.order[from..].iter().copied();
        behind.take_while(move |i| first(i) <= last)
    }

    /// Returns whether an entry lies inside a range.
    pub(crate) fn has_inside(&self, range: IpRange) -> bool {
        let last = |i: u32| key(self.all.ranges[i as usize].last());
        self.within(range).any(|i| last(i) <= key(range.last()))
    }

    #[inline]
    pub(crate) fn written(&self, i: u32) -> Match<'_> {
        let entry = &self.all.written[i as usize];
        let texts = &self.all.texts[entry.part as usize][entry.start as usize..];
        // Between the text and the rest there is a tab, and behind them a line end.
        let (text, rest) = (entry.text as usize, entry.rest as usize);
        let line = &texts[..text + 1 + rest + 1];
        Match {
            text: &line[..text],
            rest: &line[text + 1..text + 1 + rest],
            line,
        }
    }
}

/// Finds for each entry the smallest other entry that contains it. Returns whether two entries overlap,
/// but neither contains the other. `order` has the entries by their first addresses.
fn nest(order: &[u32], outer: &mut [u32], ends: impl Fn(u32) -> (Key, Key)) -> bool {
    let mut open: Vec<u32> = Vec::new();
    let mut crossed = false;
    for &i in order {
        let (first, last) = ends(i);
        open.retain(|o| ends(*o).1 >= first);
        let holds = open.iter().rev().filter(|o| ends(**o).1 >= last);
        let size = |o: u32| ends(o).1.1 - ends(o).0.1;
        outer[i as usize] = holds.copied().min_by_key(|o| size(*o)).unwrap_or(NONE);
        crossed |= open.iter().any(|o| ends(*o).1 < last);
        open.push(i);
    }
    crossed
}

/// Like [`cut`], for entries that have no address in common.
fn side_by_side<T: Bits>(entries: impl ExactSizeIterator<Item = (T, T, u32)>) -> Vec<(T, u32)> {
    let mut segments = Vec::with_capacity(1 + 2 * entries.len());
    let mut free = Some(T::ZERO);
    for (first, last, i) in entries {
        if let Some(start) = free.filter(|start| *start < first) {
            segments.push((start, NONE));
        }
        segments.push((first, i));
        free = last.next();
    }
    segments.extend(free.map(|start| (start, NONE)));
    segments
}

/// Cuts entries into segments with their smallest entries. The entries come as first and last
/// addresses, in order.
fn cut<T: Bits>(entries: impl Iterator<Item = (T, T, u32)>) -> Vec<(T, u32)> {
    let mut segments = vec![(T::ZERO, NONE)];
    let mut add = |start: T, entry: u32| {
        segments.pop_if(|(last, _)| *last == start);
        if segments.last().is_none_or(|(_, last)| *last != entry) {
            segments.push((start, entry));
        }
    };
    // The smallest entry is on top. Of two entries with the same size, the first in the list is on top.
    // An entry that has ended is removed when it comes to the top.
    let mut open: BinaryHeap<Reverse<(T, u32, T)>> = BinaryHeap::new();
    // Removes all entries at the top that end before a place.
    let close = |open: &mut BinaryHeap<Reverse<(T, u32, T)>>,
                 add: &mut dyn FnMut(T, u32),
                 place: Option<T>| {
        while let Some(Reverse((_, _, last))) = open.peek().copied() {
            if place.is_some_and(|place| last >= place) {
                return;
            }
            open.pop();
            // An entry below that has ended too never becomes visible.
            while open.peek().is_some_and(|Reverse((_, _, end))| *end <= last) {
                open.pop();
            }
            if let Some(next) = last.next() {
                add(next, open.peek().map_or(NONE, |Reverse((_, i, _))| *i));
            }
        }
    };
    for (first, last, i) in entries {
        close(&mut open, &mut add, Some(first));
        open.push(Reverse((last - first, i, last)));
        if let Some(Reverse((_, top, _))) = open.peek() {
            add(first, *top);
        }
    }
    close(&mut open, &mut add, None);
    segments
}

impl<T: Bits> Segments<T> {
    /// Makes the segments of the ranges at the places in `order`. `plain` means that they have no
    /// address in common.
    fn new(ranges: &[IpRange], order: &[u32], plain: bool) -> Segments<T> {
        let entries = order.iter().map(|i| {
            let (first, last) = T::ends(&ranges[*i as usize]);
            (first, last, *i)
        });
        let all = if plain {
            side_by_side(entries)
        } else {
            cut(entries)
        };
        let mut index = vec![0u32; (1 << 16) + 1];
        for (start, _) in &all {
            index[start.high() + 1] += 1;
        }
        for i in 1..index.len() {
            index[i] += index[i - 1];
        }
        Segments { all, index }
    }

    /// Returns the entry of the segment that contains an address.
    #[inline]
    fn find(&self, addr: T) -> u32 {
        let (from, to) = self.around(addr);
        let segment = from + self.all[from..to].partition_point(|(start, _)| *start <= addr);
        // The first segment begins with the lowest address.
        self.all[segment - 1].1
    }

    #[inline(always)]
    fn fetch(&self, addr: T) {
        let (from, to) = self.around(addr);
        black_box(self.all.get((from + to) / 2).map(|(_, entry)| *entry));
    }

    /// Returns the places of the first segment that begins with the highest bits of an address, and of
    /// the first one behind these.
    #[inline(always)]
    fn around(&self, addr: T) -> (usize, usize) {
        let high = addr.high();
        (self.index[high] as usize, self.index[high + 1] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn list(ranges: &[(u32, u32)], v6: bool) -> List {
        let mut all = Entries::default();
        for (i, (first, last)) in ranges.iter().enumerate() {
            let addr = |bits: u32| addr(bits, v6);
            let range = IpRange::new(addr(*first), addr(*last)).unwrap();
            all.push_with(
                range,
                i.to_string().as_bytes(),
                [&b"a"[..], b"b"].into_iter(),
            );
        }
        List::new(all)
    }

    fn addr(bits: u32, v6: bool) -> IpAddr {
        if v6 {
            Ipv6Addr::from_bits(u128::from(bits) << 96 | u128::from(bits)).into()
        } else {
            Ipv4Addr::from_bits(bits).into()
        }
    }

    proptest! {
        /// Compares with a search through all entries for the smallest one that holds an address.
        #[test]
        fn the_smallest_entry(ends in prop::collection::vec((prop_oneof![0u32..40, u32::MAX - 40..=u32::MAX, any::<u32>()], prop_oneof![0u32..20, Just(u32::MAX)]), 0..30), v6: bool) {
            let ranges: Vec<_> = ends.iter().map(|(first, len)| (*first, first.saturating_add(*len))).collect();
            let list = list(&ranges, v6);
            let places = ranges.iter().flat_map(|(a, b)| [a.wrapping_sub(1), *a, *b, b.wrapping_add(1), a + (b - a) / 2]);
            for place in places.chain(0..64).chain([u32::MAX]) {
                let holds = ranges.iter().enumerate().filter(|(_, (a, b))| (*a..=*b).contains(&place));
                let smallest = holds.min_by_key(|(i, (a, b))| (b - a, *i)).map(|(i, _)| i.to_string());
                let found = list.find(addr(place, v6)).map(|found| {
                    let found = list.written(found);
                    assert_eq!(found.rest, b"a\tb");
                    assert_eq!(found.line, [found.text, found.rest].join(&b'\t').into_iter().chain([b'\n']).collect::<Vec<_>>());
                    String::from_utf8(found.text.to_vec()).unwrap()
                });
                prop_assert_eq!(found, smallest, "{}", place);
            }
        }

        #[test]
        fn entries_within(ends in prop::collection::vec((0u32..40, 0u32..20), 0..12), first in 0u32..40, len in 0u32..20) {
            let ranges: Vec<_> = ends.iter().map(|(first, len)| (*first, first + len)).collect();
            let list = list(&ranges, false);
            let range = IpRange::new(addr(first, false), addr(first + len, false)).unwrap();
            let inside = ranges.iter().any(|(a, b)| first <= *a && *b <= first + len);
            prop_assert_eq!(list.has_inside(range), inside);
            // The smallest entry that contains the whole range, if there is one.
            let holds = ranges.iter().filter(|(a, b)| *a <= first && first + len <= *b);
            if let Some((a, b)) = holds.min_by_key(|(a, b)| b - a) {
                let found = list.of_item(&Item::Range(range)).unwrap();
                let found: usize = std::str::from_utf8(found.text).unwrap().parse().unwrap();
                prop_assert_eq!(ranges[found].1 - ranges[found].0, b - a);
            }
        }
    }
}
