//! Threadlike processes: to all code that runs in one, it *is* a thread. Blocking Rust and C code parks it,
//! unchanged.
//!
//! ```
//! use std_net_interpose as _; // once, in main.rs: no linker flag, no build script
//! use std_net_runtime::process; // std_net::process, in programs
//! use std::time::Duration;
//!
//! # if std_net_interpose::unsupported().is_some() { return Ok(()); }
//! let sleepers: Vec<_> = (0..100)
//!     .map(|_| process::Builder::new().threadlike(true).spawn(|| {
//!         std::thread::sleep(Duration::from_millis(50)) // parks
//!     }))
//!     .collect::<Result<_, _>>()?;
//! for sleeper in sleepers {
//!     sleeper.join().unwrap();
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! For applications only: a library must not decide this for those who use it. What it promises, what it
//! does not, and what it costs stands in `docs/threadlike.md`.
//!
//! # How
//!
//! This crate defines the C library's blocking functions, under their names. The program's own definition comes
//! before that of a shared library, for the program itself and for every library it loads. On a plain thread and
//! in an ordinary process each is the one system call that it always was. In a threadlike process it makes an attempt
//! that cannot block; only if that would have blocked it asks the kernel whether the caller wants to wait and for how
//! long, and parks. No table says what a descriptor is: the kernel is asked.
//!
//! A threadlike process also has thread-locals of its own ([`block`](self) in the source). Both, or neither: with
//! functions that park and thread-locals that are shared, code would meet what no thread meets.
//!
//! # Map
//!
//! | file | idea |
//! |---|---|
//! | `block` | a block of thread-locals, as the C library makes it for a thread |
//! | `keys`, `dl` | destructors of keys; libraries that are loaded while processes live |
//! | `raw` | system calls |
//! | `wait` | one attempt that cannot block, and the wait |
//! | `receive`, `send` | reading and writing |
//! | `connect` | connections; accepting without blocking |
//! | `mode` | `O_NONBLOCK`: what the user wants, and calls without a flag for it |
//! | `descriptors` | close, and what closes |
//! | `poll` | waiting for several descriptors |
//! | `sleep` | sleeping, yielding |
//! | `pool` | what only blocks: names, file locks, the disk, children, threads |
//! | `futex` | std's locks, and those of other Rust crates |
//! | `pthread` | locks, conditions and semaphores of C libraries |

#![allow(
    unreachable_pub,
    reason = "they are reached by their names in the C library"
)]

#[cfg(interposes)]
mod block;
#[cfg(interposes)]
mod connect;
#[cfg(interposes)]
mod descriptors;
#[cfg(interposes)]
mod dl;
#[cfg(interposes)]
mod futex;
#[cfg(interposes)]
mod keys;
#[cfg(interposes)]
mod mode;
#[cfg(interposes)]
mod poll;
#[cfg(interposes)]
mod pool;
#[cfg(interposes)]
mod raw;
#[cfg(interposes)]
mod receive;
#[cfg(interposes)]
mod send;
#[cfg(interposes)]
mod sleep;
#[cfg(interposes)]
mod start;
#[cfg(interposes)]
mod wait;

/// How many waits of threadlike processes there have been through this crate, for tests and for the curious: if it
/// stays 0, nothing was interposed.
#[must_use]
pub fn waits() -> u64 {
    #[cfg(interposes)]
    return wait::WAITS.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(interposes))]
    0
}

/// Why processes cannot be threadlike in this program; `None` if they can.
///
/// `process::Builder::spawn` says the same, as an error.
#[must_use]
pub fn unsupported() -> Option<String> {
    #[cfg(interposes)]
    return start::check().err();
    #[cfg(not(interposes))]
    Some(
        "not built for this: it takes Linux on x86-64 with the GNU C library, dynamically linked"
            .to_owned(),
    )
}
