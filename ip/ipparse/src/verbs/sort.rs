//! By address: IPv4 first, the larger network before the smaller.

use std::thread;

use crate::field::Field;
use crate::input;
use crate::item::Item;
use crate::job::Job;
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Entry};
use crate::scan::Scanner;
use crate::settings::Items;

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

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// The last first.
    pub(crate) reverse: bool,
    /// Each only once.
    pub(crate) unique: bool,
}

pub(crate) fn run(sort: &Settings) -> Result<Status> {
    let job = Job::new(&sort.items.reading);
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
