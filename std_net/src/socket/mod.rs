//! TCP and UDP sockets, in two layers.
//!
//! The high-level types have the names and the behaviour of `std::net`: write `std_net::socket` instead
//! of `std::net` in a `use`, and a program compiles and does the same. They also have deadlines, and
//! inside a process they park it instead of blocking its thread. Each of them is built on a [`Socket`],
//! which has every call and option of the kernel.
//!
//! | type | what it is |
//! |---|---|
//! | [`TcpStream`], [`TcpListener`] | a connection; a socket that accepts connections |
//! | [`UdpSocket`] | datagrams |
//! | [`TcpBuilder`], [`UdpBuilder`] | options that are set before a bind or connect |
//! | [`Socket`] | the low-level socket: every call, every option |
//! | [`Ancillary`], [`Received`] | data beside a datagram: addresses, interface, hops, time of arrival |
//! | [`RecvBatch`], [`SendBatch`] | many datagrams with one call |
//! | `QueuedError` | errors that the network reports about sent datagrams; Linux only |
//! | `TcpInfo` | what the kernel knows about a connection; Linux only |
//! | [`ToSocketAddrs`] | what can be turned into addresses, as in std |
//! | [`ConnectErrors`], [`AddressError`] | what is inside the error of a connect or bind |
//! | [`Notifier`] | ends the accepts that wait |

pub(crate) mod addr;
mod ancillary;
mod batch;
mod builder;
mod datagram;
#[cfg(target_os = "linux")]
mod error_queue;
mod listener;
mod options;
#[allow(
    clippy::module_inception,
    reason = "the file is named for its one type"
)]
mod socket;
mod stream;
#[cfg(target_os = "linux")]
mod tcp_info;

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};

pub use socket2::{Domain, Protocol, SockAddr, Type};

pub use crate::connect::ConnectErrors;
pub use std_net_runtime::{
    AddressError, Lent, Notifier, RecvFlags, SendFlags, is_notified, os_code,
};

pub use addr::ToSocketAddrs;
pub use ancillary::{Ancillary, Received};
pub use batch::{RecvBatch, SendBatch};
pub use builder::{TcpBuilder, UdpBuilder};
pub use datagram::UdpSocket;
#[cfg(target_os = "linux")]
pub use error_queue::{ErrorOrigin, QueuedError};
pub use listener::{Incoming, IntoIncoming, TcpListener};
pub use socket::Socket;
#[cfg(target_os = "linux")]
pub use socket2::SockFilter;
pub use stream::TcpStream;
#[cfg(target_os = "linux")]
pub use tcp_info::{TcpInfo, TcpState};
