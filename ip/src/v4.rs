//! IPv4 addresses: four octets. Parsed strictly, formatted from a table; as one number.

use std::net::Ipv4Addr;

use crate::error::{Form, ParseError, Reason};

/// The length in bytes of the longest text: `255.255.255.255`.
pub const MAX_LEN: usize = 15;
/// The length in bytes of the buffer that [`format_into`] wants: the text stands where it is
/// checked fastest.
pub const BUF_LEN: usize = 24;

/// The address, or `None` for anything that is not one.
///
/// No branch depends on the text, but for its length: branches on each byte are mispredicted
/// several times an address, which costs more than all else here. Of a text of eight bytes or more
/// the first eight hold octets 0 and 1 and the dots behind them, the last eight octets 2 and 3 and
/// the dots before them, and together they are the whole text:
///
/// ```text
/// 10.200.3.45    first 10.200.3    last 00.3.45
/// ```
#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv4Addr> {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return parse_shortest(bytes);
    };
    if bytes.len() > MAX_LEN {
        return None;
    }
    let first = Half::new(u64::from_le_bytes(*first));
    let last = Half::new(u64::from_le_bytes(*last));

    // Digits before the first dot and bytes before the second, from each end; 8 if there is none.
    let (a, b) = two_lowest(first.dots);
    let (d, c) = two_lowest(last.dots.swap_bytes());
    let (b_len, c_len) = (b.wrapping_sub(a + 1), c.wrapping_sub(d + 1));

    // Each octet's last digit into the highest byte, and nothing but its digits.
    let a_octet = octet(first.digits.wrapping_shl(64 - 8 * a), a);
    let b_digits = first.digits.wrapping_shr(8 * a + 8);
    let b_octet = octet(b_digits.wrapping_shl(8u32.wrapping_sub(b_len) << 3), b_len);
    let c_digits = last.digits.wrapping_shl(8 * d + 8);
    let c_octet = octet(c_digits & high_bytes(c_len), c_len);
    let d_octet = octet(last.digits & high_bytes(d), d);

    // There are three dots if the second from the left is the second from the right.
    let dots = (b + c + 1) ^ bytes.len() as u32;
    let lengths = (a_octet | b_octet | c_octet | d_octet) & !0xff;
    if first.bad | last.bad | u64::from(dots | lengths) != 0 {
        return None;
    }
    Some(Ipv4Addr::new(
        a_octet as u8,
        b_octet as u8,
        c_octet as u8,
        d_octet as u8,
    ))
}

/// Eight bytes of text, the first one lowest.
struct Half {
    /// The value of each digit, 0 for a dot.
    digits: u64,
    /// Bit 4 of every dot.
    dots: u64,
    /// Not 0 if there is any other byte.
    bad: u64,
}

impl Half {
    #[inline(always)]
    fn new(text: u64) -> Half {
        const ONES: u64 = 0x0101_0101_0101_0101;
        // A digit is 0 to 9 now, a dot 0x1e: bit 4 is what tells them apart.
        let text = text ^ (0x30 * ONES);
        let dots = text & (0x10 * ONES);
        let dot_bytes = (dots << 4).wrapping_sub(dots >> 4);
        let digits = text & !dot_bytes;
        let over_9 = (digits | digits.wrapping_add(6 * ONES)) & (0xf0 * ONES);
        let no_dot = (text ^ (0x1e * ONES)) & dot_bytes;
        Half {
            digits,
            dots,
            bad: over_9 | no_dot,
        }
    }
}

/// The bytes before the lowest and the second lowest bit; 8 for a bit that is not there.
#[inline(always)]
fn two_lowest(bits: u64) -> (u32, u32) {
    let second = bits & bits.wrapping_sub(1);
    (bits.trailing_zeros() >> 3, second.trailing_zeros() >> 3)
}

/// A mask of the highest `len` bytes, which are 1 to 8.
#[inline(always)]
fn high_bytes(len: u32) -> u64 {
    u64::MAX.wrapping_shl(8u32.wrapping_sub(len) << 3)
}

/// The octet whose last digit is the highest byte; with bits above its 8 unless it is at most 255
/// and has `len` digits when written without leading zeros.
#[inline(always)]
fn octet(digits: u64, len: u32) -> u32 {
    // One multiplication adds up a * 100 + b * 10 + c in the ten highest bits. Bytes are eight apart,
    // so the next sum, a multiple of 10, falls into the highest two of them; there it adds 512 if c
    // is odd, which the table undoes.
    let index = (digits >> 2).wrapping_mul(100 << 16 | 10 << 8 | 1) >> 54;
    u32::from(OCTETS_READ[index as usize]) ^ len.wrapping_shl(8)
}

/// For each number of up to three digits, or 512 more if it is odd: its value and, 8 bits up, the
/// number of its digits, or more than any number of digits if it is over 255.
static OCTETS_READ: [u16; 1024] = {
    let mut table = [0xff00; 1024];
    let mut n = 0;
    while n < 256 {
        let digits = 1 + (n > 9) as u16 + (n > 99) as u16;
        table[(n + 512 * (n % 2)) % 1024] = digits << 8 | n as u16;
        n += 1;
    }
    table
};

/// The only text with less than eight bytes: four digits.
#[inline]
fn parse_shortest(bytes: &[u8]) -> Option<Ipv4Addr> {
    let [a, b'.', b, b'.', c, b'.', d] = *bytes else {
        return None;
    };
    let octets = [a, b, c, d].map(|byte| byte.wrapping_sub(b'0'));
    octets
        .iter()
        .all(|octet| *octet < 10)
        .then_some(Ipv4Addr::from(octets))
}

/// The text of every octet with a dot behind it, the first byte lowest, and from bit 32 its length
/// in bits.
static OCTETS_WRITTEN: [u64; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut text = b'.' as u64;
        let mut rest = n as u64;
        let mut len = 8;
        loop {
            text = text << 8 | (b'0' as u64 + rest % 10);
            rest /= 10;
            len += 8;
            if rest == 0 {
                break;
            }
        }
        table[n] = len << 32 | text;
        n += 1;
    }
    table
};

/// Writes the canonical text into `buf`, at a place of its choice.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net_ip::v4;
///
/// let mut buf = [0; v4::BUF_LEN];
/// assert_eq!(v4::format_into(Ipv4Addr::new(192, 0, 2, 1), &mut buf), "192.0.2.1");
/// ```
#[inline]
pub fn format_into(addr: Ipv4Addr, buf: &mut [u8; BUF_LEN]) -> &str {
    let (text, len) = format(addr);
    // std checks sixteen aligned bytes at once, and others one after another.
    let at = buf.as_ptr().align_offset(8) & 7;
    let place = &mut buf[at..at + 16];
    place.copy_from_slice(&text.to_le_bytes());
    &as_text(place)[..len]
}

/// The canonical text, the first byte lowest and with more behind it, and its length.
#[inline(always)]
pub(crate) fn format(addr: Ipv4Addr) -> (u128, usize) {
    // Two octets at a time fit into a register; the second pair goes behind the first.
    let pair = |first: u8, second: u8| {
        let first = OCTETS_WRITTEN[usize::from(first)];
        let second = OCTETS_WRITTEN[usize::from(second)];
        let bits = first >> 32;
        let text = u64::from(first as u32) | u64::from(second as u32) << (bits & 63);
        (text, (bits + (second >> 32)) as u32)
    };
    let [a, b, c, d] = addr.octets();
    let (first, first_bits) = pair(a, b);
    let (second, second_bits) = pair(c, d);
    // 32 to 64 bits.
    let low = first | second.wrapping_shl(first_bits - 1) << 1;
    let high = second.wrapping_shr(64 - first_bits);
    let text = u128::from(high) << 64 | u128::from(low);
    (text, ((first_bits + second_bits) >> 3) as usize - 1)
}

/// The bytes are ASCII by construction.
#[inline]
pub(crate) fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("only ASCII was written")
}

/// The address as one decimal number: `3221225985`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net_ip::v4;
///
/// assert_eq!(v4::from_integer("3221225985")?, Ipv4Addr::new(192, 0, 2, 1));
/// # Ok::<(), std_net_ip::ParseError>(())
/// ```
///
/// # Errors
///
/// [`ParseError`] for anything but decimal digits, and above 2<sup>32</sup> - 1.
pub fn from_integer(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let value = number(text.as_ref(), 10, u128::from(u32::MAX))?;
    Ok(Ipv4Addr::from_bits(value as u32))
}

/// The address from one hexadecimal number, with or without `0x`: `0xc0000201`.
///
/// # Errors
///
/// [`ParseError`] for anything but hexadecimal digits, and above 2<sup>32</sup> - 1.
pub fn from_hex(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let value = number(text.as_ref(), 16, u128::from(u32::MAX))?;
    Ok(Ipv4Addr::from_bits(value as u32))
}

/// A number in base 10 or 16 up to `max`; in base 16 it may begin with `0x`.
pub(crate) fn number(bytes: &[u8], base: u32, max: u128) -> Result<u128, ParseError> {
    let fail = |reason, at| Err(ParseError::new(Form::Number, bytes, reason, at));
    let prefixed = base == 16 && (bytes.starts_with(b"0x") || bytes.starts_with(b"0X"));
    let start = if prefixed { 2 } else { 0 };
    if bytes.is_empty() {
        return fail(Reason::Empty, 0);
    }
    if bytes.len() == start {
        return fail(Reason::UnexpectedEnd, start);
    }
    let mut value = 0u128;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        let Some(digit) = char::from(*byte).to_digit(base) else {
            return fail(Reason::UnexpectedByte, at);
        };
        value = match value
            .checked_mul(u128::from(base))
            .and_then(|v| v.checked_add(u128::from(digit)))
        {
            Some(value) if value <= max => value,
            _ => return fail(Reason::TooLarge, start),
        };
    }
    Ok(value)
}
