//! Items out of blocks: one a line, or out of free text; and lines that hold none.

use std::net::IpAddr;

use std_net_ip::net::{self, IpNet, Ipv4Net};

use crate::input::{Block, PAD};
use crate::item::{self, From, Item};
use crate::output::complain;
use crate::scan::Scanner;

/// An item and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) item: Item,
    /// As it was written.
    pub(crate) text: &'a [u8],
    pub(crate) source: usize,
    /// Both from 1; the column in bytes.
    pub(crate) line: u64,
    pub(crate) column: usize,
}

/// A line that is no item.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    pub(crate) source: usize,
    pub(crate) line: u64,
    /// Of the byte where it goes wrong, from 1.
    pub(crate) column: usize,
    reason: String,
    /// The line around the place, escaped, and where the place is in it.
    before: String,
    here: String,
    after: String,
}

/// What is read, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) extract: bool,
    pub(crate) from: From,
}

/// What a line is.
pub(crate) enum Line<'a> {
    Item(Entry<'a>),
    /// Not an item: the whole line, and what is wrong with it.
    Bad(&'a [u8], Box<Bad>),
    /// Empty, or a comment: the whole line.
    Blank(&'a [u8]),
}

/// Calls `f` for each item, bad line and blank line of a block, in order, until it returns false.
#[inline(always)]
pub(crate) fn each<'a>(
    scanner: &mut Scanner,
    block: &'a Block,
    style: Style,
    mut f: impl FnMut(Line<'a>) -> bool,
) {
    if style.extract {
        return extract(scanner, block, |entry| f(Line::Item(entry)));
    }
    let padded = block.padded();
    let end = PAD + block.text().len();
    let (mut at, mut line) = (PAD, block.first_line);
    // Most lines are nothing but an address or network: the scanner reads those of IPv4 at once.
    let quick = matches!(style.from, From::Auto | From::Classic);
    if quick {
        scanner.prepare(padded);
    }
    while at < end {
        let plain = if quick {
            plain_v4(scanner, padded, at)
        } else {
            None
        };
        let (item, len) = match plain {
            Some((item, len)) => (Some(item), len),
            None => {
                let len = memchr::memchr(b'\n', &padded[at..]).unwrap_or(0);
                let whole = &padded[at..at + len];
                (if quick { plain_v6(whole) } else { None }, len)
            }
        };
        let whole = &padded[at..at + len];
        at += len + 1;
        let found = match item {
            Some(item) => Line::Item(Entry {
                item,
                text: whole,
                source: block.source,
                line,
                column: 1,
            }),
            None => any(whole, block.source, line, style.from),
        };
        if !f(found) {
            return;
        }
        line += 1;
    }
}

/// The IPv4 address or network that the line at `start` is, and its length.
#[inline(always)]
fn plain_v4(scanner: &Scanner, padded: &[u8], start: usize) -> Option<(Item, usize)> {
    let (addr, end) = scanner.line(padded, start)?;
    let digit = |b: u8| b.wrapping_sub(b'0');
    let (len, digits) = match padded[end..] {
        [b'\n', ..] => return Some((Item::Addr(addr.into()), end - start)),
        [b'/', a, b'\n', ..] if digit(a) < 10 => (digit(a), 1),
        [b'/', a, b, b'\n', ..] if digit(a) < 10 && digit(b) < 10 => (digit(a) * 10 + digit(b), 2),
        _ => return None,
    };
    let net = Ipv4Net::new(addr, len).ok()?;
    Some((Item::Net(net.into()), end + 1 + digits - start))
}

/// The IPv6 address or network that the line is. Out of line, so that IPv4 stays fast.
#[inline(never)]
fn plain_v6(whole: &[u8]) -> Option<Item> {
    if !whole.iter().take(5).any(|b| *b == b':') {
        return None;
    }
    match whole {
        [.., b'/', _] | [.., b'/', _, _] | [.., b'/', _, _, _] => {
            let net = net::parse_v6(whole).ok()?;
            Some(Item::Net(net.into()))
        }
        _ => {
            let addr = std_net_ip::parse_v6(whole).ok()?;
            Some(Item::Addr(addr.into()))
        }
    }
}

/// A line of any kind.
fn any(whole: &[u8], source: usize, line: u64, from: From) -> Line<'_> {
    let (start, text) = strip(whole, line == 1);
    if text.is_empty() {
        return Line::Blank(whole);
    }
    match item::parse(text, from) {
        Ok(item) => Line::Item(Entry {
            item,
            text,
            source,
            line,
            column: start + 1,
        }),
        Err(error) => {
            let at = start + error.position();
            let reason = error.reason().to_string();
            Line::Bad(whole, Box::new(Bad::new(whole, at, reason, source, line)))
        }
    }
}

/// A line without white space around it and without a comment; and where that begins. A comment
/// begins with `#` or `;`, at the beginning or behind white space.
#[inline(always)]
fn strip(whole: &[u8], first: bool) -> (usize, &[u8]) {
    let mut start = 0;
    // A byte order mark, as some editors write.
    if first && whole.starts_with(b"\xef\xbb\xbf") {
        start = 3;
    }
    while whole.get(start).is_some_and(u8::is_ascii_whitespace) {
        start += 1;
    }
    let mut text = &whole[start..];
    // Nothing of it is in most lines.
    if text.iter().any(|b| *b <= b' ' || *b == b'#' || *b == b';') {
        let comment =
            |i: &usize| b"#;".contains(&text[*i]) && (*i == 0 || text[i - 1].is_ascii_whitespace());
        if let Some(at) = (0..text.len()).find(comment) {
            text = &text[..at];
        }
        text = text.trim_ascii_end();
    }
    (start, text)
}

fn extract<'a>(scanner: &mut Scanner, block: &'a Block, mut f: impl FnMut(Entry<'a>) -> bool) {
    let padded = block.padded();
    // Line numbers are counted up to each place.
    let (mut line, mut line_start) = (block.first_line, PAD);
    let mut counted = line_start;
    scanner.scan::<true, true>(padded, |found| {
        for at in memchr::memchr_iter(b'\n', &padded[counted..found.start]) {
            line += 1;
            line_start = counted + at + 1;
        }
        counted = found.start;
        let (item, end) = match length(padded, found.addr, found.end) {
            Some((net, end)) => (Item::Net(net), end),
            None => (Item::Addr(found.addr), found.end),
        };
        let go_on = f(Entry {
            item,
            text: &padded[found.start..end],
            source: block.source,
            line,
            column: found.start - line_start + 1,
        });
        if go_on { end } else { padded.len() }
    });
}

/// A prefix length behind an address in free text, with nothing behind it that continues a word or a
/// path.
fn length(padded: &[u8], addr: IpAddr, end: usize) -> Option<(IpNet, usize)> {
    let rest = padded[end..].strip_prefix(b"/")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let len = std::str::from_utf8(&rest[..digits])
        .ok()?
        .parse::<u8>()
        .ok()?;
    let goes_on = match rest.get(digits)? {
        b'.' => rest.get(digits + 1).is_some_and(u8::is_ascii_alphanumeric),
        b => b.is_ascii_alphanumeric() || b"/-_%".contains(b),
    };
    if goes_on || digits > 3 {
        return None;
    }
    Some((IpNet::new(addr, len).ok()?, end + 1 + digits))
}

/// So many bytes of a line are shown before and behind the place.
const SHOWN: usize = 32;

impl Bad {
    #[cold]
    fn new(whole: &[u8], at: usize, reason: String, source: usize, line: u64) -> Bad {
        let at = at.min(whole.len());
        let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
        let (before, rest) = whole.split_at(at.min(whole.len()));
        let (here, after) = rest.split_at(rest.len().min(1));
        let escape = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let mut left = escape(&before[before.len().saturating_sub(SHOWN)..]);
        if before.len() > SHOWN {
            left.insert_str(0, "...");
        }
        let mut right = escape(&after[..after.len().min(SHOWN)]);
        if after.len() > SHOWN {
            right.push_str("...");
        }
        Bad {
            source,
            line,
            column: at + 1,
            reason,
            before: left,
            here: escape(here),
            after: right,
        }
    }

    /// `FILE:LINE:COLUMN: reason: text` with the byte marked.
    pub(crate) fn report(&self, name: &str) {
        let Bad {
            line,
            column,
            reason,
            before,
            here,
            after,
            ..
        } = self;
        complain(&format!(
            "{name}:{line}:{column}: {reason}: {before}>{here}<{after}"
        ));
    }

    /// The same for a human to look at: the line, and a mark below the place.
    pub(crate) fn show(&self, name: &str) -> String {
        let Bad {
            line,
            column,
            reason,
            before,
            here,
            after,
            ..
        } = self;
        let indent = before.chars().count();
        let marks = "^".repeat(here.len().max(1));
        format!(
            "{name}:{line}:{column}: {reason}\n  {before}{here}{after}\n  {:indent$}{marks}\n",
            ""
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], extract: bool) -> Vec<String> {
        let style = Style {
            extract,
            from: From::Auto,
        };
        let mut all = Vec::new();
        each(&mut Scanner::default(), &Block::of(text), style, |line| {
            all.push(match line {
                Line::Item(entry) => {
                    let mut out = format!("{}:{} ", entry.line, entry.column).into_bytes();
                    entry.item.write(crate::item::To::Canonical, &mut out);
                    String::from_utf8(out).unwrap()
                }
                Line::Bad(_, bad) => format!("{}:{} {}", bad.line, bad.column, bad.reason),
                Line::Blank(_) => String::from("blank"),
            });
            true
        });
        all
    }

    #[test]
    fn lines_with_all_around_them() {
        let text = b"\xef\xbb\xbf1.2.3.4\r\n\n  ::1 # comment\n; x\n10.0.0.0/8\t;SBL\n#\n1.2.3.4#5\n1.2.3.\x00\nx";
        assert_eq!(
            read(text, false),
            [
                "1:4 1.2.3.4",
                "blank",
                "3:3 ::1",
                "blank",
                "5:1 10.0.0.0/8",
                "blank",
                "7:8 trailing data",
                "8:7 unexpected byte",
                "9:1 unexpected byte"
            ],
        );
    }

    #[test]
    fn free_text() {
        let text = b"a 1.2.3.4, [::1]:80\nnothing\n10.0.0.0/8 2001:db8::/32. 1.2.3.4/x http://1.2.3.4/24/ 1.2.3.4/33";
        assert_eq!(
            read(text, true),
            [
                "1:3 1.2.3.4",
                "1:13 ::1",
                "3:1 10.0.0.0/8",
                "3:12 2001:db8::/32",
                "3:27 1.2.3.4",
                "3:44 1.2.3.4",
                "3:56 1.2.3.4"
            ],
        );
    }
}
