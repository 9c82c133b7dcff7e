//! The fewest networks that hold the same addresses.

use crate::job::Job;
use crate::output::{Result, Status};
use crate::set;
use crate::settings::{Items, SetForm};

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) form: SetForm,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.items.reading);
    let layout = set::layout(&job, &settings.items, settings.form)?;
    let read = set::read(&job)?;
    set::write(&job, settings.form, &layout, read, |set| set)
}
