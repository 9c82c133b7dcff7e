//! Writes the lines that hold an address of a set, or the lines that hold none.

use std::ffi::OsString;
use std::iter;
use std::net::IpAddr;

use memchr::{memchr, memchr_iter, memrchr};
use std_net_ip::IpSet;
use std_net_ip::range::IpRange;

use crate::field::{Field, LineField, LineLayout, Whole};
use crate::find::{self, Finder, goes_on};
use crate::input::{Block, PAD, Source};
use crate::item::{Item, Meaning, Version, push_number};
use crate::job::{Job, Pool};
use crate::list::List;
use crate::output::{Fail, Result, Status};
use crate::place::Places;
use crate::read::{Entry, Style};
use crate::scan::Found;
use crate::set;
use crate::settings::{Given, Reading};

/// What is read, and what is written of it.
pub(crate) struct Settings {
    pub(crate) input: Vec<OsString>,
    /// Read folders with all files in them.
    pub(crate) recursive: bool,
    /// A zero byte ends a line.
    pub(crate) zero: bool,
    pub(crate) places: Places,
    /// An IPv4-mapped address is written as its IPv4 address in columns.
    pub(crate) unmap: bool,
    /// Only addresses of this version count, if there is one.
    pub(crate) only: Option<Version>,
    pub(crate) set: Given,
    pub(crate) how: How,
    pub(crate) what: What,
    /// Whether the name of the file stands before each line. If this is `None`, it does when there are
    /// several files.
    pub(crate) name: Option<bool>,
    /// Write the number of each line before it.
    pub(crate) number: bool,
    /// Write no more than this many lines of each file.
    pub(crate) max: Option<u64>,
    /// Stop at the first invalid line of the set.
    pub(crate) strict: bool,
    pub(crate) threads: usize,
}

/// When an item of a line matches the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum How {
    /// All of the item lies inside the set.
    #[default]
    Inside,
    /// The item and the set have an address in common.
    Overlap,
    /// The item holds an entry of the set.
    Covers,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The whole lines.
    Lines,
    /// The number of lines.
    Count,
    /// The items that match, without the rest of the line.
    Items,
    /// The names of the files with such lines.
    Names,
    /// Nothing: only the status tells the result.
    Nothing,
    /// JSON or columns. If no columns are given, these are the default ones.
    Columns { json: bool, columns: Vec<LineField> },
}

/// Which lines are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Lines with an item that matches.
    Matching,
    /// Lines with items, of which none matches.
    OnlyOthers,
    /// All lines that are not `Matching`.
    Rest,
}

/// The result of a block.
struct Done {
    source: usize,
    out: Vec<u8>,
    /// How many lines were chosen.
    count: u64,
    /// The end of each line in the output, if there may be too many lines.
    ends: Vec<usize>,
}

pub(crate) fn run(lines: &Settings, choice: Choice) -> Result<Status> {
    if let What::Columns { columns, .. } = &lines.what
        && choice != Choice::Matching
        && let Some(field) = columns.iter().find(|field| field.is_of_match())
    {
        return Err(Fail::message(format!(
            "exclude and filter -v have no column {}: no address of their lines is in the set",
            field.name()
        )));
    }
    let threads = lines.threads;
    let wants_list = lines.how == How::Covers
        || match &lines.what {
            What::Columns { columns, .. } => {
                columns.is_empty() || columns.iter().any(|field| field.is_of_match())
            }
            _ => false,
        };
    let loaded = set::load(
        &lines.set,
        lines.strict,
        threads,
        wants_list && choice == Choice::Matching || lines.how == How::Covers,
    )?;
    // If a part of the set is missing, these choices would write lines that the set should stop.
    let closed = choice != Choice::Matching && !lines.set.lenient;
    if loaded.trouble && (closed || lines.strict) {
        return Ok(Status::Trouble);
    }
    let reading = Reading {
        input: lines.input.clone(),
        style: Style {
            zero: lines.zero,
            places: lines.places,
            ..Style::default()
        },
        threads,
        ..Reading::default()
    };
    let mut job = Job::new(&reading);
    let mut walk_trouble = false;
    if lines.recursive {
        walk_trouble = job.walk(lines.input.is_empty());
    }
    let files = job
        .sources
        .iter()
        .filter(|s| !matches!(s, Source::Text(..)));
    let named = lines
        .name
        .unwrap_or_else(|| files.count() > 1 || lines.recursive);
    let layout = layout(&job, lines, choice, named);
    job.settings.lines = layout.is_some() || lines.number;
    let search = Search {
        v4: !loaded.set.bits_v4().is_empty() && lines.only != Some(Version::V6),
        v6: !loaded.set.bits_v6().is_empty() && lines.only != Some(Version::V4),
        set: loaded.set,
        list: loaded.list,
        choice,
        how: lines.how,
        places: lines.places,
        unmap: lines.unmap,
        only: lines.only,
    };
    let write = Write {
        what: &lines.what,
        layout,
        names: named.then_some(&job.names[..]),
        number: lines.number,
        ends: lines.max.is_some(),
    };
    let rows = match lines.what {
        What::Lines | What::Items => true,
        What::Columns { json, .. } => !json,
        What::Count | What::Names | What::Nothing => false,
    };
    let mut output = job.output(!rows)?;
    let mut count = 0;
    // One count for each source.
    let mut counts = vec![0; job.sources.len()];
    let pool = Pool::new();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut done = Done {
                source: block.source,
                out: pool.take(),
                count: 0,
                ends: Vec::new(),
            };
            write.block(&search, finder, block, &mut done);
            done
        },
        |mut done| {
            let before = counts[done.source];
            if let Some(max) = lines.max {
                let left = max.saturating_sub(before);
                if done.count > left {
                    let kept = left.checked_sub(1).and_then(|i| done.ends.get(i as usize));
                    done.out.truncate(kept.copied().unwrap_or(0));
                    done.count = left;
                }
            }
            counts[done.source] = before + done.count;
            count += done.count;
            let go_on = match lines.what {
                What::Names => {
                    if before == 0 && done.count > 0 {
                        output.block(format!("{}\n", job.names[done.source]).as_bytes())?;
                    }
                    true
                }
                What::Nothing => count == 0,
                _ => {
                    if !done.out.is_empty() {
                        output.block(&done.out)?;
                    }
                    true
                }
            };
            let full = lines.max.is_some_and(|max| counts[done.source] >= max);
            pool.give(done.out);
            Ok(go_on && !(full && job.sources.len() == 1))
        },
    )?;
    if lines.what == What::Count {
        if named {
            for (name, count) in job.names.iter().zip(&counts) {
                output.block(format!("{name}:{count}\n").as_bytes())?;
            }
        } else {
            output.block(format!("{count}\n").as_bytes())?;
        }
    }
    let quiet_success = lines.what == What::Nothing && count > 0;
    Ok(
        if (trouble || walk_trouble || loaded.trouble) && !quiet_success {
            Status::Trouble
        } else if count == 0 {
            Status::Negative
        } else {
            Status::Success
        },
    )
}

/// Returns how lines are written, if they are not written unchanged.
fn layout(job: &Job, lines: &Settings, choice: Choice, named: bool) -> Option<LineLayout> {
    let What::Columns { json, columns } = &lines.what else {
        return None;
    };
    let mut fields = columns.clone();
    if fields.is_empty() {
        if named {
            fields.push(LineField::Of(Field::File));
        }
        fields.extend([Field::Line, Field::Address].map(LineField::Of));
        if choice == Choice::Matching {
            fields.push(LineField::Match);
        }
        fields.push(LineField::Text);
    }
    Some(LineLayout::new(fields, *json, job))
}

/// How the chosen lines are written.
struct Write<'a> {
    what: &'a What,
    layout: Option<LineLayout>,
    /// The names of the sources, if they are written.
    names: Option<&'a [String]>,
    number: bool,
    /// Whether the ends of lines in the output are needed.
    ends: bool,
}

impl Write<'_> {
    fn block(&self, search: &Search, finder: &mut Finder, block: &Block, done: &mut Done) {
        match self.what {
            What::Columns { .. } => {
                let Some(layout) = &self.layout else {
                    return;
                };
                search.wholes(finder, block, |line| {
                    layout.write(line, &mut done.out);
                    done.count += 1;
                    done.ends.push(done.out.len());
                });
            }
            What::Items => search.items(finder, block, |number, text, new_line| {
                if new_line {
                    if done.count > 0 {
                        done.ends.push(done.out.len());
                    }
                    done.count += 1;
                }
                self.before(block.source, number, &mut done.out);
                done.out.extend_from_slice(text);
                done.out.push(b'\n');
            }),
            What::Lines if self.number => search.wholes(finder, block, |line| {
                self.before(block.source, line.number, &mut done.out);
                done.out.extend_from_slice(line.whole);
                done.count += 1;
                done.ends.push(done.out.len());
            }),
            _ => search.run(finder, block, |found| self.lines(found, block, done)),
        }
        if *self.what == What::Items && done.count > 0 {
            done.ends.push(done.out.len());
        }
    }

    /// Writes or counts one or more whole lines.
    #[inline]
    fn lines(&self, found: &[u8], block: &Block, done: &mut Done) {
        if *self.what != What::Lines {
            done.count += memchr_iter(b'\n', found).count() as u64;
        } else if self.names.is_some() || self.ends {
            for line in each_line(found) {
                self.before(block.source, 0, &mut done.out);
                done.out.extend_from_slice(line);
                done.count += 1;
                done.ends.push(done.out.len());
            }
        } else if !found.is_empty() {
            done.out.extend_from_slice(found);
            // Only whether there are any lines matters here.
            done.count = 1;
        }
    }

    /// Writes the name and the number before a line.
    #[inline]
    fn before(&self, source: usize, number: u64, out: &mut Vec<u8>) {
        if let Some(names) = self.names {
            out.extend_from_slice(names[source].as_bytes());
            out.push(b':');
        }
        if self.number {
            push_number(out, number);
            out.push(b':');
        }
    }
}

struct Search {
    set: IpSet,
    /// Whether addresses of these versions can match.
    v4: bool,
    v6: bool,
    /// The entries of the set with their original text, if they are needed.
    list: Option<List>,
    choice: Choice,
    how: How,
    places: Places,
    unmap: bool,
    only: Option<Version>,
}

impl Search {
    /// Calls `emit` with the chosen lines, one or more whole lines at a time.
    fn run(&self, finder: &mut Finder, block: &Block, emit: impl FnMut(&[u8])) {
        // For `OnlyOthers` every address counts, not only those that may match.
        match (self.choice, self.v4, self.v6) {
            (Choice::OnlyOthers, ..) => self.others(finder, block, emit),
            (_, true, false) => self.matching::<true, false>(finder, block, emit),
            (_, false, true) => self.matching::<false, true>(finder, block, emit),
            (_, true, true) => self.matching::<true, true>(finder, block, emit),
            (Choice::Matching, false, false) => {}
            (Choice::Rest, false, false) => {
                let mut emit = emit;
                emit(block.text());
            }
        }
    }

    /// Returns whether the item that begins with an address matches, and where the item ends.
    #[inline(always)]
    fn decide(&self, text: &[u8], found: Found) -> (bool, usize) {
        if goes_on(text, found.end) || self.how == How::Covers {
            let (item, end) = find::longer(text, found);
            (self.item_hit(&item), end)
        } else {
            (self.hit(found.addr, self.v4), found.end)
        }
    }

    /// Returns whether an address that stands alone matches. `v4` says whether IPv4 addresses can match.
    #[inline(always)]
    fn hit(&self, addr: IpAddr, v4: bool) -> bool {
        match addr {
            IpAddr::V4(addr) => self.set.contains_v4(addr),
            IpAddr::V6(addr) => {
                self.set.contains_v6(addr)
                    || v4
                        && addr
                            .to_ipv4_mapped()
                            .is_some_and(|addr| self.set.contains_v4(addr))
            }
        }
    }

    /// Like `hit`, for a network or a range. An IPv4-mapped item also matches as IPv4.
    fn item_hit(&self, item: &Item) -> bool {
        let as_it_is = item.range();
        let unmapped = item.unmapped().range();
        self.range_hit(as_it_is) || unmapped != as_it_is && self.range_hit(unmapped)
    }

    fn range_hit(&self, range: IpRange) -> bool {
        match self.how {
            How::Inside => self.set.contains_all(range),
            How::Overlap => self.set.overlaps(range),
            How::Covers => self
                .list
                .as_ref()
                .is_some_and(|list| list.has_inside(range)),
        }
    }

    /// Returns whether an address counts at all.
    #[inline(always)]
    fn counts(&self, addr: IpAddr) -> bool {
        self.only.is_none_or(|only| is_of_version(addr, only))
    }

    /// Like [`Search::run`], but calls `emit` for each line separately, with the item that decided
    /// about it.
    fn wholes(&self, finder: &mut Finder, block: &Block, mut emit: impl FnMut(&Whole<'_>)) {
        let padded = block.padded();
        // For each line with addresses, this is the first item that matches, or otherwise the first
        // item.
        let mut decided: Vec<(Item, usize, usize, bool)> = Vec::new();
        let mut line_end = PAD;
        finder.each::<true, true>(padded, &self.places, |text, found| {
            if !self.counts(found.addr) {
                return found.end;
            }
            let (item, end) = find::whole(text, found);
            let hit = self.item_hit(&item);
            let decision = (item, found.start, end, hit);
            if found.start >= line_end {
                (_, line_end) = line_around(padded, line_end, found.start);
                decided.push(decision);
            } else if hit && let Some(last) = decided.last_mut() {
                *last = decision;
            }
            if hit { line_end } else { end }
        });
        let mut decided = decided.into_iter().peekable();
        let mut start = PAD;
        for (number, text) in (block.first_line..).zip(each_line(block.text())) {
            let end = start + text.len();
            let found = decided.next_if(|(_, at, ..)| *at < end);
            let hit = found.is_some_and(|(.., hit)| hit);
            let chosen = match self.choice {
                Choice::Matching => hit,
                Choice::OnlyOthers => found.is_some() && !hit,
                Choice::Rest => !hit,
            };
            if chosen {
                let whole = text;
                let text = text.strip_suffix(b"\n").unwrap_or(text);
                emit(&Whole {
                    source: block.source,
                    number,
                    whole,
                    text: text.strip_suffix(b"\r").unwrap_or(text),
                    entry: found.map(|(item, at, end, _)| Entry {
                        item: if self.unmap { item.unmapped() } else { item },
                        text: &padded[at..end],
                        source: block.source,
                        line: number,
                        column: at - start + 1,
                    }),
                    matched: match (&self.list, found) {
                        (Some(list), Some((item, .., true))) => list.of_item(&item),
                        _ => None,
                    },
                });
            }
            start = end;
        }
    }

    /// Calls `emit` for each item that matches, with the number of its line, its text, and whether it
    /// is the first item of its line.
    fn items(&self, finder: &mut Finder, block: &Block, mut emit: impl FnMut(u64, &[u8], bool)) {
        let padded = block.padded();
        let (mut number, mut counted, mut line_end) = (block.first_line, PAD, PAD);
        finder.each::<true, true>(padded, &self.places, |text, found| {
            let (item, end) = find::whole(text, found);
            if self.counts(found.addr) && self.item_hit(&item) {
                number += memchr_iter(b'\n', &padded[counted..found.start]).count() as u64;
                counted = found.start;
                let first = found.start >= line_end;
                if first {
                    (_, line_end) = line_around(padded, line_end, found.start);
                }
                emit(number, &padded[found.start..end], first);
            }
            end
        });
    }

    fn matching<const V4: bool, const V6: bool>(
        &self,
        finder: &mut Finder,
        block: &Block,
        mut emit: impl FnMut(&[u8]),
    ) {
        let padded = block.padded();
        let rest = self.choice == Choice::Rest;
        // Neighbouring lines are written together. All lines up to `done` are decided.
        let (mut begin, mut done) = (PAD, PAD);
        let mut line = |found: Found| {
            let (start, end) = line_around(padded, done, found.start);
            if rest {
                emit(&padded[done..start]);
            } else if start > done {
                emit(&padded[begin..done]);
                begin = start;
            }
            done = end;
            end
        };
        if self.places.is_everywhere() && self.how != How::Covers {
            // Most addresses do not match, so that is asked first.
            finder.scanner.scan_some::<V4, V6>(
                padded,
                #[inline(always)]
                |addr, end| goes_on(padded, end) || self.hit(addr, V4),
                #[inline(always)]
                |found| {
                    if goes_on(padded, found.end) {
                        let (item, end) = find::longer(padded, found);
                        if !self.item_hit(&item) {
                            return end;
                        }
                    }
                    line(found)
                },
            );
        } else {
            finder.at_places::<V4, V6>(padded, &self.places, |text, _, found| {
                let (hit, end) = self.decide(text, found);
                (if hit { line(found) } else { end }, true)
            });
        }
        if rest {
            emit(&padded[done..PAD + block.text().len()]);
        } else {
            emit(&padded[begin..done]);
        }
    }

    fn others(&self, finder: &mut Finder, block: &Block, mut emit: impl FnMut(&[u8])) {
        let padded = block.padded();
        // This is the line of the last address.
        let (mut start, mut line_end, mut keep) = (PAD, PAD, false);
        finder.each::<true, true>(padded, &self.places, |text, found| {
            if !self.counts(found.addr) {
                return found.end;
            }
            if found.start >= line_end {
                if keep {
                    emit(&padded[start..line_end]);
                }
                (start, line_end) = line_around(padded, line_end, found.start);
                keep = true;
            }
            let (hit, end) = self.decide(text, found);
            if hit {
                keep = false;
                return line_end;
            }
            end
        });
        if keep {
            emit(&padded[start..line_end]);
        }
    }
}

/// Returns whether an address counts if only those of a version do. It is seldom asked.
#[inline(never)]
fn is_of_version(addr: IpAddr, only: Version) -> bool {
    let meaning = Meaning {
        unmap: true,
        only: Some(only),
        ..Meaning::default()
    };
    meaning.adjust_addr(addr).is_some()
}

/// Returns the lines of a text, with their line ends.
fn each_line(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = text;
    iter::from_fn(move || {
        let end = memchr(b'\n', left).map_or(left.len(), |at| at + 1);
        let (line, rest) = left.split_at(end);
        left = rest;
        (!line.is_empty()).then_some(line)
    })
}

/// Returns the line that contains a place, with its line end. It does not begin before `floor`.
#[inline(always)]
fn line_around(padded: &[u8], floor: usize, place: usize) -> (usize, usize) {
    let start = memrchr(b'\n', &padded[floor..place]).map_or(floor, |at| floor + at + 1);
    let end = memchr(b'\n', &padded[place..]).map_or(padded.len(), |at| place + at + 1);
    (start, end)
}
