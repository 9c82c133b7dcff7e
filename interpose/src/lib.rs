//! Threadlike processes: a process that is a *thread* to all code that runs in it. Blocking Rust and C code parks such
//! a process without any change to the code.
//!
//! ```
//! use std_net_interpose as _; // once, in main.rs: no linker flag, no build script
//! use std_net::process;
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
//! This crate is for applications only, because a library must not decide this for its users. `docs/threadlike.md` says
//! what the crate promises, what it does not promise, and what it costs.
//!
//! # How
//!
//! This crate defines the blocking functions of the C library under the same names. The linker and the loader prefer
//! the program's own definition to that of a shared library, for the program itself and for every library that it
//! loads. On a plain thread and in an ordinary process, each function calls the C library's own. In a
//! threadlike process it first makes an attempt that cannot block. If that attempt would have blocked, it asks the
//! kernel whether the caller wants to wait and for how long. Then it parks. This crate keeps no table of descriptors:
//! it asks the kernel.
//!
//! A threadlike process also has its own thread-locals (`block` in the source). The two belong together. With functions
//! that park but shared thread-locals, code would see changes that cannot happen on a thread.
//!
//! # Map
//!
//! | file | idea |
//! |---|---|
//! | `block` | a process's own thread-locals, in a block like the one of a thread |
//! | `keys`, `dl` | destructors of thread-specific keys; libraries loaded while processes run |
//! | `library` | the C library's own functions, for plain threads
//! | `raw` | bare system calls |
//! | `wait` | the loop of attempts that cannot block, and the wait |
//! | `receive`, `send` | reading and writing |
//! | `connect` | `connect` and `accept` |
//! | `mode` | `O_NONBLOCK`: whether the user wants to wait, and calls without a flag of their own |
//! | `descriptors` | `close`, and other calls that close a descriptor |
//! | `open` | opening a FIFO
//! | `poll` | waiting for several descriptors |
//! | `sleep` | sleep and yield |
//! | `pool` | calls that can only block: lookups, file locks, the disk, waiting for children and threads |
//! | `refused` | programs in which this crate defines nothing |
//! | `futex` | std's locks, and those of other Rust crates |

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
mod library;
#[cfg(interposes)]
mod mode;
#[cfg(interposes)]
mod open;
#[cfg(interposes)]
mod poll;
#[cfg(interposes)]
mod pool;
#[cfg(interposes)]
mod raw;
#[cfg(interposes)]
mod receive;
#[cfg(not(interposes))]
mod refused;
#[cfg(interposes)]
mod send;
#[cfg(interposes)]
mod sleep;
#[cfg(interposes)]
mod start;
#[cfg(interposes)]
mod wait;

/// How many times threadlike processes have waited through this crate. Tests use this number: if it stays 0, this
/// crate's functions are not in use.
#[must_use]
pub fn waits() -> u64 {
    #[cfg(interposes)]
    return wait::WAITS.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(interposes))]
    0
}

/// Why processes cannot be threadlike in this program, or `None` if they can.
///
/// `process::Builder::spawn` fails with an error that gives the same reason.
#[must_use]
pub fn unsupported() -> Option<String> {
    #[cfg(interposes)]
    return start::check().err();
    #[cfg(not(interposes))]
    Some(refused::WHY.to_owned())
}
