//! The register that holds the stack pointer.

/// Whether [`get`] reads the register. If not, it returns the address of a local variable of its caller's, and there is
/// no telling how far below that the stack is in use.
pub(crate) const IS_EXACT: bool = cfg!(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
));

/// The stack pointer of the function that calls this, or an address near it.
#[inline(always)]
pub(crate) fn get() -> *const u8 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let pointer;
        // SAFETY: the instruction only reads the register.
        unsafe {
            std::arch::asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let pointer;
        // SAFETY: the instruction only reads the register.
        unsafe {
            std::arch::asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
    {
        let here = 0_u8;
        // The address is only compared, never followed.
        std::ptr::without_provenance((&raw const here).addr())
    }
}
