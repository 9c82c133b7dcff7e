//! The register that leads code to its thread-locals. A threadlike process runs with its own value.

/// On x86-64 this is the base of FS. The C library's block begins with a pointer to itself.
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod here {
    use std::arch::asm;

    /// The block of thread-locals that the calling code uses.
    #[inline(always)]
    pub(crate) fn get() -> *mut u8 {
        let pointer;
        // SAFETY: by the ABI this is the first word of a thread's block, and it is only read.
        unsafe {
            asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
        }
        pointer
    }

    /// Makes the calling code use the thread-locals of this block.
    ///
    /// # Safety
    ///
    /// `block` is a block of thread-locals that no other code uses meanwhile, and the processor has FSGSBASE. The
    /// calling function, with all code inlined into it, must not use a thread-local between this call and the call that
    /// restores the old block, because the compiler may have computed its address before.
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
