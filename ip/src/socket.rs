//! Addresses with a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `[fe80::1%2]:80`. They are parsed in one
//! pass.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::{v4, v6};

#[inline]
pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<SocketAddr> {
    if bytes.first() == Some(&b'[') {
        parse_v6_bytes(bytes).map(SocketAddr::V6)
    } else {
        parse_v4_bytes(bytes).map(SocketAddr::V4)
    }
}

#[inline]
pub(crate) fn parse_v4_bytes(bytes: &[u8]) -> Option<SocketAddrV4> {
    let (ip, port) = split_port(bytes)?;
    Some(SocketAddrV4::new(v4::parse_bytes(ip)?, port))
}

#[inline]
pub(crate) fn parse_v6_bytes(bytes: &[u8]) -> Option<SocketAddrV6> {
    let (ip, port) = split_port(bytes)?;
    let [b'[', ip @ .., b']'] = ip else {
        return None;
    };
    if let Some(ip) = v6::parse_bytes(ip) {
        return Some(SocketAddrV6::new(ip, port, 0, 0));
    }
    let at = ip.iter().position(|byte| *byte == b'%')?;
    let scope = number(&ip[at + 1..], u32::MAX)?;
    Some(SocketAddrV6::new(
        v6::parse_bytes(&ip[..at])?,
        port,
        0,
        scope,
    ))
}

/// Returns the bytes before the last colon, and the port behind it. The last eight bytes hold a port of
/// up to five digits and its colon. No branch depends on the number of digits:
///
/// ```text
/// text     30 2e 31 3a 38 30 38 30     "0.1:8080", the last byte lowest
/// values   00 1e 01 0a 08 00 08 00     XOR "0"
/// over 9    . 10  . 10  .  .  .  .     a bit for what is no digit: the lowest one is the colon
/// masked    .  .  .  . 08 00 08 00     the digits alone
/// pairs     .     .    00 50 00 50     80 and 80: each digit and ten times the one before it
/// port                      8080       the lowest pair and a hundred times the one before it
/// ```
#[inline(always)]
fn split_port(bytes: &[u8]) -> Option<(&[u8], u16)> {
    let Some(last) = bytes.last_chunk::<8>() else {
        return split_other_port(bytes);
    };
    let text = u64::from_be_bytes(*last);
    let values = text ^ 0x3030_3030_3030_3030;
    let over_9 = (values | values.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    let digits = over_9.trailing_zeros() >> 3;
    if !(1..=5).contains(&digits) {
        return split_other_port(bytes);
    }
    let [ip @ .., b':'] = bytes.get(..bytes.len() - digits as usize)? else {
        return None;
    };
    let values = values & ((1 << (8 * digits)) - 1);
    let pairs = (values & 0x00ff_00ff_00ff_00ff) + 10 * (values >> 8 & 0x00ff_00ff_00ff_00ff);
    let port = (pairs & 0xffff) + 100 * (pairs >> 16 & 0xffff) + 10_000 * (pairs >> 32 & 0xffff);
    Some((ip, u16::try_from(port).ok()?))
}

/// Handles text as short as `[::]:0`, and ports with many leading zeros. Both are rare.
#[cold]
fn split_other_port(bytes: &[u8]) -> Option<(&[u8], u16)> {
    let at = bytes.iter().rposition(|byte| *byte == b':')?;
    let port = number(&bytes[at + 1..], u32::from(u16::MAX))?;
    Some((&bytes[..at], port as u16))
}

/// Reads decimal digits and nothing else. As in std, leading zeros are allowed.
fn number(bytes: &[u8], max: u32) -> Option<u32> {
    let mut value = 0u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
        if value > u64::from(max) {
            return None;
        }
    }
    (!bytes.is_empty()).then_some(value as u32)
}
