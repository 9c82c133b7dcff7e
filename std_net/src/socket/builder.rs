//! Options that must be set before a `bind`, `connect` or `listen`, as with Ktor's
//! `aSocket().tcp().configure`. `options` explains what each option does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Type};
use std_net_runtime::Deadline;
use std_net_runtime::values::number;

use super::addr::try_each;
use super::{Socket, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use crate::connect;

/// The options that TCP and UDP share. `None` keeps the system's default.
#[derive(Clone, Debug, Default)]
struct Common {
    #[cfg(target_os = "linux")]
    bind_device: Option<String>,
    #[cfg(target_os = "linux")]
    freebind: Option<bool>,
    #[cfg(target_os = "linux")]
    mark: Option<u32>,
    only_v6: Option<bool>,
    recv_buffer_size: Option<usize>,
    reuse_address: Option<bool>,
    reuse_port: Option<bool>,
    send_buffer_size: Option<usize>,
    tos: Option<u32>,
    ttl: Option<u32>,
}

impl Common {
    fn apply(&self, socket: &Socket, v6: bool) -> io::Result<()> {
        let set = |result: Option<io::Result<()>>| result.unwrap_or(Ok(()));
        #[cfg(target_os = "linux")]
        {
            set(self
                .bind_device
                .as_deref()
                .map(|v| socket.set_bind_device(Some(v))))?;
            set(self.freebind.map(|v| {
                if v6 {
                    socket.set_freebind_v6(v)
                } else {
                    socket.set_freebind(v)
                }
            }))?;
            set(self.mark.map(|v| socket.set_mark(v)))?;
        }
        set(self.only_v6.filter(|_| v6).map(|v| socket.set_only_v6(v)))?;
        set(self
            .recv_buffer_size
            .map(|v| socket.set_recv_buffer_size(v)))?;
        set(self.reuse_address.map(|v| socket.set_reuse_address(v)))?;
        set(self.reuse_port.map(|v| socket.set_reuse_port(v)))?;
        set(self
            .send_buffer_size
            .map(|v| socket.set_send_buffer_size(v)))?;
        set(self.tos.map(|v| {
            if v6 {
                number("IPV6_TCLASS", v, 255)?;
                socket.set_traffic_class(v)
            } else {
                socket.set_tos(v)
            }
        }))?;
        set(self.ttl.map(|v| {
            // The error names the option here, because the error of a builder otherwise only names the
            // address.
            if v6 {
                number("IPV6_UNICAST_HOPS", v, 255)?;
                socket.set_unicast_hops_v6(v)
            } else {
                number("IP_TTL", v, 255)?;
                socket.set_ttl(v)
            }
        }))
    }
}

/// Makes TCP listeners and connections with options that must be set before the bind or connect.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use std_net::socket::TcpBuilder;
///
/// let listener = TcpBuilder::new().reuse_port(true).backlog(256).listen("127.0.0.1:0")?;
/// let stream = TcpBuilder::new()
///     .nodelay(true)
///     .local_addr("127.0.0.1:0".parse().unwrap())
///     .deadline(Duration::from_secs(5))
///     .connect(listener.local_addr()?)?;
/// assert!(stream.nodelay()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `listen` or `connect`"]
pub struct TcpBuilder {
    common: Common,
    backlog: Option<i32>,
    deadline: Option<Deadline>,
    #[cfg(target_os = "linux")]
    defer_accept: Option<Duration>,
    fast_open: Option<u32>,
    keepalive: Option<bool>,
    keepalive_time: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_retries: Option<u32>,
    linger: Option<Duration>,
    local_addr: Option<SocketAddr>,
    #[cfg(target_os = "linux")]
    multipath: bool,
    nodelay: Option<bool>,
    #[cfg(target_os = "linux")]
    user_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl TcpBuilder {
    /// Makes a builder with the system's defaults.
    pub fn new() -> TcpBuilder {
        TcpBuilder::default()
    }

    /// Uses this network interface only: `SO_BINDTODEVICE`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn bind_device(mut self, interface: impl Into<String>) -> TcpBuilder {
        self.common.bind_device = Some(interface.into());
        self
    }

    /// Allows an address that the host does not have (yet): `IP_FREEBIND`, `IPV6_FREEBIND`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn freebind(mut self, on: bool) -> TcpBuilder {
        self.common.freebind = Some(on);
        self
    }

    /// Puts this mark on sent packets: `SO_MARK`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn mark(mut self, mark: u32) -> TcpBuilder {
        self.common.mark = Some(mark);
        self
    }

    /// Sets whether an IPv6 socket takes IPv6 only (`true`), or also IPv4 in mapped form (`false`,
    /// "dual stack"): `IPV6_V6ONLY`.
    pub fn only_v6(mut self, on: bool) -> TcpBuilder {
        self.common.only_v6 = Some(on);
        self
    }

    /// Sets the size of the receive buffer in bytes: `SO_RCVBUF`.
    pub fn recv_buffer_size(mut self, bytes: usize) -> TcpBuilder {
        self.common.recv_buffer_size = Some(bytes);
        self
    }

    /// Allows an address that old connections still use: `SO_REUSEADDR`. This is on by default for
    /// listeners, as in std.
    pub fn reuse_address(mut self, on: bool) -> TcpBuilder {
        self.common.reuse_address = Some(on);
        self
    }

    /// Allows several sockets on the same address: `SO_REUSEPORT`.
    pub fn reuse_port(mut self, on: bool) -> TcpBuilder {
        self.common.reuse_port = Some(on);
        self
    }

    /// Sets the size of the send buffer in bytes: `SO_SNDBUF`.
    pub fn send_buffer_size(mut self, bytes: usize) -> TcpBuilder {
        self.common.send_buffer_size = Some(bytes);
        self
    }

    /// Sets the type of service, or for IPv6 the traffic class: `IP_TOS`, `IPV6_TCLASS`.
    pub fn tos(mut self, tos: u32) -> TcpBuilder {
        self.common.tos = Some(tos);
        self
    }

    /// Sets how many hops packets may go: `IP_TTL`, `IPV6_UNICAST_HOPS`.
    pub fn ttl(mut self, ttl: u32) -> TcpBuilder {
        self.common.ttl = Some(ttl);
        self
    }

    /// Sets how many connections may wait to be accepted. The default is -1, the most that the system
    /// allows (`net.core.somaxconn`, 4096 on most systems). std's is 128. When the queue is full, the
    /// kernel drops new packets. If it drops the last packet of a client's handshake, the client
    /// believes that it is connected. It may then wait for ever, if the server has to send first.
    pub fn backlog(mut self, backlog: i32) -> TcpBuilder {
        self.backlog = Some(backlog);
        self
    }

    /// Leaves connections without data in the queue for this long: `TCP_DEFER_ACCEPT`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn defer_accept(mut self, wait: Duration) -> TcpBuilder {
        self.defer_accept = Some(wait);
        self
    }

    /// Sends data in the first packet. In a listener, `queue` connections at a time may have such data
    /// (`TCP_FASTOPEN`). A connection sends them with its first write (`TCP_FASTOPEN_CONNECT`), if
    /// `queue` is not 0.
    ///
    /// Such a connect returns before the peer has answered, so it cannot tell which of several
    /// addresses works. Therefore a connect to several addresses does not use it.
    pub fn fast_open(mut self, queue: u32) -> TcpBuilder {
        self.fast_open = Some(queue);
        self
    }

    /// Probes a silent peer: `SO_KEEPALIVE`.
    pub fn keepalive(mut self, on: bool) -> TcpBuilder {
        self.keepalive = Some(on);
        self
    }

    /// Sets the time before the first probe, the time between two probes, and the number of probes
    /// after which the connection is given up: `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`. Turns
    /// keepalive on.
    pub fn keepalive_times(
        mut self,
        time: Duration,
        interval: Duration,
        retries: u32,
    ) -> TcpBuilder {
        self.keepalive = Some(true);
        self.keepalive_time = Some(time);
        self.keepalive_interval = Some(interval);
        self.keepalive_retries = Some(retries);
        self
    }

    /// Sets how long a close waits for unsent data: `SO_LINGER`.
    pub fn linger(mut self, linger: Duration) -> TcpBuilder {
        self.linger = Some(linger);
        self
    }

    /// Sets the address that a connection comes from. With port 0 the system chooses the port when it
    /// connects (`IP_BIND_ADDRESS_NO_PORT`).
    pub fn local_addr(mut self, addr: SocketAddr) -> TcpBuilder {
        self.local_addr = Some(addr);
        self
    }

    /// Uses Multipath TCP if the kernel has it. With peers that do not support it, the connection is
    /// plain TCP (RFC 8684).
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn multipath(mut self, on: bool) -> TcpBuilder {
        self.multipath = on;
        self
    }

    /// Sends small writes at once: `TCP_NODELAY`.
    pub fn nodelay(mut self, on: bool) -> TcpBuilder {
        self.nodelay = Some(on);
        self
    }

    /// Sets how long sent data may stay unacknowledged: `TCP_USER_TIMEOUT`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn user_timeout(mut self, limit: Duration) -> TcpBuilder {
        self.user_timeout = Some(limit);
        self
    }

    /// Sets the deadline of a connect. The connection itself gets no deadline.
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> TcpBuilder {
        self.deadline = Some(deadline.into());
        self
    }

    /// Sets how long each read of a connection may wait for data: `SO_RCVTIMEO`.
    pub fn read_timeout(mut self, timeout: Duration) -> TcpBuilder {
        self.read_timeout = Some(timeout);
        self
    }

    /// Sets how long each write of a connection may wait for room: `SO_SNDTIMEO`.
    pub fn write_timeout(mut self, timeout: Duration) -> TcpBuilder {
        self.write_timeout = Some(timeout);
        self
    }

    /// Binds to the first of the addresses that can be bound, and listens there.
    ///
    /// # Errors
    ///
    /// The errors of [`TcpListener::bind`], and the error of an option.
    pub fn listen<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpListener> {
        try_each("listen on", addr, |addr| self.listen_one(addr))
    }

    /// Connects to the first of the addresses that answers. See [`TcpStream::connect`].
    ///
    /// # Errors
    ///
    /// The errors of [`TcpStream::connect_deadline`], and the error of an option.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpStream> {
        let settings = self.clone();
        let deadline = self.deadline.unwrap_or(Deadline::NEVER);
        connect::race(addr, deadline, move |addr, alone| {
            settings.open(addr, alone)
        })
        .and_then(|socket| {
            // Set the timeouts only now: the kernel would also apply them to the connect.
            if self.read_timeout.is_some() {
                socket.set_read_timeout(self.read_timeout)?;
            }
            if self.write_timeout.is_some() {
                socket.set_write_timeout(self.write_timeout)?;
            }
            Ok(TcpStream(socket))
        })
    }

    pub(super) fn listen_one(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.socket(addr)?;
        if self.common.reuse_address.is_none() {
            socket.set_reuse_address(true)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(wait) = self.defer_accept {
            socket.set_defer_accept(wait)?;
        }
        if let Some(queue) = self.fast_open {
            socket.set_fast_open(queue)?;
        }
        socket.bind(addr)?;
        socket.listen(self.backlog.unwrap_or(-1))?;
        Ok(TcpListener::from(socket))
    }

    /// Makes a socket that is ready to connect to `addr`. `alone` means that there is no other address
    /// to try.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(unused_variables, reason = "without Fast Open")
    )]
    fn open(&self, addr: SocketAddr, alone: bool) -> io::Result<Socket> {
        let socket = self.socket(addr)?;
        #[cfg(target_os = "linux")]
        if let Some(queue) = self.fast_open {
            socket.set_fast_open_connect(queue > 0 && alone)?;
        }
        if let Some(local) = self.local_addr {
            #[cfg(target_os = "linux")]
            if local.port() == 0 {
                // The connect chooses a port that is free for this peer. A bind would choose one that
                // is free for all peers.
                socket.set_bind_address_no_port(true)?;
            }
            socket.bind(local)?;
        }
        Ok(socket)
    }

    fn socket(&self, addr: SocketAddr) -> io::Result<Socket> {
        #[cfg(target_os = "linux")]
        let protocol = self.multipath.then_some(socket2::Protocol::MPTCP);
        #[cfg(not(target_os = "linux"))]
        let protocol = None;
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, protocol)?;
        self.common.apply(&socket, addr.is_ipv6())?;
        if let Some(on) = self.keepalive {
            socket.set_keepalive(on)?;
        }
        if let Some(time) = self.keepalive_time {
            socket.set_keepalive_time(time)?;
        }
        if let Some(interval) = self.keepalive_interval {
            socket.set_keepalive_interval(interval)?;
        }
        if let Some(retries) = self.keepalive_retries {
            socket.set_keepalive_retries(retries)?;
        }
        if self.linger.is_some() {
            socket.set_linger(self.linger)?;
        }
        if let Some(on) = self.nodelay {
            socket.set_nodelay(on)?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_user_timeout(self.user_timeout)?;
        }
        Ok(socket)
    }
}

/// Makes UDP sockets with options that must be set before the bind.
///
/// # Examples
///
/// ```
/// use std_net::socket::UdpBuilder;
///
/// let a = UdpBuilder::new().reuse_port(true).bind("127.0.0.1:0")?;
/// let b = UdpBuilder::new().reuse_port(true).bind(a.local_addr()?)?;
/// assert_eq!(a.local_addr()?, b.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `bind`"]
pub struct UdpBuilder {
    common: Common,
    broadcast: Option<bool>,
}

impl UdpBuilder {
    /// Makes a builder with the system's defaults.
    pub fn new() -> UdpBuilder {
        UdpBuilder::default()
    }

    /// Uses this network interface only: `SO_BINDTODEVICE`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn bind_device(mut self, interface: impl Into<String>) -> UdpBuilder {
        self.common.bind_device = Some(interface.into());
        self
    }

    /// Allows an address that the host does not have (yet): `IP_FREEBIND`, `IPV6_FREEBIND`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn freebind(mut self, on: bool) -> UdpBuilder {
        self.common.freebind = Some(on);
        self
    }

    /// Puts this mark on sent packets: `SO_MARK`.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn mark(mut self, mark: u32) -> UdpBuilder {
        self.common.mark = Some(mark);
        self
    }

    /// Sets whether an IPv6 socket takes IPv6 only (`true`), or also IPv4 in mapped form (`false`,
    /// "dual stack"): `IPV6_V6ONLY`.
    pub fn only_v6(mut self, on: bool) -> UdpBuilder {
        self.common.only_v6 = Some(on);
        self
    }

    /// Sets the size of the receive buffer in bytes: `SO_RCVBUF`.
    pub fn recv_buffer_size(mut self, bytes: usize) -> UdpBuilder {
        self.common.recv_buffer_size = Some(bytes);
        self
    }

    /// Allows an address that is still in use: `SO_REUSEADDR`.
    pub fn reuse_address(mut self, on: bool) -> UdpBuilder {
        self.common.reuse_address = Some(on);
        self
    }

    /// Allows several sockets on the same address: `SO_REUSEPORT`.
    pub fn reuse_port(mut self, on: bool) -> UdpBuilder {
        self.common.reuse_port = Some(on);
        self
    }

    /// Sets the size of the send buffer in bytes: `SO_SNDBUF`.
    pub fn send_buffer_size(mut self, bytes: usize) -> UdpBuilder {
        self.common.send_buffer_size = Some(bytes);
        self
    }

    /// Sets the type of service, or for IPv6 the traffic class: `IP_TOS`, `IPV6_TCLASS`.
    pub fn tos(mut self, tos: u32) -> UdpBuilder {
        self.common.tos = Some(tos);
        self
    }

    /// Sets how many hops packets may go: `IP_TTL`, `IPV6_UNICAST_HOPS`.
    pub fn ttl(mut self, ttl: u32) -> UdpBuilder {
        self.common.ttl = Some(ttl);
        self
    }

    /// Allows datagrams to a broadcast address: `SO_BROADCAST`.
    pub fn broadcast(mut self, on: bool) -> UdpBuilder {
        self.broadcast = Some(on);
        self
    }

    /// Binds to the first of the addresses that can be bound.
    ///
    /// # Errors
    ///
    /// The errors of [`UdpSocket::bind`], and the error of an option.
    pub fn bind<A: ToSocketAddrs>(&self, addr: A) -> io::Result<UdpSocket> {
        try_each("bind to", addr, |addr| self.bind_one(addr))
    }

    pub(super) fn bind_one(&self, addr: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::datagram(Domain::for_address(addr))?;
        self.common.apply(&socket, addr.is_ipv6())?;
        if let Some(on) = self.broadcast {
            socket.set_broadcast(on)?;
        }
        socket.bind(addr)?;
        Ok(UdpSocket(socket))
    }
}
