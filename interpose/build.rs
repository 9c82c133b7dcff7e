//! Sets `cfg(interposes)` where this crate interposes. Elsewhere `STD_NET_WHY_NOT` is the reason why not.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposes)");
    match why_not() {
        None => println!("cargo::rustc-cfg=interposes"),
        Some(reason) => println!("cargo::rustc-env=STD_NET_WHY_NOT={reason}"),
    }
}

fn why_not() -> Option<&'static str> {
    let is = |name: &str, value: &str| {
        env::var(name).is_ok_and(|list| list.split(',').any(|item| item == value))
    };
    let here = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_POINTER_WIDTH", "64");
    if !here {
        return Some("it takes Linux on x86-64 with the GNU C library");
    }
    // A static program has only one definition of each function, and that is the C library's.
    if is("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        return Some("the program is linked statically");
    }
    // A sanitizer has thread-locals of its own, and wants to know of each stack and each thread. Its functions cannot be
    // looked for when the program runs, because rustc hides their names.
    if env::var_os("CARGO_CFG_SANITIZE").is_some() {
        return Some("a sanitizer is linked");
    }
    env::var_os("CARGO_CFG_MIRI").map(|_| "Miri runs the program")
}
