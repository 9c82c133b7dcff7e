//! The parts of std_net that wait: the one I/O loop, deadlines, and the lightweight processes that park.
//!
//! This crate is an implementation detail of [`std_net`](https://docs.rs/std_net): its API follows
//! the needs of `std_net` and `std_net_unix` and may change in any release. Programs name `std_net`.
//!
//! # Map
//!
//! The floors of the crate, from the top to the ground. A file uses only its own floor and lower ones.
//!
//! | floor | idea |
//! |---|---|
//! | `threadlike` | the interface to `std_net_interpose`, which makes foreign blocking code park |
//! | [`process`], [`runtime`], `lookup` | lightweight processes as their users see them; settings and the start of the runtime; name lookups by the C library |
//! | `message` | a message with an address and control data: descriptors, credentials, packet info; batches |
//! | `io`, `address_error` | [`Io`]: a descriptor and the one loop for its operations, [`Io::perform`]; errors that name an address |
//! | `reactor` | the readiness of descriptors, and the waiters for it |
//! | `sched` | workers, tasks, stacks, timers: which process runs where and when |
//! | `buffers` | buffers that a connection holds only while it has data |
//! | `sys` | the platform: all raw calls, and what a platform must provide |
//! | `wake`, `deadline`, `interest`, `prefetch` | the ground: the core of the wake-up protocol, modelled by loom; absolute times; directions; cache hints |
//!
//! Here the address of a peer is an opaque [`socket2::SockAddr`], whatever its family. The one exception is the IP address in
//! packet info (`message`).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address_error;
#[doc(hidden)]
pub mod buffers;
mod deadline;
mod interest;
mod io;
#[doc(hidden)]
pub mod lookup;
mod macros;
#[doc(hidden)]
pub mod message;
mod prefetch;
pub mod process;
mod reactor;
pub mod runtime;
mod sched;
mod sys;
#[doc(hidden)]
pub mod threadlike;
mod wake;

#[doc(hidden)]
pub use io::{file_range, halves, sendfile, text, values};
#[doc(hidden)]
pub use sys::{inherit, retry_interrupted};

pub use address_error::{AddressError, os_code};
pub use buffers::lent::Lent;
pub use deadline::Deadline;
pub use interest::{Interest, Wait};
pub use io::Io;
pub use io::notify::{Notifier, is_notified};
#[doc(hidden)]
pub use io::{AsIo, Belonging, future::Polled};
pub use io::{RecvFlags, SendFlags};

// The macros use this, so that crates with these macros need not depend on libc.
#[doc(hidden)]
pub use libc::MSG_DONTWAIT;
