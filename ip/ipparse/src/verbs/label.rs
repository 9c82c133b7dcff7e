//! Writes for each address the entry of a list that holds it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::net::IpAddr;

use memchr::{memchr, memchr2, memmem};
use std_net_ip::forms::{self, Forms};
use std_net_ip::range::IpRange;

use crate::field::{LineField, LineLayout, Whole};
use crate::find::Finder;
use crate::input::{Block, PAD};
use crate::item::{Item, Meaning, Version};
use crate::job::{Job, Pool};
use crate::list::{Entries, List, Match, spaces_for_tabs};
use crate::output::{Result, Status, complain};
use crate::place::Places;
use crate::read::{Bad, Entry, Style};
use crate::settings::Reading;

pub(crate) struct Settings {
    pub(crate) input: Vec<OsString>,
    pub(crate) lists: Vec<OsString>,
    /// Further forms in which a list is read.
    pub(crate) forms: Forms,
    pub(crate) places: Places,
    /// IPv4-mapped addresses in the input and in the list are their IPv4 addresses.
    pub(crate) unmap: bool,
    /// Only addresses of this version count, if there is one.
    pub(crate) only: Option<Version>,
    /// Write lines unchanged, with the label behind them.
    pub(crate) append: bool,
    /// Leave out addresses or lines without a label.
    pub(crate) matched: bool,
    pub(crate) json: bool,
    pub(crate) columns: Vec<LineField>,
    /// Report invalid lines of the list, and go on.
    pub(crate) lenient: bool,
    /// A zero byte ends a line.
    pub(crate) zero: bool,
    pub(crate) threads: usize,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let (list, loaded) = load(settings)?;
    let lacks = loaded != Status::Success;
    if lacks && !settings.lenient {
        return Ok(Status::Trouble);
    }
    let reading = Reading {
        input: settings.input.clone(),
        style: Style {
            extract: true,
            zero: settings.zero,
            places: settings.places,
            ..Style::default()
        },
        threads: settings.threads,
        ..Reading::default()
    };
    let mut job = Job::new(&reading);
    let layout = LineLayout::new(settings.columns.clone(), settings.json, &job);
    let usual = !settings.json
        && settings.columns
            == [
                LineField::Of(crate::field::Field::Address),
                LineField::Match,
                LineField::Label,
            ];
    job.settings.lines = !usual && !settings.append;
    let work = Work {
        list: &list,
        settings,
        layout: &layout,
        usual,
        meaning: Meaning {
            unmap: true,
            only: settings.only,
            ..Meaning::default()
        },
    };
    let mut output = job.output(settings.json)?;
    let mut any = false;
    let pool = Pool::new();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut out = pool.take();
            if settings.append {
                work.append(finder, block, &mut out);
            } else {
                work.rows(finder, block, &mut out);
            }
            out
        },
        |out| {
            any |= !out.is_empty();
            if !out.is_empty() {
                output.block(&out)?;
            }
            pool.give(out);
            Ok(true)
        },
    )?;
    Ok(if trouble || lacks {
        Status::Trouble
    } else if any {
        Status::Success
    } else {
        Status::Negative
    })
}

struct Work<'a> {
    list: &'a List,
    settings: &'a Settings,
    layout: &'a LineLayout,
    /// Whether the default columns are written, which need only the address.
    usual: bool,
    meaning: Meaning,
}

/// An address and its entry in the list.
struct Row<'a> {
    /// The address as it is written, and as it is looked up.
    written: IpAddr,
    addr: IpAddr,
    /// The place of the entry in the list.
    place: Option<u32>,
    entry: Option<Match<'a>>,
}

/// How many addresses are looked up at once.
const BATCH: usize = 64;

impl Work<'_> {
    /// Returns the place in the list of the entry that holds an address, or the address as it is written,
    /// if that is another one (`::ffff:192.0.2.1`).
    #[inline]
    fn find(&self, addr: IpAddr, written: IpAddr) -> Option<u32> {
        self.list
            .find(addr)
            .or_else(|| (written != addr).then(|| self.list.find(written))?)
    }

    /// Returns the address that is written for one in the text, of which `unmapped` is the other form.
    #[inline(always)]
    fn written(&self, found: IpAddr, unmapped: IpAddr) -> IpAddr {
        if self.settings.unmap { unmapped } else { found }
    }

    /// Writes a row for each address.
    fn rows(&self, finder: &mut Finder, block: &Block, out: &mut Vec<u8>) {
        let padded = block.padded();
        if self.usual {
            return self.usual_rows(finder, padded, out);
        }
        let (mut number, mut line, mut counted) = (block.first_line, PAD, PAD);
        finder.each::<true, true>(padded, &self.settings.places, |_, found| {
            let Some(addr) = self.meaning.adjust_addr(found.addr) else {
                return found.end;
            };
            let matched = self.find(addr, found.addr);
            let matched = matched.map(|i| self.list.written(i));
            if matched.is_none() && self.settings.matched {
                return found.end;
            }
            for at in memchr::memchr_iter(b'\n', &padded[counted..found.start]) {
                number += 1;
                line = counted + at + 1;
            }
            counted = found.start;
            let end =
                memchr(b'\n', &padded[found.start..]).map_or(padded.len(), |at| found.start + at);
            let text = &padded[line..end];
            let whole = Whole {
                source: block.source,
                number,
                whole: text,
                text: text.strip_suffix(b"\r").unwrap_or(text),
                entry: Some(Entry {
                    item: Item::Addr(self.written(found.addr, addr)),
                    text: &padded[found.start..found.end],
                    source: block.source,
                    line: number,
                    column: found.start - line + 1,
                }),
                matched,
            };
            self.layout.write(&whole, out);
            found.end
        });
    }

    /// Writes a row with the default columns for each address. It looks up several addresses at once.
    fn usual_rows(&self, finder: &mut Finder, padded: &[u8], out: &mut Vec<u8>) {
        let mut batch = Vec::with_capacity(BATCH);
        finder.each::<true, true>(padded, &self.settings.places, |_, found| {
            if let Some(addr) = self.meaning.adjust_addr(found.addr) {
                batch.push(Row {
                    written: self.written(found.addr, addr),
                    addr,
                    place: None,
                    entry: None,
                });
                if batch.len() == BATCH {
                    self.write_batch(&mut batch, out);
                }
            }
            found.end
        });
        self.write_batch(&mut batch, out);
    }

    /// Looks up the addresses of a batch, writes their rows, and empties the batch. Each look-up in a
    /// long list waits for the memory several times. So each step is made for all rows before the next
    /// step: the processor then waits for many rows at the same time.
    fn write_batch<'a>(&'a self, batch: &mut Vec<Row<'a>>, out: &mut Vec<u8>) {
        for row in &*batch {
            self.list.fetch(row.addr);
        }
        for row in &mut *batch {
            row.place = self.find(row.addr, row.written);
        }
        for row in &mut *batch {
            row.entry = row.place.map(|place| self.list.written(place));
        }
        for entry in batch.iter().filter_map(|row| row.entry) {
            entry.fetch();
        }
        for row in batch.drain(..) {
            if row.entry.is_none() && self.settings.matched {
                continue;
            }
            crate::item::push_addr(out, row.written);
            out.push(b'\t');
            match row.entry {
                None => out.extend_from_slice(b"-\t-\n"),
                Some(entry) if entry.rest.is_empty() => {
                    out.extend_from_slice(entry.text);
                    out.extend_from_slice(b"\t-\n");
                }
                Some(entry) => out.extend_from_slice(entry.line),
            }
        }
    }

    /// Writes every line, with the label of its first address that has one.
    fn append(&self, finder: &mut Finder, block: &Block, out: &mut Vec<u8>) {
        let padded = block.padded();
        // Everything up to here is written.
        let mut done = PAD;
        let end = PAD + block.text().len();
        let without = |from: usize, to: usize, out: &mut Vec<u8>| {
            let mut left = &padded[from..to];
            while let Some(len) = memchr(b'\n', left) {
                if !self.settings.matched {
                    append_label(&left[..len], b"-", out);
                }
                left = &left[len + 1..];
            }
        };
        finder.each::<true, true>(padded, &self.settings.places, |_, found| {
            let addr = self.meaning.adjust_addr(found.addr);
            let label = addr.and_then(|addr| self.find(addr, found.addr));
            let Some(matched) = label.map(|i| self.list.written(i)) else {
                return found.end;
            };
            let start =
                memchr::memrchr(b'\n', &padded[done..found.start]).map_or(done, |at| done + at + 1);
            let line_end = memchr(b'\n', &padded[found.start..]).map_or(end, |at| found.start + at);
            without(done, start, out);
            let label = if matched.rest.is_empty() {
                matched.text
            } else {
                matched.rest
            };
            append_label(&padded[start..line_end], label, out);
            done = line_end + 1;
            done
        });
        without(done.min(end), end, out);
    }
}

/// Writes a line, given without its `\n`, and its label behind it. A `\r` stays at the end of the line.
fn append_label(line: &[u8], label: &[u8], out: &mut Vec<u8>) {
    let (text, end) = match line {
        [text @ .., b'\r'] => (text, &b"\r\n"[..]),
        _ => (line, &b"\n"[..]),
    };
    out.extend_from_slice(text);
    out.push(b'\t');
    out.extend_from_slice(label);
    out.extend_from_slice(end);
}

/// Reads the lists.
fn load(settings: &Settings) -> Result<(List, Status)> {
    let reading = Reading {
        input: settings.lists.clone(),
        threads: settings.threads,
        ..Reading::default()
    };
    let job = Job::new(&reading);
    let mut all = Entries::default();
    let mut reports = job.reports();
    let (_, trouble) = job.blocks(
        || (),
        |(), block| {
            let mut entries = Entries::for_text(block.text().len());
            let mut bad = Vec::new();
            let mut number = block.first_line;
            let mut left = block.text();
            while let Some(len) = memchr(b'\n', left) {
                let line = &left[..len];
                if let Err(wrong) = push(&mut entries, line, number, settings) {
                    let mut wrong = Bad::of(line, &wrong, block.source, number);
                    let numbers = FORMS | Forms::NUMBERS;
                    wrong.needs = forms::parse_row(line, numbers).ok().map(|_| Forms::NUMBERS);
                    bad.push(wrong);
                }
                left = &left[len + 1..];
                number += 1;
            }
            (entries, bad)
        },
        |(entries, bad)| {
            all.append(entries);
            Ok(reports.take(&bad))
        },
    )?;
    let status = reports.end(trouble);
    if status != Status::Success && !settings.lenient {
        complain("the list is not whole: nothing is labelled (--lenient-set goes on without)");
    }
    Ok((List::new(all), status))
}

/// Adds a line of a list. The first line may be a heading.
fn push(
    entries: &mut Entries,
    line: &[u8],
    number: u64,
    settings: &Settings,
) -> std::result::Result<(), std_net_ip::ParseError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = if number == 1 {
        line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
    } else {
        line
    };
    if line.iter().all(u8::is_ascii_whitespace) || line.starts_with(b"#") || line.starts_with(b";")
    {
        return Ok(());
    }
    match push_plain(entries, line) {
        Some(()) => Ok(()),
        None => push_general(entries, line, number, settings.forms, settings.unmap),
    }
}

/// Adds a line of any form.
fn push_general(
    entries: &mut Entries,
    line: &[u8],
    number: u64,
    more: Forms,
    unmap: bool,
) -> std::result::Result<(), std_net_ip::ParseError> {
    let row = match forms::parse_row(line, FORMS | more) {
        Ok(row) => row,
        Err(error) => match heading(line, number) {
            true => return Ok(()),
            false => return Err(error),
        },
    };
    // The entry as it is written: the line without the rest and without the separator before it.
    let written = &line[..line.len() - row.rest.len()];
    let written = written.trim_ascii();
    let separator = separator(line);
    let written = written.strip_suffix(&[separator]).unwrap_or(written);
    let mut text = Vec::new();
    let as_written = if memchr2(b'"', b'\t', written).is_some() {
        text.extend(written.iter().filter(|b| **b != b'"'));
        spaces_for_tabs(&mut text);
        &text[..]
    } else {
        written
    };
    let fields = Fields {
        left: (!row.rest.is_empty()).then_some(row.rest),
        separator,
    };
    let item = Item::from(row.entry);
    let range = if unmap { item.unmapped() } else { item }.range();
    entries.push_with(range, as_written.trim_ascii(), fields);
    Ok(())
}

/// Adds a line such as `192.0.2.0,192.0.2.255,any,text`, the form of most large lists.
/// Returns `None` and adds nothing if the line has another form, or if any doubt is left: the general
/// way then decides.
fn push_plain(entries: &mut Entries, line: &[u8]) -> Option<()> {
    // Quotes and tabs need a closer look.
    if memchr2(b'"', b'\t', line).is_some() {
        return None;
    }
    let comma = memchr(b',', line)?;
    let second = &line[comma + 1..];
    let second_end = memchr(b',', second).unwrap_or(second.len());
    let first = std_net_ip::parse_v4(&line[..comma]).ok()?;
    let last = std_net_ip::parse_v4(&second[..second_end]).ok()?;
    // This may be a mask.
    if last.octets()[0] == 255 {
        return None;
    }
    let range = IpRange::new(first.into(), last.into())?;
    let end = comma + 1 + second_end;
    let rest = line.get(end + 1..).unwrap_or_default();
    let fields = Fields {
        left: (!rest.is_empty()).then_some(rest),
        separator: b',',
    };
    entries.push_with(range, &line[..end], fields);
    Some(())
}

/// The forms of an entry in every list. Its first and last address may be in two fields.
const FORMS: Forms = Forms::LISTS;

/// Returns whether a first line names the columns.
fn heading(line: &[u8], number: u64) -> bool {
    let first = line
        .split(|b| b",;\t".contains(b))
        .next()
        .unwrap_or_default();
    let name = |b: &u8| b.is_ascii_alphabetic() || b"_- \"".contains(b);
    number == 1 && !first.is_empty() && first.iter().all(name)
}

/// Returns the separator between the fields of a line.
fn separator(line: &[u8]) -> u8 {
    let found = line.iter().find(|b| b",;\t".contains(b));
    found.copied().unwrap_or(b' ')
}

/// The fields of the rest of a line, without quotes.
struct Fields<'a> {
    left: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        let left = self.left?;
        // With spaces as separators, all further words are one field.
        if self.separator == b' ' {
            self.left = None;
            return Some(Cow::Borrowed(left.trim_ascii()));
        }
        let quoted = left.trim_ascii_start().first() == Some(&b'"');
        let from = if quoted { behind_quotes(left) } else { 0 };
        let end = memchr(self.separator, &left[from..]).map_or(left.len(), |at| from + at);
        self.left = left.get(end + 1..);
        let field = left[..end].trim_ascii();
        let inside = field
            .strip_prefix(b"\"")
            .and_then(|field| field.strip_suffix(b"\""));
        Some(match inside {
            Some(inside) if memmem::find(inside, b"\"\"").is_some() => {
                Cow::Owned(single_quotes(inside))
            }
            inside => Cow::Borrowed(inside.unwrap_or(field)),
        })
    }
}

/// Returns where a quoted field ends: behind its closing quote. Inside the field, a quote is written
/// twice (RFC 4180, section 2).
fn behind_quotes(left: &[u8]) -> usize {
    let mut at = memchr(b'"', left).map_or(0, |open| open + 1);
    while let Some(len) = memchr(b'"', &left[at..]) {
        at += len + 1;
        if left.get(at) != Some(&b'"') {
            return at;
        }
        at += 1;
    }
    left.len()
}

/// Returns the text of a quoted field, in which each quote is written twice.
fn single_quotes(inside: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inside.len());
    let mut left = inside;
    while let Some(at) = memmem::find(left, b"\"\"") {
        text.extend_from_slice(&left[..=at]);
        left = &left[at + 2..];
    }
    text.extend_from_slice(left);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short way for plain ranges must give what the general way gives.
    #[test]
    fn a_plain_range_is_read_as_by_the_general_way() {
        let plain = [
            "192.0.2.0,192.0.2.255",
            "192.0.2.0,192.0.2.255,",
            "192.0.2.0,192.0.2.255,64496,EXAMPLE",
            "192.0.2.0,192.0.2.255, spaces , and;others,",
            "0.0.0.0,0.0.0.255,a",
            "1.2.3.4,1.2.3.4,one",
            "0.0.0.0,223.255.255.255,x",
        ];
        for line in plain {
            let mut short = Entries::default();
            assert!(
                push_plain(&mut short, line.as_bytes()).is_some(),
                "{line} is not plain"
            );
            let mut general = Entries::default();
            push_general(&mut general, line.as_bytes(), 2, FORMS, false).unwrap();
            assert_eq!(format!("{short:?}"), format!("{general:?}"), "{line}");
        }
        for line in [
            "10.0.0.0,255.0.0.0,mask",
            "192.0.2.9,192.0.2.1,ends before",
            "192.0.2.0,\"quoted\"",
            "192.0.2.0/24,x",
            " 192.0.2.0,192.0.2.255,x",
            "192.0.2.0,192.0.2.255 ,x",
        ] {
            let mut none = Entries::default();
            assert!(push_plain(&mut none, line.as_bytes()).is_none(), "{line}");
            assert_eq!(none.ranges().count(), 0, "{line}");
        }
    }
}
