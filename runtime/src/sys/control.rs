//! Control messages (`cmsg(3)`): the kinds that every system has. The kinds and the numbers that differ are in the
//! `control` of each platform. The layout of a buffer of control messages is in `message`.

use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use libc::c_int;
#[cfg(target_os = "linux")]
use socket2::SockAddr;

use super::platform::control as platform;

pub(crate) use platform::{OWN_KINDS_ROOM, source, tos, ttl};

/// The type to which a control message is aligned: an integer of the size of a pointer, but on macOS of the size of an
/// `int`.
#[cfg(not(target_vendor = "apple"))]
pub type Word = usize;
/// The type to which a control message is aligned: an integer of the size of a pointer, but on macOS of the size of an
/// `int`.
#[cfg(target_vendor = "apple")]
pub type Word = u32;

/// One received control message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// A descriptor: `SCM_RIGHTS`. Each descriptor of a message is a separate item.
    Descriptor(OwnedFd),
    /// The sender's user, group and OS process: `SCM_CREDENTIALS`.
    #[cfg(target_os = "linux")]
    Credentials(libc::ucred),
    /// The OS process of the sender: `SCM_PIDFD`.
    #[cfg(target_os = "linux")]
    Pidfd(OwnedFd),
    /// The destination of a datagram, and the index of the interface on which it arrived (0 if unknown): `IP_PKTINFO`,
    /// `IPV6_PKTINFO`.
    PacketInfo(IpAddr, u32),
    /// The hops that were left: `IP_TTL`, `IPV6_HOPLIMIT`.
    Ttl(u8),
    /// The type of service or traffic class: `IP_TOS`, `IPV6_TCLASS`.
    Tos(u8),
    /// The time when the kernel received the message: `SCM_TIMESTAMPNS`.
    Timestamp(SystemTime),
    /// The length of each datagram, if the kernel has joined several: `UDP_GRO`.
    #[cfg(target_os = "linux")]
    SegmentSize(u16),
    /// An entry of the error queue, and the address of the host that reported the error: `IP_RECVERR`, `IPV6_RECVERR`.
    #[cfg(target_os = "linux")]
    Error(libc::sock_extended_err, SockAddr),
}

/// Decodes a message other than one with descriptors. Returns `None` if it is unknown or cut off.
pub(crate) fn decode(level: c_int, ty: c_int, payload: &[u8]) -> Option<Item> {
    let byte = |value: c_int| u8::try_from(value).ok();
    Some(match (level, ty) {
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let info: libc::in6_pktinfo = read(payload)?;
            let addr = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            #[allow(clippy::unnecessary_cast, reason = "another type on other systems")]
            Item::PacketInfo(addr.into(), info.ipi6_ifindex as u32)
        }
        (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => Item::Ttl(byte(read(payload)?)?),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => Item::Tos(byte(read(payload)?)?),
        _ => return platform::decode(level, ty, payload),
    })
}

/// A control message to send: its level, its type and its payload.
pub(crate) struct Message<T>(pub(crate) c_int, pub(crate) c_int, pub(crate) T);

/// The source address of an IPv6 datagram, and its outgoing interface.
pub(crate) fn source_v6(source: Ipv6Addr, interface: u32) -> Message<libc::in6_pktinfo> {
    let info = libc::in6_pktinfo {
        ipi6_addr: libc::in6_addr {
            s6_addr: source.octets(),
        },
        ipi6_ifindex: interface as _,
    };
    Message(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
}

/// A time stamp, from the seconds and nanoseconds since the Unix epoch.
pub(super) fn time(seconds: libc::c_long, nanos: i64) -> Option<Item> {
    let since = Duration::new(seconds.try_into().ok()?, nanos.try_into().ok()?);
    Some(Item::Timestamp(SystemTime::UNIX_EPOCH.checked_add(since)?))
}

/// A type that can be read from any bytes and written as bytes.
///
/// # Safety
///
/// Every bit pattern is a valid value, and there is no padding.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: this is an integer.
unsafe impl Plain for u8 {}
// SAFETY: this is an integer.
unsafe impl Plain for u16 {}
// SAFETY: this is an integer.
unsafe impl Plain for c_int {}
// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::in_addr {}
// SAFETY: this is a struct of the kernel that consists of integers without padding.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: this struct consists of integers. It has padding on some systems, but it is only read.
unsafe impl Plain for libc::timespec {}
// SAFETY: the reason is the same as for timespec.
unsafe impl Plain for libc::timeval {}
// SAFETY: the reason is the same as for timespec.
unsafe impl Plain for libc::cmsghdr {}

/// Reads a value from the front of `bytes`, with any alignment. Returns `None` if there are too few bytes.
pub(crate) fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let enough = bytes.len() >= mem::size_of::<T>();
    // SAFETY: there are enough bytes, and any bytes make a value.
    enough.then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
