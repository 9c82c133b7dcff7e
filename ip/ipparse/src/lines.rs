//! Lines that hold an address of a set, or none.

use std::ffi::OsString;
use std::iter;

use memchr::{memchr, memchr_iter, memrchr};
use std::net::IpAddr;

use std_net_ip::IpSet;
use std_net_ip::net::IpNet;

use crate::field::{Field, LineField, LineLayout, Whole};
use crate::input::{self, Block, PAD, Source};
use crate::item::{From, Item};
use crate::job::{Job, Pool};
use crate::output::{Fail, Output, Result, Status};
use crate::read::Entry;
use crate::scan::{Found, Scanner};

use crate::set;
use crate::settings::Given;

/// What is read and what is written of it.
pub(crate) struct Settings {
    pub(crate) input: Vec<OsString>,
    pub(crate) set: Given,
    /// Only how many.
    pub(crate) count: bool,
    pub(crate) json: bool,
    /// Empty: the lines as they are.
    pub(crate) columns: Vec<LineField>,
    /// Whether the name of the file stands before each line; if not said, it does with several files.
    pub(crate) name: Option<bool>,
    /// The first invalid line of the set ends it.
    pub(crate) strict: bool,
    pub(crate) threads: usize,
}

/// Which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// With an address of the set.
    Matching,
    /// With addresses, none of the set.
    OnlyOthers,
    /// All that are not `Matching`.
    Rest,
}

/// What came of a block: lines, or how many.
#[derive(Default)]
struct Done {
    out: Vec<u8>,
    count: u64,
}

pub(crate) fn run(lines: &Settings, choice: Choice) -> Result<Status> {
    if choice != Choice::Matching && lines.columns.contains(&LineField::Match) {
        return Err(Fail::message(
            "exclude and filter -v have no column match: no address of their lines is in the set",
        ));
    }
    let (set, set_status) = set::load(&lines.set, lines.strict, lines.threads)?;
    if lines.strict && set_status != Status::Success {
        return Ok(Status::Trouble);
    }
    let mut job = Job::of(&lines.input, lines.threads, From::Auto);
    let files = job
        .sources
        .iter()
        .filter(|s| !matches!(s, Source::Text(..)));
    let named = lines.name.unwrap_or_else(|| files.count() > 1);
    let layout = layout(&job, lines, choice, named);
    job.settings.lines = layout.is_some();
    let search = Search {
        v4: !set.bits_v4().is_empty(),
        v6: !set.bits_v6().is_empty(),
        set,
        choice,
        networks: layout
            .as_ref()
            .is_some_and(|layout| layout.has(LineField::Match)),
    };
    let mut output = Output::stdout()?;
    let mut count = 0;
    let pool = Pool::new();
    let (_, trouble) = input::run(
        &job.sources,
        job.settings,
        Scanner::default,
        |scanner, block| {
            let mut done = Done {
                out: pool.take(),
                count: 0,
            };
            if let Some(layout) = &layout {
                search.wholes(scanner, block, |line| layout.write(line, &mut done.out));
                return done;
            }
            let name = named.then(|| job.names[block.source].as_bytes());
            search.run(scanner, block, |found| {
                if lines.count {
                    done.count += memchr_iter(b'\n', found).count() as u64;
                } else if let Some(name) = name {
                    for line in each_line(found) {
                        done.out.extend_from_slice(name);
                        done.out.push(b':');
                        done.out.extend_from_slice(line);
                    }
                } else {
                    done.out.extend_from_slice(found);
                }
            });
            done
        },
        |done| {
            count += done.count.max(u64::from(!done.out.is_empty()));
            if !done.out.is_empty() {
                output.block(&done.out)?;
            }
            pool.give(done.out);
            Ok(true)
        },
    )?;
    if lines.count {
        output.block(format!("{count}\n").as_bytes())?;
    }
    Ok(if trouble || set_status != Status::Success {
        Status::Trouble
    } else if count == 0 {
        Status::Negative
    } else {
        Status::Success
    })
}

/// How lines are written if not as they are.
fn layout(job: &Job, lines: &Settings, choice: Choice, named: bool) -> Option<LineLayout> {
    if !lines.json && lines.columns.is_empty() {
        return None;
    }
    let mut fields = lines.columns.clone();
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
    Some(LineLayout::new(fields, lines.json, &job.names))
}

struct Search {
    set: IpSet,
    v4: bool,
    v6: bool,
    choice: Choice,
    /// Whether it is wanted which network of the set an address is in.
    networks: bool,
}

impl Search {
    /// Calls `emit` with one or more whole lines at a time.
    fn run(&self, scanner: &mut Scanner, block: &Block, emit: impl FnMut(&[u8])) {
        // For `OnlyOthers` every address counts, not only those that may match.
        match (self.choice, self.v4, self.v6) {
            (Choice::OnlyOthers, ..) => self.others(scanner, block, emit),
            (_, true, false) => self.matching::<true, false>(scanner, block, emit),
            (_, false, true) => self.matching::<false, true>(scanner, block, emit),
            (_, true, true) => self.matching::<true, true>(scanner, block, emit),
            (Choice::Matching, false, false) => {}
            (Choice::Rest, false, false) => {
                let mut emit = emit;
                emit(block.text());
            }
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

    /// The network of the set that an address is in, by whichever of its versions.
    fn network(&self, addr: IpAddr) -> Option<IpNet> {
        let of = |addr: IpAddr| {
            let mut nets = self.set.range_of(addr)?.nets();
            nets.find(|net| net.contains(&addr))
        };
        of(addr).or_else(|| match addr {
            IpAddr::V4(_) => None,
            IpAddr::V6(addr) => of(addr.to_ipv4_mapped()?.into()),
        })
    }

    /// Calls `emit` with the same lines as [`Search::run`], one at a time, and with the address that
    /// each was chosen by.
    fn wholes(&self, scanner: &mut Scanner, block: &Block, mut emit: impl FnMut(&Whole<'_>)) {
        let padded = block.padded();
        // Of each line with addresses the first hit, or else the first.
        let mut decided: Vec<(Found, bool)> = Vec::new();
        let mut end = PAD;
        scanner.scan::<true, true>(padded, |found| {
            let hit = self.hit(found.addr);
            if found.start >= end {
                (_, end) = line_around(padded, end, found.start);
                decided.push((found, hit));
            } else if hit && let Some(last) = decided.last_mut() {
                *last = (found, hit);
            }
            if hit { end } else { found.end }
        });
        let mut decided = decided.into_iter().peekable();
        let mut start = PAD;
        for (number, text) in (block.first_line..).zip(each_line(block.text())) {
            let end = start + text.len();
            let found = decided.next_if(|(found, _)| found.start < end);
            let hit = found.is_some_and(|(_, hit)| hit);
            let chosen = match self.choice {
                Choice::Matching => hit,
                Choice::OnlyOthers => found.is_some() && !hit,
                Choice::Rest => !hit,
            };
            if chosen {
                let text = text.strip_suffix(b"\n").unwrap_or(text);
                emit(&Whole {
                    source: block.source,
                    number,
                    text: text.strip_suffix(b"\r").unwrap_or(text),
                    entry: found.map(|(found, _)| Entry {
                        item: Item::Addr(found.addr),
                        text: &padded[found.start..found.end],
                        source: block.source,
                        line: number,
                        column: found.start - start + 1,
                    }),
                    matched: found
                        .filter(|_| hit && self.networks)
                        .and_then(|(found, _)| self.network(found.addr)),
                });
            }
            start = end;
        }
    }

    fn matching<const V4: bool, const V6: bool>(
        &self,
        scanner: &mut Scanner,
        block: &Block,
        mut emit: impl FnMut(&[u8]),
    ) {
        let padded = block.padded();
        let rest = self.choice == Choice::Rest;
        // Lines that are side by side are written together; up to `done` all are decided.
        let (mut begin, mut done) = (PAD, PAD);
        scanner.scan::<V4, V6>(padded, |found| {
            if !self.hit(found.addr) {
                return found.end;
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
        });
        if rest {
            emit(&padded[done..PAD + block.text().len()]);
        } else {
            emit(&padded[begin..done]);
        }
    }

    fn others(&self, scanner: &mut Scanner, block: &Block, mut emit: impl FnMut(&[u8])) {
        let padded = block.padded();
        // The line of the last address.
        let (mut start, mut end, mut keep) = (PAD, PAD, false);
        scanner.scan::<true, true>(padded, |found| {
            if found.start >= end {
                if keep {
                    emit(&padded[start..end]);
                }
                (start, end) = line_around(padded, end, found.start);
                keep = true;
            }
            if self.hit(found.addr) {
                keep = false;
                return end;
            }
            found.end
        });
        if keep {
            emit(&padded[start..end]);
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
