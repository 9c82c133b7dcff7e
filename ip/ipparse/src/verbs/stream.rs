//! Verbs that say something of each item and then forget it.

use crate::cli::{Items, Range, Reading};
use crate::field::{Field, Layout};
use crate::input;
use crate::item::Item;
use crate::output::{Output, Result, Status, complain};
use crate::read::{Bad, Entry};
use crate::scan::Scanner;

use super::{Job, Pool};

pub(crate) fn canonical(items: &Items) -> Result<Status> {
    let job = items.job();
    let layout = job.layout(
        &items.showing,
        &[],
        &[Field::Input, Field::Kind, Field::Canonical],
    );
    stream(&job, |entry, out| layout.write(entry, out))
}

pub(crate) fn classify(items: &Items) -> Result<Status> {
    const FIELDS: [Field; 4] = [Field::Canonical, Field::Name, Field::Rfc, Field::Global];
    let job = items.job();
    let layout = job.layout(&items.showing, &FIELDS, &FIELDS);
    stream(&job, |entry, out| layout.write(entry, out))
}

pub(crate) fn range(range: &Range) -> Result<Status> {
    let job = range.items.job();
    let layout = job.layout(
        &range.items.showing,
        &[],
        &[Field::Input, Field::Kind, Field::Canonical],
    );
    let write = |item: Item, entry: &Entry<'_>, layout: &Layout, out: &mut Vec<u8>| {
        layout.write(&Entry { item, ..*entry }, out);
    };
    stream(&job, |entry, out| {
        let to_nets = range.nets || !range.ranges && matches!(entry.item, Item::Range(_));
        let addresses = entry.item.range();
        if to_nets {
            for net in addresses.nets() {
                write(Item::Net(net), entry, &layout, out);
            }
        } else {
            write(Item::Range(addresses), entry, &layout, out);
        }
    })
}

/// Nothing is written but what is wrong.
pub(crate) fn check(reading: &Reading) -> Result<Status> {
    let mut job = Job::new(reading);
    let quiet = std::mem::replace(&mut job.quiet, true);
    run(
        &job,
        |_, _| {},
        |bad| {
            if !quiet {
                let text = bad.show(&job.names[bad.source]);
                complain(text.trim_end_matches('\n'));
            }
        },
    )
}

/// What came of a block.
struct Done {
    out: Vec<u8>,
    bad: Vec<Bad>,
}

/// Writes what `write` appends for each item, in order.
pub(super) fn stream(job: &Job, write: impl Fn(&Entry<'_>, &mut Vec<u8>) + Sync) -> Result<Status> {
    run(job, write, |_| {})
}

fn run(
    job: &Job,
    write: impl Fn(&Entry<'_>, &mut Vec<u8>) + Sync,
    mut show: impl FnMut(&Bad) + Send,
) -> Result<Status> {
    let mut output = Output::stdout()?;
    let mut status = Status::Success;
    let pool = Pool::new();
    let (_, trouble) = input::run(
        &job.sources,
        job.settings,
        Scanner::default,
        |scanner, block| {
            let mut out = pool.take();
            let bad = job.read(scanner, block, &mut out, &write);
            Done { out, bad }
        },
        |done| {
            if !done.out.is_empty() {
                output.block(&done.out)?;
            }
            pool.give(done.out);
            done.bad.iter().for_each(&mut show);
            Ok(job.report(&done.bad, &mut status))
        },
    )?;
    Ok(if trouble { Status::Trouble } else { status })
}
