//! Writes what each address is for.

use crate::field::{Field, inside};
use crate::job::Job;
use crate::output::{Result, Status};
use crate::settings::Items;
use crate::stream::stream;

const FIELDS: [Field; 5] = [
    Field::Canonical,
    Field::Name,
    Field::Rfc,
    Field::Global,
    // This column is written only if something is inside.
    Field::Inside,
];

pub(crate) fn run(items: &Items) -> Result<Status> {
    let job = Job::new(&items.reading);
    let with = job.layout(&items.showing, &FIELDS, &FIELDS);
    let without = job.layout(&items.showing, &FIELDS[..4], &FIELDS[..4]);
    stream(&job, job.output(with.json)?, |entry, out| {
        let has = inside(entry.item.addr()).is_some();
        let layout = if has { &with } else { &without };
        layout.write(entry, out);
    })
}
