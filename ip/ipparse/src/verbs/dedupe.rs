//! Each once, at its first place.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{Hash, Hasher};

use crate::field::{Field, Layout};
use crate::find::Finder;
use crate::input;
use crate::item::{Item, Mask, push_number};
use crate::job::{Job, Pool};
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Entry, Line, each_line};
use crate::settings::Items;

const KEYS: [Field; 3] = [Field::Input, Field::Kind, Field::Canonical];

/// What is the same for items that are one.
#[derive(PartialEq, Eq)]
enum Key {
    Item(Item),
    Text(Box<Row>),
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        // All of a run are of one kind, which need not be told.
        match self {
            Key::Item(item) => item.hash(state),
            Key::Text(row) => row.text.hash(state),
        }
    }
}

impl Key {
    fn item(&self) -> &Item {
        match self {
            Key::Item(item) => item,
            Key::Text(row) => &row.item,
        }
    }
}

/// What is written of an item.
struct Row {
    text: Vec<u8>,
    item: Item,
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.text == other.text
    }
}

impl Eq for Row {}

/// What came of a block: the text of each line, where each ends, and what it is; nothing for lines that
/// are passed on.
struct Done {
    out: Vec<u8>,
    ends: Vec<(Option<Key>, usize)>,
    bad: Vec<Bad>,
}

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// How often each occurs is written before it, the most frequent first.
    pub(crate) count: bool,
    /// Whole lines, by their first items.
    pub(crate) lines: bool,
    /// Items are cut to networks of these lengths.
    pub(crate) mask: Option<Mask>,
}

pub(crate) fn run(dedupe: &Settings) -> Result<Status> {
    let job = Job::new(&dedupe.items.reading);
    let showing = &dedupe.items.showing;
    let work = Work {
        job: &job,
        settings: dedupe,
        layout: job.layout(showing, &[], &KEYS),
        key: key(&job, &showing.columns),
        pool: Pool::new(),
    };
    let mut output = Output::stdout()?;
    let mut reports = job.reports();
    // How often, and the text of the first if it is wanted at the end.
    let mut seen: HashMap<Key, (u64, Box<[u8]>), foldhash::fast::RandomState> = HashMap::default();
    let mut kept = Vec::new();
    let (_, trouble) = input::run(
        &job.sources,
        job.settings,
        Finder::default,
        |finder, block| work.block(finder, block),
        |done| {
            let mut start = 0;
            for (item, end) in done.ends {
                let text = &done.out[start..end];
                start = end;
                let Some(key) = item else {
                    let out = if dedupe.count {
                        &mut kept
                    } else {
                        output.buffer()
                    };
                    out.extend_from_slice(text);
                    continue;
                };
                match seen.entry(key) {
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
            work.pool.give(done.out);
            output.flush()?;
            Ok(reports.take(&done.bad))
        },
    )?;
    if dedupe.lines && !seen.is_empty() {
        job.note_found();
    }
    if dedupe.count {
        let mut all: Vec<_> = seen.into_iter().collect();
        all.sort_unstable_by(|(a, (m, text)), (b, (n, other))| {
            let by_count = n.cmp(m);
            by_count
                .then_with(|| a.item().order(b.item()))
                .then_with(|| text.cmp(other))
        });
        for (_, (count, text)) in &all {
            push_counted(output.buffer(), *count, text, showing.json);
            output.drain()?;
        }
        output.flush()?;
        output.block(&kept)?;
    }
    Ok(reports.end(trouble))
}

/// What of chosen columns makes two rows one: all but where they are from.
fn key(job: &Job, columns: &[Field]) -> Option<Layout> {
    let of_item = columns.iter().copied().filter(|field| {
        let place = [Field::File, Field::Line, Field::Column, Field::Input];
        !place.contains(field)
    });
    let fields: Vec<Field> = of_item.collect();
    let all_have = !fields.is_empty();
    all_have.then(|| Layout::new(crate::item::To::Canonical, fields, false, &job.names))
}

struct Work<'a> {
    job: &'a Job,
    settings: &'a Settings,
    layout: Layout,
    key: Option<Layout>,
    pool: Pool,
}

impl Work<'_> {
    fn block(&self, finder: &mut Finder, block: &input::Block) -> Done {
        let mut done = Done {
            out: self.pool.take(),
            ends: Vec::new(),
            bad: Vec::new(),
        };
        if self.settings.lines {
            each_line(finder, block, &self.job.style, |line, entry| {
                done.out.extend_from_slice(line);
                let key = entry.map(|entry| Key::Item(self.masked(entry.item).key()));
                done.ends.push((key, done.out.len()));
            });
            return done;
        }
        self.job.each(finder, block, |line| {
            match line {
                Line::Item(entry) => {
                    let item = self.masked(entry.item);
                    let entry = Entry { item, ..entry };
                    self.layout.write(&entry, &mut done.out);
                    let item = item.key();
                    let key = match &self.key {
                        None => Key::Item(item),
                        Some(layout) => {
                            let mut text = Vec::new();
                            layout.write(&Entry { item, ..entry }, &mut text);
                            Key::Text(Box::new(Row { text, item }))
                        }
                    };
                    done.ends.push((Some(key), done.out.len()));
                }
                Line::Bad(whole, _) | Line::Blank(whole) if self.job.keep => {
                    done.out.extend_from_slice(whole);
                    done.out.push(b'\n');
                    done.ends.push((None, done.out.len()));
                }
                Line::Bad(_, found) => done.bad.push(*found),
                Line::Blank(_) => {}
            }
            !self.job.strict || done.bad.is_empty()
        });
        done
    }

    fn masked(&self, item: Item) -> Item {
        self.settings.mask.map_or(item, |mask| item.masked(mask))
    }
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
