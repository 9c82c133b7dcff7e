//! The register by which code finds its thread-locals. A threadlike process runs with one of its own.

/// x86-64 keeps it in the base of FS; the C library's block begins with a pointer to itself.
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod here {
    use std::arch::asm;

    /// Whose thread-locals the calling code finds.
    #[inline(always)]
    pub(crate) fn get() -> *mut u8 {
        let pointer;
        // SAFETY: the first word of a thread's block, by the ABI; read only.
        unsafe {
            asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
        }
        pointer
    }

    /// From now on the calling code finds these.
    ///
    /// # Safety
    ///
    /// `block` is a block of thread-locals that nobody else uses meanwhile, on a processor with FSGSBASE.
    /// The function that calls this, and what is built into it, touches no thread-local between this call and
    /// the one that undoes it: the compiler may have taken its address before.
    #[inline(always)]
    pub(crate) unsafe fn set(block: *mut u8) {
        // SAFETY: the caller keeps this function's contract.
        unsafe { asm!("wrfsbase {}", in(reg) block, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod here {
    const NONE: &str = "no process is threadlike on this platform";

    pub(crate) fn get() -> *mut u8 {
        unreachable!("{NONE}")
    }

    pub(crate) unsafe fn set(_: *mut u8) {
        unreachable!("{NONE}")
    }
}

pub(crate) use here::{get, set};
