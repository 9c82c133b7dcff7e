//! Writes the addresses that are both in the input and in the set.

use crate::output::{Result, Status};
use crate::set::{self, TwoSets};

pub(crate) fn run(both: &TwoSets) -> Result<Status> {
    set::combine(both, false, |a, b| a.intersect(b))
}
