//! Each once, at its first place.

use std::collections::HashMap;
use std::collections::hash_map;

use crate::field::{Field, Layout};
use crate::input;
use crate::item::{Item, push_number};
use crate::job::{Job, Pool};
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Line, each};
use crate::scan::Scanner;
use crate::settings::Items;

const KEYS: [Field; 3] = [Field::Input, Field::Kind, Field::Canonical];

/// What came of a block: the text of each line, where each ends, and what it is; nothing for lines that
/// are passed on.
struct Done {
    out: Vec<u8>,
    ends: Vec<(Option<Item>, usize)>,
    bad: Vec<Bad>,
}

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// How often each occurs is written before it, the most frequent first.
    pub(crate) count: bool,
}

pub(crate) fn run(dedupe: &Settings) -> Result<Status> {
    let job = Job::new(&dedupe.items.reading);
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
