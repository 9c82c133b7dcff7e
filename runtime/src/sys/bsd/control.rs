//! Control messages on macOS and FreeBSD: their numbers, and what cannot be sent on these systems.

use std::io;
use std::net::Ipv4Addr;

use libc::c_int;

#[cfg(target_vendor = "apple")]
use crate::sys::control::Plain;
use crate::sys::control::{Item, Message, read, time};

/// The payload sizes of the kinds that a Unix socket can receive here in addition to descriptors.
pub(crate) const OWN_KINDS_ROOM: [usize; 0] = [];

#[cfg(target_vendor = "apple")]
// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::in_pktinfo {}

/// Decodes a message that is not the same on every system.
pub(crate) fn decode(level: c_int, ty: c_int, payload: &[u8]) -> Option<Item> {
    Some(match (level, ty) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMP) => {
            let at: libc::timeval = read(payload)?;
            return time(at.tv_sec, i64::from(at.tv_usec) * 1000);
        }
        #[cfg(target_vendor = "apple")]
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let info: libc::in_pktinfo = read(payload)?;
            let addr = Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr));
            Item::PacketInfo(addr.into(), info.ipi_ifindex)
        }
        #[cfg(not(target_vendor = "apple"))]
        (libc::IPPROTO_IP, libc::IP_RECVDSTADDR) => {
            let addr: libc::in_addr = read(payload)?;
            Item::PacketInfo(Ipv4Addr::from_bits(u32::from_be(addr.s_addr)).into(), 0)
        }
        // The payload is one byte, and its type is the number of the option.
        (libc::IPPROTO_IP, libc::IP_RECVTTL) => Item::Ttl(read(payload)?),
        (libc::IPPROTO_IP, libc::IP_RECVTOS) => Item::Tos(read(payload)?),
        _ => return None,
    })
}

/// The source address of an IPv4 datagram, and its outgoing interface: `IP_PKTINFO`.
#[cfg(target_vendor = "apple")]
pub(crate) fn source(source: Ipv4Addr, interface: u32) -> io::Result<Message<libc::in_pktinfo>> {
    let info = libc::in_pktinfo {
        ipi_ifindex: interface,
        ipi_spec_dst: libc::in_addr {
            s_addr: source.to_bits().to_be(),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    Ok(Message(libc::IPPROTO_IP, libc::IP_PKTINFO, info))
}

/// The source address of an IPv4 datagram: `IP_SENDSRCADDR`. The interface cannot be chosen.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn source(source: Ipv4Addr, interface: u32) -> io::Result<Message<libc::in_addr>> {
    if interface != 0 {
        return Err(unsupported("the interface of one IPv4 datagram"));
    }
    let addr = libc::in_addr {
        s_addr: source.to_bits().to_be(),
    };
    Ok(Message(libc::IPPROTO_IP, libc::IP_SENDSRCADDR, addr))
}

/// The hop limit of an IPv4 datagram.
pub(crate) fn ttl(_: u8) -> io::Result<Message<c_int>> {
    Err(unsupported("the hops of one IPv4 datagram"))
}

/// The type of service of an IPv4 datagram.
pub(crate) fn tos(_: u8) -> io::Result<Message<c_int>> {
    Err(unsupported("the type of service of one IPv4 datagram"))
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{what} cannot be chosen on this system, only that of the socket"),
    )
}
