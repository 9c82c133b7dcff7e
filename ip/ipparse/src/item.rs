//! What a line is: an address, a network, a range, an address with port or zone. And its text.

use std::cmp::{Ordering, Reverse};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use clap::ValueEnum;
use std_net_ip::net::{IpNet, Ipv4Net};
use std_net_ip::range::IpRange;
use std_net_ip::{self as ip, IpAddress, ParseError, ScopedAddr, lenient, net, range, reverse};
use std_net_ip::{v4, v6};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Addr(IpAddr),
    /// With host bits, as it was written.
    Net(IpNet),
    Range(IpRange),
    Socket(SocketAddr),
    Scoped(ScopedAddr),
}

/// In which form addresses are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Any form but plain integers and the classic forms, told apart by their look
    #[default]
    Auto,
    /// Addresses only
    Ip,
    /// Networks only: 192.0.2.0/24, 192.0.2.0/255.255.255.0
    Net,
    /// Ranges only: 192.0.2.1-192.0.2.9
    Range,
    #[value(help = "Addresses with ports only: 192.0.2.1:80, [::1]:80")]
    Socket,
    /// Names of reverse DNS only: 1.2.0.192.in-addr.arpa
    Reverse,
    /// Decimal numbers only: IPv4 up to 4294967295, IPv6 above
    Integer,
    /// Hexadecimal numbers only, with or without 0x: IPv4 up to 8 digits, IPv6 above
    Hex,
    /// As auto, and the classic forms of inet_aton(3): 127.1, 0x7f.1, 0177.0.0.1
    Classic,
}

/// In which form addresses are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum To {
    /// The shortest text, in lower case (RFC 5952)
    #[default]
    Canonical,
    /// All 32 digits of an IPv6 address
    Expanded,
    /// The name in reverse DNS; for a network the zones that make it up, a line each
    Reverse,
    /// One decimal number
    Integer,
    /// One hexadecimal number with all its digits
    Hex,
    /// One binary number with all its digits
    Binary,
}

/// What text means.
#[inline]
pub(crate) fn parse(text: &[u8], from: From) -> Result<Item, ParseError> {
    match from {
        From::Auto => auto(text),
        From::Ip => ip::parse(text).map(Item::Addr),
        From::Net => parse_net(text).map(Item::Net),
        From::Range => range::parse(text).map(Item::Range),
        From::Socket => socket(text),
        From::Reverse => reverse::parse(text).map(Item::Addr),
        From::Integer => match v4::from_integer(text) {
            Ok(addr) => Ok(Item::Addr(addr.into())),
            Err(_) => v6::from_integer(text).map(|addr| Item::Addr(addr.into())),
        },
        From::Hex => hex(text).map(Item::Addr),
        From::Classic => match (auto(text), lenient::parse_v4(text)) {
            (Err(_), Ok(addr)) => Ok(Item::Addr(addr.into())),
            (result, _) => result,
        },
    }
}

/// By the first byte that tells.
#[inline]
fn auto(text: &[u8]) -> Result<Item, ParseError> {
    match text.iter().position(|b| !b.is_ascii_digit() && *b != b'.') {
        None => return ip::parse(text).map(Item::Addr),
        Some(at) if text[at] == b'/' => return parse_net(text).map(Item::Net),
        Some(_) => {}
    }
    other(text)
}

fn other(text: &[u8]) -> Result<Item, ParseError> {
    let has = |byte: u8| memchr::memchr(byte, text);
    let ends_with = |end: &[u8]| {
        let text = text.strip_suffix(b".").unwrap_or(text);
        text.len() > end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    if ends_with(b".arpa") {
        return reverse::parse(text).map(Item::Addr);
    }
    // A zone may have dashes in its name, so it is looked for before ranges.
    if text.starts_with(b"[") {
        return match text.strip_suffix(b"]") {
            Some(inside) => address(&inside[1..]),
            None => socket(text),
        };
    }
    let zone = has(b'%');
    if let Some(dash) = has(b'-')
        && zone.is_none_or(|zone| dash < zone)
    {
        return range::parse(text).map(Item::Range);
    }
    if has(b'/').is_some() {
        return parse_net(text).map(Item::Net);
    }
    if zone.is_some() {
        return address(text);
    }
    if text.starts_with(b"0x") || text.starts_with(b"0X") {
        return hex(text).map(Item::Addr);
    }
    match has(b':') {
        // One colon behind dots: a port.
        Some(colon)
            if memchr::memchr(b'.', &text[..colon]).is_some()
                && memchr::memchr(b':', &text[colon + 1..]).is_none() =>
        {
            socket(text)
        }
        _ => ip::parse(text).map(Item::Addr),
    }
}

fn address(text: &[u8]) -> Result<Item, ParseError> {
    let scoped = ScopedAddr::parse(text)?;
    Ok(match scoped.zone() {
        None => Item::Addr(scoped.addr()),
        Some(_) => Item::Scoped(scoped),
    })
}

fn socket(text: &[u8]) -> Result<Item, ParseError> {
    ip::parse_socket_addr(text).map(Item::Socket)
}

fn hex(text: &[u8]) -> Result<IpAddr, ParseError> {
    let digits = text.len()
        - if text.starts_with(b"0x") || text.starts_with(b"0X") {
            2
        } else {
            0
        };
    if digits <= 8 {
        v4::from_hex(text).map(IpAddr::from)
    } else {
        v6::from_hex(text).map(IpAddr::from)
    }
}

/// `ADDRESS/LENGTH`, or `ADDRESS/MASK` with a mask of ones and then zeros.
#[inline]
fn parse_net(text: &[u8]) -> Result<IpNet, ParseError> {
    net::parse(text).or_else(|error| with_mask(text).ok_or(error))
}

#[cold]
fn with_mask(text: &[u8]) -> Option<IpNet> {
    let slash = memchr::memchr(b'/', text)?;
    let addr = ip::parse_v4(&text[..slash]).ok()?;
    let mask = ip::parse_v4(&text[slash + 1..]).ok()?.to_bits();
    let len = mask.leading_ones();
    (mask.checked_shl(len).unwrap_or(0) == 0).then(|| Ipv4Net::new_assert(addr, len as u8).into())
}

impl Item {
    /// What kind of thing it is, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Item::Addr(_) => "address",
            Item::Net(_) => "network",
            Item::Range(_) => "range",
            Item::Socket(_) => "socket",
            Item::Scoped(_) => "scoped",
        }
    }

    /// Its address; of a network as written, of a range the first.
    pub(crate) fn addr(&self) -> IpAddr {
        match self {
            Item::Addr(addr) => *addr,
            Item::Net(net) => net.addr(),
            Item::Range(range) => range.first(),
            Item::Socket(socket) => socket.ip(),
            Item::Scoped(scoped) => scoped.addr(),
        }
    }

    /// All its addresses.
    pub(crate) fn range(&self) -> IpRange {
        match self {
            Item::Net(net) => (*net).into(),
            Item::Range(range) => *range,
            other => other.addr().into(),
        }
    }

    /// It as a network, if it is one or a single address.
    pub(crate) fn net(&self) -> Option<IpNet> {
        match self {
            Item::Net(net) => Some(*net),
            Item::Range(_) => None,
            other => Some(other.addr().into()),
        }
    }

    /// The order of `sort`: IPv4 first, by address, larger ones first, then by kind, port and zone.
    pub(crate) fn order(&self, other: &Item) -> Ordering {
        let key = |item: &Item| {
            let kind = match item {
                Item::Range(_) => 0u8,
                Item::Net(_) => 1,
                Item::Addr(_) => 2,
                Item::Socket(_) => 3,
                Item::Scoped(_) => 4,
            };
            (item.addr(), Reverse(item.range().last()), kind)
        };
        let detail = || match (self, other) {
            (Item::Socket(a), Item::Socket(b)) => a.cmp(b),
            (Item::Scoped(a), Item::Scoped(b)) => a.zone().cmp(&b.zone()),
            (Item::Net(a), Item::Net(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        key(self).cmp(&key(other)).then_with(detail)
    }

    /// Appends its text.
    pub(crate) fn write(&self, to: To, out: &mut Vec<u8>) {
        match self {
            Item::Addr(addr) => push_as(out, *addr, to),
            Item::Net(net) if to != To::Reverse => {
                push_as(out, net.addr(), to);
                out.push(b'/');
                push_number(out, net.prefix_len().into());
            }
            Item::Range(range) if to != To::Reverse => {
                push_as(out, range.first(), to);
                out.push(b'-');
                push_as(out, range.last(), to);
            }
            Item::Net(_) | Item::Range(_) => {
                for (i, zone) in self.range().nets().flat_map(zones).enumerate() {
                    if i > 0 {
                        out.push(b'\n');
                    }
                    push_zone(out, zone);
                }
            }
            Item::Socket(_) if to == To::Reverse => push_as(out, self.addr(), to),
            Item::Socket(SocketAddr::V4(socket)) => {
                push_as(out, (*socket.ip()).into(), to);
                push_port(out, socket.port());
            }
            Item::Socket(SocketAddr::V6(socket)) => {
                out.push(b'[');
                push_as(out, (*socket.ip()).into(), to);
                push_scope(out, socket);
                out.push(b']');
                push_port(out, socket.port());
            }
            Item::Scoped(scoped) => {
                push_as(out, scoped.addr(), to);
                if to != To::Reverse
                    && let Some(zone) = scoped.zone()
                {
                    out.push(b'%');
                    out.extend_from_slice(zone.as_bytes());
                }
            }
        }
    }
}

fn push_scope(out: &mut Vec<u8>, socket: &SocketAddrV6) {
    if socket.scope_id() != 0 {
        out.push(b'%');
        push_number(out, socket.scope_id().into());
    }
}

fn push_port(out: &mut Vec<u8>, port: u16) {
    out.push(b':');
    push_number(out, port.into());
}

/// Appends the canonical text of an address.
#[inline]
pub(crate) fn push_addr(out: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => {
            let text = &mut [0; v4::BUF_LEN];
            out.extend_from_slice(v4::format_into(addr, text).as_bytes());
        }
        IpAddr::V6(addr) => {
            let text = &mut [0; v6::BUF_LEN];
            out.extend_from_slice(v6::format_into(addr, text).as_bytes());
        }
    }
}

/// Appends a number.
#[inline]
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    if number >= 100 {
        push_number_long(out, number / 100);
    }
    if number >= 10 {
        out.push(b'0' + (number / 10 % 10) as u8);
    }
    out.push(b'0' + (number % 10) as u8);
}

fn push_number_long(out: &mut Vec<u8>, number: u64) {
    push_number(out, number);
}

/// Appends a network with its length, but a single address without if `bare`.
#[inline]
pub(crate) fn push_net(out: &mut Vec<u8>, net: IpNet, bare: bool) {
    push_addr(out, net.addr());
    if !(bare && net.prefix_len() == net.max_prefix_len()) {
        out.push(b'/');
        push_number(out, net.prefix_len().into());
    }
}

pub(crate) fn push_as(out: &mut Vec<u8>, addr: IpAddr, to: To) {
    match to {
        To::Canonical => push_addr(out, addr),
        To::Expanded => out.extend_from_slice(addr.expanded().as_str().as_bytes()),
        To::Reverse => push_display(out, addr.reverse_name()),
        To::Integer => push_display(out, addr.to_integer()),
        To::Hex => push_display(out, addr.hex()),
        To::Binary => push_display(out, addr.binary()),
    }
}

pub(crate) fn push_display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    use std::io::Write;
    write!(out, "{value}").expect("a vector takes all");
}

/// The networks on borders of reverse DNS that make up a network.
pub(crate) fn zones(net: IpNet) -> impl Iterator<Item = IpNet> {
    let step = if net.addr().is_ipv4() { 8 } else { 4 };
    let len = net.prefix_len().next_multiple_of(step);
    net.trunc()
        .subnets(len)
        .expect("no shorter, and not too long")
}

/// The zone of a network on such a border: its name without the labels of the host part.
pub(crate) fn push_zone(out: &mut Vec<u8>, zone: IpNet) {
    let name = zone.addr().reverse_name().to_string();
    let step = if zone.addr().is_ipv4() { 8 } else { 4 };
    let labels = (zone.max_prefix_len() - zone.prefix_len()) / step;
    let name = name
        .splitn(usize::from(labels) + 1, '.')
        .last()
        .unwrap_or_default();
    out.extend_from_slice(name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_text(text: &str, to: To) -> String {
        let mut out = Vec::new();
        parse(text.as_bytes(), From::Auto)
            .unwrap()
            .write(to, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_look_tells_the_kind() {
        for (text, kind, canonical) in [
            ("192.0.2.1", "address", "192.0.2.1"),
            ("2001:DB8:0::1", "address", "2001:db8::1"),
            ("[::1]", "address", "::1"),
            ("192.0.2.7/24", "network", "192.0.2.7/24"),
            ("192.0.2.0/255.255.255.128", "network", "192.0.2.0/25"),
            ("0.0.0.0/0.0.0.0", "network", "0.0.0.0/0"),
            ("2001:db8::/32", "network", "2001:db8::/32"),
            ("10.0.0.1 - 10.0.0.9", "range", "10.0.0.1-10.0.0.9"),
            ("::1-::F", "range", "::1-::f"),
            ("192.0.2.1:80", "socket", "192.0.2.1:80"),
            ("[::1]:080", "socket", "[::1]:80"),
            ("[fe80::1%3]:80", "socket", "[fe80::1%3]:80"),
            ("fe80::1%br-lan", "scoped", "fe80::1%br-lan"),
            ("[fe80::1%eth0]", "scoped", "fe80::1%eth0"),
            ("1.2.0.192.IN-ADDR.ARPA.", "address", "192.0.2.1"),
            ("0xC0000201", "address", "192.0.2.1"),
            (
                "0x20010db8000000000000000000000001",
                "address",
                "2001:db8::1",
            ),
            ("::ffff:1.2.3.4", "address", "::ffff:1.2.3.4"),
        ] {
            let item = parse(text.as_bytes(), From::Auto).unwrap();
            assert_eq!(
                (item.kind(), as_text(text, To::Canonical).as_str()),
                (kind, canonical),
                "{text}"
            );
        }
        for text in [
            "",
            "x",
            "1",
            "1.2.3",
            "192.0.2.0/255.0.255.0",
            "10.0.0.9-10.0.0.1",
            "[::1",
            "1.2.3.4:x",
            "%",
            "-",
            "/",
            ":",
            "0x",
            "3221225985",
        ] {
            assert!(parse(text.as_bytes(), From::Auto).is_err(), "{text}");
        }
        assert!(parse(b"3221225985", From::Integer).is_ok());
        assert!(
            parse(b"4294967296", From::Integer)
                .unwrap()
                .addr()
                .is_ipv6()
        );
        assert!(parse(b"127.1", From::Classic).is_ok());
        assert!(parse(b"127.1", From::Auto).is_err());
    }

    #[test]
    fn zones_of_networks() {
        assert_eq!(as_text("192.0.2.0/24", To::Reverse), "2.0.192.in-addr.arpa");
        assert_eq!(
            as_text("10.2.0.0/15", To::Reverse),
            "2.10.in-addr.arpa\n3.10.in-addr.arpa"
        );
        assert_eq!(as_text("0.0.0.0/0", To::Reverse), "in-addr.arpa");
        assert_eq!(
            as_text("2001:db8::/32", To::Reverse),
            "8.b.d.0.1.0.0.2.ip6.arpa"
        );
        assert_eq!(
            as_text("192.0.2.1/32", To::Reverse),
            "1.2.0.192.in-addr.arpa"
        );
        assert_eq!(
            as_text("192.0.2.1:80", To::Reverse),
            "1.2.0.192.in-addr.arpa"
        );
    }
}
