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
//! | `deadline` | [`Deadline`]: an absolute time, as text of the API and as an atomic |
//! | `poll` | how a plain thread waits: `ppoll(2)` |
//!
//! The crate never learns of TCP, UDP or Unix addresses: an address is an opaque
//! [`socket2::SockAddr`] here.

mod deadline;
mod io;
mod poll;
mod sys;

pub use deadline::Deadline;
pub use io::{Interest, Io, Wait};
