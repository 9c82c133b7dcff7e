//! Writes the addresses that are in the input and not in the set.

use crate::output::{Result, Status};
use crate::set::{self, TwoSets};

pub(crate) fn run(both: &TwoSets) -> Result<Status> {
    set::combine(both, true, |a, b| a.subtract(b))
}
