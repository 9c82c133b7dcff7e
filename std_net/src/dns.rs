//! Names to addresses. The one place that asks the system's resolver.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use std_net_runtime::process;

/// The addresses of `host`, with `port`. Text of an address needs no lookup. Inside a process the
/// lookup runs on the pool of blocking threads.
pub(crate) fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    process::blocking(|| (host, port).to_socket_addrs().map(Iterator::collect))
}
