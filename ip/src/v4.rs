//! IPv4 addresses: four octets. Parsed strictly by guesses that are checked, formatted from a table;
//! as one number. Nothing here branches on the bytes of the text: a branch on each is mispredicted
//! several times an address, and costs more than all the rest.

use std::net::Ipv4Addr;

use ascii::AsAsciiStr;

use crate::error::{Form, ParseError, Reason};

/// The length in bytes of the longest text: `255.255.255.255`.
pub const MAX_LEN: usize = 15;
/// The length in bytes of the buffer that [`format_into`] wants, a byte more than [`MAX_LEN`]: a dot
/// is written behind every octet.
pub const BUF_LEN: usize = 16;

/// The address, or `None` for anything that is not one.
///
/// Of a text of eight bytes or more the first eight hold octets 0 and 1 with the dot behind each,
/// the last eight octets 3 and 2 with the dot before each, and together they are the whole text:
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
    // Every octet with its dot is the whole text, but that the dot between the halves counts twice.
    let bits = u64::from(front.bits + back.bits) ^ (8 * bytes.len() as u64 + 8);
    let wrong = (front.outer | front.inner | back.inner | back.outer) << 8;
    if wrong | bits != 0 {
        return None;
    }
    // Each octet is the highest byte, and all below it are 0 now.
    let octets = front.outer >> 56 | front.inner >> 48 | back.inner >> 40 | back.outer >> 32;
    Some(Ipv4Addr::from((octets as u32).to_le_bytes()))
}

/// Two octets of eight bytes of text, each as its [guess](guesses) XOR its text: the octet in the
/// highest byte, and 0 in all others if the guess was right.
struct Half {
    /// The octet at the end of the text.
    outer: u64,
    /// The octet beside it.
    inner: u64,
    /// The length in bits of both with their dots.
    bits: u32,
}

impl Half {
    /// Of the text whose first byte (from the end that counts) is the lowest:
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

/// Entries in a table of guesses.
const GUESSES: usize = 512;
/// Factors that lead the 256 octets to 256 different entries. Found by trying random ones; that they
/// do is checked when the tables are made.
const FORWARD: u32 = 0x0088_0102;
const BACKWARD: u32 = 0x180f_7d0c;

/// Where to look up which octet this text can be, if it is one.
#[inline(always)]
const fn guess(text: u32, factor: u32) -> usize {
    (text.wrapping_mul(factor) >> (32 - GUESSES.ilog2())) as usize
}

static GUESSES_FORWARD: [u64; GUESSES] = guesses(FORWARD, false);
static GUESSES_BACKWARD: [u64; GUESSES] = guesses(BACKWARD, true);

/// For each [`guess`] the octet in the highest byte, and in the lowest four its text with the dot:
/// `0xc8_000000_2e303032` for 200, `"200."`; backward `"002."`.
///
/// Equal text is the proof that the guess is right: so there is no other check of digits, leading
/// zeros or the range.
const fn guesses(factor: u32, backward: bool) -> [u64; GUESSES] {
    let octets = octets_written();
    // An entry that is no octet's has the text of octet 0, which is never looked up there.
    let mut table = [octets[0] as u32 as u64; GUESSES];
    let mut taken = [false; GUESSES];
    let mut n = 0;
    while n < 256 {
        let bits = (octets[n] >> 32) as u32;
        let mut text = octets[n] as u32;
        if backward {
            // Without its dot, which is the highest byte that is not 0.
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

/// Writes the canonical text into `buf`, not always to its beginning.
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
    *buf = text.to_le_bytes();
    &as_text(buf)[..len]
}

/// The canonical text, the first byte lowest and with a dot behind it, and its length.
///
/// Two octets at a time fit into a register; the second pair goes behind the first:
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
    // By 32 to 64 bits, and a shift by 64 would be one by 0: hence in two steps.
    let low = first | second.wrapping_shl(first_bits - 1) << 1;
    let high = second.wrapping_shr(64 - first_bits);
    let text = u128::from(high) << 64 | u128::from(low);
    (text, ((first_bits + second_bits) >> 3) as usize - 1)
}

/// The bytes are ASCII by construction. Safe code has them checked, and whether they are ASCII takes
/// half as long to check as whether they are UTF-8.
#[inline]
pub(crate) fn as_text(bytes: &[u8]) -> &str {
    let text = bytes.as_ascii_str();
    text.expect("only ASCII was written").as_str()
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
