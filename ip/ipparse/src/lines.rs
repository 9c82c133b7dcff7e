//! Lines that hold an address of a set, or none.

use std::ffi::OsString;
use std::iter;
use std::net::IpAddr;

use memchr::{memchr, memchr_iter, memrchr};
use std_net_ip::IpSet;
use std_net_ip::range::IpRange;

use crate::field::{Field, LineField, LineLayout, Whole};
use crate::find::{self, Finder, goes_on};
use crate::input::{self, Block, PAD, Source};
use crate::item::{Item, Meaning, Version, push_number};
use crate::job::{Job, Pool};
use crate::list::List;
use crate::output::{Fail, Output, Result, Status};
use crate::place::Places;
use crate::read::{Entry, Style};
use crate::scan::Found;
use crate::set;
use crate::settings::{Given, Reading};

/// What is read and what is written of it.
pub(crate) struct Settings {
    pub(crate) input: Vec<OsString>,
    /// Folders are read with all that is in them.
    pub(crate) recursive: bool,
    /// Lines end with a zero byte.
    pub(crate) zero: bool,
    pub(crate) places: Places,
    /// Addresses of the other version do not count.
    pub(crate) only: Option<Version>,
    pub(crate) set: Given,
    pub(crate) how: How,
    pub(crate) what: What,
    /// Whether the name of the file stands before each line; if not said, it does with several files.
    pub(crate) name: Option<bool>,
    /// The number of the line stands before it.
    pub(crate) number: bool,
    /// No more lines of each file.
    pub(crate) max: Option<u64>,
    /// The first invalid line of the set ends it.
    pub(crate) strict: bool,
    pub(crate) threads: usize,
}

/// When an item of a line matches the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum How {
    /// It lies inside.
    #[default]
    Inside,
    /// They have an address in common.
    Overlap,
    /// It holds an entry of the set.
    Covers,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The lines, as they are.
    Lines,
    /// How many.
    Count,
    /// What matches, without the rest of the line.
    Items,
    /// The names of files with such lines.
    Names,
    /// Nothing: the status is all.
    Nothing,
    /// Columns, those by default if none are given, or JSON.
    Columns { json: bool, columns: Vec<LineField> },
}

/// Which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// With an item that matches.
    Matching,
    /// With items, none that matches.
    OnlyOthers,
    /// All that are not `Matching`.
    Rest,
}

/// What came of a block.
struct Done {
    source: usize,
    out: Vec<u8>,
    /// How many lines were chosen.
    count: u64,
    /// Where what is written of each ends, if there may be too many.
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
    // Without a part of the set, these would let lines through that it was to stop.
    let closed = choice != Choice::Matching && !lines.set.lenient;
    if loaded.trouble && (closed || lines.strict) {
        return Ok(Status::Trouble);
    }
    let reading = Reading {
        input: lines.input.clone(),
        style: Style {
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
    job.settings.zero = lines.zero;
    let search = Search {
        v4: !loaded.set.bits_v4().is_empty() && lines.only != Some(Version::V6),
        v6: !loaded.set.bits_v6().is_empty() && lines.only != Some(Version::V4),
        set: loaded.set,
        list: loaded.list,
        choice,
        how: lines.how,
        places: lines.places,
        only: lines.only,
    };
    let write = Write {
        what: &lines.what,
        layout,
        names: named.then_some(&job.names[..]),
        number: lines.number,
        ends: lines.max.is_some(),
    };
    let mut output = Output::stdout()?;
    let mut count = 0;
    // Of each source.
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
            if lines.zero {
                input::swap_line_ends(&mut done.out);
            }
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
        output.block(format!("{count}\n").as_bytes())?;
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

/// How lines are written if not as they are.
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
    Some(LineLayout::new(fields, *json, &job.names))
}

/// How what is chosen is written.
struct Write<'a> {
    what: &'a What,
    layout: Option<LineLayout>,
    /// Of the sources, if they are written.
    names: Option<&'a [String]>,
    number: bool,
    /// Whether the ends of lines in the output are wanted.
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

    /// One or more lines as they are, or how many.
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
            // Whether there are any is all that is wanted.
            done.count = 1;
        }
    }

    /// What stands before a line.
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
    /// The entries of the set, as they are written, if they are wanted.
    list: Option<List>,
    choice: Choice,
    how: How,
    places: Places,
    only: Option<Version>,
}

impl Search {
    /// Calls `emit` with one or more whole lines at a time.
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

    /// Whether the item that an address begins matches, and where it ends.
    #[inline(always)]
    fn decide(&self, text: &[u8], found: Found) -> (bool, usize) {
        if goes_on(text, found.end) || self.how == How::Covers {
            let (item, end) = find::longer(text, found);
            (self.item_hit(&item), end)
        } else {
            (self.hit(found.addr), found.end)
        }
    }

    #[inline(always)]
    fn hit(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.set.contains_v4(addr),
            IpAddr::V6(addr) => {
                self.set.contains_v6(addr)
                    || self.v4
                        && addr
                            .to_ipv4_mapped()
                            .is_some_and(|addr| self.set.contains_v4(addr))
            }
        }
    }

    /// The same for a network or a range; each by whichever of its versions.
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

    /// Whether an address counts at all.
    #[inline(always)]
    fn counts(&self, addr: IpAddr) -> bool {
        self.only.is_none() || {
            let meaning = Meaning {
                unmap: true,
                only: self.only,
                ..Meaning::default()
            };
            meaning.adjust(Item::Addr(addr)).is_some()
        }
    }

    /// Calls `emit` with the same lines as [`Search::run`], one at a time, and with the item that each
    /// was chosen by.
    fn wholes(&self, finder: &mut Finder, block: &Block, mut emit: impl FnMut(&Whole<'_>)) {
        let padded = block.padded();
        // Of each line with addresses the first hit, or else the first.
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
                        item,
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

    /// Calls `emit` with the number of the line and the text of each item that matches, and whether it is
    /// the first of its line.
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
        // Lines that are side by side are written together; up to `done` all are decided.
        let (mut begin, mut done) = (PAD, PAD);
        finder.each::<V4, V6>(
            padded,
            &self.places,
            #[inline(always)]
            |text, found| {
                let (hit, end) = self.decide(text, found);
                if !hit {
                    return end;
                }
                let (start, end) = line_around(padded, done, found.start);
                if rest {
                    emit(&padded[done..start]);
                } else if start > done {
                    emit(&padded[begin..done]);
                    begin = start;
                }
                done = end;
                end
            },
        );
        if rest {
            emit(&padded[done..PAD + block.text().len()]);
        } else {
            emit(&padded[begin..done]);
        }
    }

    fn others(&self, finder: &mut Finder, block: &Block, mut emit: impl FnMut(&[u8])) {
        let padded = block.padded();
        // The line of the last address.
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

/// The lines of a text, with their line ends.
fn each_line(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = text;
    iter::from_fn(move || {
        let end = memchr(b'\n', left).map_or(left.len(), |at| at + 1);
        let (line, rest) = left.split_at(end);
        left = rest;
        (!line.is_empty()).then_some(line)
    })
}

/// The line that a place is in, with its line end; it does not begin before `floor`.
#[inline(always)]
fn line_around(padded: &[u8], floor: usize, place: usize) -> (usize, usize) {
    let start = memrchr(b'\n', &padded[floor..place]).map_or(floor, |at| floor + at + 1);
    let end = memchr(b'\n', &padded[place..]).map_or(padded.len(), |at| place + at + 1);
    (start, end)
}
