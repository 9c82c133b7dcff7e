//! IPv6 addresses: eight groups, `::` for a run of zeros, perhaps an IPv4 tail (RFC 4291). Text by
//! RFC 5952, as std's `Display`.

use std::net::Ipv6Addr;

use crate::error::ParseError;
use crate::v4;

/// The length in bytes of the longest canonical text.
pub const MAX_LEN: usize = 39;
/// The length in bytes of the expanded text.
pub const EXPANDED_LEN: usize = 39;

/// The value of every hexadecimal digit; above 15 for other bytes.
static HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut i = 0;
    while i < 10 {
        table[b'0' as usize + i] = i as u8;
        i += 1;
    }
    let mut i = 0;
    while i < 6 {
        table[b'a' as usize + i] = 10 + i as u8;
        table[b'A' as usize + i] = 10 + i as u8;
        i += 1;
    }
    table
};

/// The address, or `None` for anything that is not one.
#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv6Addr> {
    let (addr, rest) = parse_prefix(bytes)?;
    rest.is_empty().then_some(addr)
}

/// One group and what follows it.
#[inline(always)]
fn group(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let hex = |b: u8| HEX[usize::from(b)];
    match bytes {
        [a, b, c, d, rest @ ..] if (hex(*a) | hex(*b) | hex(*c) | hex(*d)) < 16 => {
            let high = u16::from(hex(*a) << 4 | hex(*b));
            let low = u16::from(hex(*c) << 4 | hex(*d));
            // A fifth digit is refused by whoever looks for the colon.
            Some((high << 8 | low, rest))
        }
        [a, b, c, rest @ ..] if (hex(*a) | hex(*b) | hex(*c)) < 16 => Some((
            u16::from(hex(*a)) << 8 | u16::from(hex(*b) << 4 | hex(*c)),
            rest,
        )),
        [a, b, rest @ ..] if (hex(*a) | hex(*b)) < 16 => {
            Some((u16::from(hex(*a) << 4 | hex(*b)), rest))
        }
        [a, rest @ ..] if hex(*a) < 16 => Some((u16::from(hex(*a)), rest)),
        _ => None,
    }
}

/// The address at the beginning of `bytes`, and what follows.
#[inline]
pub(crate) fn parse_prefix(bytes: &[u8]) -> Option<(Ipv6Addr, &[u8])> {
    // The groups so far, the newest lowest, and how many; those before `::` and how many.
    let mut value = 0u128;
    let mut count = 0;
    let mut head: Option<(u128, u32)> = None;
    let mut rest = bytes;
    if let [b':', tail @ ..] = rest {
        let [b':', tail @ ..] = tail else { return None };
        head = Some((0, 0));
        rest = tail;
    }
    loop {
        // `::` stands for one group at least.
        let max = if head.is_some() { 7 } else { 8 };
        let Some((next, after)) = group(rest) else {
            break;
        };
        if let [b'.', ..] = after {
            let (tail, len) = v4::parse_prefix(rest)?;
            if count + 2 > max || (head.is_none() && count != 6) {
                return None;
            }
            value = value << 32 | u128::from(tail.to_bits());
            count += 2;
            rest = &rest[len..];
            break;
        }
        if count == max {
            return None;
        }
        value = value << 16 | u128::from(next);
        count += 1;
        match after {
            [b':', b':', after @ ..] if head.is_none() && count < 8 => {
                head = Some((value, count));
                rest = after;
            }
            [b':', after @ ..] if count < max => {
                // A group must follow.
                if after.first().is_none_or(|b| HEX[usize::from(*b)] > 15) {
                    return None;
                }
                rest = after;
            }
            _ => {
                rest = after;
                break;
            }
        }
    }
    match head {
        None => (count == 8).then_some((Ipv6Addr::from_bits(value), rest)),
        Some((_, before)) => {
            let tail = count - before;
            // Shifts by 128 when one side is empty.
            let low = if tail == 0 {
                0
            } else {
                value & (u128::MAX >> (128 - 16 * tail))
            };
            let high = if before == 0 {
                0
            } else {
                (value >> (16 * tail)) << (128 - 16 * before)
            };
            Some((Ipv6Addr::from_bits(high | low), rest))
        }
    }
}

/// For each mask of zero groups (bit 7 is the first): where the longest run of two or more begins
/// and how long it is. The first of equals, as RFC 5952 asks.
static RUNS: [(u8, u8); 256] = {
    let mut table = [(0, 0); 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut best, mut best_len) = (0, 1);
        let mut at = 0;
        while at < 8 {
            let mut len = 0;
            while at + len < 8 && mask >> (7 - at - len) & 1 == 1 {
                len += 1;
            }
            if len > best_len {
                best = at;
                best_len = len;
            }
            at += if len == 0 { 1 } else { len };
        }
        if best_len > 1 {
            table[mask] = (best as u8, best_len as u8);
        }
        mask += 1;
    }
    table
};

static DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes the canonical text (RFC 5952; IPv4-mapped addresses with a dotted tail) into `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
/// use std_net_ip::v6;
///
/// let mut buf = [0; v6::MAX_LEN];
/// assert_eq!(v6::format_into(Ipv6Addr::LOCALHOST, &mut buf), "::1");
/// ```
#[inline]
pub fn format_into(addr: Ipv6Addr, buf: &mut [u8; MAX_LEN]) -> &str {
    if let Some(v4) = addr.to_ipv4_mapped() {
        let mut tail = [0; v4::MAX_LEN];
        let text = v4::format_into(v4, &mut tail).as_bytes();
        buf[..7].copy_from_slice(b"::ffff:");
        buf[7..7 + text.len()].copy_from_slice(text);
        return v4::as_text(&buf[..7 + text.len()]);
    }
    let groups = addr.segments();
    let mask = groups
        .iter()
        .fold(0, |mask, g| mask << 1 | usize::from(*g == 0));
    let (start, run) = RUNS[mask];
    let (start, run) = (usize::from(start), usize::from(run));
    let mut at = 0;
    let mut i = 0;
    while i < 8 {
        if run > 0 && i == start {
            buf[at] = b':';
            at += 1;
            i += run;
            if i == 8 {
                buf[at] = b':';
                at += 1;
            }
            continue;
        }
        if i > 0 {
            buf[at] = b':';
            at += 1;
        }
        at += write_group(groups[i], &mut buf[at..]);
        i += 1;
    }
    v4::as_text(&buf[..at])
}

#[inline]
fn write_group(group: u16, buf: &mut [u8]) -> usize {
    let len = (4 - group.leading_zeros() as usize / 4).max(1);
    let digits = [12, 8, 4, 0].map(|shift| DIGITS[usize::from(group >> shift & 15)]);
    buf[..len].copy_from_slice(&digits[4 - len..]);
    len
}

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
