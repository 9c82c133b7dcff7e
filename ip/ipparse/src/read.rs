//! Reads the items of a block, one from each line or all from free text, and the lines without a valid
//! item.

use std::borrow::Cow;

use std_net_ip::ParseError;
use std_net_ip::forms::Forms;
use std_net_ip::net::{self, Ipv4Net};

use crate::find::{Finder, short_range, whole};
use crate::input::{Block, PAD, swap_line_ends};
use crate::item::{From, Item, Meaning};
use crate::output::complain;
use crate::place::Places;
use crate::scan::Scanner;

/// An item and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) item: Item,
    /// The text of the item in the input.
    pub(crate) text: &'a [u8],
    pub(crate) source: usize,
    /// The line and the column, both from 1. The column counts bytes.
    pub(crate) line: u64,
    pub(crate) column: usize,
}

/// A line that is not an item.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    pub(crate) source: usize,
    pub(crate) line: u64,
    /// The column of the byte at which the line is wrong, from 1.
    pub(crate) column: usize,
    reason: String,
    /// The text of the line before the place and from there on, escaped.
    before: String,
    here: String,
    after: String,
    /// Whether the line has several fields.
    pub(crate) fields: bool,
    /// The forms of lists with which the line could be read.
    pub(crate) needs: Option<Forms>,
}

/// What is read, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Whether items are found in free text, instead of one on each line.
    pub(crate) extract: bool,
    /// A zero byte ends a line. In a block, zero bytes and line ends are exchanged.
    pub(crate) zero: bool,
    pub(crate) meaning: Meaning,
    pub(crate) places: Places,
}

/// The contents of a line.
pub(crate) enum Line<'a> {
    Item(Entry<'a>),
    /// A line that is not an item: the whole line, and what is wrong with it.
    Bad(&'a [u8], Box<Bad>),
    /// An empty line or a comment: the whole line.
    Blank(&'a [u8]),
}

/// Calls `f` for each item, bad line and blank line of a block with one item on each line. It goes on
/// in order until `f` returns false.
#[inline(always)]
pub(crate) fn each<'a>(
    finder: &mut Finder,
    block: &'a Block,
    style: &Style,
    mut f: impl FnMut(Line<'a>) -> bool,
) {
    let scanner = &mut finder.scanner;
    let adjusts = style.meaning.adjusts();
    let padded = block.padded();
    let end = PAD + block.text().len();
    let (mut at, mut line) = (PAD, block.first_line);
    // Most lines are nothing but an address or network. The scanner reads the IPv4 ones at once.
    let quick = matches!(style.meaning.from, From::Auto | From::Classic);
    let quick = quick && style.places.field.is_none();
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
        let number = line;
        line += 1;
        let found = match item {
            Some(item) => {
                let item = if adjusts {
                    let Some(item) = style.meaning.adjust(item) else {
                        continue;
                    };
                    item
                } else {
                    item
                };
                Line::Item(Entry {
                    item,
                    text: whole,
                    source: block.source,
                    line: number,
                    column: 1,
                })
            }
            None => match any(whole, block.source, number, style) {
                Line::Item(entry) => match style.meaning.adjust(entry.item) {
                    Some(item) => Line::Item(Entry { item, ..entry }),
                    None => continue,
                },
                other => other,
            },
        };
        if !f(found) {
            return;
        }
    }
}

/// Calls `f` for each line of a block, with its line end and the first item in it that counts.
pub(crate) fn each_line<'a>(
    finder: &mut Finder,
    block: &'a Block,
    style: &Style,
    mut f: impl FnMut(&'a [u8], Option<&Entry<'a>>),
) {
    let mut firsts: Vec<Entry<'a>> = Vec::new();
    extract_some(finder, block, style, |entry| {
        if firsts.last().is_none_or(|last| last.line < entry.line) {
            firsts.push(entry);
        }
        true
    });
    let mut firsts = firsts.iter().peekable();
    let mut left = block.text();
    let mut number = block.first_line;
    while !left.is_empty() {
        let end = memchr::memchr(b'\n', left).map_or(left.len(), |at| at + 1);
        let (line, rest) = left.split_at(end);
        f(line, firsts.next_if(|entry| entry.line == number));
        left = rest;
        number += 1;
    }
}

/// Returns the IPv4 address or network that makes up the line at `start`, and its length.
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

/// Returns the IPv6 address or network that makes up the line. It is not inlined, so that IPv4 stays
/// fast.
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

/// Reads a line of any kind.
fn any<'a>(whole: &'a [u8], source: usize, line: u64, style: &Style) -> Line<'a> {
    let (mut start, mut text) = strip(whole, line == 1, style.zero);
    let bad = |at: usize, reason: String| {
        let mut shown = Cow::Borrowed(whole);
        if style.zero {
            swap_line_ends(shown.to_mut());
        }
        Bad::new(&shown, at, reason, source, line)
    };
    if text.is_empty() {
        return Line::Blank(whole);
    }
    if let Some(column) = style.places.field {
        let Some(field) = column.of(text) else {
            let reason = format!("no field {}", column.number);
            return Line::Bad(whole, Box::new(bad(start + text.len(), reason)));
        };
        start += field.start;
        text = &text[field];
    }
    match style.meaning.parse(text) {
        Ok(item) => Line::Item(Entry {
            item,
            text,
            source,
            line,
            column: start + 1,
        }),
        Err(wrong) => {
            let mut bad = bad(start + wrong.at, wrong.reason);
            bad.needs = style.meaning.needs(text);
            Line::Bad(whole, Box::new(bad))
        }
    }
}

/// Removes the white space around a line and its comment, and returns where the rest begins. A comment
/// begins with `#`, `;`, `!` or `//`, at the beginning or behind white space. If `zero` is set, a zero byte
/// is a line end, and so white space.
#[inline(always)]
fn strip(whole: &[u8], first: bool, zero: bool) -> (usize, &[u8]) {
    let white = |b: &u8| b.is_ascii_whitespace() || zero && *b == 0;
    let mut start = 0;
    // Skip the byte order mark, which some editors write.
    if first && whole.starts_with(b"\xef\xbb\xbf") {
        start = 3;
    }
    while whole.get(start).is_some_and(white) {
        start += 1;
    }
    let mut text = &whole[start..];
    // Most lines contain none of these bytes.
    if text.iter().any(|b| *b <= b'#' || *b == b';' || *b == b'/') {
        let comment = |i: &usize| {
            let mark = match text[*i] {
                b'#' | b';' | b'!' => true,
                b'/' => text.get(i + 1) == Some(&b'/'),
                _ => false,
            };
            mark && (*i == 0 || white(&text[i - 1]))
        };
        if let Some(at) = (0..text.len()).find(comment) {
            text = &text[..at];
        }
        while let [rest @ .., last] = text
            && white(last)
        {
            text = rest;
        }
    }
    (start, text)
}

/// The beginnings of the lines in a block. It counts lines only up to the place that is asked for.
struct Lines<'a> {
    padded: &'a [u8],
    line: u64,
    start: usize,
    counted: usize,
}

impl<'a> Lines<'a> {
    fn new(block: &'a Block) -> Lines<'a> {
        Lines {
            padded: block.padded(),
            line: block.first_line,
            start: PAD,
            counted: PAD,
        }
    }

    /// Returns the number of the line that contains a place, and where the line begins.
    #[inline(always)]
    fn of(&mut self, place: usize) -> (u64, usize) {
        for at in memchr::memchr_iter(b'\n', &self.padded[self.counted..place]) {
            self.line += 1;
            self.start = self.counted + at + 1;
        }
        self.counted = place;
        (self.line, self.start)
    }
}

/// Calls `f` for each item in the free text of a block, in order, until `f` returns false.
#[inline(always)]
pub(crate) fn extract<'a>(
    finder: &mut Finder,
    block: &'a Block,
    style: &Style,
    mut f: impl FnMut(Entry<'a>) -> bool,
) {
    let short_ranges = style.meaning.forms.contains(Forms::SHORT_RANGE);
    if !style.places.is_everywhere() || style.meaning.adjusts() || short_ranges {
        return extract_some(finder, block, style, f);
    }
    let padded = block.padded();
    let mut lines = Lines::new(block);
    finder.scanner.scan::<true, true>(padded, |found| {
        let (line, line_start) = lines.of(found.start);
        let (item, end) = whole(padded, found);
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

/// Like `extract`, but only for items that count, at the given places.
fn extract_some<'a>(
    finder: &mut Finder,
    block: &'a Block,
    style: &Style,
    mut f: impl FnMut(Entry<'a>) -> bool,
) {
    let padded = block.padded();
    let mut lines = Lines::new(block);
    let short_ranges = style.meaning.forms.contains(Forms::SHORT_RANGE);
    finder.at_places::<true, true>(padded, &style.places, |text, rewritten, found| {
        let (line, line_start) = lines.of(found.start);
        let (mut item, mut end) = whole(text, found);
        if let Some((entry, stars_end)) = rewritten.stars_at(found.start) {
            (item, end) = (entry.into(), stars_end);
        } else if short_ranges && let Some(range) = short_range(text, found.start, end) {
            (item, end) = range;
        }
        let Some(item) = style.meaning.adjust(item) else {
            return (end, false);
        };
        // The item gets the text from before the rewriting.
        let text_end = rewritten.end_of_word(found.start).unwrap_or(end);
        let go_on = f(Entry {
            item,
            text: &padded[found.start..text_end],
            source: block.source,
            line,
            column: found.start - line_start + 1,
        });
        (if go_on { end } else { padded.len() }, true)
    });
}

/// How many bytes of a line are shown before and behind the place.
const SHOWN: usize = 32;

impl Bad {
    /// Makes it from an error in a line.
    pub(crate) fn of(whole: &[u8], error: &ParseError, source: usize, line: u64) -> Bad {
        Bad::new(
            whole,
            error.position(),
            error.reason().to_string(),
            source,
            line,
        )
    }

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
            fields: whole.iter().any(|b| b",;\t".contains(b)),
            needs: None,
        }
    }

    /// Writes `FILE:LINE:COLUMN: reason: text`, with the wrong byte marked.
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

    /// Returns the report for a human reader: the line, and a mark below the place.
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
        let hint = match self.needs {
            Some(forms) => format!("  --forms {forms} reads it\n"),
            None => String::new(),
        };
        format!(
            "{name}:{line}:{column}: {reason}\n  {before}{here}{after}\n  {:indent$}{marks}\n{hint}",
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
            ..Style::default()
        };
        let mut all = Vec::new();
        let block = Block::of(text);
        let mut take = |line: Line<'_>| {
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
        };
        let mut finder = Finder::default();
        if extract {
            super::extract(&mut finder, &block, &style, |entry| take(Line::Item(entry)));
        } else {
            each(&mut finder, &block, &style, take);
        }
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
