//! A program whose `main` is not Rust's, like a C program that has loaded a library: std has prepared
//! nothing. A process in it overflows its stack. It runs on a worker's thread, or on the calling thread
//! if the argument is `run`.
#![no_main]

use std::ffi::{CStr, c_char, c_int};

use std_net::{process, runtime};
#[cfg(feature = "interpose")]
use std_net_interpose as _;

#[allow(unconditional_recursion, reason = "it must overflow")]
fn deep(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    deep(n + 1) + page[0]
}

fn overflow() {
    let deep = || deep(0);
    let process = process::Builder::new().name("the deep one").spawn(deep);
    let _ = process.expect("a process").join();
}

/// The function by which the C library starts a program.
///
/// # Safety
///
/// `arguments` must point to `count` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    // SAFETY: the C library passes `count` strings.
    let run = count > 1 && unsafe { CStr::from_ptr(*arguments.add(1)) } == c"run";
    if run {
        let _ = runtime::Builder::new().run(overflow);
    } else {
        overflow();
    }
    0
}
