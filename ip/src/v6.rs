//! IPv6 addresses: eight groups, `::` for a run of zeros, and perhaps an IPv4 address at the end (RFC
//! 4291). The text follows RFC 5952, as std's `Display` does. No branch depends on the length of a
//! group or on the place of the `::`, because such a branch would be mispredicted about every other
//! time.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::ParseError;
use crate::v4;

/// The length in bytes of the longest canonical text.
pub const MAX_LEN: usize = 39;
/// The length in bytes of the buffer that [`format_into`] needs. It is more than [`MAX_LEN`], because
/// every group is written with eight bytes, and the next group overwrites the unneeded ones.
pub const BUF_LEN: usize = 48;
/// The length in bytes of the expanded text.
pub const EXPANDED_LEN: usize = 39;

/// Returns the address, or `None` if the text is not one.
#[inline(always)]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv6Addr> {
    // The bits are returned in registers, and only the flag in memory. An `Option` of 17 bytes would be
    // returned in memory, and the caller would have to wait for it.
    let mut wrong = true;
    let bits = if ends_in_v4(bytes) {
        parse_tailed(bytes, &mut wrong)
    } else {
        parse_groups(bytes, &mut wrong)
    };
    if wrong {
        return None;
    }
    Some(Ipv6Addr::from_bits(bits))
}

/// Returns whether the text can only end in an IPv4 address: one of the three bytes before the last is
/// a dot.
#[inline(always)]
fn ends_in_v4(bytes: &[u8]) -> bool {
    bytes.last_chunk::<4>().is_some_and(|last| {
        // A dot, 0x2e, has 0 in bits 4 and 6. Every digit (from 0x30, 0x41 and 0x61 on) and every colon
        // (0x3a) has a 1 in one of them.
        let last = u32::from_le_bytes(*last);
        (last | last >> 2) & 0x10_1010 != 0x10_1010
    })
}

/// Parses an address that ends in an IPv4 address: `::ffff:192.0.2.1`.
#[inline(never)]
fn parse_tailed(bytes: &[u8], wrong: &mut bool) -> u128 {
    // This is by far the most frequent case.
    if let Some(tail) = bytes.strip_prefix(b"::ffff:")
        && let Some(tail) = v4::parse_bytes(tail)
    {
        *wrong = false;
        return 0xffff_0000_0000 | u128::from(tail.to_bits());
    }
    parse_other_tailed(bytes, wrong).unwrap_or(0)
}

/// Parses `64:ff9b::192.0.2.1`, and refuses wrong text.
fn parse_other_tailed(bytes: &[u8], wrong: &mut bool) -> Option<u128> {
    let at = bytes.iter().rposition(|byte| *byte == b':')? + 1;
    let tail = v4::parse_bytes(&bytes[at..])?;
    // Write two groups in place of the IPv4 address, and parse the result.
    let mut text = [0; MAX_LEN];
    text.get_mut(..at)?.copy_from_slice(&bytes[..at]);
    text.get_mut(at..at + 3)?.copy_from_slice(b"0:0");
    let head = parse_groups(&text[..at + 3], wrong);
    Some(head | u128::from(tail.to_bits()))
}

/// Parses groups with at most one `::`. The caller sets `wrong` to true; it becomes false if the text
/// is an address.
#[inline(never)]
fn parse_groups(bytes: &[u8], wrong: &mut bool) -> u128 {
    match bytes.len() {
        8..MAX_LEN => parse_any(bytes, bytes.len(), wrong),
        0..8 => parse_short(bytes, wrong),
        _ => bytes.try_into().map_or(0, |full| parse_full(full, wrong)),
    }
}

/// Parses a text of this length, which can only be eight groups of four digits.
#[inline(always)]
fn parse_full(bytes: &[u8; MAX_LEN], wrong: &mut bool) -> u128 {
    let mut value = 0;
    let mut bad = 0;
    let mut rest = &bytes[..];
    while let Some((four, behind)) = rest.split_first_chunk::<4>() {
        let group = read_group(u32::from_le_bytes(*four) ^ ZEROS);
        bad |= group;
        value = value << 16 | u128::from(group as u16);
        let [colon, behind @ ..] = behind else {
            break;
        };
        bad |= u32::from(colon ^ b':') << 16;
        rest = behind;
    }
    *wrong = bad > 0xffff;
    value
}

/// Parses a text of less than eight bytes, which [`parse_any`] needs.
#[inline(never)]
fn parse_short(bytes: &[u8], wrong: &mut bool) -> u128 {
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    parse_any(&padded, bytes.len(), wrong)
}

/// Parses the first `len` bytes of a text of eight or more bytes.
///
/// It first finds all colons, many bytes at a time. Behind the text it adds as many ends as needed, so
/// it can always read eight groups. Missing groups are empty and count as 0:
///
/// ```text
/// text       2 0 0 1 : d b 8 : : 1          len 10
/// colons     . . . . 1 . . . 1 1 . . .      bit 0 first
/// gap        . . . . . . . . 1 . . . .      the first colon of ::
/// ends       . . . . 1 . . . 1 . . 1 1 ...  the ends of 2001, db8, 1, nothing...
/// groups     2001 db8 1 0 0 0 0 0
/// value      2001 db8 0 0 0 0 0 1           what is behind the gap moves by the 5 that are absent
/// ```
#[inline(always)]
fn parse_any(bytes: &[u8], len: usize, wrong: &mut bool) -> u128 {
    if !(2..=MAX_LEN).contains(&len) {
        return 0;
    }
    let Some(colons) = colons(bytes) else {
        return 0;
    };
    let gap = colons & colons >> 1;
    let tail = colons >> (len - 2);
    // Refuse a single colon at either end, and more than one `::`.
    if colons & 3 == 1 || tail == 2 || gap & gap.wrapping_sub(1) != 0 {
        return 0;
    }
    let mut groups = Groups {
        bytes,
        gap,
        ends: (colons | u64::MAX << len) & !(gap << 1 | 1),
        limit: 4 + ((colons as u32 & 1) << 1),
        bad: 0,
    };
    // After the groups before the gap, the limit is at most this. Without a gap this is true for all
    // groups.
    let gap_limit = gap.trailing_zeros() + 6;
    // After the last group, the limit is above this. A `::` at the end counts here like one colon.
    let text_limit = len as u32 + 4 - (tail as u32 >> 1);
    let mut before = 0;
    let mut high = 0;
    for i in 0..4 {
        high = high << 16 | groups.read(i < 2);
        before += u32::from(groups.limit <= gap_limit);
    }
    if groups.limit > text_limit {
        *wrong = groups.bad > 0xffff || gap == 0;
        return place_four(high, before, groups.limit - 1 - text_limit);
    }
    let mut low = 0;
    for _ in 0..4 {
        low = low << 16 | groups.read(false);
        before += u32::from(groups.limit <= gap_limit);
    }
    // With nine groups or more, the eighth group ends before the end of the text.
    let absent = (groups.limit - 1).wrapping_sub(text_limit);
    // A gap is at least one group.
    let allowed = if gap == 0 { 0..=0 } else { 1..=7 };
    *wrong = groups.bad > 0xffff || !allowed.contains(&absent);
    place_eight(high, low, before, absent)
}

/// Places up to four groups. The groups before the gap go into the high half, and the groups behind it
/// into the low half.
#[inline(always)]
fn place_four(groups: u64, before: u32, absent: u32) -> u128 {
    let behind = groups & (BEHIND[(before & 7) as usize] >> 64) as u64;
    u128::from(groups ^ behind) << 64 | u128::from(behind.wrapping_shr(16 * absent))
}

/// Places eight groups, of which the last `absent` do not exist. The groups behind the gap move to
/// their place.
#[inline(always)]
fn place_eight(high: u64, low: u64, before: u32, absent: u32) -> u128 {
    let value = u128::from(high) << 64 | u128::from(low);
    let behind = value & BEHIND[(before & 7) as usize];
    (value ^ behind) | behind.wrapping_shr(absent << 4)
}

/// For each number of groups before a gap, a mask of the groups behind it.
static BEHIND: [u128; 8] = {
    let mut table = [0; 8];
    let mut before = 0;
    while before < 8 {
        table[before] = u128::MAX >> (16 * before);
        before += 1;
    }
    table
};

/// Goes through groups of digits.
struct Groups<'a> {
    /// The text, of eight bytes or more.
    bytes: &'a [u8],
    /// A bit for the first colon of `::`.
    gap: u64,
    /// A bit for the end of each group that is still to be read.
    ends: u64,
    /// The place where the next group must end: four bytes behind its start.
    limit: u32,
    /// Above 0xffff if a group was not up to four digits.
    bad: u32,
}

impl Groups<'_> {
    /// Reads the next group. It is 0 if it is empty or behind the text. `far` means that the group is
    /// mostly four bytes or more away from the end of the text.
    #[inline(always)]
    fn read(&mut self, far: bool) -> u64 {
        let end = self.ends.trailing_zeros();
        self.ends &= self.ends.wrapping_sub(1);
        let limit = self.limit as usize;
        let four = match self.bytes.get(..limit).and_then(<[u8]>::last_chunk::<4>) {
            Some(four) if far => u32::from_le_bytes(*four) ^ ZEROS,
            _ => self.last_four(),
        };
        // Move the digits to the end of the four bytes, with zeros before them. With more than four
        // digits this number is negative, and so the result is above 0xffff.
        let zeros = self.limit.wrapping_sub(end);
        let four = u64::from(four).wrapping_shl(zeros << 3) as u32;
        let group = read_group(four);
        self.bad |= group | zeros;
        self.limit = end + 5 + (self.gap >> (end & 63) & 1) as u32;
        u64::from(group)
    }

    /// Returns the rest of the last four bytes of the text, up to the limit, and zeros.
    #[inline(always)]
    fn last_four(&self) -> u32 {
        let limit = self.limit as usize;
        let at = limit.min(self.bytes.len());
        let four = match self.bytes[..at].last_chunk::<4>() {
            Some(four) => u32::from_le_bytes(*four) ^ ZEROS,
            None => 0,
        };
        four.wrapping_shr(8 * (limit - at) as u32)
    }
}

/// Four digits `0`.
const ZEROS: u32 = 0x3030_3030;

/// Returns the value of four digits, each XOR `0`, the first one lowest. The value is above 0xffff if
/// one is not a digit.
#[inline(always)]
fn read_group(digits: u32) -> u32 {
    let [a, b, c, d] = digits.to_le_bytes().map(usize::from);
    DIGITS_READ[0][a] | DIGITS_READ[1][b] | DIGITS_READ[2][c] | DIGITS_READ[3][d]
}

/// Returns one bit for every colon among 8 to 40 bytes, the lowest bit for the first byte. Returns
/// `None` if not all bytes are ASCII.
#[inline(always)]
fn colons(bytes: &[u8]) -> Option<u64> {
    let len = bytes.len();
    let mut all = 0;
    let mut word_before = |end: usize| {
        let text = bytes[..end].last_chunk::<8>();
        let text = text.map_or(0, |text| u64::from_le_bytes(*text));
        all |= text;
        colons_of_word(text) << (end - 8)
    };
    // The words may overlap: a colon that is found twice gives the same bit.
    let mut bits = word_before(8) | word_before(len.min(16)) | word_before(len);
    if len > 24 {
        bits |= word_before(24) | word_before(len.min(32));
    }
    (all & (0x80 * ONES) == 0).then_some(bits)
}

/// A number with a 1 in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Returns one bit for every colon in eight bytes of ASCII.
///
/// ```text
/// text                 66 65 38 30 3a 3a 31 3a     "fe80::1:"
/// ^ 3a                 5c 5f 02 0a 00 00 0b 00
/// 80 - that            24 21 7e 76 80 80 75 80     bit 7 is left only of 00; no byte borrows
/// & 80                  .  .  .  . 80 80  . 80
/// ```
/// The factor has one bit for each of these eight bits, and moves it to its place in the highest byte.
/// The factor has a bit for each of these eight that moves it to its place in the highest byte.
#[inline(always)]
fn colons_of_word(text: u64) -> u64 {
    let differs = text ^ (u64::from(b':') * ONES);
    let found = (0x80 * ONES).wrapping_sub(differs) & (0x80 * ONES);
    found.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// For each place of a digit in a group, and each byte after `^ '0'`, the value of the digit at that
/// place. A byte that is not a digit has a bit above 16 instead.
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

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes the canonical text (RFC 5952; an IPv4-mapped address ends in dotted form) into `buf`. It need
/// not begin at the beginning of `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
/// use std_net::ip::v6;
///
/// let mut buf = [0; v6::BUF_LEN];
/// assert_eq!(v6::format_into(Ipv6Addr::LOCALHOST, &mut buf), "::1");
/// ```
#[inline]
pub fn format_into(addr: Ipv6Addr, buf: &mut [u8; BUF_LEN]) -> &str {
    let (start, end) = format(addr, buf);
    &v4::as_text(buf)[start..end]
}

/// Writes the canonical text, with ASCII before and behind it. Returns where it starts and ends.
#[inline]
pub(crate) fn format(addr: Ipv6Addr, place: &mut [u8; BUF_LEN]) -> (usize, usize) {
    match addr.to_ipv4_mapped() {
        Some(v4) => format_mapped(v4, place),
        None => format_groups(addr, place),
    }
}

fn format_mapped(v4: Ipv4Addr, place: &mut [u8; BUF_LEN]) -> (usize, usize) {
    *place = [0; BUF_LEN];
    let (tail, len) = v4::format(v4);
    place[..7].copy_from_slice(b"::ffff:");
    place[7..23].copy_from_slice(&tail.to_le_bytes());
    (0, 7 + len)
}

/// Writes every group with a colon before it. Each group overwrites the bytes that the one before it
/// left behind its end, so all groups are written in the same way, whatever their length. In the run
/// that `::` stands for, only the first group is written, and only its colon counts:
///
/// ```text
/// 2001:db8::1        : 2 0 0 1
///                              : d b 8
///                                      : 0
///                                        : 1
/// ```
fn format_groups(addr: Ipv6Addr, place: &mut [u8; BUF_LEN]) -> (usize, usize) {
    *place = [0; BUF_LEN];
    let groups = addr.segments();
    let zeros = groups
        .iter()
        .fold(0, |mask, group| mask << 1 | usize::from(*group == 0));
    let Run { all, first } = RUNS[zeros];
    let mut at = 0;
    for (i, group) in groups.into_iter().enumerate() {
        let (text, len) = write_group(group);
        place[at..at + 8].copy_from_slice(&text.to_le_bytes());
        let bit = 0x80 >> i;
        at += if all & bit == 0 {
            len
        } else {
            usize::from(first & bit != 0)
        };
    }
    // A run at the end needs its second colon behind it. A run at the start needs its first colon
    // before it.
    place[at] = b':';
    at += usize::from(all & 1);
    (usize::from(all & 0x80 == 0), at)
}

/// Returns a colon and a group without leading zeros, the first byte lowest, and the length of both.
#[inline(always)]
fn write_group(group: u16) -> (u64, usize) {
    let [high, low] = group.to_be_bytes().map(usize::from);
    let digits = u32::from(DIGITS_WRITTEN[high]) | u32::from(DIGITS_WRITTEN[low]) << 16;
    // A digit has four bits. For 0 one digit stays.
    let zeros = (group | 1).leading_zeros() / 4;
    let text = u64::from(digits >> (8 * zeros)) << 8 | u64::from(b':');
    (text, 5 - zeros as usize)
}

/// The run of zero groups that `::` stands for. Bit 7 is the first group.
#[derive(Clone, Copy)]
struct Run {
    /// All its groups.
    all: u8,
    /// The first of its groups.
    first: u8,
}

/// For each mask of zero groups, the longest run of two or more. Of equally long runs it is the first
/// (RFC 5952).
static RUNS: [Run; 256] = {
    let mut table = [Run { all: 0, first: 0 }; 256];
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
                table[mask] = Run {
                    all: (0xff00u16 >> len) as u8 >> at,
                    first: 0x80 >> at,
                };
            }
            at += if len == 0 { 1 } else { len };
        }
        mask += 1;
    }
    table
};

/// For every byte its two digits, the first one lowest.
static DIGITS_WRITTEN: [u16; 256] = {
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
/// use std_net::ip::v6;
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

/// Reads the address from one decimal number.
///
/// # Errors
///
/// A [`ParseError`] if the text has anything but decimal digits, or the number is above 2<sup>128</sup>
/// - 1.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
///
/// assert_eq!(std_net::ip::v6::from_integer("1")?, Ipv6Addr::LOCALHOST);
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub fn from_integer(text: impl AsRef<[u8]>) -> Result<Ipv6Addr, ParseError> {
    v4::number(text.as_ref(), 10, u128::MAX).map(Ipv6Addr::from_bits)
}

/// Reads the address from one hexadecimal number, with or without `0x`.
///
/// # Errors
///
/// A [`ParseError`] if the text has anything but hexadecimal digits, or the number is above
/// 2<sup>128</sup> - 1.
pub fn from_hex(text: impl AsRef<[u8]>) -> Result<Ipv6Addr, ParseError> {
    v4::number(text.as_ref(), 16, u128::MAX).map(Ipv6Addr::from_bits)
}
