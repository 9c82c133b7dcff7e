//! Control messages on Linux: their numbers, and the kinds that only Linux has.

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::control::{Item, Message, Plain, read, time};

/// `SCM_PIDFD`. The crate `libc` does not have it.
const SCM_PIDFD: c_int = 4;
/// `UDP_SEGMENT` of `linux/udp.h`, both an option and a type of control messages. The crate `libc` does not have it for
/// every C library.
pub const UDP_SEGMENT: c_int = 103;
/// `UDP_GRO`, which is also both: see [`UDP_SEGMENT`].
pub const UDP_GRO: c_int = 104;

/// The payload sizes of the kinds that a Unix socket can receive in addition to descriptors.
pub(crate) const OWN_KINDS_ROOM: [usize; 2] =
    [mem::size_of::<libc::ucred>(), mem::size_of::<RawFd>()];

// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::ucred {}
// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::in_pktinfo {}
// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::sock_extended_err {}

/// Decodes a message that is not the same on every system.
pub(crate) fn decode(level: c_int, ty: c_int, payload: &[u8]) -> Option<Item> {
    let byte = |value: c_int| u8::try_from(value).ok();
    Some(match (level, ty) {
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => Item::Credentials(read(payload)?),
        (libc::SOL_SOCKET, SCM_PIDFD) => {
            // The number is negative if the OS process had already been reaped.
            let fd = read::<RawFd>(payload).filter(|fd| *fd >= 0)?;
            // SAFETY: the kernel has made this descriptor for this process, and each message is decoded only once.
            Item::Pidfd(unsafe { OwnedFd::from_raw_fd(fd) })
        }
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
            let at: libc::timespec = read(payload)?;
            #[allow(clippy::useless_conversion, reason = "of 32 bits elsewhere")]
            return time(at.tv_sec, at.tv_nsec.into());
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let info: libc::in_pktinfo = read(payload)?;
            let addr = Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr));
            Item::PacketInfo(addr.into(), u32::try_from(info.ipi_ifindex).ok()?)
        }
        (libc::IPPROTO_IP, libc::IP_TTL) => Item::Ttl(byte(read(payload)?)?),
        // The payload is one byte. All other kinds have an int.
        (libc::IPPROTO_IP, libc::IP_TOS) => Item::Tos(read(payload)?),
        (libc::SOL_UDP, UDP_GRO) => Item::SegmentSize(u16::try_from(read::<c_int>(payload)?).ok()?),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            let error: libc::sock_extended_err = read(payload)?;
            Item::Error(error, address(&payload[mem::size_of_val(&error)..]))
        }
        _ => return None,
    })
}

/// The address in these bytes. It has no family if there are no bytes.
fn address(bytes: &[u8]) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    let len = bytes.len().min(storage.size_of() as usize);
    // SAFETY: `len` bytes can be read there and written here, and the two ranges do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut storage).cast::<u8>(), len) };
    // SAFETY: the storage has `len` bytes of an address, and zeros after them.
    unsafe { SockAddr::new(storage, len as libc::socklen_t) }
}

/// The source address of an IPv4 datagram, and its outgoing interface: `IP_PKTINFO`.
#[allow(
    clippy::unnecessary_wraps,
    reason = "other systems cannot do all of it"
)]
pub(crate) fn source(source: Ipv4Addr, interface: u32) -> io::Result<Message<libc::in_pktinfo>> {
    let info = libc::in_pktinfo {
        ipi_ifindex: interface.cast_signed(),
        ipi_spec_dst: libc::in_addr {
            s_addr: source.to_bits().to_be(),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    Ok(Message(libc::IPPROTO_IP, libc::IP_PKTINFO, info))
}

/// The hop limit of an IPv4 datagram: `IP_TTL`.
#[allow(clippy::unnecessary_wraps, reason = "other systems cannot do it")]
pub(crate) fn ttl(ttl: u8) -> io::Result<Message<c_int>> {
    Ok(Message(libc::IPPROTO_IP, libc::IP_TTL, ttl.into()))
}

/// The type of service of an IPv4 datagram: `IP_TOS`.
#[allow(clippy::unnecessary_wraps, reason = "other systems cannot do it")]
pub(crate) fn tos(tos: u8) -> io::Result<Message<c_int>> {
    Ok(Message(libc::IPPROTO_IP, libc::IP_TOS, tos.into()))
}
