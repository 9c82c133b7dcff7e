//! The numbers of a reactor's alarms.

/// The alarm for a look at sockets whose short reads may not be trusted.
pub(crate) const LOOK: usize = 0;
/// The alarm for a trim of stacks.
pub(crate) const TRIM: usize = 1;
#[allow(dead_code, reason = "the portable reactor has no alarms")]
pub(crate) const COUNT: usize = 2;
