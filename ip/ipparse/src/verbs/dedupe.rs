//! Writes each item once, at its first place.

use std::collections::hash_map;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;

use crate::field::{Field, Layout};
use crate::find::Finder;
use crate::input;
use crate::item::{Item, Mask, push_number};
use crate::job::{Job, Pool};
use crate::output::{Result, Status};
use crate::read::{Bad, Entry, Line, each_line};
use crate::settings::Items;

const KEYS: [Field; 3] = [Field::Input, Field::Kind, Field::Canonical];

/// The value by which items are compared: equal items have an equal key.
trait Key: Hash + Eq {
    /// Returns the item, by which keys with the same count are sorted.
    fn item(&self) -> &Item;
}

impl Key for Item {
    fn item(&self) -> &Item {
        self
    }
}

/// The row that is written for an item. It is boxed, so that the table stays small.
struct Row {
    text: Vec<u8>,
    item: Item,
}

impl Key for Box<Row> {
    fn item(&self) -> &Item {
        &self.item
    }
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.text == other.text
    }
}

impl Eq for Row {}

/// The result of a block: the text of each line, where each line ends, and its key. Lines that are
/// passed on have no key.
struct Done<K> {
    out: Vec<u8>,
    ends: Vec<(Option<K>, usize)>,
    bad: Vec<Bad>,
}

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// Whether each item is written with its count before it, the most frequent first.
    pub(crate) count: bool,
    /// Whether whole lines are compared by their first items.
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
        pool: Pool::new(),
    };
    if dedupe.lines {
        return work.run(|finder, block| work.lines(finder, block));
    }
    // Mostly the item alone is the key. Then nothing is written for the comparison, and the table holds
    // only the item.
    match key(&job, &showing.columns) {
        None => work.run(|finder, block| work.items(finder, block, |entry| entry.item)),
        Some(layout) => work.run(|finder, block| {
            work.items(finder, block, |entry| {
                let mut text = Vec::new();
                layout.write(&entry, &mut text);
                let item = entry.item;
                Box::new(Row { text, item })
            })
        }),
    }
}

/// Returns the columns by which rows are compared: all chosen columns except those that tell the place.
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
    pool: Pool,
}

impl Work<'_> {
    /// Writes each key once. `block` makes the keys and lines of a block.
    fn run<K: Key + Send>(
        &self,
        block: impl Fn(&mut Finder, &input::Block) -> Done<K> + Sync,
    ) -> Result<Status> {
        let dedupe = self.settings;
        let mut output = self.job.output(self.layout.json)?;
        let mut reports = self.job.reports();
        let mut seen: HashSet<K, RandomState> = HashSet::default();
        // How often each key occurs, and the text of its first row.
        let mut counts: HashMap<K, (u64, Box<[u8]>), RandomState> = HashMap::default();
        let mut kept = Vec::new();
        let (_, trouble) = self.job.blocks(Finder::default, block, |done| {
            let mut start = 0;
            for (key, end) in done.ends {
                let text = &done.out[start..end];
                start = end;
                match key {
                    Some(key) if dedupe.count => match counts.entry(key) {
                        hash_map::Entry::Occupied(mut entry) => entry.get_mut().0 += 1,
                        hash_map::Entry::Vacant(entry) => {
                            entry.insert((1, text.into()));
                        }
                    },
                    Some(key) => {
                        if seen.insert(key) {
                            output.buffer().extend_from_slice(text);
                        }
                    }
                    None if dedupe.count => kept.extend_from_slice(text),
                    None => output.buffer().extend_from_slice(text),
                }
            }
            self.pool.give(done.out);
            output.flush()?;
            Ok(reports.take(&done.bad))
        })?;
        if dedupe.lines && !(seen.is_empty() && counts.is_empty()) {
            self.job.note_found();
        }
        if dedupe.count {
            let mut all: Vec<_> = counts.into_iter().collect();
            all.sort_unstable_by(|(a, (m, text)), (b, (n, other))| {
                let by_count = n.cmp(m);
                by_count
                    .then_with(|| a.item().order(b.item()))
                    .then_with(|| text.cmp(other))
            });
            for (_, (count, text)) in &all {
                push_counted(output.buffer(), *count, text, dedupe.items.showing.json);
                output.drain()?;
            }
            output.flush()?;
            output.block(&kept)?;
        }
        Ok(reports.end(trouble))
    }

    fn done<K>(&self) -> Done<K> {
        Done {
            out: self.pool.take(),
            ends: Vec::new(),
            bad: Vec::new(),
        }
    }

    /// Makes the result of a block with whole lines.
    fn lines(&self, finder: &mut Finder, block: &input::Block) -> Done<Item> {
        let mut done = self.done();
        each_line(finder, block, &self.job.style, |line, entry| {
            done.out.extend_from_slice(line);
            let key = entry.map(|entry| self.masked(entry.item).key());
            done.ends.push((key, done.out.len()));
        });
        done
    }

    /// Makes the result of a block with items. `key` makes the key of each.
    fn items<K>(
        &self,
        finder: &mut Finder,
        block: &input::Block,
        key: impl Fn(Entry<'_>) -> K,
    ) -> Done<K> {
        let mut done = self.done();
        self.job.each(
            finder,
            block,
            #[inline(always)]
            |line| {
                match line {
                    Line::Item(entry) => {
                        let item = self.masked(entry.item);
                        let entry = Entry { item, ..entry };
                        self.layout.write(&entry, &mut done.out);
                        let item = item.key();
                        let key = key(Entry { item, ..entry });
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
            },
        );
        done
    }

    fn masked(&self, item: Item) -> Item {
        self.settings.mask.map_or(item, |mask| item.masked(mask))
    }
}

/// Appends the count as the first column, or as the first key of the object.
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
