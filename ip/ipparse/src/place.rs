//! The places in a line where items are looked for: a field, the beginning, or only the first item.
//! Also rewrites text before the search, so that other ways to write an address are found too.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter};
use std_net_ip::forms::{self, Entry, Forms};

use crate::input::PAD;
use crate::scan::follows;

/// The places where items are looked for in free text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Only the first item of each line.
    pub(crate) first: bool,
    /// Only at the beginning of a line.
    pub(crate) start: bool,
    /// Only in this field of a line.
    pub(crate) field: Option<Column>,
    /// Read `10.0.0.5.443` as an address with a port.
    pub(crate) dotted_ports: bool,
    /// Read `1[.]2[.]3[.]4` as an address.
    pub(crate) defanged: bool,
    /// Read `192.168.1.*` as a network.
    pub(crate) stars: bool,
}

/// A field of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The number of the field, from 1.
    pub(crate) number: usize,
    /// The byte between two fields, or white space if there is none.
    pub(crate) delimiter: Option<u8>,
}

impl Column {
    /// Returns the place of the field in a line, without the quotes and the white space around it.
    pub(crate) fn of(&self, line: &[u8]) -> Option<Range<usize>> {
        let found = match self.delimiter {
            None => words(line).nth(self.number - 1)?,
            Some(delimiter) => fields(line, delimiter).nth(self.number - 1)?,
        };
        Some(strip(line, found))
    }
}

/// Returns the words between white space.
fn words(line: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while line.get(at)?.is_ascii_whitespace() {
            at += 1;
        }
        let start = at;
        while line.get(at).is_some_and(|b| !b.is_ascii_whitespace()) {
            at += 1;
        }
        Some(start..at)
    })
}

/// Returns the fields between delimiters. A quoted field may contain delimiters.
fn fields(line: &[u8], delimiter: u8) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let mut at = start;
        if line.get(at) == Some(&b'"') {
            at += 1;
            while line.get(at).is_some_and(|b| *b != b'"') {
                at += 1;
            }
        }
        while line.get(at).is_some_and(|b| *b != delimiter) {
            at += 1;
        }
        next = (at < line.len()).then_some(at + 1);
        Some(start..at)
    })
}

/// Removes white space around a field, and then quotes.
fn strip(line: &[u8], mut field: Range<usize>) -> Range<usize> {
    let white = |b: u8| b.is_ascii_whitespace();
    while field.start < field.end && white(line[field.start]) {
        field.start += 1;
    }
    while field.start < field.end && white(line[field.end - 1]) {
        field.end -= 1;
    }
    if field.len() > 1 && line[field.start] == b'"' && line[field.end - 1] == b'"' {
        field = field.start + 1..field.end - 1;
    }
    field
}

impl Places {
    /// Returns true if items are looked for in the whole text, and the text is not changed before the
    /// search.
    #[inline(always)]
    pub(crate) fn is_everywhere(&self) -> bool {
        *self == Places::default()
    }

    /// Returns whether the text is changed before the search.
    pub(crate) fn rewrites(&self) -> bool {
        self.field.is_some() || self.dotted_ports || self.defanged || self.stars
    }

    /// Rewrites a padded text. Lines and the beginnings of words stay at their places.
    pub(crate) fn rewrite(&self, padded: &mut [u8]) -> Rewritten {
        let end = padded.len() - PAD;
        if let Some(column) = self.field {
            each_line(padded, end, |line| {
                let keep = column.of(line).unwrap_or(0..0);
                line[..keep.start].fill(b' ');
                line[keep.end..].fill(b' ');
            });
        }
        let mut rewritten = Rewritten::default();
        if self.defanged {
            refang(&mut padded[..end], &mut rewritten.words);
        }
        if self.stars {
            replace_stars(padded, &mut rewritten.stars);
        }
        if self.dotted_ports {
            named_ports(&mut padded[..end]);
            dotted_ports(&mut padded[..end]);
        }
        rewritten
    }
}

/// What was rewritten in a text.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    /// The original places of the words that became shorter, in order.
    words: Vec<Range<usize>>,
    /// The words with stars, in order: their places, and what each of them means. In the text, each is
    /// now the address 0.0.0.0, so that the search finds it.
    stars: Vec<(Range<usize>, Entry)>,
}

impl Rewritten {
    /// Returns where the word ends from which a place in the text comes, if it was a longer word.
    pub(crate) fn end_of_word(&self, place: usize) -> Option<usize> {
        let i = self.words.partition_point(|word| word.end <= place);
        let word = self.words.get(i)?;
        word.contains(&place).then_some(word.end)
    }

    /// Returns the entry that was written with stars at a place, and its end.
    pub(crate) fn stars_at(&self, place: usize) -> Option<(Entry, usize)> {
        let i = self.stars.binary_search_by_key(&place, |(at, _)| at.start);
        let (at, entry) = &self.stars[i.ok()?];
        Some((*entry, at.end))
    }
}

/// Calls `f` for each line of the text before `end`, without its line end.
fn each_line(padded: &mut [u8], end: usize, mut f: impl FnMut(&mut [u8])) {
    let mut start = PAD;
    while start < end {
        let len = memchr(b'\n', &padded[start..end]).unwrap_or(end - start);
        f(&mut padded[start..start + len]);
        start += len + 1;
    }
}

/// Replaces defanged words by their original text, with spaces behind it.
fn refang(text: &mut [u8], words: &mut Vec<Range<usize>>) {
    let border = |b: &u8| b.is_ascii_whitespace() || b",;\"'<>|`=".contains(b);
    let mut start = 0;
    while start < text.len() {
        let len = text[start..].iter().position(border);
        let end = len.map_or(text.len(), |len| start + len);
        // In `(1[.]2` the word begins behind the bracket, which is not part of a defanged address.
        while start < end && b"([{".contains(&text[start]) {
            start += 1;
        }
        if let Cow::Owned(plain) = forms::refang(&text[start..end])
            && plain.len() <= end - start
        {
            text[start..start + plain.len()].copy_from_slice(&plain);
            text[start + plain.len()..end].fill(b' ');
            words.push(start..end);
        }
        start = end + 1;
    }
}

/// The address that stands for a word with stars. No such word is shorter.
const STARS: &[u8; 7] = b"0.0.0.0";

/// Replaces words such as `192.168.1.*` by [`STARS`], with spaces behind it. Such a word has four parts
/// and stands alone, because shorter ones (`10.*`) are rather versions or patterns of names.
fn replace_stars(padded: &mut [u8], words: &mut Vec<(Range<usize>, Entry)>) {
    let part = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'*');
    let mut done = 0;
    let stars: Vec<usize> = memchr_iter(b'*', padded).collect();
    for star in stars {
        if star < done {
            continue;
        }
        let left = &padded[..star];
        let start = star - left.iter().rev().take(16).take_while(|b| part(b)).count();
        let mut end = star + padded[star..].iter().take_while(|b| part(b)).count();
        done = end;
        while padded[end - 1] == b'.' {
            end -= 1;
        }
        let word = &padded[start..end];
        let parts = memchr_iter(b'.', word).count() + 1;
        let left = padded[start - 1];
        let alone = !left.is_ascii_alphanumeric()
            && left != b'_'
            && padded[end] != b'_'
            && !follows(padded, end);
        if alone
            && parts == 4
            && let Ok(entry) = forms::parse(word, Forms::STAR)
        {
            padded[start..start + STARS.len()].copy_from_slice(STARS);
            padded[start + STARS.len()..end].fill(b' ');
            words.push((start..end, entry));
        }
    }
}

/// Turns the dot before the name of a service into a colon behind IPv4, and into a space behind IPv6:
/// tcpdump and netstat write `10.0.0.5.https`, if they may look names up. A name is one word of up to 15
/// letters, digits and dashes (RFC 6335).
fn named_ports(text: &mut [u8]) {
    let part = |b: &u8| b.is_ascii_hexdigit() || b".:".contains(b);
    let dots: Vec<usize> = memchr_iter(b'.', text).collect();
    for dot in dots {
        let letter = text.get(dot + 1).is_some_and(u8::is_ascii_alphabetic);
        if !letter || dot == 0 || !text[dot - 1].is_ascii_hexdigit() {
            continue;
        }
        let name = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'-';
        let len = text[dot + 1..].iter().take_while(name).count();
        let end = dot + 1 + len;
        if len > 15 || text.get(end) == Some(&b'_') || follows(text, end) {
            continue;
        }
        let before = text[..dot].iter().rev().take(64).take_while(|b| part(b));
        let start = dot - before.count();
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        if start > 0 && word(&text[start - 1]) {
            continue;
        }
        if let Ok(addr) = std_net_ip::parse(&text[start..dot]) {
            text[dot] = if addr.is_ipv4() { b':' } else { b' ' };
        }
    }
}

/// Turns the dot before the port of `10.0.0.5.443` into a colon, and the dot in `2001:db8::1.443` into
/// a space.
fn dotted_ports(text: &mut [u8]) {
    let part = |b: &u8| b.is_ascii_hexdigit() || b".:".contains(b);
    let mut done = 0;
    let dots: Vec<usize> = memchr_iter(b'.', text).collect();
    for dot in dots {
        if dot < done {
            continue;
        }
        let start = dot
            - text[..dot]
                .iter()
                .rev()
                .take(64)
                .take_while(|b| part(b))
                .count();
        let mut end = dot + text[dot..].iter().take_while(|b| part(b)).count();
        done = end;
        let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if word(text.get(end)) || start > 0 && word(text.get(start - 1)) {
            continue;
        }
        // tcpdump puts a colon behind the receiver.
        while end > start && matches!(text[end - 1], b':' | b'.') {
            end -= 1;
        }
        let run = &text[start..end];
        let Some(last) = memchr::memrchr(b'.', run) else {
            continue;
        };
        let (addr, port) = (&run[..last], &run[last + 1..]);
        let is_port = std::str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok());
        match std_net_ip::parse(addr) {
            Ok(addr) if is_port => text[start + last] = if addr.is_ipv4() { b':' } else { b' ' },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_lines() {
        let of = |number, delimiter, line: &str| {
            let column = Column { number, delimiter };
            column
                .of(line.as_bytes())
                .map(|range| line[range].to_owned())
        };
        assert_eq!(of(1, None, "  a b"), Some("a".into()));
        assert_eq!(of(2, None, "a \t b"), Some("b".into()));
        assert_eq!(of(3, None, "a b"), None);
        assert_eq!(of(2, Some(b','), "a,b,c"), Some("b".into()));
        assert_eq!(of(2, Some(b','), "\"a,b\", \"c\""), Some("c".into()));
        assert_eq!(of(3, Some(b';'), "a;;b"), Some("b".into()));
        assert_eq!(of(2, Some(b';'), "a;"), Some("".into()));
        assert_eq!(of(3, Some(b';'), "a;"), None);
    }

    fn rewritten(places: Places, text: &str) -> String {
        let mut padded = vec![b'\n'; PAD];
        padded.extend_from_slice(text.as_bytes());
        padded.extend_from_slice(&[b'\n'; PAD]);
        places.rewrite(&mut padded);
        String::from_utf8(padded[PAD..PAD + text.len()].to_vec()).unwrap()
    }

    #[test]
    fn ports_behind_dots() {
        let places = Places {
            dotted_ports: true,
            ..Places::default()
        };
        for (text, after) in [
            (
                "IP 10.0.0.5.443 > 10.0.0.7.51234: Flags",
                "IP 10.0.0.5:443 > 10.0.0.7:51234: Flags",
            ),
            (
                "IP6 2001:db8::1.443 > ::1.53:",
                "IP6 2001:db8::1 443 > ::1 53:",
            ),
            (
                "1.2.3.4 1.2.3.4.5.6 1.2.3.4.99999 x1.2.3.4.5",
                "1.2.3.4 1.2.3.4.5.6 1.2.3.4.99999 x1.2.3.4.5",
            ),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            (
                "IP 10.0.0.5.https > 10.0.0.7.domain: Flags",
                "IP 10.0.0.5:https > 10.0.0.7:domain: Flags",
            ),
            (
                "IP6 2001:db8::1.http-alt > ::1.ntp:",
                "IP6 2001:db8::1 http-alt > ::1 ntp:",
            ),
            (
                "x-1.2.3.4.tar.gz 1.2.3.4.example.org 1.2.3.4.sixteen-letters- 1.2.3.org x1.2.3.4.ftp 1.2.3.4.a_b",
                "x-1.2.3.4.tar.gz 1.2.3.4.example.org 1.2.3.4.sixteen-letters- 1.2.3.org x1.2.3.4.ftp 1.2.3.4.a_b",
            ),
        ] {
            assert_eq!(rewritten(places, text), after);
        }
    }

    #[test]
    fn words_with_stars() {
        let places = Places {
            stars: true,
            defanged: true,
            ..Places::default()
        };
        for (text, after) in [
            ("192.168.1.*, (10.0.*.*)", "0.0.0.0    , (0.0.0.0 )"),
            ("at 1.*.*.*. ip:1.2.3.*:80", "at 0.0.0.0. ip:0.0.0.0:80"),
            ("192[.]168[.]1[.]* x", "0.0.0.0           x"),
            (
                "10.* 10.0.* 1.2.*.4 *.*.*.* a1.2.3.* 1.2.3.*x 1.2.3.4* 1.2.3.*.example.org 1.2.3.300.* 1.2.3.**",
                "10.* 10.0.* 1.2.*.4 *.*.*.* a1.2.3.* 1.2.3.*x 1.2.3.4* 1.2.3.*.example.org 1.2.3.300.* 1.2.3.**",
            ),
        ] {
            assert_eq!(rewritten(places, text), after);
        }
    }

    #[test]
    fn text_that_was_made_harmless() {
        let places = Places {
            defanged: true,
            ..Places::default()
        };
        for (text, after) in [
            ("1[.]2[.]3[.]4 x", "1.2.3.4       x"),
            ("a (1(.)2.3[dot]4)", "a (1.2.3.4)      "),
            ("hxxp://1.2.3[.]4/a,b", "http://1.2.3.4/a  ,b"),
            ("2001[:]db8::1", "2001:db8::1  "),
            (
                "[2001:db8::1]:80 [x] f(1) 1.2.3.4",
                "[2001:db8::1]:80 [x] f(1) 1.2.3.4",
            ),
        ] {
            assert_eq!(rewritten(places, text), after);
        }
    }
}
