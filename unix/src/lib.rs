//! Unix-domain sockets, between processes of one machine. This crate is the twin of `std_net::socket`.
//!
//! The high-level types have the names and the behaviour of `std::os::unix::net`. They also have
//! deadlines, and inside a process they park it instead of blocking its thread. This crate is part of
//! [`std_net`](https://docs.rs/std_net), where it is the module `unix`.
//!
//! | type | what it is |
//! |---|---|
//! | [`UnixStream`], [`UnixListener`] | a connection; a socket that accepts connections |
//! | [`UnixDatagram`] | datagrams |
//! | `UnixSeqpacket`, `UnixSeqpacketListener` | connections that keep messages apart; not on macOS |
//! | [`UnixBuilder`] | file mode, stale paths, unlink on drop |
//! | [`Socket`] | the low-level socket: every call, every option |
//! | [`Ancillary`], [`Received`] | passing descriptors and credentials |
//! | [`RecvBatch`], [`SendBatch`] | many datagrams with one call |
//! | [`UCred`] | who the peer is |
//! | [`SocketAddr`], [`AddrText`], [`AddrKey`] | an address, as in std; as text; to be compared |
//! | [`Notifier`] | ends the accepts that wait |
//!
//! # Examples
//!
//! ```
//! use std::io::{Read, Write};
//! use std_net::unix::UnixStream;
//!
//! let (mut a, mut b) = UnixStream::pair()?;
//! a.write_all(b"ping")?;
//! let mut buf = [0; 4];
//! b.read_exact(&mut buf)?;
//! assert_eq!(&buf, b"ping");
//! # Ok::<(), std::io::Error>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod addr;
mod ancillary;
mod batch;
mod builder;
mod credentials;
mod datagram;
// The file at a socket's path: this code decides when it is removed and when it may be replaced.
mod file;
mod listener;
mod options;
// macOS has no such sockets.
#[cfg(not(target_vendor = "apple"))]
mod seqpacket;
mod socket;
mod stream;

pub use std::net::Shutdown;
pub use std::os::unix::net::SocketAddr;

pub use std_net_runtime::{
    AddressError, Lent, Notifier, RecvFlags, SendFlags, is_notified, os_code,
};

pub use addr::{AddrKey, AddrText, DisplayAddr};
pub use ancillary::{Ancillary, Received};
pub use batch::{RecvBatch, SendBatch};
pub use builder::UnixBuilder;
pub use credentials::UCred;
pub use datagram::UnixDatagram;
#[doc(hidden)]
pub use file::keep_file;
pub use listener::{Incoming, UnixListener};
#[cfg(not(target_vendor = "apple"))]
pub use seqpacket::{SeqpacketIncoming, UnixSeqpacket, UnixSeqpacketListener};
pub use socket::Socket;
pub use socket2::Type;
pub use stream::UnixStream;
