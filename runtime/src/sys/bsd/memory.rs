//! Memory for stacks.

use std::io;

use libc::{c_int, c_void};

/// Additional flags of an anonymous mapping for stacks. `MAP_STACK` is not among them: on FreeBSD it makes a region
/// that grows, with its own guard. Memory is not reserved in any case.
pub(crate) const STACK_MAPPING: c_int = 0;
/// The advice that lets the system take the pages of a range when it needs memory.
pub(crate) const GIVE_BACK: c_int = libc::MADV_FREE;
/// Whether [`advise_guard`] can make guards.
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
/// Always an error, because these systems have no such advice.
///
/// # Safety
///
/// The range is mapped, and no code uses it.
pub(crate) unsafe fn advise_guard(_: *mut c_void, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How many mappings an OS process may have. There is no limit.
pub(crate) fn max_mappings() -> usize {
    usize::MAX
}
