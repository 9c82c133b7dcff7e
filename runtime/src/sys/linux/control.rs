//! Control messages of Linux: their numbers, and those that only Linux has.

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::control::{Item, Message, Plain, read, time};

/// `SCM_PIDFD`, which `libc` lacks.
const SCM_PIDFD: c_int = 4;
/// `UDP_SEGMENT` and `UDP_GRO` of `linux/udp.h`, which `libc` has not for every C library: as options,
/// and as types of control messages.
pub const UDP_SEGMENT: c_int = 103;
/// See [`UDP_SEGMENT`].
pub const UDP_GRO: c_int = 104;

/// The payloads of the kinds that come beside a message on a Unix socket, besides descriptors.
pub(crate) const OWN_KINDS_ROOM: [usize; 2] =
    [mem::size_of::<libc::ucred>(), mem::size_of::<RawFd>()];

// SAFETY: structs of the kernel's that are integers without gaps.
unsafe impl Plain for libc::ucred {}
// SAFETY: see above.
unsafe impl Plain for libc::in_pktinfo {}
// SAFETY: see above.
unsafe impl Plain for libc::sock_extended_err {}

/// A message that is not the same on every system.
pub(crate) fn decode(level: c_int, ty: c_int, payload: &[u8]) -> Option<Item> {
    let byte = |value: c_int| u8::try_from(value).ok();
    Some(match (level, ty) {
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => Item::Credentials(read(payload)?),
        (libc::SOL_SOCKET, SCM_PIDFD) => {
            // Negative when the OS process had already been waited for.
            let fd = read::<RawFd>(payload).filter(|fd| *fd >= 0)?;
            // SAFETY: the kernel has made this descriptor for us; each message is decoded once.
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
        // A byte, where all the others are an int.
        (libc::IPPROTO_IP, libc::IP_TOS) => Item::Tos(read(payload)?),
        (libc::SOL_UDP, UDP_GRO) => Item::SegmentSize(u16::try_from(read::<c_int>(payload)?).ok()?),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            let error: libc::sock_extended_err = read(payload)?;
            Item::Error(error, address(&payload[mem::size_of_val(&error)..]))
        }
        _ => return None,
    })
}

/// The address that these bytes are; of no family if there are none.
fn address(bytes: &[u8]) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    let len = bytes.len().min(storage.size_of() as usize);
    // SAFETY: `len` bytes can be read there and written here, and the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut storage).cast::<u8>(), len) };
    // SAFETY: the storage has `len` bytes of an address, and is zero after them.
    unsafe { SockAddr::new(storage, len as libc::socklen_t) }
}

/// The source of a datagram of IPv4, and the interface it goes out by: `IP_PKTINFO`.
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

/// The hops of a datagram of IPv4: `IP_TTL`.
#[allow(clippy::unnecessary_wraps, reason = "other systems cannot do it")]
pub(crate) fn ttl(ttl: u8) -> io::Result<Message<c_int>> {
    Ok(Message(libc::IPPROTO_IP, libc::IP_TTL, ttl.into()))
}

/// The type of service of a datagram of IPv4: `IP_TOS`.
#[allow(clippy::unnecessary_wraps, reason = "other systems cannot do it")]
pub(crate) fn tos(tos: u8) -> io::Result<Message<c_int>> {
    Ok(Message(libc::IPPROTO_IP, libc::IP_TOS, tos.into()))
}
