//! The columns and the JSON of an item, and their names.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use std_net_ip::IpAddress;
use std_net_ip::classify::{self, Registration};
use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;

use crate::input::swap_line_ends;
use crate::item::{Item, To, push_addr, push_as, push_display, push_zone, zones};
use crate::job::Job;
use crate::list::Match;
use crate::read::Entry;

/// A column of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    /// The source of the text: a file, "-", or an argument
    File,
    /// The number of the line, from 1
    Line,
    /// The byte in the line at which it begins, from 1
    Column,
    /// The text as it stands in the input
    Input,
    /// address, network, range, socket or scoped
    Kind,
    /// 4 or 6
    Version,
    /// The whole item in its canonical text
    Canonical,
    /// Only the address
    Address,
    Expanded,
    Reverse,
    Integer,
    Hex,
    Binary,
    Port,
    Zone,
    /// The prefix length
    Prefix,
    /// The network, without host bits
    Network,
    Netmask,
    /// The inverted mask, as in access lists
    Wildcard,
    /// The first address
    First,
    /// The last address
    Last,
    /// IPv4: the last address of a network with more than two
    Broadcast,
    /// The first address that a host can have
    #[value(name = "first_host", alias = "first-host")]
    FirstHost,
    /// The last address that a host can have
    #[value(name = "last_host", alias = "last-host")]
    LastHost,
    /// The number of addresses that hosts can have
    Hosts,
    /// The number of addresses
    Addresses,
    /// The block's name in the IANA registry
    Name,
    /// The registered block
    Block,
    /// The document that reserves the block
    Rfc,
    /// Whether it is globally reachable
    Global,
    /// What is inside an IPv6 address: the IPv4 address of NAT64, 6to4, Teredo, ISATAP; the MAC address of EUI-64
    Inside,
}

/// The content of a column.
enum Value<'a> {
    None,
    Bool(bool),
    /// A number, as its digits.
    Number(String),
    Text(Vec<u8>),
    Raw(&'a [u8]),
    /// Several fields, with tabs between them.
    Fields(&'a [u8]),
}

impl Field {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no field is skipped");
        value.get_name().to_owned()
    }

    fn value<'a>(self, entry: &Entry<'a>, names: &[String]) -> Value<'a> {
        let item = &entry.item;
        let addr = item.addr();
        let range = item.range();
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            Value::Text(out)
        };
        let maybe = |addr: Option<IpAddr>| match addr {
            Some(addr) => text(&|out| push_addr(out, addr)),
            None => Value::None,
        };
        let number = |n: u128| Value::Number(n.to_string());
        // These columns exist for a network or a single address.
        let net = item.net();
        match self {
            Field::File => Value::Text(names[entry.source].clone().into_bytes()),
            Field::Line => number(entry.line.into()),
            Field::Column => number(entry.column as u128),
            Field::Input => Value::Raw(entry.text),
            Field::Kind => Value::Raw(item.kind().as_bytes()),
            Field::Version => number(if addr.is_ipv4() { 4 } else { 6 }),
            Field::Canonical => text(&|out| item.write(To::Canonical, out)),
            Field::Address => maybe(Some(addr)),
            Field::Expanded => text(&|out| push_as(out, addr, To::Expanded)),
            Field::Reverse => match item {
                // Write the zones, if there are not many.
                Item::Net(_) | Item::Range(_) => {
                    let all: Vec<IpNet> = range.nets().flat_map(zones).take(17).collect();
                    if all.len() > 16 {
                        return Value::None;
                    }
                    text(&|out| {
                        for (i, zone) in all.iter().enumerate() {
                            if i > 0 {
                                out.push(b' ');
                            }
                            push_zone(out, *zone);
                        }
                    })
                }
                _ => text(&|out| push_as(out, addr, To::Reverse)),
            },
            Field::Integer => number(addr.to_integer()),
            Field::Hex => text(&|out| push_as(out, addr, To::Hex)),
            Field::Binary => text(&|out| push_as(out, addr, To::Binary)),
            Field::Port => match item {
                Item::Socket(socket) => number(socket.port().into()),
                _ => Value::None,
            },
            Field::Zone => match item {
                Item::Scoped(scoped) => match scoped.zone() {
                    Some(zone) => Value::Text(zone.into()),
                    None => Value::None,
                },
                _ => Value::None,
            },
            Field::Prefix => net.map_or(Value::None, |net| number(net.prefix_len().into())),
            Field::Network => match net {
                Some(net) => text(&|out| push_display(out, net.trunc())),
                None => Value::None,
            },
            Field::Netmask => maybe(net.map(|net| net.netmask())),
            Field::Wildcard => maybe(net.filter(|_| addr.is_ipv4()).map(|net| net.hostmask())),
            Field::First => maybe(Some(range.first())),
            Field::Last => maybe(Some(range.last())),
            Field::Broadcast => maybe(net.filter(has_broadcast).map(|net| net.broadcast())),
            Field::FirstHost => maybe(Some(hosts(item).first())),
            Field::LastHost => maybe(Some(hosts(item).last())),
            Field::Hosts => Value::Number(count(hosts(item))),
            Field::Addresses => Value::Number(count(range)),
            Field::Name => match registration(range) {
                Block::One(block) => Value::Raw(block.name().as_bytes()),
                Block::Several => Value::Raw(b"several blocks"),
                Block::None => Value::None,
            },
            Field::Block => match registration(range) {
                Block::One(block) => text(&|out| push_display(out, block.net())),
                _ => Value::None,
            },
            Field::Rfc => match registration(range) {
                Block::One(block) => Value::Raw(block.rfc().as_bytes()),
                _ => Value::None,
            },
            Field::Global => match registration(range) {
                Block::One(block) => block.globally_reachable().map_or(Value::None, Value::Bool),
                Block::Several => Value::None,
                Block::None => Value::Bool(true),
            },
            Field::Inside => match inside(addr) {
                Some(text) => Value::Text(text.into_bytes()),
                None => Value::None,
            },
        }
    }
}

/// Returns what is inside an IPv6 address, with the name of its form before it.
pub(crate) fn inside(addr: IpAddr) -> Option<String> {
    let IpAddr::V6(addr) = addr else {
        return None;
    };
    let bits = addr.to_bits();
    let v4 = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    let segments = addr.segments();
    let mac = mac(addr.octets());
    Some(match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] => format!("IPv4-mapped {}", v4(0)),
        // RFC 6052, section 2.2, and RFC 8215. In the second, the owner chooses the prefix length.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => format!("NAT64 {}", v4(0)),
        [0x64, 0xff9b, 1, ..] => format!("NAT64 {} (if the prefix has 96 bits)", v4(0)),
        // RFC 3056. The hosts of 6to4 may have EUI-64.
        [0x2002, ..] => match mac {
            Some(mac) => format!("6to4 {}, EUI-64 {mac}", v4(80)),
            None => format!("6to4 {}", v4(80)),
        },
        // RFC 4380, section 4: the bits of the client's address and port are inverted.
        [0x2001, 0, _, _, _, port, ..] => {
            let client = Ipv4Addr::from_bits(!(bits as u32));
            format!("Teredo {client}:{}, server {}", !port, v4(64))
        }
        // RFC 5214, section 6.1.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => format!("ISATAP {}", v4(0)),
        // A multicast address has no interface identifier.
        [0xff00..=0xffff, ..] => return None,
        _ => format!("EUI-64 {}", mac?),
    })
}

/// Returns the MAC address from which an interface identifier was made (RFC 4291, appendix A).
fn mac(octets: [u8; 16]) -> Option<String> {
    let [.., a, b, c, 0xff, 0xfe, d, e, f] = octets else {
        return None;
    };
    let a = a ^ 2;
    Some(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"))
}

/// Returns the number of addresses in decimal. 2<sup>128</sup> does not fit into any number type.
pub(crate) fn count(range: IpRange) -> String {
    match range.len() {
        Some(n) => n.to_string(),
        None => String::from("340282366920938463463374607431768211456"),
    }
}

/// Returns whether a network has a broadcast address. An IPv4 network of more than two addresses uses
/// its first address for the network and its last for broadcast.
fn has_broadcast(net: &IpNet) -> bool {
    net.addr().is_ipv4() && net.prefix_len() < 31
}

/// Returns the addresses that hosts can have. For an IPv4 network these are all but the first and the
/// last (see RFC 3021 for two addresses); for everything else they are all addresses.
pub(crate) fn hosts(item: &Item) -> IpRange {
    let range = item.range();
    if let (Item::Net(net), IpAddr::V4(first), IpAddr::V4(last)) =
        (item, range.first(), range.last())
        && has_broadcast(net)
    {
        let inside = |bits: u32| IpAddr::V4(bits.into());
        let hosts = IpRange::new(inside(first.to_bits() + 1), inside(last.to_bits() - 1));
        return hosts.unwrap_or(range);
    }
    range
}

enum Block {
    /// All its addresses are in this block, and not in a smaller one.
    One(&'static Registration),
    Several,
    /// All its addresses are ordinary.
    None,
}

fn registration(range: IpRange) -> Block {
    let (first, last) = (
        classify::classify(range.first()),
        classify::classify(range.last()),
    );
    let same = match (first, last) {
        (Some(a), Some(b)) => a.net() == b.net(),
        (None, None) => true,
        _ => false,
    };
    // A block may lie within the range, with both ends outside of the block.
    let within = |block: &Registration| {
        let net = IpRange::from(block.net());
        range.contains(net.first())
            && range.contains(net.last())
            && first.is_none_or(|f| f.net() != block.net())
    };
    if !same || range.first() != range.last() && classify::all().any(within) {
        return Block::Several;
    }
    first.map_or(Block::None, Block::One)
}

/// Which columns of each item are written, and how.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) to: To,
    /// If this is empty, only the text of the item is written.
    pub(crate) fields: Vec<Field>,
    pub(crate) json: bool,
    keys: Vec<Vec<u8>>,
    /// The names of the sources.
    names: Vec<String>,
}

impl Layout {
    pub(crate) fn new(to: To, fields: Vec<Field>, json: bool, names: &[String]) -> Layout {
        Layout {
            to,
            json,
            keys: keys(json, fields.iter().map(|field| field.name())),
            fields,
            names: names.to_vec(),
        }
    }

    /// Returns whether this column is written.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.fields.contains(&field)
    }

    /// Appends an item as a line.
    #[inline]
    pub(crate) fn write(&self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        if self.fields.is_empty() {
            entry.item.write(self.to, out);
            out.push(b'\n');
        } else {
            self.write_fields(entry, out);
        }
    }

    fn write_fields(&self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        for (i, field) in self.fields.iter().enumerate() {
            push_start(out, i, &self.keys);
            push_value(out, field.value(entry, &self.names), self.json);
        }
        push_end(out, self.json);
    }

    /// Returns the text of one field, or `-` if there is none.
    pub(crate) fn text(&self, field: Field, entry: &Entry<'_>) -> String {
        let one = Layout::new(self.to, vec![field], false, &self.names);
        let mut out = Vec::new();
        one.write_fields(entry, &mut out);
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }
}

/// A column of `filter` and `exclude`. It belongs to the address that decided about the line, or to the
/// line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineField {
    Of(Field),
    Match,
    Label,
    Text,
}

/// The columns that an address in a line can have.
static LINE_FIELDS: LazyLock<Vec<LineField>> = LazyLock::new(|| {
    let of_address = [
        Field::File,
        Field::Line,
        Field::Column,
        Field::Input,
        Field::Version,
        Field::Address,
        Field::Expanded,
        Field::Reverse,
        Field::Integer,
        Field::Hex,
        Field::Binary,
        Field::Name,
        Field::Block,
        Field::Rfc,
        Field::Global,
        Field::Inside,
    ];
    let own = [LineField::Match, LineField::Label, LineField::Text];
    of_address
        .map(LineField::Of)
        .into_iter()
        .chain(own)
        .collect()
});

impl ValueEnum for LineField {
    fn value_variants<'a>() -> &'a [LineField] {
        &LINE_FIELDS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            LineField::Of(field) => field.to_possible_value(),
            LineField::Match => {
                Some(PossibleValue::new("match").help(
                    "The most specific entry of the set that it is in, as it is written there",
                ))
            }
            LineField::Label => {
                Some(PossibleValue::new("label").help("The other fields of that entry's line"))
            }
            LineField::Text => Some(PossibleValue::new("text").help("The whole line")),
        }
    }
}

impl LineField {
    pub(crate) fn name(self) -> String {
        match self {
            LineField::Of(field) => field.name(),
            LineField::Match => String::from("match"),
            LineField::Label => String::from("label"),
            LineField::Text => String::from("text"),
        }
    }

    /// Returns whether the column belongs to the entry of the set that holds the address.
    pub(crate) fn is_of_match(&self) -> bool {
        matches!(self, LineField::Match | LineField::Label)
    }

    fn value<'a>(self, line: &Whole<'a>, names: &[String]) -> Value<'a> {
        match (self, &line.entry, line.matched) {
            (LineField::Of(field), Some(entry), _) => field.value(entry, names),
            // These columns need no address.
            (LineField::Of(Field::File), None, _) => {
                Value::Text(names[line.source].clone().into_bytes())
            }
            (LineField::Of(Field::Line), None, _) => Value::Number(line.number.to_string()),
            (LineField::Text, ..) => Value::Raw(line.text),
            (LineField::Match, _, Some(found)) => Value::Raw(found.text),
            (LineField::Label, _, Some(found)) => Value::Fields(found.rest),
            (LineField::Of(_) | LineField::Match | LineField::Label, ..) => Value::None,
        }
    }
}

/// A line of text, and the item that decided about it.
pub(crate) struct Whole<'a> {
    pub(crate) source: usize,
    /// The number of the line, from 1.
    pub(crate) number: u64,
    /// The line with its line end.
    pub(crate) whole: &'a [u8],
    /// The line without its line end.
    pub(crate) text: &'a [u8],
    /// The item that matches, or otherwise the first item, if there is one.
    pub(crate) entry: Option<Entry<'a>>,
    /// The entry of the set that holds this item.
    pub(crate) matched: Option<Match<'a>>,
}

/// Which columns of each line are written, and how.
#[derive(Clone, Debug)]
pub(crate) struct LineLayout {
    fields: Vec<LineField>,
    json: bool,
    /// In a line, zero bytes stand for line ends.
    zero: bool,
    keys: Vec<Vec<u8>>,
    /// The names of the sources.
    names: Vec<String>,
}

impl LineLayout {
    pub(crate) fn new(fields: Vec<LineField>, json: bool, job: &Job) -> LineLayout {
        LineLayout {
            json,
            zero: job.style.zero,
            keys: keys(json, fields.iter().map(|field| field.name())),
            fields,
            names: job.names.clone(),
        }
    }

    /// Appends the object or the columns of a line.
    pub(crate) fn write(&self, line: &Whole<'_>, out: &mut Vec<u8>) {
        for (i, field) in self.fields.iter().enumerate() {
            push_start(out, i, &self.keys);
            let mut value = field.value(line, &self.names);
            // In text, the output turns these bytes back into line ends.
            if self.zero
                && self.json
                && let Value::Raw(text) = value
            {
                let mut text = text.to_vec();
                swap_line_ends(&mut text);
                value = Value::Text(text);
            }
            push_value(out, value, self.json);
        }
        push_end(out, self.json);
    }
}

/// Returns the text before each value. Only JSON has keys.
fn keys(json: bool, names: impl Iterator<Item = String>) -> Vec<Vec<u8>> {
    let key = |(i, name): (usize, String)| {
        let mut key = vec![if i == 0 { b'{' } else { b',' }];
        push_json(&mut key, name.as_bytes());
        key.push(b':');
        key
    };
    names.enumerate().map(key).filter(|_| json).collect()
}

/// Appends the text before the value with this number.
#[inline(always)]
fn push_start(out: &mut Vec<u8>, i: usize, keys: &[Vec<u8>]) {
    if let Some(key) = keys.get(i) {
        out.extend_from_slice(key);
    } else if i > 0 {
        out.push(b'\t');
    }
}

#[inline(always)]
fn push_value(out: &mut Vec<u8>, value: Value<'_>, json: bool) {
    match (value, json) {
        (Value::None, true) => out.extend_from_slice(b"null"),
        (Value::None, false) => out.push(b'-'),
        (Value::Bool(b), true) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        (Value::Bool(b), false) => out.extend_from_slice(if b { b"yes" } else { b"no" }),
        (Value::Number(n), true) if is_large(&n) => push_json(out, n.as_bytes()),
        (Value::Number(n), _) => out.extend_from_slice(n.as_bytes()),
        (Value::Fields(fields), true) => {
            out.push(b'[');
            for (i, field) in fields.split(|b| *b == b'\t').enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push_json(out, field);
            }
            out.push(b']');
        }
        (Value::Fields(b""), false) => out.push(b'-'),
        (Value::Fields(fields), false) => out.extend_from_slice(fields),
        (Value::Text(text), true) => push_json(out, &text),
        (Value::Raw(text), true) => push_json(out, text),
        (Value::Text(text), false) => push_column(out, &text),
        (Value::Raw(text), false) => push_column(out, text),
    }
}

/// Returns whether a number is above 2<sup>53</sup>: many programs that read JSON change such numbers.
fn is_large(digits: &str) -> bool {
    const MOST: &str = "9007199254740992";
    digits.len() > MOST.len() || digits.len() == MOST.len() && digits > MOST
}

fn push_end(out: &mut Vec<u8>, json: bool) {
    out.extend_from_slice(if json { b"}\n" } else { b"\n" });
}

/// Appends a JSON text. Bytes that are not UTF-8 become replacement characters, because JSON must be
/// UTF-8.
fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    // Most text is UTF-8, and a check for this is faster than a search for wrong bytes.
    let text = match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    };
    serde_json::to_writer(out, &text)
        .expect("text is always valid JSON, and a write into a vector does not fail");
}

/// Appends a column. A tab inside it becomes a space, because it would make two columns.
fn push_column(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().map(|b| if *b == b'\t' { b' ' } else { *b }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside() {
        for (addr, text) in [
            ("64:ff9b::c000:221", Some("NAT64 192.0.2.33")),
            ("2002:c000:0204::1", Some("6to4 192.0.2.4")),
            // This is the example of RFC 4380, section 5.2.9, with today's prefix.
            (
                "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                Some("Teredo 192.0.2.45:40000, server 65.54.227.120"),
            ),
            ("fe80::5054:ff:fe12:3456", Some("EUI-64 52:54:00:12:34:56")),
            (
                "2001:db8::211:22ff:fe33:4455",
                Some("EUI-64 00:11:22:33:44:55"),
            ),
            ("::ffff:1.2.3.4", Some("IPv4-mapped 1.2.3.4")),
            ("fe80::5efe:192.0.2.143", Some("ISATAP 192.0.2.143")),
            ("2001:db8::1", None),
            ("ff02::1:ff00:1", None),
            ("1.2.3.4", None),
        ] {
            assert_eq!(inside(addr.parse().unwrap()).as_deref(), text, "{addr}");
        }
    }

    #[test]
    fn numbers_that_json_would_change() {
        assert!(!is_large("9007199254740992") && !is_large("1"));
        assert!(is_large("9007199254740993") && is_large("18446744073709551616"));
    }
}
