//! The classic forms of IPv4 addresses that `inet_aton(3)` accepts: one to four parts, each decimal,
//! octal (`0177`) or hexadecimal (`0x7f`). The last part fills all remaining bytes.
//!
//! No other function of this crate reads these forms, because a text can mean a different address here:
//! `010.0.0.1` is 8.0.0.1. Programs that check addresses with one parser and connect with the other
//! have let attackers in. Use this module to read old configuration, or to find out how a tool with
//! `inet_aton` reads a text. Unlike `inet_aton`, it accepts nothing behind the address.
//!
//! It also has [`parse_padded_v4`], for decimal octets with leading zeros.

use std::net::Ipv4Addr;

use crate::error::{Form, ParseError, Reason};

/// Parses a classic form of an IPv4 address.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net::ip::lenient;
///
/// for text in ["127.1", "0x7f.1", "017700000001", "2130706433", "127.0.0.1"] {
///     assert_eq!(lenient::parse_v4(text)?, Ipv4Addr::LOCALHOST);
/// }
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub fn parse_v4(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let bytes = text.as_ref();
    let fail = |reason, at| Err(ParseError::new(Form::Lenient, bytes, reason, at));
    if bytes.is_empty() {
        return fail(Reason::Empty, 0);
    }
    let mut value = 0u32;
    let mut at = 0;
    for (count, part) in bytes.split(|b| *b == b'.').enumerate() {
        if count == 4 {
            return fail(Reason::TooManyParts, at);
        }
        let last = at + part.len() == bytes.len();
        let number = match part_value(part) {
            Ok(number) => number,
            Err((reason, offset)) => return fail(reason, at + offset),
        };
        // The last part fills the bytes that the others have left.
        let bits = if last { 32 - 8 * count as u32 } else { 8 };
        if number >> bits != 0 {
            return fail(
                if last {
                    Reason::TooLarge
                } else {
                    Reason::OctetOver255
                },
                at,
            );
        }
        if last {
            value |= number as u32;
        } else {
            value |= (number as u32) << (24 - 8 * count as u32);
        }
        at += part.len() + 1;
    }
    Ok(Ipv4Addr::from_bits(value))
}

/// Parses four octets that may have leading zeros, as in tables: `001.002.004.000`. Every octet is
/// decimal, with up to three digits.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use std_net::ip::lenient;
///
/// assert_eq!(lenient::parse_padded_v4("001.002.004.010")?, Ipv4Addr::new(1, 2, 4, 10));
/// assert!(lenient::parse_padded_v4("0001.2.4.10").is_err());
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub fn parse_padded_v4(text: impl AsRef<[u8]>) -> Result<Ipv4Addr, ParseError> {
    let bytes = text.as_ref();
    let fail = |reason, at| Err(ParseError::new(Form::V4, bytes, reason, at));
    if bytes.is_empty() {
        return fail(Reason::Empty, 0);
    }
    let mut octets = [0; 4];
    let (mut at, mut count) = (0, 0);
    for part in bytes.split(|b| *b == b'.') {
        if count == 4 {
            return fail(Reason::TooManyParts, at);
        }
        if part.is_empty() {
            let end = at == bytes.len();
            let reason = if end {
                Reason::UnexpectedEnd
            } else {
                Reason::UnexpectedByte
            };
            return fail(reason, at);
        }
        if let Some(offset) = part.iter().position(|b| !b.is_ascii_digit()) {
            return fail(Reason::UnexpectedByte, at + offset);
        }
        let value = part.iter().fold(0, |value, digit| {
            (10 * value + u32::from(digit - b'0')).min(1000)
        });
        octets[count] = match u8::try_from(value) {
            Ok(octet) if part.len() <= 3 => octet,
            Ok(_) => return fail(Reason::LeadingZero, at),
            Err(_) => return fail(Reason::OctetOver255, at),
        };
        count += 1;
        at += part.len() + 1;
    }
    if count < 4 {
        return fail(Reason::TooFewParts, bytes.len());
    }
    Ok(octets.into())
}

fn part_value(part: &[u8]) -> Result<u64, (Reason, usize)> {
    let (base, start) = match part {
        [b'0', b'x' | b'X', ..] => (16, 2),
        [b'0', _, ..] => (8, 1),
        _ => (10, 0),
    };
    if part.len() == start {
        return Err((Reason::UnexpectedEnd, start));
    }
    let mut value = 0u64;
    for (i, byte) in part.iter().enumerate().skip(start) {
        let digit = char::from(*byte)
            .to_digit(base)
            .ok_or((Reason::UnexpectedByte, i))?;
        // Once the value is over the limit, keep it far above any limit.
        value = (value * u64::from(base) + u64::from(digit)).min(1 << 40);
    }
    Ok(value)
}
