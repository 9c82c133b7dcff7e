//! Finds addresses in free text.
//!
//! It works in two passes. The first pass makes bit masks of a block, with a bit for each byte that is
//! a dot, a digit or a colon. The second pass takes 64 bytes at a time, and uses shifts to find the
//! places where an address can be: three dots between digits, two to four bytes apart; or colons up to
//! five bytes apart, if there are six of them or a `::`. Only such places are looked at, so times,
//! versions and MAC addresses cost almost nothing.
//!
//! These rules say what counts as an address:
//!
//! - IPv4: four octets. Before it stands no digit, and no dot behind a digit. Behind it stands no
//!   letter, no digit, and no dot followed by one of these. So `1.2.3.4.5` and `1.2.3.4.example.org`
//!   have no address, and an address may stand at the end of a sentence or before several dots. A mask
//!   is not an address: it stands alone, and is one of those from 255.0.0.0 to 255.255.255.254, or it is
//!   255.255.255.255 behind the word `mask`. A version is not an address:
//!   it stands directly behind a `v`, or behind a product and a slash (`Chrome/120.0.0.0`). The slash
//!   of a URL or a path (`https://1.2.3.4/`, `/hosts/1.2.3.4`), or behind a host name with dots or
//!   behind `localhost`, does not follow a product. A text with a port is never a version.
//! - IPv6: the longest run of hexadecimal digits, colons and dots, without single colons at its ends
//!   and dots at its end. It counts if all of it is an address and no letter, digit or `_` follows. If
//!   the run begins with the end of a number with dots, of a host name or of another word, this part up
//!   to the first colon does not belong to it: `192.0.2.1:2001:db8::1` has two addresses, and
//!   `IPv6:2001:db8::1` has 2001:db8::1. If only one colon is left behind the word, there is no
//!   address: `Foo::Ba`, `std::a`. If the word could end inside the first group of an address
//!   (`x2001:db8::1`), the start is unclear, and there is no address. A text without a digit, but with
//!   small and large letters, is a name: `Bad::Add`.
//! - `::ffff:192.0.2.1` has one address, which is IPv6. `at:192.0.2.1` has an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net_ip as ip;
use wide::u8x16;

use crate::input::PAD;

/// An address in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) addr: IpAddr,
    /// The places in the padded text where it begins and ends.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The masks of a block. Their memory is used again for the next block.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    words: Vec<Masks>,
}

/// The masks of 64 bytes. The lowest bit is the first byte.
#[derive(Clone, Copy, Debug, Default)]
struct Masks {
    dots: u64,
    digits: u64,
    colons: u64,
}

/// The run of bytes around a colon that can belong to an IPv6 address.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    /// The dots from the colon on; the lowest bit is the colon. There are no dots before it.
    dots: u64,
}

/// How many bytes [`Scanner::v4`] looks at: four before the first dot of an address, and more than any
/// address has behind them, so that a masked place is always inside.
const V4_TEXT: usize = 36;

/// How many bytes [`run`] looks at first, and the place of the colon among them. They hold an address
/// of the greatest length, with one byte before and behind it.
const NEAR: usize = 48;
const BEFORE: usize = 12;

/// The length of the longest address, such as `0000:0000:0000:0000:0000:0000:255.255.255.255`.
const LONGEST: usize = 45;

impl Scanner {
    /// Calls `found` for each address in a padded text, in order, for the given versions. `found`
    /// returns where the search goes on.
    ///
    /// With IPv4 only, it finds the same IPv4 addresses as with both versions. It also finds the IPv4
    /// addresses in IPv4-mapped IPv6 addresses.
    #[inline(always)]
    pub(crate) fn scan<const V4: bool, const V6: bool>(
        &mut self,
        padded: &[u8],
        found: impl FnMut(Found) -> usize,
    ) {
        self.scan_some::<V4, V6>(padded, |_, _| true, found);
    }

    /// Like [`Scanner::scan`], but leaves out each address for which `matters` returns false. `matters`
    /// gets the address and the place where it ends. It is asked before the text on the left of an IPv4
    /// address is looked at. So it is also asked about versions, masks and names, and where it is false,
    /// that text is never looked at.
    pub(crate) fn scan_some<const V4: bool, const V6: bool>(
        &mut self,
        padded: &[u8],
        mut matters: impl FnMut(IpAddr, usize) -> bool,
        mut found: impl FnMut(Found) -> usize,
    ) {
        self.masks::<V4, V6>(padded);
        // There is one word before and two behind, so neighbours always exist.
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
                // Bits before `resume` are already done.
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
                    // Most colons stand alone.
                    if from_here & 0b11_1110 == 0 {
                        continue;
                    }
                    let chain = Chain::of(from_here);
                    resume = at + chain.len as usize;
                    if chain.can_be_v6() {
                        let (end, address) = self.v6(padded, at);
                        resume = end;
                        if let Some((addr, start, end)) = address
                            && matters(addr.into(), end)
                            && !is_name(&padded[start..end])
                        {
                            let addr = addr.into();
                            resume = resume.max(found(Found { addr, start, end }));
                        }
                    }
                } else if V4 && let Some((addr, start, end)) = self.v4(padded, at) {
                    // No other address begins before this end.
                    resume = end;
                    let high = addr.octets()[0] == 255;
                    let addr = addr.into();
                    if matters(addr, end)
                        && stands_alone::<V6>(padded, start, end)
                        && !(high && is_mask(padded, start, end))
                    {
                        resume = found(Found { addr, start, end });
                    }
                }
            }
        }
    }

    /// Makes the masks for [`Scanner::line`].
    pub(crate) fn prepare(&mut self, padded: &[u8]) {
        self.masks::<true, false>(padded);
    }

    /// Returns the IPv4 address at the beginning of a line, if there is one, and where it ends.
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

    /// Returns the places in word `w` where an IPv4 address can be, by its first dot.
    #[inline(always)]
    fn v4_places(&self, w: usize) -> u64 {
        let (before, here, after) = (&self.words[w - 1], &self.words[w], &self.words[w + 1]);
        if here.dots == 0 {
            return 0;
        }
        // This runs twice, for the lower and the upper half of the word. Each time it also sees the 32
        // bits behind the half.
        let find = |dots: u64, digits: u64, carry: u64| {
            let dots = dots & (digits << 1 | carry & 1) & digits >> 1;
            // Another dot must stand two to four bytes behind, and so must a third one.
            let more = |c: u64| dots & (c >> 2 | c >> 3 | c >> 4);
            more(more(dots))
        };
        let upper = |mask: fn(&Masks) -> u64| mask(here) >> 32 | mask(after) << 32;
        let low = find(here.dots, here.digits, before.digits >> 63);
        let high = find(upper(|m| m.dots), upper(|m| m.digits), here.digits >> 31);
        low & 0xffff_ffff | high << 32
    }

    /// Returns 64 bits of the masks, from any position of the text.
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

    /// Returns the IPv4 address whose first dot is at `dot`, and where it begins and ends. It looks at
    /// the text behind it, but not at the text before it.
    #[inline(always)]
    fn v4(&self, padded: &[u8], dot: usize) -> Option<(Ipv4Addr, usize, usize)> {
        // The window begins four bytes before the dot, so the dot is bit 4.
        let window = self.window(dot - 4);
        let a_len = ((window.digits as u32) << 28).leading_ones() as usize;
        // Behind the dot, every byte that is not a digit ends an octet. The first two of them must be
        // dots.
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
        // The length must be 1, 2 or 3, so the length minus one is below 3.
        let bad = [a_len, b_len, c_len, d_len].map(|len| len.wrapping_sub(1) > 2);
        let dots = window.dots >> (b_end & 63) & window.dots >> (c_end & 63) & 1;
        if bad[0] | bad[1] | bad[2] | bad[3] | (dots == 0) {
            return None;
        }
        let (start, end) = (dot - a_len, dot - 4 + d_end);
        // The address, with four bytes before its first dot. The padding holds more than these bytes.
        let text: &[u8; V4_TEXT] = padded.get(dot - 4..)?.first_chunk()?;
        // The last four bytes of an octet. No octet ends behind 16. With this mask, the compiler needs
        // no check.
        let four = |end: usize| {
            let at = end.wrapping_sub(4) & 31;
            u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]])
        };
        let (ab, ab_good) = octets(four(4), a_len, four(b_end), b_len);
        let (cd, cd_good) = octets(four(c_end), c_len, four(d_end), d_len);
        if !(ab_good & cd_good) {
            return None;
        }
        // Most addresses stand before a byte that needs no further look.
        if WORD[usize::from(text[d_end & 31])] && follows(padded, end) {
            return None;
        }
        Some((Ipv4Addr::from_bits(ab << 16 | cd), start, end))
    }

    /// Returns where the search goes on, and the IPv6 address in the run around the colon at `at`, if
    /// there is one, with the places where it begins and ends. It is separate from the search, which
    /// needs the registers.
    #[inline(never)]
    fn v6(&self, padded: &[u8], at: usize) -> (usize, Option<(Ipv6Addr, usize, usize)>) {
        let run = run(padded, at);
        let found = self.v6_run(padded, at, run);
        if found.is_some() {
            return (run.end, found);
        }
        // The rest of this run is done, except for an IPv4 address at its end.
        let dot = memchr::memchr(b'.', &padded[at..run.end]);
        (dot.map_or(run.end, |dot| at + dot), None)
    }

    /// Returns the IPv6 address of a run, and where it begins and ends.
    #[inline(always)]
    fn v6_run(&self, padded: &[u8], at: usize, run: Run) -> Option<(Ipv6Addr, usize, usize)> {
        let (start, end) = trim(padded, run.start, run.end);
        // A run of which nothing is left may end more than 64 bytes behind `at`.
        let len = end.checked_sub(start)?;
        if !(1..=LONGEST).contains(&len) || follows_v6(padded, end) {
            return None;
        }
        let colons = self.window(start).colons & !(u64::MAX << len);
        let addr = if run.dots & !(u64::MAX << (end - at)) == 0 {
            // All bytes are hexadecimal digits and colons.
            groups(padded.get(start..)?.first_chunk()?, colons, len)?
        } else if colons.count_ones() <= 7 {
            // These may be the colons of `::` and of six groups before an IPv4 address, or fewer.
            ip::parse_v6(&padded[start..end]).ok()?
        } else {
            return None;
        };
        Some((addr, start, end))
    }
}

/// A chain of colons. Each is at most five bytes behind the one before it.
struct Chain {
    colons: u64,
    /// How many bytes the chain has, from its first colon to its last one, or 64.
    len: u32,
}

impl Chain {
    /// Returns the chain that begins with the lowest bit.
    #[inline(always)]
    fn of(colons: u64) -> Chain {
        // Colons behind the window are not seen.
        let gaps = fives(!colons);
        let len = gaps.trailing_zeros();
        let colons = colons & (gaps & gaps.wrapping_neg()).wrapping_sub(1);
        Chain { colons, len }
    }

    /// Returns whether the chain has a `::` or six colons.
    #[inline(always)]
    fn can_be_v6(&self) -> bool {
        let mut rest = self.colons;
        for _ in 0..5 {
            rest &= rest.wrapping_sub(1);
        }
        rest | self.colons & self.colons >> 1 != 0
    }
}

/// Returns the bits at which five set bits in a row begin.
#[inline(always)]
fn fives(mask: u64) -> u64 {
    let two = mask & mask >> 1;
    two & two >> 2 & mask >> 4
}

/// Returns the run around the colon at `at`.
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

/// Returns how many bytes of a run are before `at`, and how many from there on, up to 64 each, and the
/// dots in the second part.
#[inline(never)]
fn long_run(padded: &[u8], at: usize) -> (usize, usize, u64) {
    let (before, behind) = (parts::<64>(padded, at - 64), parts::<64>(padded, at));
    let left = before.groups.leading_ones() as usize;
    let right = (behind.groups | behind.dots).trailing_ones() as usize;
    (left, right, behind.dots)
}

/// Masks of the bytes that an IPv6 address can have.
struct Parts {
    /// Hexadecimal digits and colons.
    groups: u64,
    dots: u64,
}

/// Returns the masks of the `N` bytes from `at` on.
#[inline(always)]
fn parts<const N: usize>(padded: &[u8], at: usize) -> Parts {
    let (mut groups, mut dots) = (0, 0);
    // There are always `N` bytes, because the text is padded.
    let Some(bytes) = padded[at..].first_chunk::<N>() else {
        return Parts { groups, dots };
    };
    let (chunks, _) = bytes.as_chunks::<16>();
    for (i, chunk) in chunks.iter().enumerate() {
        let chunk = u8x16::new(*chunk);
        let put = |bits: u8x16| u64::from(bits.to_bitmask()) << (16 * i);
        // In ASCII, the colon follows the nine.
        let digits = below(chunk - u8x16::splat(b'0'), 10);
        let letters = below((chunk | u8x16::splat(0x20)) - u8x16::splat(b'a'), 5);
        groups |= put(digits | letters);
        dots |= put(chunk.simd_eq(u8x16::splat(b'.')));
    }
    Parts { groups, dots }
}

/// Returns a mask of the bytes that are not above `n`.
#[inline(always)]
fn below(bytes: u8x16, n: u8) -> u8x16 {
    bytes.min(u8x16::splat(n)).simd_eq(bytes)
}

/// Returns the address of `len` bytes, 45 at most, which are all digits and colons, without a single
/// colon at an end. `text` begins with the address.
#[inline(always)]
fn groups(text: &[u8; TEXT], colons: u64, len: usize) -> Option<Ipv6Addr> {
    let all = !(u64::MAX << len);
    // No group may have five digits.
    if fives(!colons & all) != 0 {
        return None;
    }
    let double = colons & colons >> 1;
    let mut fours = [0; 8];
    if double == 0 {
        // Every colon ends a group, and so does the end of the text.
        let mut ends = colons | 1 << len;
        // No group is empty, because no single colon stands at an end: see `trim`.
        debug_assert!((colons | colons << 1 >> len) & 1 == 0);
        let mut start = 0;
        for four in &mut fours {
            let end = (ends | 1 << 63).trailing_zeros() as usize;
            ends &= ends.wrapping_sub(1);
            *four = digits(text, start, end.wrapping_sub(start));
            start = end + 1;
        }
        // There must be eight groups, and the last one must end with the text.
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
        // Both values are read at once. Letters have bit 6 set, and 1 to 6 in the low bits.
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

/// Reads the groups between two places, which are separated by colons. Returns how many there are.
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
        *fours.get_mut(count)? = digits(text, start, len);
        count += 1;
        start = end + 1;
    }
    Some(count)
}

/// Returns the 1 to 4 digits that begin at `start`, the last one in the highest byte, with zeros below.
#[inline(always)]
fn digits(text: &[u8; TEXT], start: usize, len: usize) -> u32 {
    // No place of the text is above 63. With this mask, the compiler needs no check.
    let start = start & 63;
    let four = [
        text[start],
        text[start + 1],
        text[start + 2],
        text[start + 3],
    ];
    // The shift drops what stands behind the digits.
    u32::from_le_bytes(four).wrapping_shl((len as u32).wrapping_mul(8).wrapping_neg())
}

/// How many bytes [`groups`] may look at.
const TEXT: usize = 68;

/// Returns whether an IPv4 address is one by the text before it, and not a part of something else. With
/// `V6`, all IPv6 addresses are found, so that it is not a part of one.
#[inline(always)]
fn stands_alone<const V6: bool>(padded: &[u8], start: usize, end: usize) -> bool {
    let left = padded[start - 1];
    // Most addresses stand behind a byte that needs no further look.
    !(LEFT_OF_V4[usize::from(left)] && is_other_v4(padded, start, end))
        && (V6 || left != b':' || not_in_v6(padded, start, end))
}

/// Returns whether the IPv4 address behind a colon stands alone, and is not the end of an IPv6 address.
/// The end of an IPv4-mapped address counts as alone.
#[cold]
fn not_in_v6(padded: &[u8], start: usize, end: usize) -> bool {
    v6_around(padded, start, end).is_none_or(|addr| addr.to_ipv4_mapped().is_some())
}

/// Returns the IPv6 address whose last part is the IPv4 address behind a colon, if there is one.
#[cold]
pub(crate) fn v6_around(padded: &[u8], start: usize, end: usize) -> Option<Ipv6Addr> {
    // The masks do not show this, because they were not made for IPv6.
    let part = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
    let before = padded[..start].iter().rev().take(64);
    let mut first = start - before.take_while(|b| part(b)).count();
    if WORD[usize::from(padded[first - 1])] {
        first = behind_word(padded, first, start)?;
    }
    let (start, end) = trim(padded, first, end);
    ip::parse_v6(&padded[start..end]).ok()
}

/// Returns whether the text of an IPv6 address is rather a name in a program: it has no digit, but small
/// and large letters. Nearly every address has a digit in its first group.
#[inline(always)]
fn is_name(text: &[u8]) -> bool {
    !text.iter().any(u8::is_ascii_digit)
        && text.iter().any(u8::is_ascii_uppercase)
        && text.iter().any(u8::is_ascii_lowercase)
}

/// Returns whether the text of an address that begins with 255 is the mask of a network. No host has such
/// an address, but 255.255.255.255 is the target of a broadcast. So this one is a mask only behind the
/// word `mask`.
#[cold]
fn is_mask(padded: &[u8], start: usize, end: usize) -> bool {
    // A network or a range begins here, or this is the end of an IPv6 address.
    if b"/-".contains(&padded[end])
        || padded[start - 1] == b':' && v6_around(padded, start, end).is_some()
    {
        return false;
    }
    let Ok(mask) = ip::parse_v4(&padded[start..end]) else {
        return false;
    };
    let ones = mask.to_bits().leading_ones();
    if ones == 32 {
        let between = |b: &&u8| b" \t:=\"'".contains(b);
        let before = &padded[..start];
        let blank = before.iter().rev().take(16).take_while(between).count();
        let word = &before[..before.len() - blank];
        return word[word.len() - 4..].eq_ignore_ascii_case(b"mask");
    }
    mask.to_bits() << ones == 0
}

/// Letters and digits, the dot (which needs a further check), and `_`, which occurs in names of
/// programs.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = (i as u8).is_ascii_alphanumeric() || matches!(i as u8, b'.' | b'_');
        i += 1;
    }
    table
};

/// Returns where the run from `start` on begins, if the text before it does not belong to it. The run
/// has a colon at `colon` or before it. If a word or a number with dots ends at the first colon, the
/// run begins behind this colon. Returns `None` if the run has no address.
#[cold]
fn behind_word(padded: &[u8], start: usize, colon: usize) -> Option<usize> {
    let dotted = padded[start - 1] == b'.';
    if dotted && !padded[start - 2].is_ascii_alphanumeric() {
        return Some(start);
    }
    let len = memchr::memchr(b':', &padded[start..=colon])?;
    let tail = &padded[start..start + len];
    let behind = start + len + 1;
    // In `Foo::Ba` the colons belong together, and to the words.
    let joined = padded[behind] == b':' && padded[behind + 1] != b':';
    // In `x2001:db8::1`, the `2001` may be the first group or the end of a word.
    let unsure = !dotted && tail.len() == 4 && tail.iter().any(u8::is_ascii_digit);
    (!joined && !unsure).then_some(behind)
}

/// The bytes that can make an IPv4 address something else if they stand before it.
static LEFT_OF_V4: [bool; 256] = {
    let mut table = [false; 256];
    table[b'.' as usize] = true;
    table[b'v' as usize] = true;
    table[b'V' as usize] = true;
    table[b'/' as usize] = true;
    table
};

/// Returns whether the text only looks like an IPv4 address: it is part of a longer number with dots,
/// or a version.
#[inline(never)]
fn is_other_v4(padded: &[u8], start: usize, end: usize) -> bool {
    match padded[start - 1] {
        b'.' => padded[start - 2].is_ascii_digit(),
        b'/' => is_version(&padded[..start - 1], &padded[end..]),
        _ => true,
    }
}

/// Names of products are shorter than this. Longer words are not products.
const PRODUCT: usize = 40;

/// Letters and digits, and the other bytes that a product's name can have.
static IN_PRODUCT: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = (i as u8).is_ascii_alphanumeric() || matches!(i as u8, b'-' | b'_' | b'+');
        i += 1;
    }
    table
};

/// Returns whether the word at the end of `before` is a product, so that a version follows its slash.
fn is_version(before: &[u8], behind: &[u8]) -> bool {
    let part = |b: &&u8| IN_PRODUCT[usize::from(**b)];
    let len = before.iter().rev().take(PRODUCT).take_while(part).count();
    let (rest, word) = before.split_at(before.len() - len);
    // The name of a product may begin with a digit, but never has only digits.
    let named = len < PRODUCT && word.iter().any(u8::is_ascii_alphabetic);
    let path_or_host = rest.last().is_some_and(|b| b"/.:@%&=?~".contains(b));
    let port = behind[0] == b':' && behind[1].is_ascii_digit();
    named && !path_or_host && !port && !word.eq_ignore_ascii_case(b"localhost")
}

/// Removes single colons at the ends of a run, and dots at its end.
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

/// Returns whether a word goes on at `end`, perhaps behind a dot, or with a `_`.
#[inline(always)]
fn follows_v6(padded: &[u8], end: usize) -> bool {
    let next = padded.get(end).copied().unwrap_or(b'\n');
    WORD[usize::from(next)] && (next == b'_' || follows(padded, end))
}

/// Returns whether a word goes on at `end`, perhaps behind a dot. Several dots are no part of a word.
#[inline(always)]
pub(crate) fn follows(padded: &[u8], end: usize) -> bool {
    let byte = |at: usize| padded.get(at).copied().unwrap_or(b'\n');
    if !WORD[usize::from(byte(end))] {
        return false;
    }
    byte(end + usize::from(byte(end) == b'.')).is_ascii_alphanumeric()
}

/// Converts two octets. For each there are the last four bytes of its text, and its number of digits, 1
/// to 3. Returns both as one number of 16 bits, and whether they are valid.
#[inline(always)]
fn octets(a: u32, a_len: usize, b: u32, b_len: usize) -> (u32, bool) {
    /// The digits are in the high bytes. The bytes below do not belong to the octet.
    const OWN: [u32; 4] = [0, 0x0f00_0000, 0x0f0f_0000, 0x0f0f_0f00];
    /// A number below this has a leading zero.
    const LEAST: [u32; 4] = [0, 0, 10, 100];
    const BOTH: u64 = 0x0000_0001_0000_0001;
    let join = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
    // Each half of the word has one octet, and no half overflows into the other.
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

    fn low_bit(addr: IpAddr) -> u8 {
        match addr {
            IpAddr::V4(addr) => addr.octets()[3] & 1,
            IpAddr::V6(addr) => addr.octets()[15] & 1,
        }
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
            // Words before an IPv6 address: the literals of RFC 5321, interfaces, and texts without an
            // address.
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
            // Versions, and texts that are not versions.
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
            // The last colon of a run, and other colons behind it that are near.
            ("1::2:g:3::4 1::5:g:g:g:g:g:1", &["1::2", "3::4", "1::5"]),
            ("1::2:.:3::4 ::1:z::2", &["3::4", "::1"]),
            // Masks, and what only begins like one.
            (
                "inet addr:10.0.0.1  Bcast:10.0.0.255  Mask:255.255.255.0",
                &["10.0.0.1", "10.0.0.255"],
            ),
            (
                "Mask:255.255.255.255 netmask 255.255.255.255 \"netmask\": \"255.255.255.255\" option subnet-mask 255.128.0.0; Mask . : 255.0.0.0",
                &none,
            ),
            (
                "to 255.255.255.255 255.0.0.1 255.0.255.0 254.0.0.0 ::ffff:255.255.255.0 255.255.0.0-255.255.255.255",
                &[
                    "255.255.255.255",
                    "255.0.0.1",
                    "255.0.255.0",
                    "254.0.0.0",
                    "::ffff:255.255.255.0",
                    "255.255.0.0",
                    "255.255.255.255",
                ],
            ),
            // Dots between addresses, and names of hexadecimal letters.
            (
                "1.2.3.4..1.2.3.5 1.2.3.6...and ::1..x",
                &["1.2.3.4", "1.2.3.5", "1.2.3.6", "::1"],
            ),
            (
                "Bad::Add DB::Bad Face::Fed:Dad dead::beef DEAD::BEEF Dead::Beef:1",
                &["dead::beef", "DEAD::BEEF", "Dead::Beef:1"],
            ),
        ] {
            assert_eq!(all(text.as_bytes()), found, "{text}");
        }
        assert_eq!(
            v4_only(b"::ffff:1.2.3.4 2001:db8::1.2.3.4 ace:1.2.3.4").len(),
            2
        );
    }

    /// Finds the same addresses with a slow search: it tries every part of the text between bytes that
    /// cannot be in an address.
    fn slowly(text: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        for word in text.split(|b| !b.is_ascii_alphanumeric() && !b":.".contains(b)) {
            let word = String::from_utf8(word.to_vec()).unwrap();
            // What begins with 255 may be a mask.
            if ip::parse(&word).is_ok() && !word.starts_with("255.") {
                all.push(word);
            }
        }
        all
    }

    /// Finds the addresses that matter: by leaving out the others of all, and by a search for them alone.
    fn in_both_ways<const V6: bool>(
        block: &Block,
        matters: impl Fn(IpAddr) -> bool,
    ) -> (Vec<Found>, Vec<Found>) {
        let (mut all, mut some) = (Vec::new(), Vec::new());
        Scanner::default().scan::<true, V6>(block.padded(), |found| {
            all.extend(matters(found.addr).then_some(found));
            found.end
        });
        Scanner::default().scan_some::<true, V6>(
            block.padded(),
            |addr, _| matters(addr),
            |found| {
                some.push(found);
                found.end
            },
        );
        (all, some)
    }

    proptest! {
        #[test]
        fn wherever_it_stands(before in "[ -]{0,200}", v4: u32, v6: u128, v6_first: bool) {
            // A mask would not be found.
            prop_assume!(v4 >> 24 != 255);
            // The address stands at all places in a word, and over the borders of words.
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

        /// Compares every form of an IPv6 address, and texts that are almost one, with std.
        #[test]
        fn ipv6_as_std(text in "[0-9a-fA-F]{0,5}(:{1,2}[0-9a-fA-F]{1,5}){0,9}:{0,2}", short in "([0-9A-F]{1,4}:){0,7}:?([0-9a-f]{1,4}:){0,7}[0-9a-f]{1,4}") {
            for text in [text, short] {
                // A single colon at an end does not belong to the address.
                let mut word = &*text;
                if word.starts_with(':') && !word.starts_with("::") {
                    word = &word[1..];
                }
                if word.ends_with(':') && !word.ends_with("::") {
                    word = &word[..word.len() - 1];
                }
                let valid = word.parse::<Ipv6Addr>().is_ok() && !is_name(word.as_bytes());
                prop_assert_eq!(all(text.as_bytes()) == [word], valid, "{}", text);
            }
        }

        /// Where only some addresses matter, exactly these are found, and no text changes what is found
        /// behind the others.
        #[test]
        fn what_does_not_matter_is_left_out(
            bytes in prop::collection::vec(prop::sample::select(&b"0123456789abcdefv/:::::....g \n"[..]), 0..600),
            words in prop::collection::vec("(v|V|Tool/|1\\.|\\.|/|:|::ffff:|::|)([0-9]{1,3}\\.){3}[0-9]{1,3}[.:/ ]?", 0..20),
            odd: bool,
        ) {
            let text = [bytes, words.concat().into_bytes(), words.join(" ").into_bytes()].concat();
            let block = Block::of(&text);
            let matters = |addr: IpAddr| (low_bit(addr) == 1) == odd;
            let (all, some) = in_both_ways::<true>(&block, matters);
            prop_assert_eq!(all, some);
            let (all, some) = in_both_ways::<false>(&block, matters);
            prop_assert_eq!(all, some);
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
