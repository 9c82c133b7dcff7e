//! Verbs that must hold what they read: sort and dedupe.

use std::collections::HashMap;
use std::collections::hash_map;
use std::thread;

use crate::cli::{Dedupe, Sort};
use crate::field::{Field, Layout};
use crate::input;
use crate::item::{Item, push_number};
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Entry, Line, each};
use crate::scan::Scanner;

use super::{Job, Pool};

const KEYS: [Field; 3] = [Field::Input, Field::Kind, Field::Canonical];

/// An item that has left its block.
struct Held {
    item: Item,
    /// Only if it is to be written.
    text: Box<[u8]>,
    source: usize,
    line: u64,
    column: usize,
}

impl Held {
    fn new(entry: &Entry<'_>, with_text: bool) -> Held {
        let text = if with_text { entry.text } else { b"" };
        Held {
            item: entry.item,
            text: text.into(),
            source: entry.source,
            line: entry.line,
            column: entry.column,
        }
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            item: self.item,
            text: &self.text,
            source: self.source,
            line: self.line,
            column: self.column,
        }
    }
}

pub(crate) fn sort(sort: &Sort) -> Result<Status> {
    let job = sort.items.job();
    let layout = job.layout(&sort.items.showing, &[], &KEYS);
    let with_text = layout.has(Field::Input);
    let mut status = Status::Success;
    let mut kept = Vec::new();
    let mut stopped = false;
    let (mut parts, trouble) = input::run(
        &job.sources,
        job.settings,
        || (Scanner::default(), Vec::new()),
        |(scanner, held), block| {
            job.hold(scanner, block, |entry| {
                held.push(Held::new(entry, with_text))
            })
        },
        |(pass, bad): (Vec<u8>, Vec<Bad>)| {
            kept.extend_from_slice(&pass);
            stopped = !job.report(&bad, &mut status);
            Ok(!stopped)
        },
    )?;
    if stopped {
        return Ok(status);
    }
    // Where equal ones came from decides between them, so that the threads make no difference.
    let order = |a: &Held, b: &Held| {
        let place = |held: &Held| (held.source, held.line, held.column);
        a.item.order(&b.item).then_with(|| place(a).cmp(&place(b)))
    };
    thread::scope(|scope| {
        for (_, part) in &mut parts {
            scope.spawn(|| part.sort_unstable_by(order));
        }
    });
    let mut all: Vec<Held> = parts.into_iter().flat_map(|(_, part)| part).collect();
    // The stable sort of std finds the runs that are in order, and merges them.
    all.sort_by(order);
    if sort.unique {
        all.dedup_by(|a, b| a.item == b.item);
    }
    if sort.reverse {
        all.reverse();
    }
    let mut output = Output::stdout()?;
    for held in &all {
        layout.write(&held.entry(), output.buffer());
        output.drain()?;
    }
    output.flush()?;
    output.block(&kept)?;
    Ok(if trouble { Status::Trouble } else { status })
}

/// What came of a block: the text of each line, where each ends, and what it is; nothing for lines that
/// are passed on.
struct Done {
    out: Vec<u8>,
    ends: Vec<(Option<Item>, usize)>,
    bad: Vec<Bad>,
}

pub(crate) fn dedupe(dedupe: &Dedupe) -> Result<Status> {
    let job = dedupe.items.job();
    let layout = job.layout(&dedupe.items.showing, &[], &KEYS);
    let mut output = Output::stdout()?;
    let mut status = Status::Success;
    // How often, and the text of the first if it is wanted at the end.
    let mut seen: HashMap<Item, (u64, Box<[u8]>)> = HashMap::new();
    let mut kept = Vec::new();
    let pool = Pool::new();
    let (_, trouble) = input::run(
        &job.sources,
        job.settings,
        Scanner::default,
        |scanner, block| work(&job, &layout, &pool, scanner, block),
        |done| {
            let mut start = 0;
            for (item, end) in done.ends {
                let text = &done.out[start..end];
                start = end;
                let Some(item) = item else {
                    let out = if dedupe.count {
                        &mut kept
                    } else {
                        output.buffer()
                    };
                    out.extend_from_slice(text);
                    continue;
                };
                match seen.entry(item) {
                    hash_map::Entry::Occupied(mut entry) => entry.get_mut().0 += 1,
                    hash_map::Entry::Vacant(entry) if dedupe.count => {
                        entry.insert((1, text.into()));
                    }
                    hash_map::Entry::Vacant(entry) => {
                        entry.insert((1, Box::default()));
                        output.buffer().extend_from_slice(text);
                    }
                }
            }
            pool.give(done.out);
            output.flush()?;
            Ok(job.report(&done.bad, &mut status))
        },
    )?;
    if dedupe.count {
        let mut all: Vec<_> = seen.into_iter().collect();
        all.sort_unstable_by(|(a, (m, _)), (b, (n, _))| n.cmp(m).then_with(|| a.order(b)));
        for (_, (count, text)) in &all {
            push_counted(output.buffer(), *count, text, layout.json);
            output.drain()?;
        }
        output.flush()?;
        output.block(&kept)?;
    }
    Ok(if trouble { Status::Trouble } else { status })
}

fn work(
    job: &Job,
    layout: &Layout,
    pool: &Pool,
    scanner: &mut Scanner,
    block: &input::Block,
) -> Done {
    let mut out = pool.take();
    let mut ends = Vec::new();
    let mut bad = Vec::new();
    each(scanner, block, job.style, |line| {
        match line {
            Line::Item(entry) => {
                layout.write(&entry, &mut out);
                ends.push((Some(entry.item), out.len()));
            }
            Line::Bad(whole, _) | Line::Blank(whole) if job.keep => {
                out.extend_from_slice(whole);
                out.push(b'\n');
                ends.push((None, out.len()));
            }
            Line::Bad(_, found) => bad.push(*found),
            Line::Blank(_) => {}
        }
        !job.strict || bad.is_empty()
    });
    Done { out, ends, bad }
}

/// The count as the first column, or the first key.
fn push_counted(out: &mut Vec<u8>, count: u64, text: &[u8], json: bool) {
    match text.strip_prefix(b"{") {
        Some(object) if json => {
            out.extend_from_slice(b"{\"count\":");
            push_number(out, count);
            out.push(b',');
            out.extend_from_slice(object);
        }
        _ => {
            push_number(out, count);
            out.push(b'\t');
            out.extend_from_slice(text);
        }
    }
}
