//! This module replaces `trace` without the feature `tracing`. It does nothing and costs nothing.

use super::Problem;

pub(super) const LISTENS: bool = false;

#[inline]
pub(super) fn problem(_: &Problem) {}
