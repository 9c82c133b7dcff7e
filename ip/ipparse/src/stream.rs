//! Handles items one by one, and remembers none of them.

use crate::find::Finder;
use crate::job::{Job, Pool};
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Entry};

/// The result of a block.
struct Done {
    out: Vec<u8>,
    bad: Vec<Bad>,
}

/// Writes what `write` appends for each item, in order.
pub(crate) fn stream(
    job: &Job,
    output: Output,
    write: impl Fn(&Entry<'_>, &mut Vec<u8>) + Sync,
) -> Result<Status> {
    run(job, output, write, |_| {})
}

/// Like `stream`, but calls `show` for each bad line.
pub(crate) fn run(
    job: &Job,
    mut output: Output,
    write: impl Fn(&Entry<'_>, &mut Vec<u8>) + Sync,
    mut show: impl FnMut(&Bad) + Send,
) -> Result<Status> {
    let mut reports = job.reports();
    let pool = Pool::new();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut out = pool.take();
            let bad = job.read(finder, block, &mut out, &write);
            Done { out, bad }
        },
        |done| {
            if !done.out.is_empty() {
                output.block(&done.out)?;
            }
            pool.give(done.out);
            done.bad.iter().for_each(&mut show);
            Ok(reports.take(&done.bad))
        },
    )?;
    Ok(reports.end(trouble))
}
