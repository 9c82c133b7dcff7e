//! Sorts by address: IPv4 first, the larger network before the smaller.

use std::thread;

use crate::field::Field;
use crate::find::Finder;
use crate::item::{Item, Mask};
use crate::job::Job;
use crate::output::{Result, Status};
use crate::read::{Bad, Entry, each_line};
use crate::settings::Items;

const KEYS: [Field; 3] = [Field::Input, Field::Kind, Field::Canonical];

/// An item that was copied out of its block.
struct Held {
    item: Item,
    /// Its text, only if the text is written.
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
    /// Write the last item first.
    pub(crate) reverse: bool,
    /// Write each item only once.
    pub(crate) unique: bool,
    /// Write whole lines, sorted by their first items.
    pub(crate) lines: bool,
    /// Items are cut to networks of these lengths.
    pub(crate) mask: Option<Mask>,
}

pub(crate) fn run(sort: &Settings) -> Result<Status> {
    let job = Job::new(&sort.items.reading);
    let layout = job.layout(&sort.items.showing, &[], &KEYS);
    let with_text = sort.lines || layout.has(Field::Input);
    let masked = |item: Item| sort.mask.map_or(item, |mask| item.masked(mask));
    let mut reports = job.reports();
    let mut kept = Vec::new();
    let (mut parts, trouble) = job.blocks(
        || (Finder::default(), Vec::new()),
        |(finder, held), block| {
            if sort.lines {
                let mut others = Vec::new();
                each_line(finder, block, &job.style, |line, entry| match entry {
                    Some(entry) => held.push(Held {
                        item: masked(entry.item),
                        text: line.into(),
                        ..Held::new(entry, false)
                    }),
                    None => others.extend_from_slice(line),
                });
                return (others, Vec::new());
            }
            job.hold(finder, block, |entry| {
                let item = masked(entry.item);
                held.push(Held::new(&Entry { item, ..*entry }, with_text));
            })
        },
        |(pass, bad): (Vec<u8>, Vec<Bad>)| {
            kept.extend_from_slice(&pass);
            Ok(reports.take(&bad))
        },
    )?;
    if reports.stopped() {
        return Ok(reports.end(trouble));
    }
    // Equal items are ordered by their place in the input, so the result does not depend on the
    // threads.
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
    if sort.lines && !all.is_empty() {
        job.note_found();
    }
    // std's stable sort finds the runs that are already in order, and merges them.
    all.sort_by(order);
    if sort.unique {
        all.dedup_by(|a, b| a.item.key() == b.item.key());
    }
    if sort.reverse {
        all.reverse();
    }
    let mut output = job.output(layout.json)?;
    for held in &all {
        if sort.lines {
            output.buffer().extend_from_slice(&held.text);
        } else {
            layout.write(&held.entry(), output.buffer());
        }
        output.drain()?;
    }
    output.flush()?;
    output.block(&kept)?;
    Ok(reports.end(trouble))
}
