//! Writes the lines that hold no address of the set.

use crate::lines::{self, Choice, Settings};
use crate::output::{Result, Status};

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    lines::run(settings, Choice::Rest)
}
