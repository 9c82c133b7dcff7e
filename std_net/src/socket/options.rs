//! The options of [`Socket`], ordered by level and then by name, with what each means to the kernel.
//! `builder` sets options before a `bind` or `connect`.

use std::io;
#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use libc::c_int;
#[cfg(target_os = "linux")]
use std_net_runtime::message::{UDP_GRO, UDP_SEGMENT};
#[cfg(target_os = "linux")]
use std_net_runtime::values::milliseconds;
use std_net_runtime::values::{number, seconds};

use super::Socket;
#[cfg(target_os = "linux")]
use super::addr::from_kernel;

// Each system has its own name for these options.
#[cfg(target_os = "linux")]
const SO_TIMESTAMPS: c_int = libc::SO_TIMESTAMPNS;
#[cfg(not(target_os = "linux"))]
const SO_TIMESTAMPS: c_int = libc::SO_TIMESTAMP;
#[cfg(not(target_os = "freebsd"))]
const IP_PACKET_INFO: c_int = libc::IP_PKTINFO;
#[cfg(target_os = "freebsd")]
const IP_PACKET_INFO: c_int = libc::IP_RECVDSTADDR;
#[cfg(not(target_vendor = "apple"))]
const TCP_KEEPALIVE_TIME: c_int = libc::TCP_KEEPIDLE;
#[cfg(target_vendor = "apple")]
const TCP_KEEPALIVE_TIME: c_int = libc::TCP_KEEPALIVE;

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
    /// Sets whether datagrams may go to a broadcast address: `SO_BROADCAST`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_broadcast(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_broadcast(value)
    }

    /// Returns the value that [`set_broadcast`](Self::set_broadcast) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.sock().broadcast()
    }

    /// Sets whether the kernel probes a silent peer: `SO_KEEPALIVE`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_keepalive(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_keepalive(value)
    }

    /// Returns the value that [`set_keepalive`](Self::set_keepalive) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.0.sock().keepalive()
    }

    /// Sets how long a close waits for unsent data. With `None` the close returns at once and the data
    /// are sent in the background. With zero the connection is reset. The time is in whole seconds, and
    /// a fraction rounds up: `SO_LINGER`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_linger(&self, value: Option<Duration>) -> io::Result<()> {
        self.0.set_linger(value)
    }

    /// Returns the value that [`set_linger`](Self::set_linger) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.sock().linger()
    }

    /// Sets the mark of sent packets, for routing and filters. Needs `CAP_NET_ADMIN`: `SO_MARK`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_mark(&self, value: u32) -> io::Result<()> {
        self.0.sock().set_mark(value)
    }

    /// Returns the value that [`set_mark`](Self::set_mark) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn mark(&self) -> io::Result<u32> {
        self.0.sock().mark()
    }

    /// Sets whether urgent data are received in line with other data: `SO_OOBINLINE`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_oob_inline(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_out_of_band_inline(value)
    }

    /// Returns the value that [`set_oob_inline`](Self::set_oob_inline) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn oob_inline(&self) -> io::Result<bool> {
        self.0.sock().out_of_band_inline()
    }

    /// Sets the size of the receive buffer in bytes. The kernel doubles it for its own book-keeping,
    /// and limits it: `SO_RCVBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_buffer_size(&self, value: usize) -> io::Result<()> {
        self.0.set_recv_buffer_size(value)
    }

    /// Returns the value that [`set_recv_buffer_size`](Self::set_recv_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.0.sock().recv_buffer_size()
    }

    /// Sets whether an address may be bound while old connections still use it: `SO_REUSEADDR`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_reuse_address(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_reuse_address(value)
    }

    /// Returns the value that [`set_reuse_address`](Self::set_reuse_address) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn reuse_address(&self) -> io::Result<bool> {
        self.0.sock().reuse_address()
    }

    /// Sets whether several sockets may be bound to the same address and share its load:
    /// `SO_REUSEPORT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_reuse_port(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_reuse_port(value)
    }

    /// Returns the value that [`set_reuse_port`](Self::set_reuse_port) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn reuse_port(&self) -> io::Result<bool> {
        self.0.sock().reuse_port()
    }

    /// Sets the size of the send buffer in bytes. The kernel doubles and limits it: `SO_SNDBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.0.set_send_buffer_size(value)
    }

    /// Returns the value that [`set_send_buffer_size`](Self::set_send_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.0.sock().send_buffer_size()
    }

    /// Sets for how many microseconds a receive polls the network device before it sleeps. More than
    /// the system's setting needs `CAP_NET_ADMIN`: `SO_BUSY_POLL`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_busy_poll(&self, value: u32) -> io::Result<()> {
        self.0
            .set_int_option(libc::SOL_SOCKET, libc::SO_BUSY_POLL, to_count(value))
    }

    /// Returns the value that [`set_busy_poll`](Self::set_busy_poll) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn busy_poll(&self) -> io::Result<u32> {
        self.0
            .int_option(libc::SOL_SOCKET, libc::SO_BUSY_POLL)
            .map(from_count)
    }

    /// Sets the processor whose packets this socket prefers. Among listeners with
    /// [`set_reuse_port`](Self::set_reuse_port), the kernel uses it to choose the listener:
    /// `SO_INCOMING_CPU`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number that no processor has; the error of
    /// `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_incoming_cpu(&self, value: u32) -> io::Result<()> {
        let cpu = number("SO_INCOMING_CPU", value, u32::MAX)?;
        self.0
            .set_int_option(libc::SOL_SOCKET, libc::SO_INCOMING_CPU, cpu)
    }

    /// Returns the value that [`set_incoming_cpu`](Self::set_incoming_cpu) sets, or the processor on
    /// which the last packet came. Returns `None` if there is neither.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn incoming_cpu(&self) -> io::Result<Option<u32>> {
        let cpu = self.0.int_option(libc::SOL_SOCKET, libc::SO_INCOMING_CPU)?;
        Ok(u32::try_from(cpu).ok())
    }

    /// Sets the priority of sent packets. Without privilege 0 to 6 are allowed: `SO_PRIORITY`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_priority(&self, value: u32) -> io::Result<()> {
        // Pass all bits on, because a priority may also be a handle of tc(8).
        self.0
            .set_int_option(libc::SOL_SOCKET, libc::SO_PRIORITY, value.cast_signed())
    }

    /// Returns the value that [`set_priority`](Self::set_priority) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn priority(&self) -> io::Result<u32> {
        let priority = self.0.int_option(libc::SOL_SOCKET, libc::SO_PRIORITY)?;
        Ok(priority.cast_unsigned())
    }

    /// Sets whether each datagram comes with the time at which the kernel received it; see
    /// [`Received::timestamp`](super::Received::timestamp): `SO_TIMESTAMPNS`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_timestamp(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::SOL_SOCKET, SO_TIMESTAMPS, value.into())
    }

    /// Returns the value that [`set_recv_timestamp`](Self::set_recv_timestamp) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_timestamp(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::SOL_SOCKET, SO_TIMESTAMPS)? != 0)
    }

    /// Binds to a network interface by its name. `None` unbinds. Needs `CAP_NET_RAW` if the socket is
    /// bound to one already: `SO_BINDTODEVICE`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that cannot be the name of an interface:
    /// the kernel would cut off a longer name, and take an empty one for `None`. The error of
    /// `setsockopt(2)`, which is `ENODEV` if there is no such interface.
    #[cfg(target_os = "linux")]
    pub fn set_bind_device(&self, interface: Option<&str>) -> io::Result<()> {
        if let Some(name) = interface
            && (name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0'))
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is not the name of an interface"),
            ));
        }
        self.0.sock().bind_device(interface.map(str::as_bytes))
    }

    /// Returns the interface that the socket is bound to.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn bind_device(&self) -> io::Result<Option<String>> {
        let name = self.0.sock().device()?;
        Ok(name.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the socket's type: stream, datagram, raw: `SO_TYPE`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn socket_type(&self) -> io::Result<super::Type> {
        self.0.sock().r#type()
    }

    /// Returns the socket's address family: `SO_DOMAIN`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn domain(&self) -> io::Result<super::Domain> {
        self.io().domain()
    }

    /// Returns the socket's protocol: `SO_PROTOCOL`.
    ///
    /// This does not exist on macOS.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(not(target_vendor = "apple"))]
    pub fn protocol(&self) -> io::Result<Option<super::Protocol>> {
        self.0.sock().protocol()
    }

    /// Returns whether the socket listens: `SO_ACCEPTCONN`.
    ///
    /// This does not exist on macOS.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(not(target_vendor = "apple"))]
    pub fn is_listener(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0)
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
    /// Sets whether a bind to port 0 leaves the choice of the port to the connect. The connect needs a
    /// port that is free only for its peer, so there can be many more connections from one address.
    /// This works for IPv6 too: `IP_BIND_ADDRESS_NO_PORT`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_bind_address_no_port(&self, value: bool) -> io::Result<()> {
        self.0.set_int_option(
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            value.into(),
        )
    }

    /// Returns the value that [`set_bind_address_no_port`](Self::set_bind_address_no_port) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn bind_address_no_port(&self) -> io::Result<bool> {
        Ok(self
            .0
            .int_option(libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT)?
            != 0)
    }

    /// Sets whether the socket may be bound to an address that the host does not have (yet):
    /// `IP_FREEBIND`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_freebind(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_freebind_v4(value)
    }

    /// Returns the value that [`set_freebind`](Self::set_freebind) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn freebind(&self) -> io::Result<bool> {
        self.0.sock().freebind_v4()
    }

    /// Sets whether the socket gets the datagrams of every group that any socket on the host has
    /// joined: `IP_MULTICAST_ALL`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_multicast_all_v4(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_multicast_all_v4(value)
    }

    /// Returns the value that [`set_multicast_all_v4`](Self::set_multicast_all_v4) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn multicast_all_v4(&self) -> io::Result<bool> {
        self.0.sock().multicast_all_v4()
    }

    /// Sets whether the host gets its own multicast datagrams: `IP_MULTICAST_LOOP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_loop_v4(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_multicast_loop_v4(value)
    }

    /// Returns the value that [`set_multicast_loop_v4`](Self::set_multicast_loop_v4) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.sock().multicast_loop_v4()
    }

    /// Sets how many hops multicast datagrams may go, 0 to 255: `IP_MULTICAST_TTL`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_multicast_ttl_v4(&self, value: u32) -> io::Result<()> {
        let value = number("IP_MULTICAST_TTL", value, u32::MAX)?;
        self.0
            .set_int_option(libc::IPPROTO_IP, libc::IP_MULTICAST_TTL, value)
    }

    /// Returns the value that [`set_multicast_ttl_v4`](Self::set_multicast_ttl_v4) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.sock().multicast_ttl_v4()
    }

    /// Sets the type of service of sent packets (DSCP and ECN), 0 to 255: `IP_TOS`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_tos(&self, value: u32) -> io::Result<()> {
        let value = number("IP_TOS", value, 255)?;
        self.0.set_int_option(libc::IPPROTO_IP, libc::IP_TOS, value)
    }

    /// Returns the value that [`set_tos`](Self::set_tos) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn tos(&self) -> io::Result<u32> {
        self.0.sock().tos_v4()
    }

    /// Sets how many hops sent packets may go, 1 to 255: `IP_TTL`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_ttl(&self, value: u32) -> io::Result<()> {
        let value = number("IP_TTL", value, u32::MAX)?;
        self.0.set_int_option(libc::IPPROTO_IP, libc::IP_TTL, value)
    }

    /// Returns the value that [`set_ttl`](Self::set_ttl) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.sock().ttl_v4()
    }

    /// Sets whether errors that the network reports are kept in a separate queue; see
    /// [`take_queued_error`](Self::take_queued_error): `IP_RECVERR`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_recv_error(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IP, libc::IP_RECVERR, value.into())
    }

    /// Returns the value that [`set_recv_error`](Self::set_recv_error) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn recv_error(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_IP, libc::IP_RECVERR)? != 0)
    }

    /// Sets whether each datagram comes with its destination address and the interface through which it
    /// came; see [`Received::destination`](super::Received::destination): `IP_PKTINFO`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_packet_info(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IP, IP_PACKET_INFO, value.into())
    }

    /// Returns the value that [`set_recv_packet_info`](Self::set_recv_packet_info) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_packet_info(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_IP, IP_PACKET_INFO)? != 0)
    }

    /// Sets whether each datagram comes with its type of service; see
    /// [`Received::tos`](super::Received::tos): `IP_RECVTOS`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_tos(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IP, libc::IP_RECVTOS, value.into())
    }

    /// Returns the value that [`set_recv_tos`](Self::set_recv_tos) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_tos(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_IP, libc::IP_RECVTOS)? != 0)
    }

    /// Sets whether each datagram comes with the number of hops that it had left; see
    /// [`Received::ttl`](super::Received::ttl): `IP_RECVTTL`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_ttl(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IP, libc::IP_RECVTTL, value.into())
    }

    /// Returns the value that [`set_recv_ttl`](Self::set_recv_ttl) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_ttl(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_IP, libc::IP_RECVTTL)? != 0)
    }

    /// Sends multicast datagrams through the interface with this address: `IP_MULTICAST_IF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_if_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        self.0.sock().set_multicast_if_v4(&interface)
    }

    /// Returns the address of the interface through which multicast datagrams are sent.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_if_v4(&self) -> io::Result<Ipv4Addr> {
        self.0.sock().multicast_if_v4()
    }

    /// Joins a group on the interface with this address. With the unspecified address the system
    /// chooses the interface: `IP_ADD_MEMBERSHIP`.
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
    /// The error of `setsockopt(2)`, which is `EADDRNOTAVAIL` if the socket has not joined the group.
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

    /// Leaves a group that was joined for one source: `IP_DROP_SOURCE_MEMBERSHIP`.
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
    /// Sets whether the socket may be bound to an address that the host does not have (yet):
    /// `IPV6_FREEBIND`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_freebind_v6(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_freebind_v6(value)
    }

    /// Returns the value that [`set_freebind_v6`](Self::set_freebind_v6) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn freebind_v6(&self) -> io::Result<bool> {
        self.0.sock().freebind_v6()
    }

    /// Sets how many hops multicast datagrams may go, 0 to 255: `IPV6_MULTICAST_HOPS`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_multicast_hops_v6(&self, value: u32) -> io::Result<()> {
        let value = number("IPV6_MULTICAST_HOPS", value, u32::MAX)?;
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, value)
    }

    /// Returns the value that [`set_multicast_hops_v6`](Self::set_multicast_hops_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_hops_v6(&self) -> io::Result<u32> {
        self.0.sock().multicast_hops_v6()
    }

    /// Sets the index of the interface through which multicast datagrams are sent. With 0 the system
    /// chooses: `IPV6_MULTICAST_IF`. [`interfaces::index`](../interfaces/fn.index.html) finds the index of a
    /// name.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_if_v6(&self, value: u32) -> io::Result<()> {
        self.0.sock().set_multicast_if_v6(value)
    }

    /// Returns the value that [`set_multicast_if_v6`](Self::set_multicast_if_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_if_v6(&self) -> io::Result<u32> {
        self.0.sock().multicast_if_v6()
    }

    /// Sets whether the host gets its own multicast datagrams: `IPV6_MULTICAST_LOOP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_multicast_loop_v6(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_multicast_loop_v6(value)
    }

    /// Returns the value that [`set_multicast_loop_v6`](Self::set_multicast_loop_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.sock().multicast_loop_v6()
    }

    /// Sets whether the socket takes IPv6 only, or also IPv4 in mapped form: `IPV6_V6ONLY`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_only_v6(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_only_v6(value)
    }

    /// Returns the value that [`set_only_v6`](Self::set_only_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn only_v6(&self) -> io::Result<bool> {
        self.0.sock().only_v6()
    }

    /// Sets the traffic class of sent packets (DSCP and ECN), 0 to 255: `IPV6_TCLASS`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_traffic_class(&self, value: u32) -> io::Result<()> {
        let value = number("IPV6_TCLASS", value, u32::MAX)?;
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, value)
    }

    /// Returns the value that [`set_traffic_class`](Self::set_traffic_class) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn traffic_class(&self) -> io::Result<u32> {
        self.0.sock().tclass_v6()
    }

    /// Sets how many hops sent packets may go, 0 to 255: `IPV6_UNICAST_HOPS`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 255; the error of
    /// `setsockopt(2)`.
    pub fn set_unicast_hops_v6(&self, value: u32) -> io::Result<()> {
        let value = number("IPV6_UNICAST_HOPS", value, u32::MAX)?;
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, value)
    }

    /// Returns the value that [`set_unicast_hops_v6`](Self::set_unicast_hops_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn unicast_hops_v6(&self) -> io::Result<u32> {
        self.0.sock().unicast_hops_v6()
    }

    /// Like [`set_recv_error`](Self::set_recv_error), for IPv6: `IPV6_RECVERR`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_recv_error_v6(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVERR, value.into())
    }

    /// Returns the value that [`set_recv_error_v6`](Self::set_recv_error_v6) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn recv_error_v6(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVERR)? != 0)
    }

    /// Sets whether each datagram comes with the number of hops that it had left; see
    /// [`Received::ttl`](super::Received::ttl): `IPV6_RECVHOPLIMIT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_hops_v6(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, value.into())
    }

    /// Returns the value that [`set_recv_hops_v6`](Self::set_recv_hops_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_hops_v6(&self) -> io::Result<bool> {
        Ok(self
            .0
            .int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)?
            != 0)
    }

    /// Like [`set_recv_packet_info`](Self::set_recv_packet_info), for IPv6: `IPV6_RECVPKTINFO`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_packet_info_v6(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, value.into())
    }

    /// Returns the value that [`set_recv_packet_info_v6`](Self::set_recv_packet_info_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_packet_info_v6(&self) -> io::Result<bool> {
        Ok(self
            .0
            .int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?
            != 0)
    }

    /// Sets whether each datagram comes with its traffic class; see
    /// [`Received::tos`](super::Received::tos): `IPV6_RECVTCLASS`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_traffic_class(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, value.into())
    }

    /// Returns the value that [`set_recv_traffic_class`](Self::set_recv_traffic_class) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_traffic_class(&self) -> io::Result<bool> {
        Ok(self
            .0
            .int_option(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS)?
            != 0)
    }

    /// Joins a group on the interface with this index. With 0 the system chooses the interface:
    /// `IPV6_ADD_MEMBERSHIP`. [`interfaces::index`](../interfaces/fn.index.html) finds the index of a name.
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

    /// Leaves a group that was joined for one source: `MCAST_LEAVE_SOURCE_GROUP`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `EADDRNOTAVAIL` if the socket has not joined the group.
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
    /// Sets whether small writes are held back until a full segment has come together or the option is
    /// turned off: `TCP_CORK`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_cork(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_tcp_cork(value)
    }

    /// Returns the value that [`set_cork`](Self::set_cork) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn cork(&self) -> io::Result<bool> {
        self.0.sock().tcp_cork()
    }

    /// Sets the largest segment in bytes: `TCP_MAXSEG`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a size that no segment can have; the error of
    /// `setsockopt(2)`.
    pub fn set_mss(&self, value: u32) -> io::Result<()> {
        let value = number("TCP_MAXSEG", value, u32::MAX)?;
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_MAXSEG, value)
    }

    /// Returns the value that [`set_mss`](Self::set_mss) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn mss(&self) -> io::Result<u32> {
        self.0.sock().tcp_mss()
    }

    /// Sets whether small writes go out at once instead of waiting for an acknowledgement (Nagle's
    /// algorithm): `TCP_NODELAY`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_nodelay(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_tcp_nodelay(value)
    }

    /// Returns the value that [`set_nodelay`](Self::set_nodelay) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.sock().tcp_nodelay()
    }

    /// Sets whether acknowledgements are sent at once. The kernel may turn it off again:
    /// `TCP_QUICKACK`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_quickack(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_tcp_quickack(value)
    }

    /// Returns the value that [`set_quickack`](Self::set_quickack) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn quickack(&self) -> io::Result<bool> {
        self.0.sock().tcp_quickack()
    }

    /// Sets how long sent data may stay unacknowledged before the connection is given up. With `None`
    /// the system chooses. The time is in whole milliseconds, and a fraction rounds up:
    /// `TCP_USER_TIMEOUT`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration, because the kernel would take
    /// it for `None`; the error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_user_timeout(&self, value: Option<Duration>) -> io::Result<()> {
        if value == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        let limit = value.map_or(0, milliseconds);
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, limit)
    }

    /// Returns the value that [`set_user_timeout`](Self::set_user_timeout) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        self.0.sock().tcp_user_timeout()
    }

    /// Sets how long `accept` may leave a connection without data in the queue. The time is in whole
    /// seconds, and zero accepts at once: `TCP_DEFER_ACCEPT`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_defer_accept(&self, value: Duration) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds(value))
    }

    /// Returns the value that [`set_defer_accept`](Self::set_defer_accept) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn defer_accept(&self) -> io::Result<Duration> {
        self.0
            .int_option(libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT)
            .map(from_seconds)
    }

    /// Sets how many connections that are not accepted yet may carry data in their first packet. Zero
    /// turns it off: `TCP_FASTOPEN`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_fast_open(&self, value: u32) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, to_count(value))
    }

    /// Returns the value that [`set_fast_open`](Self::set_fast_open) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn fast_open(&self) -> io::Result<u32> {
        self.0
            .int_option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN)
            .map(from_count)
    }

    /// Sets whether `connect` waits for the first write, and sends its data in the first packet:
    /// `TCP_FASTOPEN_CONNECT`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_fast_open_connect(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, value.into())
    }

    /// Returns the value that [`set_fast_open_connect`](Self::set_fast_open_connect) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn fast_open_connect(&self) -> io::Result<bool> {
        Ok(self
            .0
            .int_option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT)?
            != 0)
    }

    /// Sets the time between two probes of a silent peer, in whole seconds: `TCP_KEEPINTVL`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_keepalive_interval(&self, value: Duration) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, seconds(value))
    }

    /// Returns the value that [`set_keepalive_interval`](Self::set_keepalive_interval) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn keepalive_interval(&self) -> io::Result<Duration> {
        self.0
            .int_option(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL)
            .map(from_seconds)
    }

    /// Sets after how many unanswered probes the connection is given up: `TCP_KEEPCNT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_keepalive_retries(&self, value: u32) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, libc::TCP_KEEPCNT, to_count(value))
    }

    /// Returns the value that [`set_keepalive_retries`](Self::set_keepalive_retries) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn keepalive_retries(&self) -> io::Result<u32> {
        self.0
            .int_option(libc::IPPROTO_TCP, libc::TCP_KEEPCNT)
            .map(from_count)
    }

    /// Sets how long the peer may be silent before the first probe, in whole seconds: `TCP_KEEPIDLE`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_keepalive_time(&self, value: Duration) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_TCP, TCP_KEEPALIVE_TIME, seconds(value))
    }

    /// Returns the value that [`set_keepalive_time`](Self::set_keepalive_time) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn keepalive_time(&self) -> io::Result<Duration> {
        self.0
            .int_option(libc::IPPROTO_TCP, TCP_KEEPALIVE_TIME)
            .map(from_seconds)
    }
}

/// # More options of TCP and IP, on Linux
///
/// ```
/// use std_net::socket::{Domain, Socket};
///
/// let socket = Socket::stream(Domain::IPV4)?;
/// socket.set_notsent_lowat(16 * 1024)?;
/// println!("{}", socket.congestion()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(target_os = "linux")]
impl Socket {
    /// Sets the congestion control algorithm of the connection, by the kernel's name for it (`cubic`,
    /// `bbr`): `TCP_CONGESTION`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that cannot be the name of an algorithm:
    /// the kernel would use only its beginning. The error of `setsockopt(2)`, which is `ENOENT` if
    /// there is no such algorithm, and `EPERM` if it needs `CAP_NET_ADMIN`.
    pub fn set_congestion(&self, name: &str) -> io::Result<()> {
        /// `TCP_CA_NAME_MAX`, which includes the NUL.
        const LONGEST: usize = 16;
        if name.is_empty() || name.len() >= LONGEST || name.contains('\0') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is not the name of an algorithm"),
            ));
        }
        self.0.sock().set_tcp_congestion(name.as_bytes())
    }

    /// Returns the value that [`set_congestion`](Self::set_congestion) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn congestion(&self) -> io::Result<String> {
        let name = self.0.sock().tcp_congestion()?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// Sets how many bytes may wait to be sent for the first time before a write has to wait. With a
    /// low value, new data do not queue for long behind old data: `TCP_NOTSENT_LOWAT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_notsent_lowat(&self, bytes: u32) -> io::Result<()> {
        // Pass all bits on: the default is `u32::MAX`.
        self.0.sock().set_tcp_notsent_lowat(bytes)
    }

    /// Returns the value that [`set_notsent_lowat`](Self::set_notsent_lowat) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn notsent_lowat(&self) -> io::Result<u32> {
        self.0.sock().tcp_notsent_lowat()
    }

    /// Sets whether the socket may use addresses that do not belong to this host, for a transparent
    /// proxy. Needs `CAP_NET_ADMIN`: `IP_TRANSPARENT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_transparent(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_ip_transparent_v4(value)
    }

    /// Returns the value that [`set_transparent`](Self::set_transparent) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn transparent(&self) -> io::Result<bool> {
        self.0.sock().ip_transparent_v4()
    }

    /// Like [`set_transparent`](Self::set_transparent), for IPv6: `IPV6_TRANSPARENT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_transparent_v6(&self, value: bool) -> io::Result<()> {
        self.0.sock().set_ip_transparent_v6(value)
    }

    /// Returns the value that [`set_transparent_v6`](Self::set_transparent_v6) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn transparent_v6(&self) -> io::Result<bool> {
        self.0.sock().ip_transparent_v6()
    }

    /// Returns the destination that a connection had before a firewall redirected it here:
    /// `SO_ORIGINAL_DST`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`, which is `ENOENT` or `ENOPROTOOPT` if the connection was not
    /// redirected.
    pub fn original_dst(&self) -> io::Result<SocketAddr> {
        self.0.sock().original_dst_v4().and_then(from_kernel)
    }

    /// Like [`original_dst`](Self::original_dst), for IPv6: `IP6T_SO_ORIGINAL_DST`.
    ///
    /// # Errors
    ///
    /// The errors of [`original_dst`](Self::original_dst).
    pub fn original_dst_v6(&self) -> io::Result<SocketAddr> {
        self.0.sock().original_dst_v6().and_then(from_kernel)
    }

    /// Makes the kernel run this classic BPF program on every packet, and drop a packet if the program
    /// returns 0: `SO_ATTACH_FILTER`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a program without instructions, or with more
    /// than 4096; the error of `setsockopt(2)`.
    pub fn attach_filter(&self, program: &[super::SockFilter]) -> io::Result<()> {
        /// `BPF_MAXINSNS`.
        const MOST: usize = 4096;
        if program.is_empty() || program.len() > MOST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a filter has 1 to {MOST} instructions, not {}",
                    program.len()
                ),
            ));
        }
        self.0.sock().attach_filter(program)
    }

    /// Removes the filter: `SO_DETACH_FILTER`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `ENOENT` if there is no filter.
    pub fn detach_filter(&self) -> io::Result<()> {
        self.0.sock().detach_filter()
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
    /// Sets whether the kernel may return several datagrams of one sender together (generic receive
    /// offload); see [`Received::segment_size`](super::Received::segment_size). With this option use a
    /// buffer of 65,535 bytes, which is always large enough: `UDP_GRO`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `ENOPROTOOPT` before Linux 5.0.
    #[cfg(target_os = "linux")]
    pub fn set_gro(&self, value: bool) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_UDP, UDP_GRO, value.into())
    }

    /// Returns the value that [`set_gro`](Self::set_gro) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn gro(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::IPPROTO_UDP, UDP_GRO)? != 0)
    }

    /// Cuts the bytes of each send into datagrams of `value` bytes (generic segmentation offload).
    /// [`Ancillary::segment_size`](super::Ancillary::segment_size) does the same for one call. 0 turns
    /// it off: `UDP_SEGMENT`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `ENOPROTOOPT` before Linux 4.18.
    #[cfg(target_os = "linux")]
    pub fn set_segment_size(&self, value: u16) -> io::Result<()> {
        self.0
            .set_int_option(libc::IPPROTO_UDP, UDP_SEGMENT, value.into())
    }

    /// Returns the value that [`set_segment_size`](Self::set_segment_size) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn segment_size(&self) -> io::Result<u16> {
        let size = self.0.int_option(libc::IPPROTO_UDP, UDP_SEGMENT)?;
        Ok(u16::try_from(size).unwrap_or(0))
    }
}
