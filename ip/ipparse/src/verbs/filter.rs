//! Writes the lines that hold an address of the set.

use crate::lines::{self, Choice};
use crate::output::{Result, Status};

pub(crate) struct Settings {
    pub(crate) lines: lines::Settings,
    /// Write the lines that hold addresses, but none of the set.
    pub(crate) invert: bool,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let choice = if settings.invert {
        Choice::OnlyOthers
    } else {
        Choice::Matching
    };
    lines::run(&settings.lines, choice)
}
