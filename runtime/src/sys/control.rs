//! Control messages (`cmsg(3)`): the kinds that are known on every system. What only some have, and
//! by which numbers, stands in the `control` of each platform; how a buffer of them is laid out, in
//! `message`.

use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use libc::c_int;
#[cfg(target_os = "linux")]
use socket2::SockAddr;

use super::platform::control as platform;

pub(crate) use platform::{OWN_KINDS_ROOM, source, tos, ttl};

/// What a control message is aligned to: the size of a pointer, on macOS of an `int`.
#[cfg(not(target_vendor = "apple"))]
pub type Word = usize;
/// What a control message is aligned to: the size of a pointer, on macOS of an `int`.
#[cfg(target_vendor = "apple")]
pub type Word = u32;

/// One control message that came.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// A descriptor: `SCM_RIGHTS`. Each of a message is an item of its own.
    Descriptor(OwnedFd),
    /// The sender's user, group and OS process: `SCM_CREDENTIALS`.
    #[cfg(target_os = "linux")]
    Credentials(libc::ucred),
    /// The OS process that sent it: `SCM_PIDFD`.
    #[cfg(target_os = "linux")]
    Pidfd(OwnedFd),
    /// Where a datagram was sent to, and the index of the interface it came in by, 0 if that is not
    /// told: `IP_PKTINFO`, `IPV6_PKTINFO`.
    PacketInfo(IpAddr, u32),
    /// Hops that were left: `IP_TTL`, `IPV6_HOPLIMIT`.
    Ttl(u8),
    /// Type of service or traffic class: `IP_TOS`, `IPV6_TCLASS`.
    Tos(u8),
    /// When the kernel received it: `SCM_TIMESTAMPNS`.
    Timestamp(SystemTime),
    /// The length of each datagram that was put together: `UDP_GRO`.
    #[cfg(target_os = "linux")]
    SegmentSize(u16),
    /// What the error queue holds, and the address of the host that noticed: `IP_RECVERR`,
    /// `IPV6_RECVERR`.
    #[cfg(target_os = "linux")]
    Error(libc::sock_extended_err, SockAddr),
}

/// A message other than of descriptors. `None` for one that is not known, or is cut off.
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

/// A message to send: its level, its type and its payload.
pub(crate) struct Message<T>(pub(crate) c_int, pub(crate) c_int, pub(crate) T);

/// The source of a datagram of IPv6, and the interface it goes out by.
pub(crate) fn source_v6(source: Ipv6Addr, interface: u32) -> Message<libc::in6_pktinfo> {
    let info = libc::in6_pktinfo {
        ipi6_addr: libc::in6_addr {
            s6_addr: source.octets(),
        },
        ipi6_ifindex: interface as _,
    };
    Message(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
}

/// A time since the epoch.
pub(super) fn time(seconds: libc::c_long, nanos: i64) -> Option<Item> {
    let since = Duration::new(seconds.try_into().ok()?, nanos.try_into().ok()?);
    Some(Item::Timestamp(SystemTime::UNIX_EPOCH.checked_add(since)?))
}

/// What can be read from any bytes and written as bytes.
///
/// # Safety
///
/// Every pattern of bits is a value, and there is no padding.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: integers, and structs of the kernel's that are integers without gaps.
unsafe impl Plain for u8 {}
// SAFETY: see above.
unsafe impl Plain for u16 {}
// SAFETY: see above.
unsafe impl Plain for c_int {}
// SAFETY: see above.
unsafe impl Plain for libc::in_addr {}
// SAFETY: see above.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: see above; with gaps on some systems, but it is only read.
unsafe impl Plain for libc::timespec {}
// SAFETY: as a timespec.
unsafe impl Plain for libc::timeval {}
// SAFETY: as a timespec.
unsafe impl Plain for libc::cmsghdr {}

/// A value from the front of `bytes`, wherever they are aligned; `None` if they are too few.
pub(crate) fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let enough = bytes.len() >= mem::size_of::<T>();
    // SAFETY: there are bytes enough, and any of them make a value.
    enough.then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
