//! Lines that hold an address of a set, or none.

use memchr::{memchr, memchr_iter, memrchr};
use std::net::IpAddr;

use std_net_ip::IpSet;

use crate::cli::Lines;
use crate::input::{self, Block, PAD, Source};
use crate::item::From;
use crate::output::{Output, Result, Status};
use crate::scan::Scanner;

use super::{Job, Pool, sets};

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

pub(crate) fn filter(lines: &Lines, choice: Choice) -> Result<Status> {
    let (set, set_status) = sets::load(&lines.set, lines.strict, lines.threads.threads)?;
    if lines.strict && set_status != Status::Success {
        return Ok(Status::Trouble);
    }
    let mut job = Job::of(&lines.input, lines.threads.threads, From::Auto);
    job.settings.lines = false;
    let files = job
        .sources
        .iter()
        .filter(|s| !matches!(s, Source::Text(..)));
    let named = lines.with_filename || !lines.no_filename && files.count() > 1;
    let search = Search {
        v4: !set.bits_v4().is_empty(),
        v6: !set.bits_v6().is_empty(),
        set,
        choice,
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
            let name = named.then(|| job.names[block.source].as_bytes());
            search.run(scanner, block, |found| {
                if lines.count {
                    done.count += memchr_iter(b'\n', found).count() as u64;
                } else if let Some(name) = name {
                    for line in found.split_inclusive(|b| *b == b'\n') {
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

struct Search {
    set: IpSet,
    v4: bool,
    v6: bool,
    choice: Choice,
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

/// The line that a place is in, with its line end; it does not begin before `floor`.
#[inline(always)]
fn line_around(padded: &[u8], floor: usize, place: usize) -> (usize, usize) {
    let start = memrchr(b'\n', &padded[floor..place]).map_or(floor, |at| floor + at + 1);
    let end = memchr(b'\n', &padded[place..]).map_or(padded.len(), |at| place + at + 1);
    (start, end)
}
