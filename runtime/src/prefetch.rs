//! Hints to the processor about memory that is needed soon. With thousands of connections, the memory of a process is
//! usually no longer in the caches when the process is resumed.

/// Asks the processor to fetch the cache line of `p`. Any address is allowed.
#[inline]
pub(crate) fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, and every x86-64 processor has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}
