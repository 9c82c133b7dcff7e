//! The options of [`Socket`], by level and then by name: what each is to the kernel. Not how they
//! are set before a `bind` or `connect`; see `builder`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use libc::c_int;
use std_net_runtime::ancillary::{UDP_GRO, UDP_SEGMENT};

use super::Socket;

/// A getter and a setter for options of type `int` that socket2 does not have in this form.
macro_rules! int_options {
    ($($(#[$attr:meta])* $get:ident, $set:ident($type:ty) => $level:ident, $name:ident,
        $to:expr, $from:expr;
    )*) => {$(
        $(#[$attr])*
        ///
        /// # Errors
        ///
        /// The error of `setsockopt(2)`.
        pub fn $set(&self, value: $type) -> io::Result<()> {
            let to: fn($type) -> c_int = $to;
            self.0.set_int_option(libc::$level, libc::$name, to(value))
        }

        #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") sets.")]
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn $get(&self) -> io::Result<$type> {
            let from: fn(c_int) -> $type = $from;
            self.0.int_option(libc::$level, libc::$name).map(from)
        }
    )*};
}

/// Whole seconds, as the kernel counts these; a fraction rounds up, so that little is not none.
fn to_seconds(value: Duration) -> c_int {
    let up = u64::from(value.subsec_nanos() > 0);
    c_int::try_from(value.as_secs().saturating_add(up)).unwrap_or(c_int::MAX)
}

fn from_seconds(seconds: c_int) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn to_count(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

fn from_count(value: c_int) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// # Options of every socket (`SOL_SOCKET`)
///
/// Each getter and setter is one system call; see `socket(7)`.
///
/// ```
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::stream(Domain::IPV4)?;
/// socket.set_reuse_address(true)?;
/// assert!(socket.reuse_address()?);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    std_net_runtime::socket_options! {
        /// Whether datagrams may go to a broadcast address: `SO_BROADCAST`.
        broadcast, set_broadcast(bool) => broadcast, set_broadcast;
        /// Whether the kernel probes a silent peer: `SO_KEEPALIVE`.
        keepalive, set_keepalive(bool) => keepalive, set_keepalive;
        /// How long a close waits for unsent data; `None` returns at once and sends in the
        /// background, zero resets the connection: `SO_LINGER`.
        linger, set_linger(Option<Duration>) => linger, set_linger;
        /// The mark of the packets sent, for routing and filters; needs `CAP_NET_ADMIN`: `SO_MARK`.
        mark, set_mark(u32) => mark, set_mark;
        /// Whether urgent data come in line with the others: `SO_OOBINLINE`.
        oob_inline, set_oob_inline(bool) => out_of_band_inline, set_out_of_band_inline;
        /// The size of the receive buffer in bytes; the kernel doubles it for its own book-keeping
        /// and limits it: `SO_RCVBUF`.
        recv_buffer_size, set_recv_buffer_size(usize) => recv_buffer_size, set_recv_buffer_size;
        /// Whether an address may be bound while old connections of it linger: `SO_REUSEADDR`.
        reuse_address, set_reuse_address(bool) => reuse_address, set_reuse_address;
        /// Whether several sockets may be bound to the same address and share its load:
        /// `SO_REUSEPORT`.
        reuse_port, set_reuse_port(bool) => reuse_port, set_reuse_port;
        /// The size of the send buffer in bytes; the kernel doubles and limits it: `SO_SNDBUF`.
        send_buffer_size, set_send_buffer_size(usize) => send_buffer_size, set_send_buffer_size;
    }

    int_options! {
        /// For how many microseconds a receive polls the network device before it sleeps; more than
        /// the system's setting needs `CAP_NET_ADMIN`: `SO_BUSY_POLL`.
        busy_poll, set_busy_poll(u32) => SOL_SOCKET, SO_BUSY_POLL, to_count, from_count;
        /// The processor whose packets this socket prefers; among listeners with
        /// [`set_reuse_port`](Self::set_reuse_port) it selects the one: `SO_INCOMING_CPU`.
        incoming_cpu, set_incoming_cpu(u32) => SOL_SOCKET, SO_INCOMING_CPU, to_count, from_count;
        /// The priority of the packets sent, 0 to 6 without privilege: `SO_PRIORITY`.
        priority, set_priority(u32) => SOL_SOCKET, SO_PRIORITY, to_count, from_count;
        /// Whether to tell when the kernel received each datagram, see
        /// [`Received::timestamp`](super::Received::timestamp): `SO_TIMESTAMPNS`.
        recv_timestamp, set_recv_timestamp(bool) => SOL_SOCKET, SO_TIMESTAMPNS, c_int::from, |v| v != 0;
    }

    /// Binds to a network interface by name; `None` unbinds. Needs `CAP_NET_RAW` if it is bound
    /// already: `SO_BINDTODEVICE`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `ENODEV` if there is no such interface.
    pub fn set_bind_device(&self, interface: Option<&str>) -> io::Result<()> {
        self.0.sock().bind_device(interface.map(str::as_bytes))
    }

    /// The interface it is bound to.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn bind_device(&self) -> io::Result<Option<String>> {
        let name = self.0.sock().device()?;
        Ok(name.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The socket's type: stream, datagram, raw: `SO_TYPE`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn socket_type(&self) -> io::Result<super::Type> {
        self.0.sock().r#type()
    }

    /// The socket's address family: `SO_DOMAIN`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn domain(&self) -> io::Result<super::Domain> {
        self.0.sock().domain()
    }

    /// The socket's protocol: `SO_PROTOCOL`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn protocol(&self) -> io::Result<Option<super::Protocol>> {
        self.0.sock().protocol()
    }

    /// Whether it listens: `SO_ACCEPTCONN`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn is_listener(&self) -> io::Result<bool> {
        self.0.sock().is_listener()
    }
}

/// # Options of IPv4 (`IPPROTO_IP`)
///
/// See `ip(7)`.
///
/// ```
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::datagram(Domain::IPV4)?;
/// socket.set_ttl(7)?;
/// assert_eq!(socket.ttl()?, 7);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    std_net_runtime::socket_options! {
        /// Whether an address may be bound that the host does not have (yet): `IP_FREEBIND`.
        freebind, set_freebind(bool) => freebind_v4, set_freebind_v4;
        /// Whether a socket gets datagrams of every group joined on the host, also by others:
        /// `IP_MULTICAST_ALL`.
        multicast_all_v4, set_multicast_all_v4(bool) => multicast_all_v4, set_multicast_all_v4;
        /// Whether the host gets its own multicast datagrams: `IP_MULTICAST_LOOP`.
        multicast_loop_v4, set_multicast_loop_v4(bool) => multicast_loop_v4, set_multicast_loop_v4;
        /// How many hops multicast datagrams go: `IP_MULTICAST_TTL`.
        multicast_ttl_v4, set_multicast_ttl_v4(u32) => multicast_ttl_v4, set_multicast_ttl_v4;
        /// The type of service of the packets sent (DSCP and ECN): `IP_TOS`.
        tos, set_tos(u32) => tos_v4, set_tos_v4;
        /// How many hops the packets sent go: `IP_TTL`.
        ttl, set_ttl(u32) => ttl_v4, set_ttl_v4;
    }

    int_options! {
        /// Whether errors that the network reports are kept in a queue of their own, see
        /// [`take_queued_error`](Self::take_queued_error): `IP_RECVERR`.
        recv_error, set_recv_error(bool) => IPPROTO_IP, IP_RECVERR, c_int::from, |v| v != 0;
        /// Whether to tell where each datagram was sent to and which interface it came in by, see
        /// [`Received::destination`](super::Received::destination): `IP_PKTINFO`.
        recv_packet_info, set_recv_packet_info(bool) => IPPROTO_IP, IP_PKTINFO, c_int::from,
            |v| v != 0;
        /// Whether to tell the type of service of each datagram, see
        /// [`Received::tos`](super::Received::tos): `IP_RECVTOS`.
        recv_tos, set_recv_tos(bool) => IPPROTO_IP, IP_RECVTOS, c_int::from, |v| v != 0;
        /// Whether to tell how many hops each datagram had left, see
        /// [`Received::ttl`](super::Received::ttl): `IP_RECVTTL`.
        recv_ttl, set_recv_ttl(bool) => IPPROTO_IP, IP_RECVTTL, c_int::from, |v| v != 0;
    }

    /// Sends multicast datagrams through the interface with this address: `IP_MULTICAST_IF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_if_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        self.0.sock().set_multicast_if_v4(&interface)
    }

    /// The address of the interface for multicast datagrams.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_if_v4(&self) -> io::Result<Ipv4Addr> {
        self.0.sock().multicast_if_v4()
    }

    /// Joins a group on the interface with this address; unspecified leaves the choice to the
    /// system: `IP_ADD_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `EINVAL` if the address is not a multicast address.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.sock().join_multicast_v4(group, interface)
    }

    /// Leaves a group: `IP_DROP_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `EADDRNOTAVAIL` if it has not joined.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.sock().leave_multicast_v4(group, interface)
    }

    /// Joins a group for the datagrams of one source only: `IP_ADD_SOURCE_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn join_source_multicast_v4(
        &self,
        source: &Ipv4Addr,
        group: &Ipv4Addr,
        interface: &Ipv4Addr,
    ) -> io::Result<()> {
        self.0.sock().join_ssm_v4(source, group, interface)
    }

    /// Leaves a group joined for one source: `IP_DROP_SOURCE_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn leave_source_multicast_v4(
        &self,
        source: &Ipv4Addr,
        group: &Ipv4Addr,
        interface: &Ipv4Addr,
    ) -> io::Result<()> {
        self.0.sock().leave_ssm_v4(source, group, interface)
    }
}

/// # Options of IPv6 (`IPPROTO_IPV6`)
///
/// See `ipv6(7)`.
///
/// ```
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::stream(Domain::IPV6)?;
/// socket.set_only_v6(true)?;
/// assert!(socket.only_v6()?);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    std_net_runtime::socket_options! {
        /// Whether an address may be bound that the host does not have (yet): `IPV6_FREEBIND`.
        freebind_v6, set_freebind_v6(bool) => freebind_v6, set_freebind_v6;
        /// How many hops multicast datagrams go: `IPV6_MULTICAST_HOPS`.
        multicast_hops_v6, set_multicast_hops_v6(u32) => multicast_hops_v6, set_multicast_hops_v6;
        /// The index of the interface for multicast datagrams, 0 for the system's choice:
        /// `IPV6_MULTICAST_IF`.
        multicast_if_v6, set_multicast_if_v6(u32) => multicast_if_v6, set_multicast_if_v6;
        /// Whether the host gets its own multicast datagrams: `IPV6_MULTICAST_LOOP`.
        multicast_loop_v6, set_multicast_loop_v6(bool) => multicast_loop_v6, set_multicast_loop_v6;
        /// Whether it takes IPv6 only, or IPv4 too in mapped form: `IPV6_V6ONLY`.
        only_v6, set_only_v6(bool) => only_v6, set_only_v6;
        /// The traffic class of the packets sent (DSCP and ECN): `IPV6_TCLASS`.
        traffic_class, set_traffic_class(u32) => tclass_v6, set_tclass_v6;
        /// How many hops the packets sent go: `IPV6_UNICAST_HOPS`.
        unicast_hops_v6, set_unicast_hops_v6(u32) => unicast_hops_v6, set_unicast_hops_v6;
    }

    int_options! {
        /// As [`set_recv_error`](Self::set_recv_error), of IPv6: `IPV6_RECVERR`.
        recv_error_v6, set_recv_error_v6(bool) => IPPROTO_IPV6, IPV6_RECVERR, c_int::from,
            |v| v != 0;
        /// Whether to tell how many hops each datagram had left, see
        /// [`Received::ttl`](super::Received::ttl): `IPV6_RECVHOPLIMIT`.
        recv_hops_v6, set_recv_hops_v6(bool) => IPPROTO_IPV6, IPV6_RECVHOPLIMIT, c_int::from,
            |v| v != 0;
        /// As [`set_recv_packet_info`](Self::set_recv_packet_info), of IPv6: `IPV6_RECVPKTINFO`.
        recv_packet_info_v6, set_recv_packet_info_v6(bool) => IPPROTO_IPV6, IPV6_RECVPKTINFO,
            c_int::from, |v| v != 0;
        /// Whether to tell the traffic class of each datagram, see
        /// [`Received::tos`](super::Received::tos): `IPV6_RECVTCLASS`.
        recv_traffic_class, set_recv_traffic_class(bool) => IPPROTO_IPV6, IPV6_RECVTCLASS,
            c_int::from, |v| v != 0;
    }

    /// Joins a group on the interface with this index; 0 leaves the choice to the system:
    /// `IPV6_ADD_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.sock().join_multicast_v6(group, interface)
    }

    /// Leaves a group: `IPV6_DROP_MEMBERSHIP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.sock().leave_multicast_v6(group, interface)
    }

    /// Joins a group for the datagrams of one source only, on the interface with this index:
    /// `MCAST_JOIN_SOURCE_GROUP` (RFC 3678).
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn join_source_multicast_v6(
        &self,
        source: &Ipv6Addr,
        group: &Ipv6Addr,
        interface: u32,
    ) -> io::Result<()> {
        self.source_membership_v6(true, source, group, interface)
    }

    /// Leaves a group joined for one source: `MCAST_LEAVE_SOURCE_GROUP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `EADDRNOTAVAIL` if it has not joined.
    pub fn leave_source_multicast_v6(
        &self,
        source: &Ipv6Addr,
        group: &Ipv6Addr,
        interface: u32,
    ) -> io::Result<()> {
        self.source_membership_v6(false, source, group, interface)
    }

    fn source_membership_v6(
        &self,
        join: bool,
        source: &Ipv6Addr,
        group: &Ipv6Addr,
        interface: u32,
    ) -> io::Result<()> {
        let address = |ip: &Ipv6Addr| SocketAddrV6::new(*ip, 0, 0, 0).into();
        self.0.source_membership(
            libc::IPPROTO_IPV6,
            join,
            interface,
            &address(source),
            &address(group),
        )
    }
}

/// # Options of TCP (`IPPROTO_TCP`)
///
/// See `tcp(7)`.
///
/// ```
/// use std::time::Duration;
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::stream(Domain::IPV4)?;
/// socket.set_keepalive(true)?;
/// socket.set_keepalive_time(Duration::from_secs(60))?;
/// assert_eq!(socket.keepalive_time()?, Duration::from_secs(60));
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    std_net_runtime::socket_options! {
        /// Whether small writes are held back until a full segment is together or it is turned off
        /// again: `TCP_CORK`.
        cork, set_cork(bool) => tcp_cork, set_tcp_cork;
        /// The largest segment in bytes: `TCP_MAXSEG`.
        mss, set_mss(u32) => tcp_mss, set_tcp_mss;
        /// Whether small writes go out at once instead of waiting for an acknowledgement (Nagle's
        /// algorithm): `TCP_NODELAY`.
        nodelay, set_nodelay(bool) => tcp_nodelay, set_tcp_nodelay;
        /// Whether acknowledgements go out at once; the kernel may turn it off again:
        /// `TCP_QUICKACK`.
        quickack, set_quickack(bool) => tcp_quickack, set_tcp_quickack;
        /// How long sent data may stay unacknowledged before the connection is given up, in whole
        /// milliseconds; `None` is the system's choice: `TCP_USER_TIMEOUT`.
        user_timeout, set_user_timeout(Option<Duration>) => tcp_user_timeout, set_tcp_user_timeout;
    }

    int_options! {
        /// How long `accept` may leave a connection without data in the queue, in seconds; zero
        /// accepts at once: `TCP_DEFER_ACCEPT`.
        defer_accept, set_defer_accept(Duration) => IPPROTO_TCP, TCP_DEFER_ACCEPT, to_seconds,
            from_seconds;
        /// How many connections of a listener may carry data in their first packet before they are
        /// accepted; zero turns it off: `TCP_FASTOPEN`.
        fast_open, set_fast_open(u32) => IPPROTO_TCP, TCP_FASTOPEN, to_count, from_count;
        /// Whether `connect` waits for the first write to send data in its first packet:
        /// `TCP_FASTOPEN_CONNECT`.
        fast_open_connect, set_fast_open_connect(bool) => IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
            c_int::from, |v| v != 0;
        /// The time between two probes of a silent peer, in whole seconds: `TCP_KEEPINTVL`.
        keepalive_interval, set_keepalive_interval(Duration) => IPPROTO_TCP, TCP_KEEPINTVL,
            to_seconds, from_seconds;
        /// After how many unanswered probes the connection is given up: `TCP_KEEPCNT`.
        keepalive_retries, set_keepalive_retries(u32) => IPPROTO_TCP, TCP_KEEPCNT, to_count,
            from_count;
        /// How long the peer may be silent before the first probe, in whole seconds:
        /// `TCP_KEEPIDLE`.
        keepalive_time, set_keepalive_time(Duration) => IPPROTO_TCP, TCP_KEEPIDLE, to_seconds,
            from_seconds;
    }
}

/// # Options of UDP (`IPPROTO_UDP`)
///
/// See `udp(7)`.
///
/// ```
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::datagram(Domain::IPV4)?;
/// socket.set_segment_size(1200)?;
/// assert_eq!(socket.segment_size()?, 1200);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    /// Whether the kernel may hand over several datagrams of one sender together (generic receive
    /// offload), see [`Received::segment_size`](super::Received::segment_size); a buffer of 65,535
    /// bytes takes whatever comes then: `UDP_GRO`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `ENOPROTOOPT` before Linux 5.0.
    pub fn set_gro(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_UDP, UDP_GRO, value.into())
    }

    /// What [`set_gro`](Self::set_gro) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn gro(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_UDP, UDP_GRO)? != 0)
    }

    /// Cuts what each call sends into datagrams of so many bytes (generic segmentation offload), as
    /// [`Ancillary::segment_size`](super::Ancillary::segment_size) does for one call; 0 turns it off:
    /// `UDP_SEGMENT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `ENOPROTOOPT` before Linux 4.18.
    pub fn set_segment_size(&self, value: u16) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_UDP, UDP_SEGMENT, value.into())
    }

    /// What [`set_segment_size`](Self::set_segment_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn segment_size(&self) -> io::Result<u16> {
        let size = self.0.int_option(libc::IPPROTO_UDP, UDP_SEGMENT)?;
        Ok(u16::try_from(size).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_up_and_saturate() {
        assert_eq!(to_seconds(Duration::ZERO), 0);
        assert_eq!(to_seconds(Duration::from_millis(1)), 1);
        assert_eq!(to_seconds(Duration::from_secs(2)), 2);
        assert_eq!(to_seconds(Duration::MAX), c_int::MAX);
        assert_eq!(from_seconds(-1), Duration::ZERO);
    }
}
