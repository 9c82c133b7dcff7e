//! Crates that are written with futures, over the sockets of `std_net`. This file has what several of
//! the tests need.

use std::io;

use std_net::compat::{Compat, CompatExt};
use std_net::socket::TcpStream;
use std_net_tests::tcp_pair;

/// Returns the two ends of a TCP connection, for futures.
///
/// # Panics
///
/// If there is no loopback, or if the runtime cannot start.
pub fn compat_pair() -> (Compat<TcpStream>, Compat<TcpStream>) {
    let (a, b) = tcp_pair();
    let compat = |stream: TcpStream| -> io::Result<_> { stream.compat() };
    (compat(a).unwrap(), compat(b).unwrap())
}
