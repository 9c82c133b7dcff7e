//! Memory for stacks.

use std::io;

use libc::{c_int, c_void};

/// What an anonymous mapping for stacks is besides. No `MAP_STACK`: FreeBSD's makes a region that grows,
/// with a guard of its own. Nothing is reserved in any case.
pub(crate) const STACK_MAPPING: c_int = 0;
/// The advice that gives the pages of a range back to the system, when it needs them.
pub(crate) const GIVE_BACK: c_int = libc::MADV_FREE;
/// Whether guards may be made by [`advise_guard`].
pub(crate) const ADVISES_GUARDS: bool = false;

/// Prepares a new mapping of stacks.
///
/// # Safety
///
/// The range is mapped.
pub(crate) unsafe fn prepare(_: *mut c_void, _: usize) {}

/// Makes a range fault on access.
///
/// # Errors
///
/// Always: there is no such advice.
///
/// # Safety
///
/// The range is mapped, and nobody uses it.
pub(crate) unsafe fn advise_guard(_: *mut c_void, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How many mappings a program may have: there is no limit.
pub(crate) fn max_mappings() -> usize {
    usize::MAX
}
