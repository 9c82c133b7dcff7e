//! Writes each item in one form.

use crate::field::Field;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::settings::Items;
use crate::stream::stream;

pub(crate) fn run(items: &Items) -> Result<Status> {
    let job = Job::new(&items.reading);
    let keys = [Field::Input, Field::Kind, Field::Canonical];
    let layout = job.layout(&items.showing, &[], &keys);
    stream(&job, job.output(layout.json)?, |entry, out| {
        layout.write(entry, out)
    })
}
