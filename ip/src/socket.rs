//! Addresses with a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `[fe80::1%2]:80`. In one pass.

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
    let (ip, len) = v4::parse_prefix(bytes)?;
    Some(SocketAddrV4::new(ip, port(&bytes[len..])?))
}

#[inline]
pub(crate) fn parse_v6_bytes(bytes: &[u8]) -> Option<SocketAddrV6> {
    let (b'[', rest) = bytes.split_first()? else {
        return None;
    };
    let (ip, mut rest) = v6::parse_prefix(rest)?;
    let mut scope = 0;
    if let [b'%', digits @ ..] = rest {
        (scope, rest) = number(digits, u32::MAX)?;
    }
    let (b']', rest) = rest.split_first()? else {
        return None;
    };
    Some(SocketAddrV6::new(ip, port(rest)?, 0, scope))
}

#[inline]
fn port(bytes: &[u8]) -> Option<u16> {
    let (b':', rest) = bytes.split_first()? else {
        return None;
    };
    let (port, rest) = number(rest, u32::from(u16::MAX))?;
    if rest.is_empty() {
        u16::try_from(port).ok()
    } else {
        None
    }
}

/// Decimal digits, leading zeros too, as std.
#[inline]
fn number(bytes: &[u8], max: u32) -> Option<(u32, &[u8])> {
    let mut value = 0u64;
    let mut len = 0;
    while let Some(digit) = bytes
        .get(len)
        .map(|b| b.wrapping_sub(b'0'))
        .filter(|d| *d < 10)
    {
        value = value * 10 + u64::from(digit);
        if value > u64::from(max) {
            return None;
        }
        len += 1;
    }
    (len > 0).then_some((value as u32, &bytes[len..]))
}
