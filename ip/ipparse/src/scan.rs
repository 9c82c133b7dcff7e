//! Addresses in free text.
//!
//! In two passes. The first makes bit masks of a block: a bit for each byte that is a dot, a digit, a
//! colon. The second takes 64 bytes at a time and finds by shifting where an address can be at all:
//! three dots between digits, two to four bytes apart; colons up to five bytes apart, six of them or
//! with `::` among them. Only such a place is looked at, so that times, versions and MAC addresses cost
//! next to nothing.
//!
//! What counts as an address:
//!
//! - IPv4: four octets. No digit stands before it, nor a dot behind a digit; no letter, digit, or dot
//!   with one of these behind it, stands after it. So neither `1.2.3.4.5` nor `1.2.3.4.example.org` has
//!   one, and the end of a sentence does no harm.
//!   A version is no address: what stands directly behind a `v`, or behind a product and a slash
//!   (`Chrome/120.0.0.0`). The slash of a URL or a path (`https://1.2.3.4/`, `/hosts/1.2.3.4`), and that
//!   behind a host name with dots or behind `localhost`, is none of a product; and no version has a port.
//! - IPv6: the longest run of hexadecimal digits, colons and dots, without a single colon at its ends and
//!   dots at its end, if it is an address as a whole and no letter, digit or `_` follows.
//!   What such a run begins with is not part of it, up to the first colon, if it ends a number with dots,
//!   a host name or another word: `192.0.2.1:2001:db8::1` has two addresses, and `IPv6:2001:db8::1` has
//!   2001:db8::1. With only one colon left behind the word it is none: `Foo::Ba`, `std::a`. Where the
//!   word could end in the first group of an address (`x2001:db8::1`), nobody can tell, and it is none.
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
}

/// The run of bytes around a colon that can be in an IPv6 address.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    /// The dots from the colon on; the lowest bit is the colon. Before it there are none.
    dots: u64,
}

/// What [`run`] looks at first: so many bytes, and where among them the colon is. An address of the
/// greatest length is in them, and the byte before it and behind it.
const NEAR: usize = 48;
const BEFORE: usize = 12;

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
            let v4 = if V4 { self.v4_places(w) } else { 0 };
            let (colons, behind) = if V6 {
                (self.words[w].colons, self.words[w + 1].colons)
            } else {
                (0, 0)
            };
            let start = (w - 1) * 64;
            let mut left = v4 | colons;
            while left != 0 {
                // What lies behind `resume`.
                let done = resume.saturating_sub(start);
                if done >= 64 {
                    break;
                }
                left = left >> done << done;
                if left == 0 {
                    break;
                }
                let bit = left.trailing_zeros();
                let at = start + bit as usize;
                left &= left - 1;
                if V6 && colons >> bit & 1 == 1 {
                    let from_here = colons >> bit | behind << 1 << (63 - bit);
                    // Most are alone.
                    if from_here & 0b11_1110 == 0 {
                        continue;
                    }
                    let chain = Chain::of(from_here);
                    resume = at + chain.len as usize;
                    if chain.can_be_v6() {
                        let (end, address) = self.v6(padded, at);
                        resume = end;
                        if let Some(address) = address {
                            resume = resume.max(found(address));
                        }
                    }
                } else if V4
                    && let Some((addr, start, end)) = self.v4(padded, at)
                    && (V6 || padded[start - 1] != b':' || not_in_v6(padded, start, end))
                {
                    let addr = addr.into();
                    resume = found(Found { addr, start, end });
                }
            }
        }
    }

    /// Makes the masks for [`Scanner::line`].
    pub(crate) fn prepare(&mut self, padded: &[u8]) {
        self.masks::<true, false>(padded);
    }

    /// The IPv4 address at the beginning of a line, if one is, and where it ends.
    #[inline(always)]
    pub(crate) fn line(&self, padded: &[u8], start: usize) -> Option<(Ipv4Addr, usize)> {
        let digits = self.window(start).digits.trailing_ones() as usize;
        if digits > 3 || padded.get(start + digits) != Some(&b'.') {
            return None;
        }
        let (addr, _, end) = self.v4(padded, start + digits)?;
        Some((addr, end))
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

    /// Where in word `w` an IPv4 address can be: its first dot.
    #[inline(always)]
    fn v4_places(&self, w: usize) -> u64 {
        let (before, here, after) = (&self.words[w - 1], &self.words[w], &self.words[w + 1]);
        if here.dots == 0 {
            return 0;
        }
        // Twice, for the lower and the upper half of the word: each sees 32 bits behind its own.
        let find = |dots: u64, digits: u64, carry: u64| {
            let dots = dots & (digits << 1 | carry & 1) & digits >> 1;
            // Another two to four bytes behind, and there again.
            let more = |c: u64| dots & (c >> 2 | c >> 3 | c >> 4);
            more(more(dots))
        };
        let upper = |mask: fn(&Masks) -> u64| mask(here) >> 32 | mask(after) << 32;
        let low = find(here.dots, here.digits, before.digits >> 63);
        let high = find(upper(|m| m.dots), upper(|m| m.digits), here.digits >> 31);
        low & 0xffff_ffff | high << 32
    }

    /// 64 bits of the masks, from any position of the text.
    #[inline(always)]
    fn window(&self, at: usize) -> Masks {
        let (w, bit) = (at / 64 + 1, at % 64);
        let Some([low, high]) = self.words.get(w..w + 2) else {
            return Masks::default();
        };
        let join = |low: u64, high: u64| low >> bit | high << 1 << (63 - bit);
        Masks {
            dots: join(low.dots, high.dots),
            digits: join(low.digits, high.digits),
            colons: join(low.colons, high.colons),
        }
    }

    /// The IPv4 address whose first dot is at `dot`, and where it begins and ends.
    #[inline(always)]
    fn v4(&self, padded: &[u8], dot: usize) -> Option<(Ipv4Addr, usize, usize)> {
        // From four bytes before the dot, so the dot is bit 4.
        let window = self.window(dot - 4);
        let a_len = ((window.digits as u32) << 28).leading_ones() as usize;
        // Behind the dot every byte that is no digit ends an octet; the first two are dots.
        let ends = !window.digits & !31;
        let b_end = ends.trailing_zeros() as usize;
        let ends = ends & ends.wrapping_sub(1);
        let c_end = ends.trailing_zeros() as usize;
        let ends = ends & ends.wrapping_sub(1);
        let d_end = ends.trailing_zeros() as usize;
        let (b_len, c_len, d_len) = (
            b_end - 5,
            c_end.wrapping_sub(b_end + 1),
            d_end.wrapping_sub(c_end + 1),
        );
        // Each of 1, 2, 3: one less is below 3.
        let bad = [a_len, b_len, c_len, d_len].map(|len| len.wrapping_sub(1) > 2);
        let dots = window.dots >> (b_end & 63) & window.dots >> (c_end & 63) & 1;
        if bad[0] | bad[1] | bad[2] | bad[3] | (dots == 0) {
            return None;
        }
        let (start, end) = (dot - a_len, dot - 4 + d_end);
        // The four bytes that end each octet, and the byte behind them all.
        let text = padded.get(dot - 4..dot + 14)?;
        let four = |end: usize| -> Option<u32> {
            Some(u32::from_le_bytes(*text.get(end - 4..end)?.first_chunk()?))
        };
        let (ab, ab_good) = octets(four(4)?, a_len, four(b_end)?, b_len);
        let (cd, cd_good) = octets(four(c_end)?, c_len, four(d_end)?, d_len);
        if !(ab_good & cd_good) || follows(padded, end) {
            return None;
        }
        if LEFT_OF_V4[usize::from(padded[start - 1])] && is_other_v4(padded, start, end) {
            return None;
        }
        Some((Ipv4Addr::from_bits(ab << 16 | cd), start, end))
    }

    /// The IPv6 address that the run around the colon at `at` is, if it is one, and before it from where
    /// to look on. Apart from the search, which needs the registers.
    #[inline(never)]
    fn v6(&self, padded: &[u8], at: usize) -> (usize, Option<Found>) {
        let run = run(padded, at);
        if let Some((addr, start, end)) = self.v6_run(padded, at, run) {
            let addr = addr.into();
            return (run.end, Some(Found { addr, start, end }));
        }
        // This run is done with, but for an IPv4 address at its end.
        let dot = memchr::memchr(b'.', &padded[at..run.end]);
        (dot.map_or(run.end, |dot| at + dot), None)
    }

    /// That address, and where it begins and ends.
    #[inline(always)]
    fn v6_run(&self, padded: &[u8], at: usize, run: Run) -> Option<(Ipv6Addr, usize, usize)> {
        let (start, end) = trim(padded, run.start, run.end);
        // The longest text is `0000:0000:0000:0000:0000:0000:255.255.255.255`.
        if end.checked_sub(start)? > 45 || follows_v6(padded, end) {
            return None;
        }
        let len = end - start;
        let colons = self.window(start).colons & !(u64::MAX << len);
        let addr = if run.dots & !(u64::MAX << (end - at)) == 0 {
            // All else are hexadecimal digits and colons. The four bytes before it are there as well.
            groups(padded.get(start - 4..)?.first_chunk()?, colons, len)?
        } else if colons.count_ones() <= 7 {
            // The colons of `::` and of six groups before the IPv4 address, or fewer.
            ip::parse_v6(&padded[start..end]).ok()?
        } else {
            return None;
        };
        Some((addr, start, end))
    }
}

/// Colons of which each is at most five bytes behind the one before it.
struct Chain {
    colons: u64,
    /// The bytes from the first to behind the last colon, or 64.
    len: u32,
}

impl Chain {
    /// The chain that begins with the lowest bit.
    #[inline(always)]
    fn of(colons: u64) -> Chain {
        // Behind the window there are none to see.
        let gaps = fives(!colons);
        let len = gaps.trailing_zeros();
        let colons = colons & (gaps & gaps.wrapping_neg()).wrapping_sub(1);
        Chain { colons, len }
    }

    /// `::` or six colons.
    #[inline(always)]
    fn can_be_v6(&self) -> bool {
        let mut rest = self.colons;
        for _ in 0..5 {
            rest &= rest.wrapping_sub(1);
        }
        rest | self.colons & self.colons >> 1 != 0
    }
}

/// Where five of the bytes in a mask stand in a row: the first of them.
#[inline(always)]
fn fives(mask: u64) -> u64 {
    let two = mask & mask >> 1;
    two & two >> 2 & mask >> 4
}

/// The run around the colon at `at`.
#[inline(always)]
fn run(padded: &[u8], at: usize) -> Run {
    let near = parts::<NEAR>(padded, at - BEFORE);
    let left = (near.groups << (64 - BEFORE)).leading_ones() as usize;
    let right = ((near.groups | near.dots) >> BEFORE).trailing_ones() as usize;
    let (left, right, dots) = if left < BEFORE && right < NEAR - BEFORE {
        (left, right, near.dots >> BEFORE)
    } else {
        long_run(padded, at)
    };
    let (mut start, end) = (at - left, at + right);
    if WORD[usize::from(padded[start - 1])] {
        start = behind_word(padded, start, at).unwrap_or(end);
    }
    Run { start, end, dots }
}

/// How many bytes of a run are before `at` and from there on, both up to 64, and the dots there.
#[inline(never)]
fn long_run(padded: &[u8], at: usize) -> (usize, usize, u64) {
    let (before, behind) = (parts::<64>(padded, at - 64), parts::<64>(padded, at));
    let left = before.groups.leading_ones() as usize;
    let right = (behind.groups | behind.dots).trailing_ones() as usize;
    (left, right, behind.dots)
}

/// Masks of what IPv6 addresses are made of.
struct Parts {
    /// Hexadecimal digits and colons.
    groups: u64,
    dots: u64,
}

/// The masks of the `N` bytes from `at` on.
#[inline(always)]
fn parts<const N: usize>(padded: &[u8], at: usize) -> Parts {
    let (mut groups, mut dots) = (0, 0);
    // Always so many: the text is padded.
    let Some(bytes) = padded[at..].first_chunk::<N>() else {
        return Parts { groups, dots };
    };
    let (chunks, _) = bytes.as_chunks::<16>();
    for (i, chunk) in chunks.iter().enumerate() {
        let chunk = u8x16::new(*chunk);
        let put = |bits: u8x16| u64::from(bits.to_bitmask()) << (16 * i);
        // The colon is behind the nine.
        let digits = below(chunk - u8x16::splat(b'0'), 10);
        let letters = below((chunk | u8x16::splat(0x20)) - u8x16::splat(b'a'), 5);
        groups |= put(digits | letters);
        dots |= put(chunk.simd_eq(u8x16::splat(b'.')));
    }
    Parts { groups, dots }
}

/// Bytes that are not above `n`.
#[inline(always)]
fn below(bytes: u8x16, n: u8) -> u8x16 {
    bytes.min(u8x16::splat(n)).simd_eq(bytes)
}

/// The address whose `len` bytes, 45 at most, are all digits and colons. `text` begins four bytes
/// before it.
#[inline(always)]
fn groups(text: &[u8; TEXT], colons: u64, len: usize) -> Option<Ipv6Addr> {
    let all = !(u64::MAX << len);
    // No group of five digits.
    if fives(!colons & all) != 0 {
        return None;
    }
    let double = colons & colons >> 1;
    let mut fours = [0; 8];
    if double == 0 {
        // Every colon ends a group, and so does the end of the text.
        let mut ends = colons | 1 << len;
        // None without a digit.
        if (colons | colons << 1 >> len) & 1 != 0 {
            return None;
        }
        let mut start = 0;
        for four in &mut fours {
            let end = (ends | 1 << 63).trailing_zeros() as usize;
            ends &= ends.wrapping_sub(1);
            *four = last_digits(text, end, end.wrapping_sub(start));
            start = end + 1;
        }
        // Eight, and the last ended where the text does.
        if ends != 0 || start != len + 1 {
            return None;
        }
    } else {
        if double & (double - 1) != 0 {
            return None;
        }
        let gap = double.trailing_zeros() as usize;
        let before = some_groups(text, colons, 0, gap, &mut fours)?;
        let mut low = [0; 8];
        let after = some_groups(text, colons, gap + 2, len, &mut low)?;
        if before + after > 7 {
            return None;
        }
        fours[8 - after..].copy_from_slice(&low[..after]);
    }
    let two = |a: u32, b: u32| {
        // At once. Letters have bit 6, and 1 to 6 in the low bits.
        let both = u64::from(a) | u64::from(b) << 32;
        let digits = (both & 0x0f0f_0f0f_0f0f_0f0f) + 9 * (both >> 6 & 0x0101_0101_0101_0101);
        let bytes = (digits << 4 | digits >> 8) & 0x00ff_00ff_00ff_00ff;
        let groups = bytes << 8 | bytes >> 16;
        groups << 16 & 0xffff_0000 | groups >> 32 & 0xffff
    };
    let [a, b, c, d, e, f, g, h] = fours;
    let (high, low) = (two(a, b) << 32 | two(c, d), two(e, f) << 32 | two(g, h));
    let bits = u128::from(high) << 64 | u128::from(low);
    Some(Ipv6Addr::from_bits(bits))
}

/// Reads the groups between two places, with a colon between each two of them; returns how many.
#[inline(always)]
fn some_groups(
    text: &[u8; TEXT],
    colons: u64,
    from: usize,
    to: usize,
    fours: &mut [u32; 8],
) -> Option<usize> {
    if from == to {
        return Some(0);
    }
    let mut ends = colons & u64::MAX << from & !(u64::MAX << to) | 1 << to;
    let (mut count, mut start) = (0, from);
    while ends != 0 {
        let end = ends.trailing_zeros() as usize;
        ends &= ends - 1;
        let len = end - start;
        if len.wrapping_sub(1) > 3 {
            return None;
        }
        *fours.get_mut(count)? = last_digits(text, end, len);
        count += 1;
        start = end + 1;
    }
    Some(count)
}

/// The 1 to 4 digits that end at `end`, the last one highest, below them zeros.
#[inline(always)]
fn last_digits(text: &[u8; TEXT], end: usize, len: usize) -> u32 {
    // No place of the text is so far behind; said so, it need not be asked.
    let end = end & 63;
    let four = u32::from_le_bytes([text[end], text[end + 1], text[end + 2], text[end + 3]]);
    let others = (len as u32).wrapping_mul(8).wrapping_neg();
    four.wrapping_shr(others).wrapping_shl(others)
}

/// What [`groups`] may look at: four bytes before an address, and 64 from there on.
const TEXT: usize = 68;

/// Whether the IPv4 address behind a colon is one by itself, and not the end of an IPv6 address;
/// that of a mapped address counts as one.
#[cold]
fn not_in_v6(padded: &[u8], start: usize, end: usize) -> bool {
    // Without the masks, which were not made for this.
    let part = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
    let before = padded[..start].iter().rev().take(64);
    let mut first = start - before.take_while(|b| part(b)).count();
    if WORD[usize::from(padded[first - 1])] {
        match behind_word(padded, first, start) {
            Some(behind) => first = behind,
            None => return true,
        }
    }
    let (start, end) = trim(padded, first, end);
    match ip::parse_v6(&padded[start..end]) {
        Ok(addr) => addr.to_ipv4_mapped().is_some(),
        Err(_) => true,
    }
}

/// Letters and digits, the dot, of which more must be known, and `_`, which is in words of programs.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = (i as u8).is_ascii_alphanumeric() || matches!(i as u8, b'.' | b'_');
        i += 1;
    }
    table
};

/// Where the run from `start` on, with a colon at `colon` or before it, begins if what stands before it is
/// no part of it: behind the first colon, if a word or a number with dots ends there. `None` if there is
/// no address in it.
#[cold]
fn behind_word(padded: &[u8], start: usize, colon: usize) -> Option<usize> {
    let dotted = padded[start - 1] == b'.';
    if dotted && !padded[start - 2].is_ascii_alphanumeric() {
        return Some(start);
    }
    let len = memchr::memchr(b':', &padded[start..=colon])?;
    let tail = &padded[start..start + len];
    let behind = start + len + 1;
    // `Foo::Ba`: the colons belong together, and to the words.
    let joined = padded[behind] == b':' && padded[behind + 1] != b':';
    // `x2001:db8::1`: the first group, or the end of a word?
    let unsure = !dotted && tail.len() == 4 && tail.iter().any(u8::is_ascii_digit);
    (!joined && !unsure).then_some(behind)
}

/// What may make an IPv4 address something else when it stands before it.
static LEFT_OF_V4: [bool; 256] = {
    let mut table = [false; 256];
    table[b'.' as usize] = true;
    table[b'v' as usize] = true;
    table[b'V' as usize] = true;
    table[b'/' as usize] = true;
    table
};

/// Whether what looks like an IPv4 address is a part of a longer number with dots, or a version.
#[inline(never)]
fn is_other_v4(padded: &[u8], start: usize, end: usize) -> bool {
    match padded[start - 1] {
        b'.' => padded[start - 2].is_ascii_digit(),
        b'/' => is_version(&padded[..start - 1], &padded[end..]),
        _ => true,
    }
}

/// The longest name of a product that is looked for; longer words are none.
const PRODUCT: usize = 40;

/// Whether the word at the end of `before` is a product, with a slash and a version behind it.
fn is_version(before: &[u8], behind: &[u8]) -> bool {
    let part = |b: &&u8| b.is_ascii_alphanumeric() || b"-_+".contains(b);
    let len = before.iter().rev().take(PRODUCT).take_while(part).count();
    let (rest, word) = before.split_at(before.len() - len);
    // Some name begins with a digit, but none has only digits.
    let named = len < PRODUCT && word.iter().any(u8::is_ascii_alphabetic);
    let path_or_host = rest.last().is_some_and(|b| b"/.:@%&=?~".contains(b));
    let port = behind[0] == b':' && behind[1].is_ascii_digit();
    named && !path_or_host && !port && !word.eq_ignore_ascii_case(b"localhost")
}

/// A run without a single colon at its ends and without dots at its end.
#[inline(always)]
fn trim(padded: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    if padded[start] != b':' && !matches!(padded[end - 1], b':' | b'.') {
        return (start, end);
    }
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

/// Whether a word goes on at `end`, perhaps behind dots, or with a `_`.
#[inline(always)]
fn follows_v6(padded: &[u8], end: usize) -> bool {
    let next = padded.get(end).copied().unwrap_or(b'\n');
    WORD[usize::from(next)] && (next == b'_' || follows(padded, end))
}

/// Whether a word goes on at `end`, perhaps behind dots.
#[inline(always)]
pub(crate) fn follows(padded: &[u8], end: usize) -> bool {
    let byte = |at: usize| padded.get(at).copied().unwrap_or(b'\n');
    if !WORD[usize::from(byte(end))] {
        return false;
    }
    let mut end = end;
    while byte(end) == b'.' {
        end += 1;
    }
    byte(end).is_ascii_alphanumeric()
}

/// Two octets, each with the four bytes that end it and its 1 to 3 digits; as one number of 16 bits,
/// and whether they are octets.
#[inline(always)]
fn octets(a: u32, a_len: usize, b: u32, b_len: usize) -> (u32, bool) {
    /// The digits are the high bytes, those below are not its own.
    const OWN: [u32; 4] = [0, 0x0f00_0000, 0x0f0f_0000, 0x0f0f_0f00];
    /// A number below has a leading zero.
    const LEAST: [u32; 4] = [0, 0, 10, 100];
    const BOTH: u64 = 0x0000_0001_0000_0001;
    let join = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
    // One in each half of the word; no half grows into the other.
    let digits = join(a & OWN[a_len & 3], b & OWN[b_len & 3]);
    let least = join(LEAST[a_len & 3], LEAST[b_len & 3]);
    let value = (digits >> 8 & (15 * BOTH)) * 100
        + (digits >> 16 & (15 * BOTH)) * 10
        + (digits >> 24 & (15 * BOTH));
    let over = value & (0xffff_ff00 * BOTH);
    let under = (value | (BOTH << 31)).wrapping_sub(least) & (BOTH << 31) ^ (BOTH << 31);
    let number = (value as u32 & 255) << 8 | (value >> 32) as u32 & 255;
    (number, over | under == 0)
}

#[inline(always)]
fn mask<const V4: bool, const V6: bool>(bytes: &[u8; 64]) -> Masks {
    let mut masks = Masks::default();
    let (parts, _) = bytes.as_chunks::<16>();
    for (i, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let put = |bits: u8x16| u64::from(bits.to_bitmask()) << (16 * i);
        if V4 {
            masks.dots |= put(part.simd_eq(u8x16::splat(b'.')));
            masks.digits |= put(below(part - u8x16::splat(b'0'), 9));
        }
        if V6 {
            masks.colons |= put(part.simd_eq(u8x16::splat(b':')));
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
        let mut end = 0;
        Scanner::default().scan::<true, true>(block.padded(), |found| {
            let text = String::from_utf8_lossy(&block.padded()[found.start..found.end]);
            assert_eq!(ip::parse(&*text), Ok(found.addr));
            assert!(found.start >= end, "{text} is found twice");
            end = found.end;
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
                &["2001:db8::1", "2001:DB8::2", "::1"],
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
            (
                "...2001:db8::1 a.b:2001:db8::2 1.2.3.4:1:2:3:4:5:6:7:8",
                &["2001:db8::1", "2001:db8::2", "1.2.3.4", "1:2:3:4:5:6:7:8"],
            ),
            ("foo.b::1 1.2::3", &none),
            // Words before an IPv6 address: the literals of RFC 5321, interfaces, and what is none.
            (
                "relay=[IPv6:2001:db8::1], delay=1 [IPv6:::1] [IPv6:1:2:3:4:5:6:7:8] IPv6:::ffff:1.2.3.4",
                &["2001:db8::1", "::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
            ),
            (
                "src:2001:db8::1 eth0:fe80::1 vlan100:fe80::2 surface:2001:db8::2 addr:::1",
                &["2001:db8::1", "fe80::1", "fe80::2", "2001:db8::2", "::1"],
            ),
            (
                "Code::Abc Foo::Ba std::a my::fe my_de::Abc my_face::b ab::cd_ef node::fade::1 Foo::Ba:1:2:3:4:5:6:7",
                &none,
            ),
            ("x2001:db8::4 v2a00::1 x2001:db8:0:0:0:0:0:1", &none),
            // Versions, and what is none.
            (
                "Chrome/120.0.0.0 v2.1.1.108 V1.2.3.4 OPR/106.0.0.0 (Edg/120.0.0.0) my-tool_2/1.2.3.4 curl/7.8.8.1",
                &none,
            ),
            (
                "https://1.2.3.4/ GET /hosts/1.2.3.5 HTTP /1.2.3.6:80 x.example.org/1.2.3.7 localhost/1.2.3.8 db/1.2.3.9:5432 10/1.2.3.10",
                &[
                    "1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7", "1.2.3.8", "1.2.3.9", "1.2.3.10",
                ],
            ),
            // The last colon of a run, and others behind it that are near.
            ("1::2:g:3::4 1::5:g:g:g:g:g:1", &["1::2", "3::4", "1::5"]),
            ("1::2:.:3::4 ::1:z::2", &["3::4", "::1"]),
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

        /// Every form of an IPv6 address, and what is nearly one: as std says.
        #[test]
        fn ipv6_as_std(text in "[0-9a-fA-F]{0,5}(:{1,2}[0-9a-fA-F]{1,5}){0,9}:{0,2}", short in "([0-9A-F]{1,4}:){0,7}:?([0-9a-f]{1,4}:){0,7}[0-9a-f]{1,4}") {
            for text in [text, short] {
                // A single colon at an end does not belong to it.
                let mut word = &*text;
                if word.starts_with(':') && !word.starts_with("::") {
                    word = &word[1..];
                }
                if word.ends_with(':') && !word.ends_with("::") {
                    word = &word[..word.len() - 1];
                }
                let valid = word.parse::<Ipv6Addr>().is_ok();
                prop_assert_eq!(all(text.as_bytes()) == [word], valid, "{}", text);
            }
        }

        #[test]
        fn any_bytes_at_all(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789abcdef:::::...g \n"[..])], 0..600)) {
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
