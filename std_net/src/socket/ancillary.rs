//! Data that go beside the bytes of a datagram, as types: its destination address, its source address
//! and interface, hops, type of service, times, segments. `runtime` writes and reads the control
//! messages. For many datagrams at a time see `batch`, and for the error queue see `error_queue`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use std_net_runtime::message::{self, Control, Item, Items, Outgoing, PACKET_ROOM};

use super::addr::from_kernel;
use super::{Domain, Socket, ToSocketAddrs, UdpSocket};

/// Data to send beside the bytes of a datagram. See `ip(7)`, `ipv6(7)` and `udp(7)`.
///
/// # Examples
///
/// This server has several addresses, and answers from the one to which the request came:
///
/// ```
/// use std_net::socket::{Ancillary, UdpSocket};
///
/// let server = UdpSocket::bind("0.0.0.0:0")?;
/// server.set_recv_packet_info(true)?;
/// let port = server.local_addr()?.port();
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(("127.0.0.7", port))?;
/// client.send(b"who is there?")?;
///
/// let mut buf = [0; 64];
/// let received = server.recv_ancillary(&mut buf)?;
/// let asked = received.destination.expect("it was asked for");
/// server.send_ancillary_to(b"me", &Ancillary::new().source(asked), received.from)?;
/// // A connected socket receives only from its peer.
/// assert_eq!(client.recv(&mut buf)?, 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "IP_PKTINFO")]
#[doc(alias = "UDP_SEGMENT")]
#[must_use = "it does nothing until it is sent"]
pub struct Ancillary {
    source: Option<IpAddr>,
    interface: Option<u32>,
    ttl: Option<u8>,
    tos: Option<u8>,
    #[cfg(target_os = "linux")]
    segment_size: Option<u16>,
}

impl Ancillary {
    /// Makes an `Ancillary` that is empty.
    pub fn new() -> Ancillary {
        Ancillary::default()
    }

    /// Sets the address that the datagram is sent from. It must be an address of this host:
    /// `IP_PKTINFO`, `IPV6_PKTINFO`.
    pub fn source(mut self, source: IpAddr) -> Ancillary {
        self.source = Some(source);
        self
    }

    /// Sets the index of the interface that the datagram leaves through: `IP_PKTINFO`, `IPV6_PKTINFO`.
    pub fn interface(mut self, index: u32) -> Ancillary {
        self.interface = Some(index);
        self
    }

    /// Sets how many hops the datagram may go, 1 to 255: `IP_TTL`, `IPV6_HOPLIMIT`.
    #[doc(alias = "hop_limit")]
    pub fn ttl(mut self, ttl: u8) -> Ancillary {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the type of service or traffic class (DSCP and ECN): `IP_TOS`, `IPV6_TCLASS`.
    #[doc(alias = "traffic_class")]
    pub fn tos(mut self, tos: u8) -> Ancillary {
        self.tos = Some(tos);
        self
    }

    /// Cuts the bytes into datagrams of `bytes` bytes each, with one call. The last datagram has the
    /// rest. There may be 64 datagrams, or 128 on newer kernels: `UDP_SEGMENT`, generic segmentation
    /// offload.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn segment_size(mut self, bytes: u16) -> Ancillary {
        self.segment_size = Some(bytes);
        self
    }

    /// Returns whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Ancillary::default()
    }

    /// Writes the data for the kernel. `to` is the destination of the datagram, if it is known.
    pub(super) fn write(&self, out: &mut Outgoing<'_>, to: Option<SocketAddr>) -> io::Result<()> {
        let interface = self.interface.unwrap_or(0);
        if let Some(source) = self.source {
            // Use the form that sockets of both families accept.
            out.packet_info(source.to_canonical(), interface)?;
        } else if interface != 0 {
            let to = to.ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "an interface needs a source or a destination, which tells its family",
                )
            })?;
            let any = match to.ip().to_canonical() {
                IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
            };
            out.packet_info(any, interface)?;
        }
        // Write both forms. An IPv4 datagram takes the first and an IPv6 datagram the second, and each
        // ignores the other form. On systems where an IPv6 socket refuses the IPv4 form, write it only
        // if the datagram may be IPv4.
        let is_v6 = to.is_some_and(|to| to.ip().to_canonical().is_ipv6());
        for v6 in [false, true] {
            if cfg!(not(target_os = "linux")) && is_v6 && !v6 {
                continue;
            }
            if let Some(ttl) = self.ttl {
                out.ttl(ttl, v6)?;
            }
            if let Some(tos) = self.tos {
                out.tos(tos, v6)?;
            }
        }
        #[cfg(target_os = "linux")]
        if let Some(size) = self.segment_size {
            out.segment_size(size);
        }
        Ok(())
    }
}

/// A datagram that was received, with the data beside it. Each optional field is set only if the option
/// that it names was turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// How many bytes were received.
    pub len: usize,
    /// The sender's address.
    pub from: SocketAddr,
    /// The address to which the datagram was sent, an address of this host or of a group:
    /// [`set_recv_packet_info`](UdpSocket::set_recv_packet_info).
    pub destination: Option<IpAddr>,
    /// The index of the interface through which the datagram came. The same option turns it on.
    pub interface: Option<u32>,
    /// How many more hops the datagram could have gone: [`set_recv_ttl`](UdpSocket::set_recv_ttl).
    pub ttl: Option<u8>,
    /// Its type of service or traffic class: [`set_recv_tos`](UdpSocket::set_recv_tos).
    pub tos: Option<u8>,
    /// When the kernel received it: [`set_recv_timestamp`](Socket::set_recv_timestamp).
    pub timestamp: Option<SystemTime>,
    /// Set if the kernel has joined several datagrams of one sender. Each of them has this many bytes,
    /// but the last may be shorter: [`set_gro`](Socket::set_gro). See [`segments`](Received::segments).
    pub segment_size: Option<u16>,
    /// Some bytes of the datagram did not fit into the buffer and are lost (`MSG_TRUNC`).
    pub truncated: bool,
    /// Some data beside the datagram did not fit into our buffer for them and are lost (`MSG_CTRUNC`).
    /// The buffer is large enough for all the options above; other options take room from it.
    pub ancillary_truncated: bool,
}

impl Received {
    /// Makes it from the message of the kernel and the items beside it.
    pub(super) fn new(message: &message::Received, items: Items<'_>) -> io::Result<Received> {
        let mut received = Received {
            len: message.len,
            from: from_kernel(message.addr.clone())?,
            destination: None,
            interface: None,
            ttl: None,
            tos: None,
            timestamp: None,
            segment_size: None,
            truncated: message.truncated,
            ancillary_truncated: message.control_truncated,
        };
        for item in items {
            match item {
                Item::PacketInfo(addr, index) => {
                    // A socket of both families may get the address twice: as mapped IPv6 and as IPv4.
                    received.destination = Some(addr.to_canonical());
                    // FreeBSD does not report the interface beside an IPv4 address.
                    received.interface = Some(index).filter(|index| *index != 0);
                }
                Item::Ttl(ttl) => received.ttl = Some(ttl),
                Item::Tos(tos) => received.tos = Some(tos),
                Item::Timestamp(time) => received.timestamp = Some(time),
                #[cfg(target_os = "linux")]
                Item::SegmentSize(size) => received.segment_size = Some(size),
                // None of our options asked for this item. If it is a descriptor, it is closed.
                _ => {}
            }
        }
        Ok(received)
    }

    /// Returns the datagrams in `data`, the received bytes. This is one datagram, unless
    /// [`segment_size`](Received::segment_size) is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::socket::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.socket().set_gro(true)?;
    /// # socket.send_to(b"ping", socket.local_addr()?)?;
    /// let mut buf = vec![0; 65_535];
    /// let received = socket.recv_ancillary(&mut buf)?;
    /// for datagram in received.segments(&buf[..received.len]) {
    ///     assert_eq!(datagram, b"ping");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn segments<'a>(&self, data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = self.segment_size.map_or(data.len(), usize::from).max(1);
        // A datagram without bytes is a datagram too.
        let empty = data.is_empty().then_some(data);
        empty.into_iter().chain(data.chunks(size))
    }
}

/// # Data beside the bytes
impl UdpSocket {
    /// Sends `buf` with data beside it to the connected peer. Returns how many bytes were taken.
    /// Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send); `EINVAL` for a source that is not an address of this host or
    /// belongs to the other family, for a ttl of 0, or for more segments than the kernel takes;
    /// `ENETUNREACH` if no route begins at the source; `ENODEV` if there is no such interface.
    pub fn send_ancillary(&self, buf: &[u8], ancillary: &Ancillary) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], None, ancillary)
    }

    /// Like [`send_ancillary`](Self::send_ancillary), to the first of the addresses.
    ///
    /// # Errors
    ///
    /// The errors of [`send_ancillary`](Self::send_ancillary) and [`send_to`](Self::send_to).
    pub fn send_ancillary_to<A: ToSocketAddrs>(
        &self,
        buf: &[u8],
        ancillary: &Ancillary,
        addr: A,
    ) -> io::Result<usize> {
        let deadline = self.deadline().into();
        let Some(addr) = addr.to_socket_addrs_deadline(deadline)?.next() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no addresses to send data to",
            ));
        };
        self.socket()
            .send_message(&[IoSlice::new(buf)], Some(&addr), ancillary)
    }

    /// Receives one datagram and the data beside it. Bytes that do not fit into `buf` are lost.
    /// Corresponds to `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_from`](Self::recv_from).
    pub fn recv_ancillary(&self, buf: &mut [u8]) -> io::Result<Received> {
        self.socket().recv_message(&mut [IoSliceMut::new(buf)])
    }
}

/// # Data beside the bytes
impl Socket {
    /// Sends the bytes of several buffers as one datagram, with data beside them, to an address or to
    /// the connected peer. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`UdpSocket::send_ancillary`].
    pub fn send_message(
        &self,
        bufs: &[IoSlice<'_>],
        addr: Option<&SocketAddr>,
        ancillary: &Ancillary,
    ) -> io::Result<usize> {
        let mut to = addr.copied();
        if to.is_none() && ancillary.interface.is_some() && ancillary.source.is_none() {
            to = Some(from_kernel(self.peer_addr()?)?);
        }
        let mut control = Outgoing::new();
        ancillary.write(&mut control, to)?;
        let addr = addr.map(|addr| (*addr).into());
        self.io().send_message(bufs, addr.as_ref(), &control, 0)
    }

    /// Receives one datagram into several buffers in turn, and the data beside it. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`UdpSocket::recv_ancillary`]; [`InvalidInput`](io::ErrorKind::InvalidInput) if
    /// the sender's address is neither IPv4 nor IPv6.
    pub fn recv_message(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<Received> {
        let mut room = [0; PACKET_ROOM];
        let mut control = Control::new(&mut room);
        let message = self.io().recv_message(bufs, &mut control, 0)?;
        Received::new(&message, control.items())
    }
}

/// # What is reported with each datagram
///
/// Each method sets the IPv4 option. On an IPv6 socket it also sets the IPv6 option, because such a
/// socket may get datagrams of both families.
impl UdpSocket {
    /// Sets whether errors that the network reports are kept in a separate queue. The queue holds each
    /// error with its datagram and the host that reported it; see
    /// [`take_queued_error`](UdpSocket::take_queued_error): `IP_RECVERR`, `IPV6_RECVERR`.
    ///
    /// **An error also ends the next call of the socket, even if that call concerns another peer**: a
    /// `send_to` to another peer fails with the error and sends nothing, and so does a receive. So if a
    /// socket with several peers gets such an error (`ECONNREFUSED`, `EHOSTUNREACH`), look into the
    /// queue to find the peer that it concerns, and repeat the call. Without this option, a socket that
    /// is not connected gets no such errors.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_recv_error(&self, on: bool) -> io::Result<()> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().set_recv_error_v6(on)?;
        }
        self.socket().set_recv_error(on)
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
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().recv_error_v6()
        } else {
            self.socket().recv_error()
        }
    }

    /// Sets whether each datagram comes with its destination address and the interface through which it
    /// came: `IP_PKTINFO`, `IPV6_RECVPKTINFO`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_packet_info(&self, on: bool) -> io::Result<()> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().set_recv_packet_info_v6(on)?;
        }
        self.socket().set_recv_packet_info(on)
    }

    /// Returns the value that [`set_recv_packet_info`](Self::set_recv_packet_info) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_packet_info(&self) -> io::Result<bool> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().recv_packet_info_v6()
        } else {
            self.socket().recv_packet_info()
        }
    }

    /// Sets whether each datagram comes with its type of service or traffic class: `IP_RECVTOS`,
    /// `IPV6_RECVTCLASS`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_tos(&self, on: bool) -> io::Result<()> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().set_recv_traffic_class(on)?;
        }
        self.socket().set_recv_tos(on)
    }

    /// Returns the value that [`set_recv_tos`](Self::set_recv_tos) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_tos(&self) -> io::Result<bool> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().recv_traffic_class()
        } else {
            self.socket().recv_tos()
        }
    }

    /// Sets whether each datagram comes with the number of hops that it had left: `IP_RECVTTL`,
    /// `IPV6_RECVHOPLIMIT`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_ttl(&self, on: bool) -> io::Result<()> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().set_recv_hops_v6(on)?;
        }
        self.socket().set_recv_ttl(on)
    }

    /// Returns the value that [`set_recv_ttl`](Self::set_recv_ttl) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_ttl(&self) -> io::Result<bool> {
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().recv_hops_v6()
        } else {
            self.socket().recv_ttl()
        }
    }
}
