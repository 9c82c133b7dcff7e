//! IPv4 addresses: four octets. Parsed strictly, formatted from a table; as one number.

use std::net::Ipv4Addr;

use crate::error::{Form, ParseError, Reason};

/// The length in bytes of the longest text: `255.255.255.255`.
pub const MAX_LEN: usize = 15;

/// The address, or `None` for anything that is not one.
#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Ipv4Addr> {
    let (addr, len) = parse_prefix(bytes)?;
    (len == bytes.len()).then_some(addr)
}

/// The address at the beginning of `bytes` and its length; what follows is not looked at, but that
/// no digit does.
#[inline]
pub(crate) fn parse_prefix(bytes: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let mut value = 0u32;
    let mut at = 0;
    for i in 0..4 {
        let (octet, digits) = octet(bytes.get(at..)?)?;
        value = value << 8 | octet;
        at += digits;
        if i < 3 {
            if *bytes.get(at)? != b'.' {
                return None;
            }
            at += 1;
        }
    }
    Some((Ipv4Addr::from_bits(value), at))
}

/// One octet and the number of its digits.
#[inline]
fn octet(bytes: &[u8]) -> Option<(u32, usize)> {
    let digit = |i: usize| {
        bytes
            .get(i)
            .map(|b| u32::from(b.wrapping_sub(b'0')))
            .filter(|d| *d < 10)
    };
    let a = digit(0)?;
    let Some(b) = digit(1) else {
        return Some((a, 1));
    };
    if a == 0 {
        return None;
    }
    let Some(c) = digit(2) else {
        return Some((a * 10 + b, 2));
    };
    let value = a * 100 + b * 10 + c;
    (value < 256 && digit(3).is_none()).then_some((value, 3))
}

/// The text of every octet, with a dot behind it, and the length of both.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([b'.'; 4], 0); 256];
    let mut n = 0;
    while n < 256 {
        let digits = if n >= 100 {
            3
        } else if n >= 10 {
            2
        } else {
            1
        };
        let mut rest = n;
        let mut i = digits;
        while i > 0 {
            i -= 1;
            table[n].0[i] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        table[n].1 = digits as u8 + 1;
        n += 1;
    }
    table
};

/// Writes the canonical text into `buf`.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net_ip::v4;
///
/// let mut buf = [0; v4::MAX_LEN];
/// assert_eq!(v4::format_into(Ipv4Addr::new(192, 0, 2, 1), &mut buf), "192.0.2.1");
/// ```
#[inline]
pub fn format_into(addr: Ipv4Addr, buf: &mut [u8; MAX_LEN]) -> &str {
    // Each octet is written as four bytes, whatever its length; the next overwrites the rest.
    let mut text = 0u128;
    let mut len = 0;
    for octet in addr.octets() {
        let (four, n) = &OCTETS[usize::from(octet)];
        let mask = u32::MAX >> (32 - 8 * u32::from(*n));
        text |= u128::from(u32::from_le_bytes(*four) & mask) << (8 * len);
        len += usize::from(*n);
    }
    let bytes = text.to_le_bytes();
    buf.copy_from_slice(&bytes[..MAX_LEN]);
    as_text(&buf[..len - 1])
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
