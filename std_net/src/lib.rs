//! Sockets for plain, linear code.
//!
//! TCP, UDP and Unix sockets with the names and the behaviour of [`std::net`], for code that is written
//! one line after another: in a script, or in a server with tens of thousands of connections. On a
//! plain thread every call does what std's does, at the same cost. Inside a lightweight [`process`] the
//! same call parks the process, and its thread runs other processes meanwhile. There is no `async`, no
//! callback, no promise.
//!
//! ```no_run
//! use std::io::{self, Read, Write};
//! use std_net::process;
//! use std_net::socket::TcpListener;
//!
//! fn main() -> io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:8080")?;
//!     for stream in listener.incoming() {
//!         let mut stream = stream?;
//!         process::spawn(move || -> io::Result<()> {
//!             let mut buf = [0; 4096];
//!             loop {
//!                 match stream.read(&mut buf)? {
//!                     0 => return Ok(()),
//!                     n => stream.write_all(&buf[..n])?,
//!                 }
//!             }
//!         });
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Map
//!
//! | module | what is in it |
//! |---|---|
//! | [`socket`] | [`TcpListener`](socket::TcpListener), [`TcpStream`](socket::TcpStream), [`UdpSocket`](socket::UdpSocket); the low-level [`Socket`](socket::Socket) with every option |
//! | [`activation`] | sockets that a service manager or a predecessor passed on |
//! | [`server`] | the loop of a server that can be shut down |
//! | [`signals`](signals/index.html) | signals as a channel, with the feature `signals` |
//! | [`interfaces`](interfaces/index.html) | the network interfaces of the host, with the feature `interfaces` |
//! | [`proxy_protocol`](proxy_protocol/index.html) | the client of a load balancer, with the feature `proxy-protocol` |
//! | [`tls`](tls/index.html) | TLS on connections, with the feature `tls` |
//! | [`unix`] | the same for Unix-domain sockets |
//! | [`channel`] | buffered channels over connections: lines, chunks, integers; packets |
//! | [`compat`] | sockets for futures: the traits of futures-io, tokio and hyper, behind features |
//! | [`process`] | lightweight processes, channels, locks, `blocking`, `sleep` |
//! | [`dns`] | name lookups with a deadline, whose errors can be told apart |
//! | [`ip`] | text to addresses and back, networks |
//! | [`runtime`] | settings, for programs that want others than the defaults |
//!
//! # Features
//!
//! No feature is on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `tls` | [`tls`](tls/index.html): TLS on connections, by rustls |
//! | `signals` | [`signals`](signals/index.html), and [`runtime::Builder`]'s list of processes on a signal |
//! | `tracing` | spans that belong to their process, and [events](#tracing) |
//! | `metrics` | received and sent bytes among the numbers of [`process::metrics()`] |
//! | `interfaces` | [`interfaces`](interfaces/index.html): the network interfaces of the host |
//! | `proxy-protocol` | [`proxy_protocol`](proxy_protocol/index.html): the client of a load balancer |
//! | `futures-io`, `tokio-io`, `hyper` | the traits of these crates for [`compat`] |
//! | `broadcast` | `process::channel::broadcast`: each value to all receivers |
//! | `resolved` | lookups by `systemd-resolved`, which say why a name was not found |
//! | `serde` | the networks, ranges, sets and maps of [`ip`] can be serialized |
//! | `ascii` | addresses become text a third faster |
//! | `full` | all of these |
//!
//! # Platforms
//!
//! Linux on x86-64 is where all of this is tested and measured. The tests also run on Linux on aarch64 (emulated) and
//! with musl. macOS and FreeBSD are only compiled. `docs/platforms.md` in the repository says what differs. The least
//! version of Rust is 1.89.
//!
//! The guide, with a chapter for each task, is in `docs/guide` in the repository.
//!
//! # Tracing
//!
//! With the feature `tracing`, a span of the crate [`tracing`](https://docs.rs/tracing) belongs to the
//! process that has entered it. When the process waits, it leaves the span, and when it goes on, it
//! enters the span again. A new process does not inherit the span of the process that spawns it;
//! threads do not inherit either. Give the new process the span if it needs it. All this holds for the
//! subscriber of the program (`set_global_default`). A subscriber that is set for a thread
//! (`with_default`) serves all processes on that thread. A subscriber must not wait for a socket or a
//! channel of this crate.
//!
//! Events with the target `std_net` report that a process was spawned or has ended (`TRACE`), was
//! cancelled or has passed its deadline (`DEBUG`), or keeps its worker too long (`WARN`, in place of
//! the watchdog's line). For a [`server`] they report that an accept failed (`WARN`), or that a handler
//! returned an error (`DEBUG`) or panicked (`ERROR`). `Metrics::trace` reports the numbers of
//! [`process::metrics()`] (`INFO`).

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activation;
pub mod channel;
pub mod compat;
mod connect;
mod copy;
mod deadlines;
pub mod dns;
#[cfg(feature = "interfaces")]
pub mod interfaces;
#[cfg(feature = "proxy-protocol")]
pub mod proxy_protocol;
pub mod server;
#[cfg(feature = "signals")]
pub mod signals;
pub mod socket;
#[cfg(feature = "tls")]
pub mod tls;

pub use copy::{Connection, Relay, RelayCounts, copy, copy_bidirectional};
pub use deadlines::Deadlines;
#[doc(inline)]
pub use std_net_ip as ip;
#[doc(inline)]
pub use std_net_runtime::{Deadline, process, runtime};
#[doc(inline)]
pub use std_net_unix as unix;
