//! Connecting to whatever an address names: which of several, in which order.

use std::io;
use std::net::SocketAddr;

use socket2::Domain;
use std_net_runtime::Deadline;

use crate::socket::{Socket, ToSocketAddrs, addr};

/// A new TCP socket connected to the first address that answers, within `deadline`.
pub(crate) fn tcp(addrs: impl ToSocketAddrs, deadline: Deadline) -> io::Result<Socket> {
    addr::try_each(addrs, |addr| tcp_one(addr, deadline))
}

/// A new TCP socket connected to `addr`.
pub(crate) fn tcp_one(addr: SocketAddr, deadline: Deadline) -> io::Result<Socket> {
    let socket = Socket::stream(Domain::for_address(addr))?;
    socket.timeout_after(deadline);
    socket.connect(addr)?;
    socket.reset_deadline();
    Ok(socket)
}
