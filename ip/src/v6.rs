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
    let mut wrong = 0;
    let bits = match bytes {
        [.., b'.', _] | [.., b'.', _, _] | [.., b'.', _, _, _] => parse_tailed(bytes, &mut wrong),
        _ => parse_groups(bytes, &mut wrong),
    };
    if wrong != 0 {
        return None;
    }
    Some(Ipv6Addr::from_bits(bits))
}

/// An address that ends in an IPv4 address: `::ffff:192.0.2.1`.
#[inline(never)]
fn parse_tailed(bytes: &[u8], wrong: &mut u64) -> u128 {
    // The most frequent by far.
    if let Some(tail) = bytes.strip_prefix(b"::ffff:")
        && let Some(tail) = v4::parse_bytes(tail)
    {
        return 0xffff_0000_0000 | u128::from(tail.to_bits());
    }
    *wrong = 1;
    parse_other_tailed(bytes, wrong).unwrap_or(0)
}

#[cold]
fn parse_other_tailed(bytes: &[u8], wrong: &mut u64) -> Option<u128> {
    let at = bytes.iter().rposition(|byte| *byte == b':')? + 1;
    let tail = v4::parse_bytes(&bytes[at..])?;
    // The rest is an address with two groups in its place.
    let mut text = [0; MAX_LEN];
    text.get_mut(..at)?.copy_from_slice(&bytes[..at]);
    text.get_mut(at..at + 3)?.copy_from_slice(b"0:0");
    let head = parse_groups(&text[..at + 3], wrong);
    Some(head | u128::from(tail.to_bits()))
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
    wrong: u32,
}

impl Groups<'_> {
    #[inline(always)]
    fn next(&mut self) -> u64 {
        let start = self.start as usize;
        let end = self.ends.trailing_zeros();
        self.ends &= self.ends.wrapping_sub(1);
        let at = start.min(self.bytes.len() - 4);
        let four = match self.bytes[at..].first_chunk::<4>() {
            Some(four) => u32::from_le_bytes(*four),
            None => 0,
        } ^ 0x3030_3030;
        let four = four.wrapping_shr(((start - at) * 8) as u32);
        let padding = (self.start + 4).wrapping_sub(end);
        let four = u64::from(four).wrapping_shl(padding << 3) as u32;
        let digits = group(four);
        self.wrong |= digits | padding;
        self.start = end + 1;
        u64::from(digits)
    }
}

/// The first `len` bytes of eight or more.
#[inline(always)]
fn parse_padded(bytes: &[u8], len: usize, wrong: &mut u64) -> u128 {
    *wrong = 1;
    if len > MAX_LEN || len < 2 {
        return 0;
    }
    let Some(colons) = colons(bytes) else {
        return 0;
    };
    let gap = colons & colons >> 1;
    let tail = colons >> (len - 2);
    if colons & 3 == 1 || tail == 2 || gap & gap.wrapping_sub(1) != 0 {
        return 0;
    }
    let first = colons as u32 & 1;
    let end_of_text = len as u32 - (tail as u32 >> 1);
    let ends = (colons | u64::MAX << end_of_text) & !1;
    // The end of the gap.
    let gap_at = gap.trailing_zeros() + 2;
    let mut groups = Groups {
        bytes,
        ends,
        start: first,
        wrong: 0,
    };
    let mut high = groups.next();
    let mut before = u32::from(groups.start < gap_at);
    for _ in 0..2 {
        high = high << 16 | groups.next();
        before += u32::from(groups.start < gap_at);
    }
    high = high << 16 | groups.next();
    let four = groups.start < gap_at;
    let mut low = groups.next();
    if groups.start > end_of_text {
        *wrong = u64::from(groups.wrong >> 16) | u64::from(gap == 0);
        let absent = groups.start - 1 - end_of_text;
        let after = u64::MAX >> (16 * before & 63);
        let low = (high << 16 | low) & after;
        return u128::from(high & !(after >> 16)) << 64 | u128::from(low.wrapping_shr(16 * absent));
    }
    before += u32::from(four);
    before += u32::from(groups.start < gap_at);
    for _ in 0..3 {
        low = low << 16 | groups.next();
        before += u32::from(groups.start < gap_at);
    }
    let missing = (groups.start - 1).wrapping_sub(end_of_text);
    *wrong = u64::from(groups.wrong >> 16);
    if missing > 7 || (gap == 0 && missing > 0) {
        *wrong = 1;
    }
    let after = AFTER[before as usize & 7];
    let low_part = (high & (after >> 64) as u64, low & after as u64);
    let low_part = u128::from(low_part.0) << 64 | u128::from(low_part.1);
    let value = u128::from(high) << 64 | u128::from(low);
    (value ^ low_part) | low_part.wrapping_shr(missing << 4)
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
fn colons(bytes: &[u8]) -> Option<u64> {
    let last = bytes.len() - 8;
    let mut all = 0;
    let mut word = |at: usize| -> u64 {
        let text = match bytes[at..].first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => 0,
        };
        all |= text;
        colons_of_word(text) << at
    };
    let mut bits = word(0) | word(last.min(8)) | word(last);
    if last > 16 { bits |= word(16) | word(last.min(24)); }
    (all & 0x80 * ONES == 0).then_some(bits)
}

const ONES: u64 = 0x0101_0101_0101_0101;
/// One bit for every colon in eight bytes.
#[inline(always)]
fn colons_of_word(text: u64) -> u64 {
    let zero_at = text ^ (u64::from(b':') * ONES);
    let found = (0x80 * ONES).wrapping_sub(zero_at) & (0x80 * ONES);
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
