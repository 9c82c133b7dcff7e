//! The item in a line: an address, a network, a range, or an address with port or zone. Also its text.

use std::cmp::{Ordering, Reverse};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use clap::ValueEnum;
use std_net_ip::forms::{self, Entry, Forms};
use std_net_ip::net::{IpNet, Ipv4Net};
use std_net_ip::range::IpRange;
use std_net_ip::{self as ip, IpAddress, ParseError, ScopedAddr, lenient, net, range, reverse};
use std_net_ip::{v4, v6};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Addr(IpAddr),
    /// A network. It keeps the host bits with which it was written.
    Net(IpNet),
    Range(IpRange),
    Socket(SocketAddr),
    Scoped(ScopedAddr),
}

impl Hash for Item {
    /// Hashes only one number, because most items are addresses. Items that are not equal may have the
    /// same hash.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Item::Addr(IpAddr::V4(addr)) => state.write_u32(addr.to_bits()),
            Item::Addr(IpAddr::V6(addr)) => state.write_u128(addr.to_bits()),
            Item::Net(net) => net.hash(state),
            Item::Range(range) => range.hash(state),
            Item::Socket(socket) => socket.hash(state),
            Item::Scoped(scoped) => scoped.hash(state),
        }
    }
}

/// The form in which addresses are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Any form except plain integers and the classic forms
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
    /// Names of reverse DNS only: 1.2.0.192.in-addr.arpa, and zones: 2.0.192.in-addr.arpa
    Reverse,
    /// Only decimal numbers, and ranges (1-9) and networks (256/24) of them: IPv4 up to 4294967295,
    /// IPv6 above
    Integer,
    /// Only hexadecimal numbers, with or without 0x, and ranges and networks of them: IPv4 up to 8
    /// digits, IPv6 above
    Hex,
    /// The forms of auto, and the classic forms of inet_aton(3): 127.1, 0x7f.1, 0177.0.0.1
    Classic,
    /// Decimal octets with leading zeros: 001.002.004.000, and networks and ranges of them
    Padded,
}

/// The form in which addresses are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum To {
    /// The shortest text, in lower case (RFC 5952)
    #[default]
    Canonical,
    /// All 32 digits of an IPv6 address
    Expanded,
    /// The name in reverse DNS; a network becomes its zones, one a line
    Reverse,
    /// One decimal number
    Integer,
    /// One hexadecimal number with all its digits
    Hex,
    /// One binary number with all its digits
    Binary,
}

/// The lengths to which addresses are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) v4: u8,
    pub(crate) v6: u8,
}

/// One of the two versions of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
}

/// How a text is read, and which items count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) from: From,
    /// The forms that are read besides the strict ones. They count only with [`From::Auto`].
    pub(crate) forms: Forms,
    /// Whether an IPv4-mapped IPv6 address becomes its IPv4 address.
    pub(crate) unmap: bool,
    /// Whether only items of one version count, and of which.
    pub(crate) only: Option<Version>,
}

impl std::convert::From<Entry> for Item {
    fn from(entry: Entry) -> Item {
        match entry {
            Entry::Addr(addr) => Item::Addr(addr),
            Entry::Net(net) => Item::Net(net),
            Entry::Range(range) => Item::Range(range),
        }
    }
}

/// The reason why a text is not an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The byte at which the text is wrong, from 0.
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl std::convert::From<ParseError> for Wrong {
    #[cold]
    fn from(error: ParseError) -> Wrong {
        Wrong {
            at: error.position(),
            reason: error.reason().to_string(),
        }
    }
}

impl Wrong {
    /// Moves the place, for a text with `bytes` more bytes before it.
    fn behind(mut self, bytes: usize) -> Wrong {
        self.at += bytes;
        self
    }
}

type Parsed<T> = Result<T, Wrong>;

impl Meaning {
    /// Reads an item from text.
    #[inline]
    pub(crate) fn parse(&self, text: &[u8]) -> Parsed<Item> {
        Ok(match self.from {
            From::Auto if self.forms == Forms::STRICT => auto(text)?,
            From::Auto => match auto(text) {
                Ok(item) => item,
                Err(_) => forms::parse(text, self.forms)?.into(),
            },
            From::Ip => Item::Addr(ip::parse(text)?),
            From::Net => Item::Net(parse_net(text)?),
            From::Range => Item::Range(range::parse(text)?),
            From::Socket => socket(text)?,
            From::Reverse => name(text)?,
            From::Integer => composed(text, integer)?,
            From::Hex => composed(text, hex)?,
            From::Classic => match (auto(text), lenient::parse_v4(text)) {
                (Err(_), Ok(addr)) => Item::Addr(addr.into()),
                (result, _) => result?,
            },
            From::Padded => composed(text, padded)?,
        })
    }

    /// Returns the forms of lists with which a wrong text could be read, for a hint.
    pub(crate) fn needs(&self, text: &[u8]) -> Option<Forms> {
        if self.from != From::Auto || self.forms != Forms::STRICT {
            return None;
        }
        // A short number is rather a mistake than an address.
        let number = text.len() > 6 && text.iter().all(u8::is_ascii_digit);
        let number = number && forms::parse(text, Forms::NUMBERS).is_ok();
        Forms::needed(text).or_else(|| number.then_some(Forms::NUMBERS))
    }

    /// Returns whether items are changed or left out.
    #[inline(always)]
    pub(crate) fn adjusts(&self) -> bool {
        self.unmap || self.only.is_some()
    }

    /// Returns the item as it counts, or `None` if it does not count.
    #[inline]
    pub(crate) fn adjust(&self, item: Item) -> Option<Item> {
        let item = if self.unmap { item.unmapped() } else { item };
        self.counts(item.addr()).then_some(item)
    }

    /// Like [`Meaning::adjust`], for an address.
    #[inline]
    pub(crate) fn adjust_addr(&self, addr: IpAddr) -> Option<IpAddr> {
        let addr = if self.unmap {
            addr.to_canonical()
        } else {
            addr
        };
        self.counts(addr).then_some(addr)
    }

    /// Returns whether an address is of a version that counts.
    #[inline]
    fn counts(&self, addr: IpAddr) -> bool {
        match self.only {
            None => true,
            Some(Version::V4) => addr.is_ipv4(),
            Some(Version::V6) => addr.is_ipv6(),
        }
    }
}

/// Decides by the first byte that tells the form.
#[inline]
fn auto(text: &[u8]) -> Parsed<Item> {
    match text.iter().position(|b| !b.is_ascii_digit() && *b != b'.') {
        None => return Ok(Item::Addr(ip::parse(text)?)),
        Some(at) if text[at] == b'/' => return Ok(Item::Net(parse_net(text)?)),
        Some(_) => {}
    }
    other(text)
}

fn other(text: &[u8]) -> Parsed<Item> {
    let has = |byte: u8| memchr::memchr(byte, text);
    if is_name(text) {
        return name(text);
    }
    // A zone may have dashes in its name, so look for a zone before a range.
    if text.starts_with(b"[") {
        return match text.strip_suffix(b"]") {
            Some(inside) => address(&inside[1..]).map_err(|wrong| wrong.behind(1)),
            None => socket(text),
        };
    }
    if text.starts_with(b"0x") || text.starts_with(b"0X") {
        return composed(text, hex);
    }
    let zone = has(b'%');
    if let Some(dash) = has(b'-')
        && zone.is_none_or(|zone| dash < zone)
    {
        return Ok(Item::Range(range::parse(text)?));
    }
    if has(b'/').is_some() {
        return Ok(Item::Net(parse_net(text)?));
    }
    if zone.is_some() {
        return address(text);
    }
    match has(b':') {
        // A single colon behind dots begins a port.
        Some(colon)
            if memchr::memchr(b'.', &text[..colon]).is_some()
                && memchr::memchr(b':', &text[colon + 1..]).is_none() =>
        {
            socket(text)
        }
        _ => Ok(Item::Addr(ip::parse(text)?)),
    }
}

fn address(text: &[u8]) -> Parsed<Item> {
    let scoped = ScopedAddr::parse(text)?;
    Ok(match scoped.zone() {
        None => Item::Addr(scoped.addr()),
        Some(_) => Item::Scoped(scoped),
    })
}

fn socket(text: &[u8]) -> Parsed<Item> {
    Ok(Item::Socket(ip::parse_socket_addr(text)?))
}

/// Reads one address, `FIRST-LAST` or `ADDRESS/LENGTH`. `one` reads an address.
fn composed(text: &[u8], one: impl Fn(&[u8]) -> Parsed<IpAddr>) -> Parsed<Item> {
    if let Some(dash) = memchr::memchr(b'-', text) {
        let first = one(text[..dash].trim_ascii_end())?;
        let behind = &text[dash + 1..];
        let at = dash + 1 + (behind.len() - behind.trim_ascii_start().len());
        let last = one(&text[at..]).map_err(|wrong| wrong.behind(at))?;
        let (first, last) = match (first, last) {
            // Numbers do not tell their version. If one is above the IPv4 numbers, both are IPv6.
            (IpAddr::V4(low), IpAddr::V6(_)) if !text.contains(&b'.') => {
                (Ipv6Addr::from_bits(low.to_bits().into()).into(), last)
            }
            both => both,
        };
        let range = IpRange::new(first, last).ok_or_else(|| {
            let reason = if first.is_ipv4() == last.is_ipv4() {
                "range ends before it begins"
            } else {
                "range from one version to the other"
            };
            Wrong {
                at,
                reason: reason.to_owned(),
            }
        })?;
        return Ok(Item::Range(range));
    }
    let Some(slash) = memchr::memchr(b'/', text) else {
        return one(text).map(Item::Addr);
    };
    let addr = one(&text[..slash])?;
    // Read it as a strict network, to get the usual reasons.
    let mut strict = Vec::new();
    push_addr(&mut strict, addr);
    let shift = |at: usize| (at + slash).saturating_sub(strict.len());
    let end = strict.len();
    let mut net = strict.clone();
    net.extend_from_slice(&text[slash..]);
    match net::parse(&net) {
        Ok(net) => Ok(Item::Net(net)),
        Err(error) => {
            let wrong = Wrong::from(error);
            let at = if wrong.at >= end {
                shift(wrong.at)
            } else {
                slash
            };
            Err(Wrong { at, ..wrong })
        }
    }
}

fn integer(text: &[u8]) -> Parsed<IpAddr> {
    match v4::from_integer(text) {
        Ok(addr) => Ok(addr.into()),
        Err(_) => Ok(v6::from_integer(text)?.into()),
    }
}

fn hex(text: &[u8]) -> Parsed<IpAddr> {
    let prefix = text.starts_with(b"0x") || text.starts_with(b"0X");
    let digits = text.len() - if prefix { 2 } else { 0 };
    Ok(if digits <= 8 {
        v4::from_hex(text)?.into()
    } else {
        v6::from_hex(text)?.into()
    })
}

/// Reads an address whose octets are decimal, even if they begin with zeros.
fn padded(text: &[u8]) -> Parsed<IpAddr> {
    let mut plain = Vec::new();
    // The original place of each byte that stays.
    let mut places = Vec::new();
    let mut start = true;
    for (at, byte) in text.iter().enumerate() {
        let digit_next = text.get(at + 1).is_some_and(u8::is_ascii_digit);
        let zero = start && *byte == b'0' && digit_next && !text.contains(&b':');
        if !zero {
            plain.push(*byte);
            places.push(at);
            start = *byte == b'.';
        }
    }
    let long = text.split(|b| *b == b'.').any(|octet| octet.len() > 3);
    if long && !text.contains(&b':') {
        return Ok(ip::parse(text)?);
    }
    ip::parse(&plain).map_err(|error| {
        let wrong = Wrong::from(error);
        let at = places.get(wrong.at).copied().unwrap_or(text.len());
        Wrong { at, ..wrong }
    })
}

/// Returns whether the text ends like a name of reverse DNS.
fn is_name(text: &[u8]) -> bool {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let end = &text[text.len().saturating_sub(5)..];
    text.len() > 5 && end.eq_ignore_ascii_case(b".arpa")
}

/// Reads the name of an address in reverse DNS, or the name of a zone, which is a network.
fn name(text: &[u8]) -> Parsed<Item> {
    match reverse::parse(text) {
        Ok(addr) => Ok(Item::Addr(addr)),
        Err(error) => zone(text).map(Item::Net).ok_or_else(|| error.into()),
    }
}

/// Returns the network of a reverse DNS zone.
fn zone(text: &[u8]) -> Option<IpNet> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let text = text.strip_suffix('.').unwrap_or(&text);
    let labels = |root: &str| {
        let rest = text.strip_suffix(root)?;
        if rest.is_empty() {
            return Some(Vec::new());
        }
        let rest = rest.strip_suffix('.')?;
        Some(rest.rsplit('.').map(str::to_owned).collect::<Vec<_>>())
    };
    let plain = |label: &String, radix| {
        let digits = label.bytes().all(|b| b.is_ascii_hexdigit());
        let zero = label.len() > 1 && label.starts_with('0');
        (digits && !zero).then(|| u8::from_str_radix(label, radix).ok())?
    };
    if let Some(labels) = labels("in-addr.arpa").filter(|labels| labels.len() < 4) {
        let mut octets = [0; 4];
        for (octet, label) in octets.iter_mut().zip(&labels) {
            *octet = plain(label, 10)?;
        }
        let net = Ipv4Net::new(octets.into(), 8 * labels.len() as u8).ok()?;
        return Some(net.into());
    }
    let labels = labels("ip6.arpa").filter(|labels| labels.len() < 32)?;
    let mut bits = 0u128;
    for (i, label) in labels.iter().enumerate() {
        let digit = plain(label, 16).filter(|digit| *digit < 16)?;
        bits |= u128::from(digit) << (124 - 4 * i);
    }
    let addr = Ipv6Addr::from_bits(bits);
    let net = net::Ipv6Net::new(addr, 4 * labels.len() as u8).ok()?;
    Some(net.into())
}

/// Reads `ADDRESS/LENGTH`, or `ADDRESS/MASK` with a mask of ones and then zeros.
#[inline]
fn parse_net(text: &[u8]) -> Parsed<IpNet> {
    net::parse(text).or_else(|error| with_mask(text).ok_or_else(|| error.into()))
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
    /// Returns the kind of the item, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Item::Addr(_) => "address",
            Item::Net(_) => "network",
            Item::Range(_) => "range",
            Item::Socket(_) => "socket",
            Item::Scoped(_) => "scoped",
        }
    }

    /// Returns its address. A network returns the address as written, and a range its first address.
    pub(crate) fn addr(&self) -> IpAddr {
        match self {
            Item::Addr(addr) => *addr,
            Item::Net(net) => net.addr(),
            Item::Range(range) => range.first(),
            Item::Socket(socket) => socket.ip(),
            Item::Scoped(scoped) => scoped.addr(),
        }
    }

    /// Returns all its addresses.
    pub(crate) fn range(&self) -> IpRange {
        match self {
            Item::Net(net) => (*net).into(),
            Item::Range(range) => *range,
            other => other.addr().into(),
        }
    }

    /// Returns it as a network, if it is a network or a single address.
    pub(crate) fn net(&self) -> Option<IpNet> {
        match self {
            Item::Net(net) => Some(*net),
            Item::Range(_) => None,
            other => Some(other.addr().into()),
        }
    }

    /// Returns it with IPv4 addresses, if all its addresses are IPv4-mapped.
    pub(crate) fn unmapped(self) -> Item {
        let v4 = |addr: IpAddr| match addr {
            IpAddr::V6(addr) => addr.to_ipv4_mapped(),
            IpAddr::V4(_) => None,
        };
        match self {
            Item::Addr(addr) => Item::Addr(addr.to_canonical()),
            Item::Net(net) if net.prefix_len() >= 96 => match v4(net.addr()) {
                Some(addr) => Item::Net(Ipv4Net::new_assert(addr, net.prefix_len() - 96).into()),
                None => self,
            },
            Item::Range(range) => match (v4(range.first()), v4(range.last())) {
                (Some(first), Some(last)) => {
                    IpRange::new(first.into(), last.into()).map_or(self, Item::Range)
                }
                _ => self,
            },
            Item::Socket(SocketAddr::V6(socket)) => match socket.ip().to_ipv4_mapped() {
                Some(addr) => Item::Socket(SocketAddrV4::new(addr, socket.port()).into()),
                None => self,
            },
            other => other,
        }
    }

    /// Returns the network of the mask's length that contains the item. An item that is larger, or lies
    /// in several such networks, stays as it is.
    pub(crate) fn masked(self, mask: Mask) -> Item {
        let range = self.range();
        let len = if range.first().is_ipv4() {
            mask.v4
        } else {
            mask.v6
        };
        match IpNet::new(range.first(), len) {
            Ok(net) if net.contains(&range.last()) => Item::Net(net.trunc()),
            _ => self,
        }
    }

    /// Returns the item for comparisons. A network or range of one address becomes the address:
    /// 10.0.0.1/32 and 10.0.0.1-10.0.0.1 become 10.0.0.1.
    #[inline]
    pub(crate) fn key(self) -> Item {
        match self {
            Item::Net(net) if net.prefix_len() == net.max_prefix_len() => Item::Addr(net.addr()),
            Item::Range(range) if range.first() == range.last() => Item::Addr(range.first()),
            other => other,
        }
    }

    /// Compares by the order of `sort`: IPv4 first, then by address, with larger items first, then by
    /// kind, port and zone.
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
            // This is the most frequent case.
            Item::Addr(addr) if to == To::Canonical => push_addr(out, *addr),
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

/// Appends a network with its prefix length. With `bare`, a single address has no length.
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
    write!(out, "{value}").expect("a write into a vector does not fail");
}

/// Returns the reverse DNS zones that make up a network, as networks.
pub(crate) fn zones(net: IpNet) -> impl Iterator<Item = IpNet> {
    let step = if net.addr().is_ipv4() { 8 } else { 4 };
    let len = net.prefix_len().next_multiple_of(step);
    net.trunc().subnets(len).expect("the length is valid")
}

/// Appends the name of such a zone: the name without the labels of the host part.
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

    fn read(text: &str, from: From) -> Parsed<Item> {
        let meaning = Meaning {
            from,
            ..Meaning::default()
        };
        meaning.parse(text.as_bytes())
    }

    fn as_text(text: &str, to: To) -> String {
        let mut out = Vec::new();
        read(text, From::Auto).unwrap().write(to, &mut out);
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
            let item = read(text, From::Auto).unwrap();
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
            assert!(read(text, From::Auto).is_err(), "{text}");
        }
        assert!(read("3221225985", From::Integer).is_ok());
        assert!(read("4294967296", From::Integer).unwrap().addr().is_ipv6());
        assert!(read("127.1", From::Classic).is_ok());
        assert!(read("127.1", From::Auto).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "192.0.2.0/24",
            "0.0.0.0/0",
            "10.0.0.0/8",
            "2001:db8::/32",
            "::/0",
            "192.0.2.1-192.0.2.9",
            "ffff::1-ffff::f",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            for (to, from) in [
                (To::Integer, From::Integer),
                (To::Hex, From::Hex),
                (To::Hex, From::Auto),
                (To::Reverse, From::Auto),
                (To::Expanded, From::Auto),
            ] {
                // Numbers do not tell their version, and a range has many zones.
                let small = to == To::Integer && text == "::/0";
                if small || to == To::Reverse && text.contains('-') {
                    continue;
                }
                let item = read(&as_text(text, to), from).unwrap();
                assert_eq!(item, read(text, From::Auto).unwrap(), "{text} {to:?}");
            }
        }
    }

    #[test]
    fn numbers_and_octets_with_zeros() {
        let one = |from: From, text: &str| {
            let mut out = Vec::new();
            match read(text, from) {
                Ok(item) => item.write(To::Canonical, &mut out),
                Err(wrong) => return format!("{}: {}", wrong.at, wrong.reason),
            }
            String::from_utf8(out).unwrap()
        };
        for (text, result) in [
            ("001.002.004.000", "1.2.4.0"),
            ("010.008.009.1", "10.8.9.1"),
            ("001.002.004.000 - 001.002.004.255", "1.2.4.0-1.2.4.255"),
            ("001.002.004.000/24", "1.2.4.0/24"),
            ("000.0.00.0", "0.0.0.0"),
            ("::1", "::1"),
            ("0001.2.3.4", "0: leading zero"),
            ("001.002.003.400", "12: octet over 255"),
            ("001.002.003.004/33", "16: prefix length over 32"),
        ] {
            assert_eq!(one(From::Padded, text), result, "{text}");
        }
        for (text, result) in [
            ("3221225985-3221225990", "192.0.2.1-192.0.2.6"),
            ("3221225984/24", "192.0.2.0/24"),
            ("1-4294967296", "::1-::1:0:0"),
            ("9-1", "2: range ends before it begins"),
            ("4294967296-1", "11: range from one version to the other"),
            ("1-x", "2: unexpected byte"),
        ] {
            assert_eq!(one(From::Integer, text), result, "{text}");
        }
        for (text, result) in [
            ("2.0.192.in-addr.arpa.", "192.0.2.0/24"),
            ("D.C.B.A.ip6.ARPA", "abcd::/16"),
            ("in-addr.arpa", "0.0.0.0/0"),
        ] {
            assert_eq!(one(From::Reverse, text), result, "{text}");
        }
        for text in [
            "1.2.300.in-addr.arpa",
            "02.1.in-addr.arpa",
            "x.ip6.arpa",
            "1.arpa",
            "..in-addr.arpa",
        ] {
            assert!(read(text, From::Auto).is_err(), "{text}");
        }
    }

    #[test]
    fn mapped_items_are_those_of_ipv4() {
        let meaning = Meaning {
            unmap: true,
            only: Some(Version::V4),
            ..Meaning::default()
        };
        for (text, result) in [
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("::ffff:1.2.3.0/120", Some("1.2.3.0/24")),
            ("::ffff:1.2.3.0-::ffff:1.2.3.9", Some("1.2.3.0-1.2.3.9")),
            ("[::ffff:1.2.3.4]:80", Some("1.2.3.4:80")),
            ("1.2.3.4", Some("1.2.3.4")),
            ("::/0", None),
            ("::1", None),
            ("::fffe:ffff:ffff-::ffff:0:1", None),
        ] {
            let item = meaning.adjust(read(text, From::Auto).unwrap());
            let expected = result.map(|text| read(text, From::Auto).unwrap());
            assert_eq!(item, expected, "{text}");
        }
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
