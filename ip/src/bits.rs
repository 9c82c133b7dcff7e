//! Addresses as numbers, and an index over sorted numbers that finds one among very many with few
//! comparisons. [`set`](crate::set) and [`map`](crate::map) are built on it.

/// An address as a number.
pub(crate) trait Bits: Copy + Ord + Default {
    /// How many ranges a look-up compares with at once. They fit into one or two cache lines.
    const FEW: usize;
    /// Returns `self + 1`, or `None` after the last address.
    fn next(self) -> Option<Self>;
    /// Returns `self - 1`. It is never called for 0.
    fn before(self) -> Self;
    /// Returns `(self - from) >> shift`. It is never called if the result exceeds `usize`, or if `self
    /// < from`.
    fn bucket(self, from: Self, shift: u32) -> usize;
    /// Returns how many bits `self - from` has.
    fn width(self, from: Self) -> u32;
    /// Sorts by the first address.
    fn sort(ranges: &mut [(Self, Self)]);
}

impl Bits for u32 {
    const FEW: usize = 4;

    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }

    fn before(self) -> u32 {
        self - 1
    }

    #[inline]
    fn bucket(self, from: u32, shift: u32) -> usize {
        ((self - from) >> shift) as usize
    }

    fn width(self, from: u32) -> u32 {
        u32::BITS - (self - from).leading_zeros()
    }

    fn sort(ranges: &mut [(u32, u32)]) {
        if ranges.len() >= RADIX {
            return radix_sort(ranges);
        }
        // One comparison of a 64-bit word is faster than two of its halves.
        ranges.sort_unstable_by_key(|(first, last)| u64::from(*first) << 32 | u64::from(*last));
    }
}

/// With at least this many items, the passes of a radix sort cost less than comparisons.
const RADIX: usize = 1 << 14;

/// Sorts by the first address, in three passes of eleven bits, beginning with the lowest bits.
fn radix_sort(ranges: &mut [(u32, u32)]) {
    const BITS: u32 = 11;
    if ranges.is_sorted() {
        return;
    }
    let digit =
        |first: u32, pass: usize| (first >> (BITS * pass as u32)) as usize & ((1 << BITS) - 1);
    let mut places = [[0usize; 1 << BITS]; 3];
    for (first, _) in &*ranges {
        for (pass, places) in places.iter_mut().enumerate() {
            places[digit(*first, pass)] += 1;
        }
    }
    for places in &mut places {
        let mut sum = 0;
        for place in places {
            sum += std::mem::replace(place, sum);
        }
    }
    let mut other = vec![(0, 0); ranges.len()];
    let mut pass = |n: usize, from: &[(u32, u32)], to: &mut [(u32, u32)]| {
        for range in from {
            let place = &mut places[n][digit(range.0, n)];
            to[*place] = *range;
            *place += 1;
        }
    };
    pass(0, ranges, &mut other);
    pass(1, &other, ranges);
    pass(2, ranges, &mut other);
    ranges.copy_from_slice(&other);
}

impl Bits for u128 {
    const FEW: usize = 2;

    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }

    fn before(self) -> u128 {
        self - 1
    }

    #[inline]
    fn bucket(self, from: u128, shift: u32) -> usize {
        ((self - from) >> shift) as usize
    }

    fn width(self, from: u128) -> u32 {
        u128::BITS - (self - from).leading_zeros()
    }

    fn sort(ranges: &mut [(u128, u128)]) {
        ranges.sort_unstable_by_key(|(first, _)| *first);
    }
}

/// An index over items that are sorted by their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets<T> {
    /// The first and the last number.
    from: T,
    to: T,
    /// `index[b]` is how many items stand before bucket `b`. Bucket `b` has the numbers `n` with `(n -
    /// from) >> shift == b`. The last bucket also has all numbers behind it.
    index: Vec<u32>,
    shift: u32,
}

impl<T: Bits> Buckets<T> {
    /// Makes an index over the items, which must be sorted by their numbers. It has at most `2^bits +
    /// 2` entries.
    pub(crate) fn new<I>(items: &[I], number: impl Fn(&I) -> T, bits: u32) -> Buckets<T> {
        let (Some(from), Some(to)) = (items.first(), items.last()) else {
            return Buckets::default();
        };
        let (from, to) = (number(from), number(to));
        let shift = to.width(from).saturating_sub(bits);
        let buckets = to.bucket(from, shift) + 1;
        let mut index = Vec::with_capacity(buckets + 1);
        for (i, item) in items.iter().enumerate() {
            let bucket = number(item).bucket(from, shift);
            let i = u32::try_from(i).expect("fewer than 2^32 items");
            while index.len() <= bucket {
                index.push(i);
            }
        }
        index.push(u32::try_from(items.len()).expect("fewer than 2^32 items"));
        Buckets {
            from,
            to,
            index,
            shift,
        }
    }

    /// Returns the place of the last item whose number is not above `n`. The items and the numbers must
    /// be those that the index was made from.
    #[inline(always)]
    pub(crate) fn last_from<I>(
        &self,
        items: &[I],
        number: impl Fn(&I) -> T,
        n: T,
    ) -> Option<usize> {
        if n < self.from {
            return None;
        }
        // Clamp before the shift: far behind the last item, the bucket would not fit into `usize`.
        let bucket = n.min(self.to).bucket(self.from, self.shift);
        let begin = *self.index.get(bucket)? as usize;
        // All items before `begin` are below `n`. Most buckets have few items. Counting in a fixed
        // number of items costs less than a search with branches that the processor cannot predict.
        let few = items.get(begin..begin + T::FEW).unwrap_or_default();
        let mut before = begin
            + few
                .iter()
                .map(|item| usize::from(number(item) <= n))
                .sum::<usize>();
        if before == begin + few.len() {
            let end = *self.index.get(bucket + 1)? as usize;
            let rest = items.get(before..end).unwrap_or_default();
            before += rest.partition_point(|item| number(item) <= n);
        }
        before.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_are_sorted_too() {
        // The factor is odd, so the numbers go through all values, in a scattered order.
        let place = |i: u32| i.wrapping_mul(0x9e37_79b1);
        let many: Vec<(u32, u32)> = (0..2 * RADIX as u32)
            .map(|i| (place(i), place(i)))
            .collect();
        let mut sorted = many.clone();
        sorted.sort_unstable();
        let mut by_radix = many.clone();
        radix_sort(&mut by_radix);
        assert_eq!(by_radix, sorted);
        let buckets = Buckets::new(&sorted, |(first, _)| *first, 10);
        for (i, (first, _)) in sorted.iter().enumerate() {
            let found = buckets.last_from(&sorted, |(first, _)| *first, *first);
            assert_eq!(found, Some(i));
        }
    }
}
