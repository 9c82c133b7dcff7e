//! What stands for `trace` without the feature `tracing`: nothing, at no cost.

use super::Problem;

pub(super) const LISTENS: bool = false;

#[inline]
pub(super) fn problem(_: &Problem) {}
