//! What waits: the one I/O loop, deadlines, and the lightweight processes that park in it.
//!
//! This crate is an implementation detail of [`std_net`](https://docs.rs/std_net): its API follows
//! the needs of `std_net` and `std_net_unix` and may change in any release. Programs name `std_net`.
//!
//! # Map
//!
//! | file | idea |
//! |---|---|
//! | `io` | [`Io`]: a descriptor and the one way through, [`Io::perform`] |
//! | `ancillary` | control messages: descriptors, credentials, packet info; batches |
//! | `deadline` | [`Deadline`]: an absolute time, as text of the API and as an atomic |
//! | `poll` | how a plain thread waits: `ppoll(2)` |
//! | `lookup` | names by the C library, off the workers and within a deadline |
//! | `inherit` | descriptors that come from the program before, and go to the next |
//! | `notify` | interrupting whoever waits, from elsewhere |
//! | [`process`] | lightweight processes, as their users see them |
//! | [`runtime`] | settings, the start, the workers |
//! | `worker` | the thread that runs processes; where a new one goes |
//! | `task` | the slot a process runs in; park and unpark |
//! | `park` | one form of waiting for processes and threads |
//! | `wake` | the core of the wake-up protocol, modelled by loom |
//! | `source` | a descriptor's readiness and who waits for it |
//! | `reactor` | epoll, or the portable `polling` |
//! | `splice` | files and streams sent on without passing through the program |
//! | `prefetch` | fetching into the caches what is needed soon |
//! | `batch` | sends of several processes, made with one system call |
//! | `pool`, `lent` | buffers that only a connection with data holds |
//! | `timer` | one heap per worker |
//! | `stack`, `overflow` | stacks with guards, and what happens at the guard |
//! | `watchdog` | names a process that keeps its worker too long |
//!
//! The crate never learns of TCP, UDP or Unix addresses: an address is an opaque
//! [`socket2::SockAddr`] here.

#[doc(hidden)]
pub mod ancillary;
mod batch;
mod deadline;
mod doubt;
#[doc(hidden)]
pub mod inherit;
mod io;
mod lent;
#[doc(hidden)]
pub mod lookup;
mod macros;
mod notify;
mod overflow;
mod park;
mod poll;
#[doc(hidden)]
pub mod pool;
mod prefetch;
pub mod process;
mod reactor;
mod ready;
pub mod runtime;
mod sigpipe;
mod source;
#[doc(hidden)]
pub mod splice;
mod stack;
mod sys;
mod task;
#[doc(hidden)]
pub mod text;
mod timer;
mod wake;
mod watchdog;
mod worker;

pub use deadline::Deadline;
#[doc(hidden)]
pub use io::AsIo;
pub use io::{Interest, Io, Wait};
pub use lent::Lent;
pub use notify::{Notifier, is_notified};

// For the macros: crates that use them need not name libc.
#[doc(hidden)]
pub use libc::MSG_DONTWAIT;
