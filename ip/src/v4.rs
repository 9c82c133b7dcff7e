//! IPv4 addresses: four octets. The strict parser guesses each octet and checks the guess, and the
//! formatter uses a table. An address can also be one number. No code here branches on the bytes of the
//! text, because such branches are mispredicted several times for each address, and that costs more
//! than all other work.

use std::net::Ipv4Addr;

use crate::error::{Form, ParseError, Reason};

/// The length in bytes of the longest text: `255.255.255.255`.
pub const MAX_LEN: usize = 15;
/// The length in bytes of the buffer that [`format_into`] needs. It is one byte more than [`MAX_LEN`],
/// because a dot is written behind every octet.
pub const BUF_LEN: usize = 16;

/// Returns the address, or `None` if the text is not one.
///
/// In a text of eight bytes or more, the first eight bytes hold octets 0 and 1, each with the dot
/// behind it. The last eight bytes hold octets 3 and 2, each with the dot before it. Together they are
/// the whole text:
///
/// ```text
/// 10.200.3.45        front  1 0 . 2 0 0 . 3        back, from the end  5 4 . 3 . 0 0 2
///                    outer  1 0 .                                outer  5 4 .
///                    inner        2 0 0 .                        inner        3 .
/// ```
#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv4Addr> {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return parse_shortest(bytes);
    };
    let front = Half::new(u64::from_le_bytes(*first), FORWARD, &GUESSES_FORWARD);
    let back = Half::new(u64::from_be_bytes(*last), BACKWARD, &GUESSES_BACKWARD);
    // The octets with their dots make up the whole text, but the dot between the halves counts twice.
    let bits = u64::from(front.bits + back.bits) ^ (8 * bytes.len() as u64 + 8);
    let wrong = (front.outer | front.inner | back.inner | back.outer) << 8;
    if wrong | bits != 0 {
        return None;
    }
    // Each octet is in the highest byte of its word, and all bytes below it are 0 now.
    let octets = front.outer >> 56 | front.inner >> 48 | back.inner >> 40 | back.outer >> 32;
    Some(Ipv4Addr::from((octets as u32).to_le_bytes()))
}

/// Two octets from eight bytes of text. Each is its [guess](guesses) XOR its text: the octet is in the
/// highest byte, and all other bytes are 0 if the guess was right.
struct Half {
    /// The octet at the end of the text.
    outer: u64,
    /// The octet beside it.
    inner: u64,
    /// The length in bits of both octets with their dots.
    bits: u32,
}

impl Half {
    /// Reads the two octets from `text`, whose lowest byte is the first one, or the last one for the
    /// back half:
    ///
    /// ```text
    /// text             31 30 2e 32 30 30 2e 33     "10.200.3"
    /// dots              .  . 80  .  .  . 80  .     bit 7 for a byte without bit 4: no digit
    /// dots ^ dots - 1  ff ff ff  .  .  .  .  .     all up to the first dot
    /// outer            31 30 2e  .  .  .  .  .
    /// others            .  .  .  .  .  . 80  .     the first dot left out
    /// inner            32 30 30 2e  .  .  .  .     what is up to the second dot, moved down
    /// ```
    #[inline(always)]
    fn new(text: u64, factor: u32, guesses: &[u64; GUESSES]) -> Half {
        let dots = !(text << 3) & 0x8080_8080_8080_8080;
        let others = dots & dots.wrapping_sub(1);
        let outer = text & (dots ^ dots.wrapping_sub(1));
        let inner = text & (others ^ others.wrapping_sub(1));
        let inner = inner.wrapping_shr(dots.trailing_zeros() + 1);
        Half {
            outer: outer ^ guesses[guess(outer as u32, factor)],
            inner: inner ^ guesses[guess(inner as u32, factor)],
            bits: others.trailing_zeros() + 1,
        }
    }
}

/// The number of entries in a table of guesses.
const GUESSES: usize = 512;
/// These factors lead the 256 octets to 256 different entries. They were found by trying random
/// factors. The code that makes the tables checks them.
const FORWARD: u32 = 0x0088_0102;
const BACKWARD: u32 = 0x180f_7d0c;

/// Returns the entry of the table for this text: the only octet that the text can be stands there.
#[inline(always)]
const fn guess(text: u32, factor: u32) -> usize {
    (text.wrapping_mul(factor) >> (32 - GUESSES.ilog2())) as usize
}

static GUESSES_FORWARD: [u64; GUESSES] = guesses(FORWARD, false);
static GUESSES_BACKWARD: [u64; GUESSES] = guesses(BACKWARD, true);

/// For each [`guess`], the highest byte has the octet, and the lowest four bytes have its text with the
/// dot: `0xc8_000000_2e303032` for 200, `"200."`. Backward the text is `"002."`.
///
/// If the text is equal, the guess is right. So digits, leading zeros and the range need no other
/// check.
const fn guesses(factor: u32, backward: bool) -> [u64; GUESSES] {
    let octets = octets_written();
    // An entry without an octet gets the text of octet 0, which never leads to this entry, so it never
    // matches.
    let mut table = [octets[0] as u32 as u64; GUESSES];
    let mut taken = [false; GUESSES];
    let mut n = 0;
    while n < 256 {
        let bits = (octets[n] >> 32) as u32;
        let mut text = octets[n] as u32;
        if backward {
            // Remove the dot, which is the highest byte that is not 0.
            let digits = text << (40 - bits);
            text = digits.swap_bytes() | (b'.' as u32) << (bits - 8);
        }
        let at = guess(text, factor);
        assert!(!taken[at], "two octets have the same guess");
        taken[at] = true;
        table[at] = (n as u64) << 56 | text as u64;
        n += 1;
    }
    table
}

/// Parses a text of less than eight bytes: only four single digits are possible.
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

/// For every octet, its text with a dot behind it, the first byte lowest. From bit 32 on stands its
/// length in bits.
static OCTETS_WRITTEN: [u64; 256] = octets_written();

const fn octets_written() -> [u64; 256] {
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
}

/// Writes the canonical text into `buf`. It need not begin at the beginning of `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net::ip::v4;
///
/// let mut buf = [0; v4::BUF_LEN];
/// assert_eq!(v4::format_into(Ipv4Addr::new(192, 0, 2, 1), &mut buf), "192.0.2.1");
/// ```
#[inline]
pub fn format_into(addr: Ipv4Addr, buf: &mut [u8; BUF_LEN]) -> &str {
    let (text, len) = format(addr);
    *buf = text.to_le_bytes();
    &as_text(buf)[..len]
}

/// Returns the canonical text with a dot behind it, the first byte lowest, and its length.
///
/// Two octets at a time fit into a register. The second pair goes behind the first:
///
/// ```text
/// first    31 30 2e 32 30 30 2e            "10.200."
/// second   33 2e 34 35 2e                  "3.45."
/// text     31 30 2e 32 30 30 2e 33 2e 34 35 2e
/// ```
#[inline(always)]
pub(crate) fn format(addr: Ipv4Addr) -> (u128, usize) {
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
    // The shift is by 32 to 64 bits. A shift by 64 would be a shift by 0, so it is done in two steps.
    let low = first | second.wrapping_shl(first_bits - 1) << 1;
    let high = second.wrapping_shr(64 - first_bits);
    let text = u128::from(high) << 64 | u128::from(low);
    (text, ((first_bits + second_bits) >> 3) as usize - 1)
}

/// The bytes are always ASCII, but safe code must check this. The crate `ascii` takes half as long as a
/// check for UTF-8.
#[inline]
pub(crate) fn as_text(bytes: &[u8]) -> &str {
    #[cfg(feature = "ascii")]
    let text = ascii::AsAsciiStr::as_ascii_str(bytes).map(ascii::AsciiStr::as_str);
    #[cfg(not(feature = "ascii"))]
    let text = std::str::from_utf8(bytes);
    text.expect("only ASCII was written")
}

/// Reads the address from one decimal number: `3221225985`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net::ip::v4;
///
/// assert_eq!(v4::from_integer("3221225985")?, Ipv4Addr::new(192, 0, 2, 1));
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
///
/// # Errors
///
/// A [`ParseError`] if the text has anything but decimal digits, or the number is above 2<sup>32</sup>
/// - 1.
pub fn from_integer(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let value = number(text.as_ref(), 10, u128::from(u32::MAX))?;
    Ok(Ipv4Addr::from_bits(value as u32))
}

/// Reads the address from one hexadecimal number, with or without `0x`: `0xc0000201`.
///
/// # Errors
///
/// A [`ParseError`] if the text has anything but hexadecimal digits, or the number is above
/// 2<sup>32</sup> - 1.
pub fn from_hex(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let value = number(text.as_ref(), 16, u128::from(u32::MAX))?;
    Ok(Ipv4Addr::from_bits(value as u32))
}

/// Reads a number in base 10 or 16, up to `max`. In base 16 it may begin with `0x`.
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
