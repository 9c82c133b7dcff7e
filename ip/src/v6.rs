//! IPv6 addresses: eight groups, `::` for a run of zeros, perhaps an IPv4 tail (RFC 4291). Text by
//! RFC 5952, as std's `Display`.

use std::net::Ipv6Addr;

use crate::error::ParseError;
use crate::v4;

/// The length in bytes of the longest canonical text.
pub const MAX_LEN: usize = 39;
/// The length in bytes of the buffer that [`format_into`] wants: the text stands where it is
/// checked fastest.
pub const BUF_LEN: usize = 56;
/// The length in bytes of the expanded text.
pub const EXPANDED_LEN: usize = 39;

/// The address, or `None` for anything that is not one.
#[inline(always)]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv6Addr> {
    match bytes {
        [.., b'.', _] | [.., b'.', _, _] | [.., b'.', _, _, _] => parse_tailed(bytes),
        _ => {
            let mut wrong = 0;
            let value = parse_groups(bytes, &mut wrong);
            if wrong != 0 {
                return None;
            }
            Some(Ipv6Addr::from_bits(value))
        }
    }
}

/// An address that ends in an IPv4 address: `::ffff:192.0.2.1`.
#[inline(never)]
fn parse_tailed(bytes: &[u8]) -> Option<Ipv6Addr> {
    // The most frequent by far.
    if let Some(tail) = bytes.strip_prefix(b"::ffff:")
        && let Some(tail) = v4::parse_bytes(tail)
    {
        return Some(tail.to_ipv6_mapped());
    }
    let at = bytes.iter().rposition(|byte| *byte == b':')? + 1;
    let tail = v4::parse_bytes(&bytes[at..])?;
    // The rest is an address with two groups in its place.
    let mut text = [0; MAX_LEN];
    text.get_mut(..at)?.copy_from_slice(&bytes[..at]);
    text.get_mut(at..at + 3)?.copy_from_slice(b"0:0");
    let mut wrong = 0;
    let head = parse_groups(&text[..at + 3], &mut wrong);
    (wrong == 0).then_some(Ipv6Addr::from_bits(head | u128::from(tail.to_bits())))
}

/// Groups, perhaps with a `::`.
#[inline(never)]
fn parse_groups(bytes: &[u8], wrong: &mut u64) -> u128 {
    if let Ok(full) = bytes.try_into() {
        return parse_full(full, wrong);
    }
    if bytes.len() < 8 {
        return parse_short(bytes, wrong);
    }
    parse_padded(bytes, bytes.len(), wrong)
}
#[inline(never)]
fn parse_short(bytes: &[u8], wrong: &mut u64) -> u128 {
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    parse_padded(&padded, bytes.len(), wrong)
}

#[inline(always)]
fn parse_full(bytes: &[u8; MAX_LEN], wrong: &mut u64) -> u128 {
    let mut value = 0;
    let mut bad = 0;
    let mut text = &bytes[..];
    while let Some((four, rest)) = text.split_first_chunk::<4>() {
        let digits = group(u32::from_le_bytes(*four) ^ 0x3030_3030);
        bad |= digits;
        value = value << 16 | u128::from(digits as u16);
        match rest {
            [] => break,
            [colon, rest @ ..] => {
                text = rest;
                bad |= u32::from(*colon ^ b':') << 16;
            }
        }
    }
    *wrong = u64::from(bad >> 16);
    value
}
#[inline(always)]
fn group(text: u32) -> u32 {
    let [a, b, c, d] = text.to_le_bytes().map(usize::from);
    DIGITS_READ[0][a] | DIGITS_READ[1][b] | DIGITS_READ[2][c] | DIGITS_READ[3][d]
}

struct Groups<'a> {
    bytes: &'a [u8],
    ends: u64,
    start: u32,
    end: u32,
    bad: u32,
}

impl Groups<'_> {
    #[inline(always)]
    fn next(&mut self) -> u64 {
        let start = self.start;
        let end = self.ends.trailing_zeros();
        self.ends &= self.ends.wrapping_sub(1);
        let at = (start as usize).min(self.bytes.len() - 4);
        let four = match self.bytes.get(at..at + 4) {
            Some(four) => u32::from_le_bytes(four.try_into().unwrap()),
            None => 0,
        } ^ 0x3030_3030;
        let four = four.wrapping_shr((start - at as u32) * 8);
        let four = u64::from(four)
            .wrapping_shl((4u32.wrapping_add(start).wrapping_sub(end)).wrapping_mul(8))
            as u32;
        let digits = group(four);
        self.bad |= digits;
        self.start = end + 1;
        self.end = end;
        u64::from(digits)
    }
}

/// The first `len` bytes of eight or more.
#[inline(always)]
fn parse_padded(bytes: &[u8], len: usize, wrong: &mut u64) -> u128 {
    if len > MAX_LEN || len < 2 {
        *wrong = 1;
        return 0;
    }
    let colons = colons(bytes);
    let gap = colons & colons >> 1;
    // A colon at either end must be one of two; it ends no group.
    let first = colons & 1;
    let last = colons >> (len - 1) & 1;
    let single = (first & !gap) | (last & !(gap >> (len - 2)));
    let end_of_text = len as u32 - last as u32;
    let ends = (colons | u64::MAX << end_of_text) & !1;
    // Bytes that are no end, five in a row.
    let inner = !(ends | first);
    let two = inner & inner >> 1;
    let long = two & two >> 2 & inner >> 4;
    let mut groups = Groups {
        bytes,
        ends,
        start: first as u32,
        end: 0,
        bad: 0,
    };
    let mut high = 0;
    for _ in 0..4 {
        high = high << 16 | groups.next();
    }
    let mut low = groups.next();
    if groups.end < end_of_text {
        for _ in 0..3 {
            low = low << 16 | groups.next();
        }
    } else {
        low <<= 48;
        groups.end += 3;
    }
    let missing = groups.end.wrapping_sub(end_of_text);
    let max_missing = if gap == 0 { 0 } else { 7 };
    *wrong = u64::from(groups.bad >> 16)
        | single
        | long
        | gap & gap.wrapping_sub(1)
        | u64::from(missing > max_missing);
    let before = (colons & !1 & gap.wrapping_sub(1)).count_ones() + 1 - first as u32;
    let value = u128::from(high) << 64 | u128::from(low);
    let low = value & AFTER[before as usize & 7];
    (value ^ low) | low.wrapping_shr(missing << 4)
}

static AFTER: [u128; 8] = {
    let mut table = [0; 8];
    let mut i = 0;
    while i < 8 {
        table[i] = u128::MAX >> 16 >> (16 * i);
        i += 1;
    }
    table
};

/// One bit for every colon, the lowest for the first of 8 to 40 bytes.
#[inline(always)]
fn colons(bytes: &[u8]) -> u64 {
    let last = bytes.len() - 8;
    let word = |at: usize| -> u64 {
        let text = match bytes.get(at..at + 8) {
            Some(word) => u64::from_le_bytes(word.try_into().unwrap()),
            None => 0,
        };
        colons_of_word(text) << at
    };
    let mut bits = word(0) | word(last.min(8)) | word(last);
    if last > 16 {
        bits |= word(16) | word(last.min(24));
    }
    bits
}

/// One bit for every colon in eight bytes.
#[inline(always)]
fn colons_of_word(text: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zero_at = text ^ (u64::from(b':') * ONES);
    // The highest bit of each byte that is not zero, without a carry into the next.
    let others = ((zero_at & (0x7f * ONES)) + 0x7f * ONES) | zero_at;
    let found = !others & (0x80 * ONES);
    // Gathers the eight highest bits in one byte.
    found.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// For each place of a digit in a group, and each byte after `^ '0'`: the digit's value there, or a
/// bit above 16 for a byte that is no digit.
static DIGITS_READ: [[u32; 256]; 4] = {
    let mut tables = [[1 << 16; 256]; 4];
    let mut place = 0;
    while place < 4 {
        let shift = 12 - 4 * place;
        let mut digit = 0;
        while digit < 16 {
            let byte = DIGITS[digit];
            tables[place][(byte ^ b'0') as usize] = (digit as u32) << shift;
            tables[place][(byte.to_ascii_uppercase() ^ b'0') as usize] = (digit as u32) << shift;
            digit += 1;
        }
        place += 1;
    }
    tables
};

/// For each mask of zero groups (bit 7 is the first): the groups of the longest run of two or more,
/// the first of equals, as RFC 5952 asks; and the first group of the run.
static RUNS: [(u8, u8); 256] = {
    let mut table = [(0, 0); 256];
    let mut mask = 0;
    while mask < 256 {
        let mut best_len = 1;
        let mut at = 0;
        while at < 8 {
            let mut len = 0;
            while at + len < 8 && mask >> (7 - at - len) & 1 == 1 {
                len += 1;
            }
            if len > best_len {
                best_len = len;
                table[mask] = ((0xff00u16 >> len) as u8 >> at, 0x80 >> at);
            }
            at += if len == 0 { 1 } else { len };
        }
        mask += 1;
    }
    table
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes the canonical text (RFC 5952; IPv4-mapped addresses with a dotted tail) into `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
/// use std_net_ip::v6;
///
/// let mut buf = [0; v6::BUF_LEN];
/// assert_eq!(v6::format_into(Ipv6Addr::LOCALHOST, &mut buf), "::1");
/// ```
#[inline]
pub fn format_into(addr: Ipv6Addr, buf: &mut [u8; BUF_LEN]) -> &str {
    if let Some(v4) = addr.to_ipv4_mapped() {
        let (tail, len) = v4::format(v4);
        buf[..7].copy_from_slice(b"::ffff:");
        buf[7..23].copy_from_slice(&tail.to_le_bytes());
        return v4::as_text(&buf[..7 + len]);
    }
    let at = buf.as_ptr().align_offset(8) & 7;
    let place: &mut [u8; 48] = (&mut buf[at..at + 48]).try_into().expect("48 bytes");
    let (start, end) = format(addr, place);
    &v4::as_text(place)[start..end]
}

fn format(addr: Ipv6Addr, place: &mut [u8; 48]) -> (usize, usize) {
    let groups = addr.segments();
    let mask = groups
        .iter()
        .fold(0, |mask, g| mask << 1 | usize::from(*g == 0));
    let (run, first) = RUNS[mask];
    *place = [0; 48];
    let mut at = 0;
    for (i, group) in groups.into_iter().enumerate() {
        let [high, low] = group.to_be_bytes().map(usize::from);
        let digits = u32::from(HEX[high]) | u32::from(HEX[low]) << 16;
        let zeros = (group | 1).leading_zeros() & !3;
        let text = u64::from(digits >> (2 * zeros)) << 8 | u64::from(b':');
        place[at..at + 8].copy_from_slice(&text.to_le_bytes());
        let len = 5 - zeros as usize / 4;
        let bit = 0x80 >> i;
        at += if run & bit == 0 {
            len
        } else {
            usize::from(first & bit != 0)
        };
    }
    place[at] = b':';
    at += usize::from(run & 1);
    (usize::from(run & 0x80 == 0), at)
}

static HEX: [u16; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = u16::from_le_bytes([DIGITS[n >> 4], DIGITS[n & 15]]);
        n += 1;
    }
    table
};

/// Writes the expanded text, all 32 digits, into `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
/// use std_net_ip::v6;
///
/// let mut buf = [0; v6::EXPANDED_LEN];
/// let text = v6::expand_into(Ipv6Addr::LOCALHOST, &mut buf);
/// assert_eq!(text, "0000:0000:0000:0000:0000:0000:0000:0001");
/// ```
pub fn expand_into(addr: Ipv6Addr, buf: &mut [u8; EXPANDED_LEN]) -> &str {
    for (i, group) in addr.segments().into_iter().enumerate() {
        let digits = [12, 8, 4, 0].map(|shift| DIGITS[usize::from(group >> shift & 15)]);
        buf[5 * i..5 * i + 4].copy_from_slice(&digits);
        if i < 7 {
            buf[5 * i + 4] = b':';
        }
    }
    v4::as_text(buf)
}

/// The address from one decimal number.
///
/// # Errors
///
/// [`ParseError`] for anything but decimal digits, and above 2<sup>128</sup> - 1.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
///
/// assert_eq!(std_net_ip::v6::from_integer("1")?, Ipv6Addr::LOCALHOST);
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
pub fn from_integer(text: impl AsRef<[u8]>) -> Result<Ipv6Addr, ParseError> {
    v4::number(text.as_ref(), 10, u128::MAX).map(Ipv6Addr::from_bits)
}

/// The address from one hexadecimal number, with or without `0x`.
///
/// # Errors
///
/// [`ParseError`] for anything but hexadecimal digits, and above 2<sup>128</sup> - 1.
pub fn from_hex(text: impl AsRef<[u8]>) -> Result<Ipv6Addr, ParseError> {
    v4::number(text.as_ref(), 16, u128::MAX).map(Ipv6Addr::from_bits)
}
