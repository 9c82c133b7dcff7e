//! What each address is for.

use crate::field::Field;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::settings::Items;
use crate::stream::stream;

const FIELDS: [Field; 4] = [Field::Canonical, Field::Name, Field::Rfc, Field::Global];

pub(crate) fn run(items: &Items) -> Result<Status> {
    let job = Job::new(&items.reading);
    let layout = job.layout(&items.showing, &FIELDS, &FIELDS);
    stream(&job, |entry, out| layout.write(entry, out))
}
