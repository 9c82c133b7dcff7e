//! Slow and simple parsers that follow the rules of RFC 4291, RFC 4632 and std's documentation. They
//! cut the text at its separators, and look at the pieces. The tests and `fuzz/` use them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use std_net_ip::net::{IpNet, Ipv4Net, Ipv6Net};

/// Reads four decimal octets without leading zeros.
pub(crate) fn v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let octets = parts
        .iter()
        .map(|part| {
            let padded = part.len() > 1 && part.starts_with('0');
            number(part, 255).filter(|_| !padded).map(|n| n as u8)
        })
        .collect::<Option<Vec<u8>>>()?;
    Some(<[u8; 4]>::try_from(octets).ok()?.into())
}

/// Reads eight groups of up to four hexadecimal digits. `::` stands for one or more groups that are 0.
/// The last two groups may be an IPv4 address.
pub(crate) fn v6(text: &str) -> Option<Ipv6Addr> {
    let groups = match text.split_once("::") {
        None => groups(text, true)?,
        Some((head, tail)) => {
            let (mut head, tail) = (groups(head, false)?, groups(tail, true)?);
            if head.len() + tail.len() > 7 {
                return None;
            }
            head.resize(8 - tail.len(), 0);
            head.extend(tail);
            head
        }
    };
    Some(<[u16; 8]>::try_from(groups).ok()?.into())
}

fn groups(text: &str, at_end: bool) -> Option<Vec<u16>> {
    let mut groups = Vec::new();
    if text.is_empty() {
        return Some(groups);
    }
    let parts: Vec<&str> = text.split(':').collect();
    for (i, part) in parts.iter().enumerate() {
        if at_end && i == parts.len() - 1 && part.contains('.') {
            let [a, b, c, d] = v4(part)?.octets();
            groups.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
            continue;
        }
        let hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !(1..=4).contains(&part.len()) {
            return None;
        }
        groups.push(u16::from_str_radix(part, 16).ok()?);
    }
    Some(groups)
}

/// Reads an IPv4 or IPv6 address.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    v4(text).map(IpAddr::V4).or(v6(text).map(IpAddr::V6))
}

/// Reads an address, a colon and a port.
pub(crate) fn socket_v4(text: &str) -> Option<SocketAddrV4> {
    let (ip, port) = text.rsplit_once(':')?;
    Some(SocketAddrV4::new(v4(ip)?, number(port, 65535)? as u16))
}

/// Reads an address in brackets, which may have a scope, a colon and a port.
pub(crate) fn socket_v6(text: &str) -> Option<SocketAddrV6> {
    let (ip, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (ip, scope) = match ip.split_once('%') {
        None => (ip, 0),
        Some((ip, scope)) => (ip, number(scope, u32::MAX.into())? as u32),
    };
    let port = number(port, 65535)? as u16;
    Some(SocketAddrV6::new(v6(ip)?, port, 0, scope))
}

/// Reads either form.
pub(crate) fn socket(text: &str) -> Option<SocketAddr> {
    let v6 = || socket_v6(text).map(SocketAddr::V6);
    socket_v4(text).map(SocketAddr::V4).or_else(v6)
}

/// Reads an address, a slash and a length, with at most as many digits as the longest length has.
pub(crate) fn net(text: &str) -> Option<IpNet> {
    let (addr, len) = text.rsplit_once('/')?;
    match ip(addr)? {
        IpAddr::V4(ip) if len.len() <= 2 => {
            Some(Ipv4Net::new(ip, number(len, 32)? as u8).ok()?.into())
        }
        IpAddr::V6(ip) if len.len() <= 3 => {
            Some(Ipv6Net::new(ip, number(len, 128)? as u8).ok()?.into())
        }
        _ => None,
    }
}

/// Reads decimal digits, at least one.
fn number(text: &str, max: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.trim_start_matches('0');
    let value = if text.is_empty() { Ok(0) } else { text.parse() };
    value.ok().filter(|value| digits && *value <= max)
}
