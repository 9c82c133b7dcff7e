//! Programs in which this crate defines nothing: `spawn` says why no process can be threadlike.

use std::ptr;

use std_net_runtime::threadlike::{self, Interposer};

/// The build script knows it.
pub(crate) const WHY: &str = env!("STD_NET_WHY_NOT");

static REFUSES: Interposer = Interposer {
    check: || Err(WHY.to_owned()),
    // None of the others is called, because the check fails.
    room: || 0,
    make,
    begin: || {},
    end: || {},
    free,
};

unsafe fn make(_: u64, _: *mut u8) -> *mut u8 {
    ptr::null_mut()
}

unsafe fn free(_: *mut u8) {}

/// The loader, or the start of a static program, runs this function before `main`.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing runs it")
)]
extern "C" fn before_main() {
    threadlike::install(&REFUSES);
}
