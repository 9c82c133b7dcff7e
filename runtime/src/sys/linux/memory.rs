//! Memory for stacks.

use std::io;
use std::sync::OnceLock;

use libc::{c_int, c_void};

use crate::sys::cvt;

/// Additional flags of an anonymous mapping for stacks.
pub(crate) const STACK_MAPPING: c_int = libc::MAP_NORESERVE | libc::MAP_STACK;
/// The advice that gives the pages of a range back to the system.
pub(crate) const GIVE_BACK: c_int = libc::MADV_DONTNEED;
/// Whether [`advise_guard`] can make guards.
pub(crate) const ADVISES_GUARDS: bool = true;
/// `MADV_GUARD_INSTALL` (Linux 6.13): it makes guards that need no mapping of their own.
const MADV_GUARD_INSTALL: c_int = 102;

/// Keeps huge pages out of a new mapping of stacks, because each touched stack would then cost 2 MiB. On a kernel
/// without huge pages the advice fails, but then it is not needed.
///
/// # Safety
///
/// The range is mapped.
pub(crate) unsafe fn prepare(base: *mut c_void, len: usize) {
    // SAFETY: the caller keeps this function's contract.
    unsafe { libc::madvise(base, len, libc::MADV_NOHUGEPAGE) };
}

/// Makes a range fault on access.
///
/// # Errors
///
/// Any error, if the kernel does not know the advice or a sandbox refuses it.
///
/// # Safety
///
/// The range is mapped, and no code uses it.
pub(crate) unsafe fn advise_guard(guard: *mut c_void, len: usize) -> io::Result<()> {
    // SAFETY: the caller keeps this function's contract.
    cvt(unsafe { libc::madvise(guard, len, MADV_GUARD_INSTALL) }).map(drop)
}

/// How many mappings an OS process may have: `vm.max_map_count`.
pub(crate) fn max_mappings() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    *MAX.get_or_init(|| {
        std::fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(65_530)
    })
}
