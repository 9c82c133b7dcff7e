//! Which lines are invalid. Nothing is written but what is wrong.

use crate::job::Job;
use crate::output::{Result, Status, complain};
use crate::settings::Reading;
use crate::stream;

pub(crate) fn run(reading: &Reading) -> Result<Status> {
    let mut job = Job::new(reading);
    let quiet = std::mem::replace(&mut job.quiet, true);
    stream::run(
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
