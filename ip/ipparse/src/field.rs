//! What is said of an item: columns, JSON, and the names of both.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use std_net_ip::IpAddress;
use std_net_ip::classify::{self, Registration};
use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;

use crate::item::{Item, To, push_addr, push_as, push_display, push_net, push_zone, zones};
use crate::read::Entry;

/// A column of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    /// Where the text is from: a file, "-", or an argument
    File,
    /// The number of the line, from 1
    Line,
    /// The byte in the line at which it begins, from 1
    Column,
    /// The text as it was read
    Input,
    /// address, network, range, socket or scoped
    Kind,
    /// 4 or 6
    Version,
    /// The whole in its canonical text
    Canonical,
    /// The address alone
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
    /// The mask turned round, as in access lists
    Wildcard,
    /// The first address
    First,
    /// The last address
    Last,
    /// IPv4: the last address of a network with more than two
    Broadcast,
    /// The first address for a host
    FirstHost,
    /// The last address for a host
    LastHost,
    /// How many addresses for hosts
    Hosts,
    /// How many addresses
    Addresses,
    /// The block's name in the IANA registry
    Name,
    /// The registered block
    Block,
    /// The document that reserves the block
    Rfc,
    /// Whether it is globally reachable
    Global,
}

/// What stands in a column.
enum Value<'a> {
    None,
    Bool(bool),
    /// A number, as its digits.
    Number(String),
    Text(Vec<u8>),
    Raw(&'a [u8]),
}

impl Field {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("none is skipped");
        value.get_name().replace('-', "_")
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
        // Of what is a network or one address.
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
                // Zones, if they are not many.
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
        }
    }
}

/// How many addresses, in decimal; 2<sup>128</sup> is in no number.
pub(crate) fn count(range: IpRange) -> String {
    match range.len() {
        Some(n) => n.to_string(),
        None => String::from("340282366920938463463374607431768211456"),
    }
}

/// IPv4 networks of more than two addresses keep the first for the network and the last for broadcast.
fn has_broadcast(net: &IpNet) -> bool {
    net.addr().is_ipv4() && net.prefix_len() < 31
}

/// The addresses for hosts: of IPv4 networks without the first and the last (but RFC 3021); of
/// all else every one.
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
    /// All of it is in this block, and in no smaller one.
    One(&'static Registration),
    Several,
    /// All of it is ordinary.
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
    // A block within it that neither of its ends is in.
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

/// What of each item is written, and how.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) to: To,
    /// Empty: the text of the item alone.
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

    /// Whether the number of the line, or the place in it, is wanted.
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

    /// The text of one field, `-` if there is none.
    pub(crate) fn text(&self, field: Field, entry: &Entry<'_>) -> String {
        let one = Layout::new(self.to, vec![field], false, &self.names);
        let mut out = Vec::new();
        one.write_fields(entry, &mut out);
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }
}

/// A column of `filter` and `exclude`: of the address that decided about the line, or of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineField {
    Of(Field),
    Match,
    Text,
}

/// Those that an address in a line can have.
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
    ];
    let own = [LineField::Match, LineField::Text];
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
            LineField::Match => Some(
                PossibleValue::new("match")
                    .help("The network of the set that the address is in; neighbours count as one"),
            ),
            LineField::Text => Some(PossibleValue::new("text").help("The whole line")),
        }
    }
}

impl LineField {
    fn name(self) -> String {
        match self {
            LineField::Of(field) => field.name(),
            LineField::Match => String::from("match"),
            LineField::Text => String::from("text"),
        }
    }

    fn value<'a>(self, line: &Whole<'a>, names: &[String]) -> Value<'a> {
        match (self, &line.entry, line.matched) {
            (LineField::Of(field), Some(entry), _) => field.value(entry, names),
            // No address is needed for these.
            (LineField::Of(Field::File), None, _) => {
                Value::Text(names[line.source].clone().into_bytes())
            }
            (LineField::Of(Field::Line), None, _) => Value::Number(line.number.to_string()),
            (LineField::Text, ..) => Value::Raw(line.text),
            (LineField::Match, _, Some(net)) => {
                let mut text = Vec::new();
                push_net(&mut text, net, false);
                Value::Text(text)
            }
            (LineField::Of(_) | LineField::Match, ..) => Value::None,
        }
    }
}

/// A line of text, and what decided about it.
pub(crate) struct Whole<'a> {
    pub(crate) source: usize,
    /// From 1.
    pub(crate) number: u64,
    /// Without its line end.
    pub(crate) text: &'a [u8],
    /// The address that is in the set, or else the first, if there is one.
    pub(crate) entry: Option<Entry<'a>>,
    /// The network of the set that this is in.
    pub(crate) matched: Option<IpNet>,
}

/// What of each line is written, and how.
#[derive(Clone, Debug)]
pub(crate) struct LineLayout {
    fields: Vec<LineField>,
    json: bool,
    keys: Vec<Vec<u8>>,
    /// The names of the sources.
    names: Vec<String>,
}

impl LineLayout {
    pub(crate) fn new(fields: Vec<LineField>, json: bool, names: &[String]) -> LineLayout {
        LineLayout {
            json,
            keys: keys(json, fields.iter().map(|field| field.name())),
            fields,
            names: names.to_vec(),
        }
    }

    pub(crate) fn has(&self, field: LineField) -> bool {
        self.fields.contains(&field)
    }

    /// Appends a line's object or columns.
    pub(crate) fn write(&self, line: &Whole<'_>, out: &mut Vec<u8>) {
        for (i, field) in self.fields.iter().enumerate() {
            push_start(out, i, &self.keys);
            push_value(out, field.value(line, &self.names), self.json);
        }
        push_end(out, self.json);
    }
}

/// What stands before each value in JSON; nothing else has keys.
fn keys(json: bool, names: impl Iterator<Item = String>) -> Vec<Vec<u8>> {
    let key = |(i, name): (usize, String)| {
        let mut key = vec![if i == 0 { b'{' } else { b',' }];
        push_json(&mut key, name.as_bytes());
        key.push(b':');
        key
    };
    names.enumerate().map(key).filter(|_| json).collect()
}

/// What stands before the value with this number.
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
        (Value::Number(n), _) => out.extend_from_slice(n.as_bytes()),
        (Value::Text(text), true) => push_json(out, &text),
        (Value::Raw(text), true) => push_json(out, text),
        (Value::Text(text), false) => push_column(out, &text),
        (Value::Raw(text), false) => push_column(out, text),
    }
}

fn push_end(out: &mut Vec<u8>, json: bool) {
    out.extend_from_slice(if json { b"}\n" } else { b"\n" });
}

/// Text that is not UTF-8 gets replacement characters, as JSON has no other.
fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    // Most text is UTF-8, and to find that out is faster than to look for what is not.
    let text = match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    };
    serde_json::to_writer(out, &text).expect("text is always JSON, and a vector takes all");
}

/// A tab within a column would be two.
fn push_column(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().map(|b| if *b == b'\t' { b' ' } else { *b }));
}
