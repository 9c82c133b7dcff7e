//! What goes beside the bytes of a datagram: where it was sent to, from which address and interface,
//! hops, type of service, times, segments. As types; the control messages themselves are written and
//! read in `runtime`. Not many datagrams at a time; see `batch`. Not the error queue; see
//! `error_queue`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use std_net_runtime::message::{self, Control, Item, Items, Outgoing, PACKET_ROOM};

use super::addr::from_kernel;
use super::{Domain, Socket, ToSocketAddrs, UdpSocket};

/// What to send beside the bytes of a datagram. See `ip(7)`, `ipv6(7)` and `udp(7)`.
///
/// # Examples
///
/// A server with several addresses answers from the one it was asked at:
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
/// // A connected socket takes nothing from anyone else.
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
    /// Nothing.
    pub fn new() -> Ancillary {
        Ancillary::default()
    }

    /// The address it is sent from, one of this host's: `IP_PKTINFO`, `IPV6_PKTINFO`.
    pub fn source(mut self, source: IpAddr) -> Ancillary {
        self.source = Some(source);
        self
    }

    /// The index of the interface it goes out by: `IP_PKTINFO`, `IPV6_PKTINFO`.
    pub fn interface(mut self, index: u32) -> Ancillary {
        self.interface = Some(index);
        self
    }

    /// How many hops it goes, 1 to 255: `IP_TTL`, `IPV6_HOPLIMIT`.
    #[doc(alias = "hop_limit")]
    pub fn ttl(mut self, ttl: u8) -> Ancillary {
        self.ttl = Some(ttl);
        self
    }

    /// Its type of service or traffic class (DSCP and ECN): `IP_TOS`, `IPV6_TCLASS`.
    #[doc(alias = "traffic_class")]
    pub fn tos(mut self, tos: u8) -> Ancillary {
        self.tos = Some(tos);
        self
    }

    /// Cuts the bytes into datagrams of `size` bytes each, the last of what is left, with one call;
    /// 64 at most, on newer kernels 128: `UDP_SEGMENT`, generic segmentation offload.
    ///
    /// Linux only.
    #[cfg(target_os = "linux")]
    pub fn segment_size(mut self, bytes: u16) -> Ancillary {
        self.segment_size = Some(bytes);
        self
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Ancillary::default()
    }

    /// Writes it for the kernel, for a datagram `to` there if that is known.
    pub(super) fn write(&self, out: &mut Outgoing<'_>, to: Option<SocketAddr>) -> io::Result<()> {
        let interface = self.interface.unwrap_or(0);
        if let Some(source) = self.source {
            // In the form that sockets of both families take.
            out.packet_info(source.to_canonical(), interface)?;
        } else if interface != 0 {
            let to = to.ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "an interface without a source or destination has no family",
                )
            })?;
            let any = match to.ip().to_canonical() {
                IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
            };
            out.packet_info(any, interface)?;
        }
        // In both forms: a datagram of IPv4 takes the first, one of IPv6 the second, and each
        // passes over what is not its own. Where IPv4 has none, only if it may be of IPv4.
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

/// A datagram that came, with what was beside it: each only if it was asked for by the option that it
/// names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// How many bytes came.
    pub len: usize,
    /// The sender's address.
    pub from: SocketAddr,
    /// The address it was sent to, one of this host's or a group:
    /// [`set_recv_packet_info`](UdpSocket::set_recv_packet_info).
    pub destination: Option<IpAddr>,
    /// The index of the interface it came in by, with the same option.
    pub interface: Option<u32>,
    /// How many hops it had left: [`set_recv_ttl`](UdpSocket::set_recv_ttl).
    pub ttl: Option<u8>,
    /// Its type of service or traffic class: [`set_recv_tos`](UdpSocket::set_recv_tos).
    pub tos: Option<u8>,
    /// When the kernel received it: [`set_recv_timestamp`](Socket::set_recv_timestamp).
    pub timestamp: Option<SystemTime>,
    /// The kernel has put several datagrams of one sender together, each of this many bytes but the
    /// last, which may be shorter: [`set_gro`](Socket::set_gro). See
    /// [`segments`](Received::segments).
    pub segment_size: Option<u16>,
    /// Bytes of the datagram did not fit into the buffer and are lost (`MSG_TRUNC`).
    pub truncated: bool,
    /// Something that came beside it did not fit into our room for it (`MSG_CTRUNC`). The room is
    /// for all that is asked for by the options named above; others take theirs from it.
    pub ancillary_truncated: bool,
}

impl Received {
    /// What the kernel said, and the items that came beside it.
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
                    // A socket of both families may get it twice: mapped, and plain.
                    received.destination = Some(addr.to_canonical());
                    // FreeBSD does not tell it beside an address of IPv4.
                    received.interface = Some(index).filter(|index| *index != 0);
                }
                Item::Ttl(ttl) => received.ttl = Some(ttl),
                Item::Tos(tos) => received.tos = Some(tos),
                Item::Timestamp(time) => received.timestamp = Some(time),
                #[cfg(target_os = "linux")]
                Item::SegmentSize(size) => received.segment_size = Some(size),
                // Not asked for by an option of ours, and closed if it is a descriptor.
                _ => {}
            }
        }
        Ok(received)
    }

    /// The datagrams that `data`, the bytes received, is made of: one, unless
    /// [`segment_size`](Received::segment_size) says otherwise.
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
        // One without bytes is one.
        let empty = data.is_empty().then_some(data);
        empty.into_iter().chain(data.chunks(size))
    }
}

/// # Beside the bytes
impl UdpSocket {
    /// Sends `buf` and something beside it to the connected peer; returns how many bytes were taken.
    /// Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `EINVAL` for a source that is not this host's or of another family,
    /// a ttl of 0, or more segments than the kernel takes; `ENETUNREACH` if no route begins at the
    /// source; `ENODEV` for an interface that is none.
    pub fn send_ancillary(&self, buf: &[u8], ancillary: &Ancillary) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], None, ancillary)
    }

    /// The same to the first of the addresses.
    ///
    /// # Errors
    ///
    /// As [`send_ancillary`](Self::send_ancillary) and [`send_to`](Self::send_to).
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

    /// Receives one datagram and what is beside it; bytes that do not fit into `buf` are lost.
    /// Corresponds to `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn recv_ancillary(&self, buf: &mut [u8]) -> io::Result<Received> {
        self.socket().recv_message(&mut [IoSliceMut::new(buf)])
    }
}

/// # Beside the bytes
impl Socket {
    /// Sends the bytes of several buffers as one datagram, with something beside them, to an address
    /// or to the connected peer. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::send_ancillary`].
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

    /// Receives one datagram into several buffers in turn, and what is beside it. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv_ancillary`]; [`InvalidInput`](io::ErrorKind::InvalidInput) if the
    /// sender's address is not of IPv4 or IPv6.
    pub fn recv_message(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<Received> {
        let mut room = [0; PACKET_ROOM];
        let mut control = Control::new(&mut room);
        let message = self.io().recv_message(bufs, &mut control, 0)?;
        Received::new(&message, control.items())
    }
}

/// # What is told of each datagram
///
/// Each sets the socket's option of IPv4, and on a socket of IPv6 also that of IPv6, since it may get
/// datagrams of both.
impl UdpSocket {
    /// Whether errors that the network reports are kept in a queue of their own, with who reported
    /// them and of which datagram; see [`take_queued_error`](UdpSocket::take_queued_error):
    /// `IP_RECVERR`, `IPV6_RECVERR`.
    ///
    /// **An error also ends the next call of the socket, whoever that is for**: a `send_to` to another peer fails
    /// with it and sends nothing, and so does a receive. So on a socket with several peers take such an error
    /// (`ECONNREFUSED`, `EHOSTUNREACH`) for what it is: look into the queue for whom it concerns, and make the
    /// call again. Without this option a socket that is not connected hears of no error.
    ///
    /// Linux only.
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

    /// What [`set_recv_error`](Self::set_recv_error) sets.
    ///
    /// Linux only.
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

    /// Whether to tell where each datagram was sent to and which interface it came in by:
    /// `IP_PKTINFO`, `IPV6_RECVPKTINFO`.
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

    /// What [`set_recv_packet_info`](Self::set_recv_packet_info) sets.
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

    /// Whether to tell the type of service or traffic class of each datagram: `IP_RECVTOS`,
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

    /// What [`set_recv_tos`](Self::set_recv_tos) sets.
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

    /// Whether to tell how many hops each datagram had left: `IP_RECVTTL`, `IPV6_RECVHOPLIMIT`.
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

    /// What [`set_recv_ttl`](Self::set_recv_ttl) sets.
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
