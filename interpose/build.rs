//! Sets `cfg(interposes)` on the targets where this crate interposes.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposes)");
    let is = |name: &str, value: &str| {
        env::var(name).is_ok_and(|list| list.split(',').any(|item| item == value))
    };
    let interposes = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_POINTER_WIDTH", "64")
        // A static program has only one definition of each function, and that is the C library's.
        && !is("CARGO_CFG_TARGET_FEATURE", "crt-static")
        && env::var_os("CARGO_CFG_MIRI").is_none();
    if interposes {
        println!("cargo::rustc-cfg=interposes");
    }
}
