//! Addresses in free text.
//!
//! In two passes. The first makes bit masks of a block: a bit for each byte that is a dot, a digit, a
//! colon, a hexadecimal digit or colon. The second takes 64 bytes at a time and finds by shifting where
//! an address can be at all: three dots between digits, two to four bytes apart; `::`; six colons, two to
//! five bytes apart. Only such a place is looked at, so that times, versions and MAC addresses
//! cost nothing.
//!
//! What counts as an address:
//!
//! - IPv4: four octets. No digit stands before it, nor a dot behind a digit; no letter, digit, or dot
//!   with one of these behind it, stands after it. So neither `1.2.3.4.5` nor `1.2.3.4.example.org` has
//!   one, and the end of a sentence does no harm.
//! - IPv6: the longest run of hexadecimal digits, colons and dots, without a single colon at its ends and
//!   dots at its end, if it is an address as a whole and no letter or digit follows.
//! - In `::ffff:192.0.2.1` there is one address, the IPv6 address; `at:192.0.2.1` has an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net_ip as ip;
use wide::u8x16;

use crate::input::PAD;

/// An address in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) addr: IpAddr,
    /// Where it begins and ends in the padded text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The masks of a block, kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    words: Vec<Masks>,
}

/// The masks of 64 bytes; the lowest bit is the first byte.
#[derive(Clone, Copy, Debug, Default)]
struct Masks {
    dots: u64,
    digits: u64,
    colons: u64,
    /// Hexadecimal digits and colons.
    groups: u64,
}

impl Scanner {
    /// Calls `found` for each address in a padded text, in order, with the versions asked for. It
    /// returns from where to look on.
    ///
    /// Asked for IPv4 alone it finds the same IPv4 addresses as asked for both, and also those that are
    /// mapped into IPv6, as such.
    pub(crate) fn scan<const V4: bool, const V6: bool>(
        &mut self,
        padded: &[u8],
        mut found: impl FnMut(Found) -> usize,
    ) {
        self.masks::<V4, V6>(padded);
        // A word before and two behind: neighbours are there without a question.
        let mut resume = PAD;
        for w in 1..self.words.len() - 2 {
            let places = self.places::<V4, V6>(w);
            let (v4, v6) = places;
            let mut left = v4 | v6;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let at = (w - 1) * 64 + bit as usize;
                if at < resume {
                    continue;
                }
                if V6 && v6 >> bit & 1 == 1 {
                    let (start, end) = self.run(padded, at);
                    // This run is done with, but for an IPv4 address at its end.
                    if let Some(addr) = self.v6(padded, start, end) {
                        let (start, end) = trim(padded, start, end);
                        resume = found(Found {
                            addr: addr.into(),
                            start,
                            end,
                        });
                    } else {
                        let dot = memchr::memchr(b'.', &padded[at..end]);
                        resume = dot.map_or(end, |dot| at + dot);
                    }
                } else if V4
                    && let Some(place) = self.v4(padded, at)
                    && (V6 || padded[place.start - 1] != b':' || self.not_in_v6(padded, &place))
                {
                    resume = found(place);
                }
            }
        }
    }

    fn masks<const V4: bool, const V6: bool>(&mut self, padded: &[u8]) {
        self.words.clear();
        self.words.push(Masks::default());
        let (words, rest) = padded.as_chunks::<64>();
        self.words.extend(words.iter().map(mask::<V4, V6>));
        if !rest.is_empty() {
            let mut last = [b'\n'; 64];
            last[..rest.len()].copy_from_slice(rest);
            self.words.push(mask::<V4, V6>(&last));
        }
        self.words.extend([Masks::default(); 2]);
    }

    /// Where in word `w` an IPv4 address (its first dot) and an IPv6 address (a colon of it) can be.
    #[inline(always)]
    fn places<const V4: bool, const V6: bool>(&self, w: usize) -> (u64, u64) {
        let (before, here, after) = (&self.words[w - 1], &self.words[w], &self.words[w + 1]);
        let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
        let mut v4 = 0;
        if V4 && here.dots != 0 {
            let digits = join(here.digits, after.digits);
            let behind = digits << 1 | u128::from(before.digits >> 63);
            let dots = join(here.dots, after.dots) & behind & digits >> 1;
            let two = dots & (dots >> 2 | dots >> 3 | dots >> 4);
            v4 = (dots & (two >> 2 | two >> 3 | two >> 4)) as u64;
        }
        let mut v6 = 0;
        if V6 && here.colons != 0 {
            let colons = join(here.colons, after.colons);
            let more = |c: u128| colons & (c >> 2 | c >> 3 | c >> 4 | c >> 5);
            let double = colons & colons >> 1;
            let three = more(more(colons));
            v6 = double as u64;
            if three as u64 != 0 {
                v6 |= more(more(more(three))) as u64;
            }
        }
        (v4, v6)
    }

    /// 64 bits of one of the masks, from any position of the text.
    #[inline(always)]
    fn window(&self, at: usize, mask: impl Fn(&Masks) -> u64) -> u64 {
        let (w, bit) = (at / 64 + 1, at % 64);
        mask(&self.words[w]) >> bit | mask(&self.words[w + 1]) << 1 << (63 - bit)
    }

    /// The IPv4 address whose first dot is at `dot`.
    #[inline(always)]
    fn v4(&self, padded: &[u8], dot: usize) -> Option<Found> {
        // The four bytes before the dot: how many digits, at the high end of four bits.
        let before = self.window(dot - 4, |m| m.digits) as u32 & 15;
        let a_len = (before << 28).leading_ones() as usize;
        // From behind the dot: every byte that is no digit ends an octet, the first two are dots.
        let ends = !self.window(dot + 1, |m| m.digits);
        let dots = self.window(dot + 1, |m| m.dots);
        let b_len = ends.trailing_zeros() as usize;
        let ends = ends & ends.wrapping_sub(1);
        let c_end = ends.trailing_zeros() as usize;
        let ends = ends & ends.wrapping_sub(1);
        let d_end = ends.trailing_zeros() as usize;
        let c_len = c_end.wrapping_sub(b_len + 1);
        let d_len = d_end.wrapping_sub(c_end + 1);
        // Each of 1, 2, 3: one less is below 3.
        let lens = [a_len, b_len, c_len, d_len].map(|len| usize::from(len.wrapping_sub(1) < 3));
        if lens.iter().sum::<usize>() != 4 || dots >> b_len & dots >> c_end & 1 == 0 {
            return None;
        }
        let (a, a_bad) = octet(padded, dot, a_len);
        let (b, b_bad) = octet(padded, dot + 1 + b_len, b_len);
        let (c, c_bad) = octet(padded, dot + 1 + c_end, c_len);
        let (d, d_bad) = octet(padded, dot + 1 + d_end, d_len);
        let (start, end) = (dot - a_len, dot + 1 + d_end);
        if (a_bad | b_bad | c_bad | d_bad) || follows(padded, end) {
            return None;
        }
        // Part of a longer number with dots.
        if padded[start - 1] == b'.' && padded[start - 2].is_ascii_digit() {
            return None;
        }
        let addr = Ipv4Addr::from_bits(a << 24 | b << 16 | c << 8 | d);
        Some(Found {
            addr: addr.into(),
            start,
            end,
        })
    }

    /// Whether the IPv4 address behind a colon is one by itself, and not the end of an IPv6 address;
    /// that of a mapped address counts as one.
    #[cold]
    fn not_in_v6(&self, padded: &[u8], place: &Found) -> bool {
        // Without the masks, which were not made for this.
        let part = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
        let before = &padded[..place.start];
        let len = before.iter().rev().take(64).take_while(|b| part(b)).count();
        let mut start = place.start - len;
        if padded[start - 1] == b'.' {
            start += memchr::memchr(b':', &padded[start..]).unwrap_or(0);
        }
        let (start, end) = trim(padded, start, place.end);
        match ip::parse_v6(&padded[start..end]) {
            Ok(addr) => addr.to_ipv4_mapped().is_some(),
            Err(_) => true,
        }
    }

    /// The run of bytes around the colon at `at` that can be in an IPv6 address.
    #[inline(always)]
    fn run(&self, padded: &[u8], at: usize) -> (usize, usize) {
        let left = self.window(at - 64, |m| m.groups).leading_ones() as usize;
        let right = self.window(at, |m| m.groups | m.dots).trailing_ones() as usize;
        let mut start = at - left;
        if padded[start - 1] == b'.' && left > 0 {
            // The end of a number with dots, or of a host name, and a colon: not part of it.
            start += memchr::memchr(b':', &padded[start..at]).unwrap_or(0);
        }
        (start, at + right)
    }

    /// The IPv6 address that a run is.
    #[inline(always)]
    fn v6(&self, padded: &[u8], start: usize, end: usize) -> Option<Ipv6Addr> {
        let (start, end) = trim(padded, start, end);
        // The longest text is `0000:0000:0000:0000:0000:0000:255.255.255.255`.
        if end.checked_sub(start)? > 45 || follows(padded, end) {
            return None;
        }
        let colons = self.window(start, |m| m.colons) & !(u64::MAX << (end - start));
        if colons.count_ones() > 8 {
            return None;
        }
        ip::parse_v6(&padded[start..end]).ok()
    }
}

/// A run without a single colon at its ends and without dots at its end.
#[inline(always)]
fn trim(padded: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    if padded[start] == b':' && padded[start + 1] != b':' {
        start += 1;
    }
    while end > start && padded[end - 1] == b'.' {
        end -= 1;
    }
    if end > start + 1 && padded[end - 1] == b':' && padded[end - 2] != b':' {
        end -= 1;
    }
    (start, end)
}

/// Whether a word goes on at `end`, perhaps behind dots.
#[inline(always)]
fn follows(padded: &[u8], mut end: usize) -> bool {
    while padded[end] == b'.' {
        end += 1;
        if end == padded.len() {
            return false;
        }
    }
    padded[end].is_ascii_alphanumeric()
}

/// The octet that ends before `end` and has `len` digits, 1 to 3; and whether it is none.
#[inline(always)]
fn octet(padded: &[u8], end: usize, len: usize) -> (u32, bool) {
    // The digits are the high bytes; those below are not its own.
    let four = padded[end - 4..end]
        .first_chunk()
        .copied()
        .unwrap_or_default();
    let digits = u32::from_le_bytes(four) & 0x0f0f_0f00 & u32::MAX << (32 - 8 * len);
    let value = (digits >> 8 & 15) * 100 + (digits >> 16 & 15) * 10 + (digits >> 24);
    const LEAST: [u32; 4] = [0, 0, 10, 100];
    (value, value > 255 || value < LEAST[len & 3])
}

#[inline(always)]
fn mask<const V4: bool, const V6: bool>(bytes: &[u8; 64]) -> Masks {
    let mut masks = Masks::default();
    let (parts, _) = bytes.as_chunks::<16>();
    for (i, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let put = |bits: u8x16| u64::from(bits.to_bitmask()) << (16 * i);
        let below = |value: u8x16, n: u8| value.min(u8x16::splat(n)).simd_eq(value);
        let digits = below(part - u8x16::splat(b'0'), 9);
        masks.dots |= put(part.simd_eq(u8x16::splat(b'.')));
        if V4 {
            masks.digits |= put(digits);
        }
        if V6 {
            let colons = part.simd_eq(u8x16::splat(b':'));
            let letters = below((part | u8x16::splat(0x20)) - u8x16::splat(b'a'), 5);
            masks.colons |= put(colons);
            masks.groups |= put(digits | letters | colons);
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Block;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> Vec<String> {
        let block = Block::of(text);
        let mut all = Vec::new();
        Scanner::default().scan::<true, true>(block.padded(), |found| {
            let text = String::from_utf8_lossy(&block.padded()[found.start..found.end]);
            assert_eq!(ip::parse(&*text), Ok(found.addr));
            all.push(text.into_owned());
            found.end
        });
        all
    }

    fn v4_only(text: &[u8]) -> Vec<IpAddr> {
        let block = Block::of(text);
        let mut all = Vec::new();
        Scanner::default().scan::<true, false>(block.padded(), |found| {
            all.push(found.addr);
            found.end
        });
        all
    }

    #[test]
    fn what_is_an_address() {
        let none: [&str; 0] = [];
        for (text, found) in [
            ("1.2.3.4", &["1.2.3.4"][..]),
            (
                "x1.2.3.4 a=1.2.3.5:80,[1.2.3.6]-1.2.3.7/24",
                &["1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7"],
            ),
            (
                "from 1.2.3.4. And 1.2.3.5... (::1.)",
                &["1.2.3.4", "1.2.3.5", "::1"],
            ),
            (
                "1.2.3.4x 1.2.3.4.5 01.2.3.4 1.2.3.004 1.2.3.256 1111.2.3.4 1.2.3.4.org 1.2.3",
                &none,
            ),
            ("1.2.3.4444 1..2.3.4 1.2.3. 1.2.3.x", &none),
            (
                ".1.2.3.4 _1.2.3.4_ é1.2.3.4é",
                &["1.2.3.4", "1.2.3.4", "1.2.3.4"],
            ),
            (
                "2001:db8::1 [::1]:80 ::, 1:2:3:4:5:6:7:8",
                &["2001:db8::1", "::1", "::", "1:2:3:4:5:6:7:8"],
            ),
            (
                "2001:db8::1: gone; at 2001:DB8::2. g:::1 x2001:db8::4",
                &["2001:db8::1", "2001:DB8::2", "2001:db8::4"],
            ),
            (
                "12:34:56 00:11:22:33:44:55 [10/Oct/2000:13:55:36 +0] a::b::c 12345::1 1::g 1:2:3:4:5:6:7",
                &none,
            ),
            ("MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00", &none),
            ("fe80::1%eth0 2001:db8::/32", &["fe80::1", "2001:db8::"]),
            (
                "::ffff:1.2.3.4 1:2:3:4:5:6:7.8.9.10",
                &["::ffff:1.2.3.4", "1:2:3:4:5:6:7.8.9.10"],
            ),
            (
                "at:1.2.3.4 12:34:56:1.2.3.4 1.2.3.4:2001:db8::1",
                &["1.2.3.4", "1.2.3.4", "1.2.3.4", "2001:db8::1"],
            ),
            ("::1::1.2.3.4 ::1.2.3.4.5", &["1.2.3.4"]),
            ("std::net foo::bar ::std a::z", &none),
        ] {
            assert_eq!(all(text.as_bytes()), found, "{text}");
        }
        assert_eq!(
            v4_only(b"::ffff:1.2.3.4 2001:db8::1.2.3.4 ace:1.2.3.4").len(),
            2
        );
    }

    /// The same, found slowly: every part of the text between bytes that cannot be in an address.
    fn slowly(text: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        for word in text.split(|b| !b.is_ascii_alphanumeric() && !b":.".contains(b)) {
            let word = String::from_utf8(word.to_vec()).unwrap();
            if let Ok(addr) = ip::parse(&word) {
                all.push((addr, word).1);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn wherever_it_stands(before in "[ -]{0,200}", v4: u32, v6: u128, v6_first: bool) {
            // All places in a word and over its borders.
            let v4 = Ipv4Addr::from_bits(v4).to_string();
            let v6 = Ipv6Addr::from_bits(v6).to_string();
            let pair = if v6_first { [v6, v4] } else { [v4, v6] };
            let text = format!("{before}{} {}", pair[0], pair[1]);
            prop_assert_eq!(all(text.as_bytes()), pair);
        }

        #[test]
        fn short_words_are_found_as_slowly(words in prop::collection::vec("[0-9]{0,3}[.:]{1,2}[0-9a-f]{0,3}[.:]{1,2}[0-9]{1,3}(\\.[0-9]{1,3}|:[0-9a-f]{1,4})", 0..40)) {
            let text = words.join(" ");
            let fast = all(text.as_bytes());
            for word in slowly(text.as_bytes()) {
                prop_assert!(fast.contains(&word), "{}", word);
            }
        }

        #[test]
        fn any_bytes_at_all(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789abcdef:::...\n"[..])], 0..600)) {
            let both = all(&bytes);
            let v4 = v4_only(&bytes);
            let of_both: Vec<IpAddr> = both.iter().filter_map(|text| match ip::parse(text).unwrap() {
                IpAddr::V6(addr) => addr.to_ipv4_mapped().map(IpAddr::from),
                addr => Some(addr),
            }).collect();
            prop_assert_eq!(v4, of_both, "{:?}", both);
        }
    }
}
