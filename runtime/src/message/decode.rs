//! Ancillary data that came: room for it, and its items.

use std::fmt;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::{Duration, SystemTime};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use super::{FD, Item, SCM_PIDFD, UDP_GRO, WORD, header_len, read, space};

/// Room for ancillary data, in words of the caller's. It owns the descriptors that came until they
/// are taken out of it, and closes those that are not.
#[derive(Debug)]
pub struct Control<'a> {
    pub(super) room: &'a mut [usize],
    /// Bytes of it that the kernel has written and nobody has decoded.
    pub(super) filled: usize,
}

impl<'a> Control<'a> {
    /// Empty, with this room.
    pub fn new(room: &'a mut [usize]) -> Control<'a> {
        Control { room, filled: 0 }
    }

    /// Takes out what came. What the caller leaves in the iterator is closed with it.
    pub fn items(&mut self) -> Items<'_> {
        let filled = mem::take(&mut self.filled).min(self.room.len() * WORD);
        // SAFETY: the kernel wrote these bytes, within the room; `filled` is 0 now, so that
        // nobody decodes them again.
        unsafe { Items::new(&self.room[..filled.div_ceil(WORD)], filled) }
    }
}

impl Drop for Control<'_> {
    fn drop(&mut self) {
        self.items();
    }
}

/// The control messages of one received message. Owns the descriptors among them: dropping it closes
/// those that were not taken.
pub struct Items<'a> {
    bytes: &'a [u8],
    /// What is left of the descriptors of one `SCM_RIGHTS`.
    descriptors: &'a [u8],
}

impl<'a> Items<'a> {
    /// # Safety
    ///
    /// The first `len` bytes are what the kernel wrote for a `recvmsg`, and are decoded here only: the
    /// descriptors in them belong to this iterator.
    pub(super) unsafe fn new(words: &'a [usize], len: usize) -> Items<'a> {
        debug_assert!(len <= mem::size_of_val(words));
        Items {
            // SAFETY: live words, of which any byte may be looked at; `len` is within them.
            bytes: unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), len) },
            descriptors: &[],
        }
    }

    /// Takes the next message off the front: its level, type and payload. What is cut off or has an
    /// impossible length ends it all.
    fn message(&mut self) -> Option<(c_int, c_int, &'a [u8])> {
        let header: libc::cmsghdr = read(self.bytes)?;
        #[allow(clippy::unnecessary_cast, reason = "another type with musl")]
        let len = header.cmsg_len as usize;
        let payload = self.bytes.get(header_len()..len)?;
        self.bytes = self.bytes.get(space(payload.len())..).unwrap_or(&[]);
        Some((header.cmsg_level, header.cmsg_type, payload))
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(fd) = read::<RawFd>(self.descriptors) {
                self.descriptors = &self.descriptors[FD..];
                // SAFETY: the kernel has made this descriptor for us, and it is taken out here only.
                return Some(Item::Descriptor(unsafe { OwnedFd::from_raw_fd(fd) }));
            }
            let (level, ty, payload) = self.message()?;
            if (level, ty) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                self.descriptors = payload;
            } else if let Some(item) = decode(level, ty, payload) {
                return Some(item);
            }
        }
    }
}

impl Drop for Items<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.bytes.len() + self.descriptors.len();
        f.debug_struct("Items").field("bytes_left", &left).finish()
    }
}

/// A message other than of descriptors. `None` for one that is not known, or is cut off.
fn decode(level: c_int, ty: c_int, payload: &[u8]) -> Option<Item> {
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
            let time: libc::timespec = read(payload)?;
            let since = Duration::new(
                u64::try_from(time.tv_sec).ok()?,
                u32::try_from(time.tv_nsec).ok()?,
            );
            Item::Timestamp(SystemTime::UNIX_EPOCH.checked_add(since)?)
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let info: libc::in_pktinfo = read(payload)?;
            let addr = Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr));
            Item::PacketInfo(addr.into(), u32::try_from(info.ipi_ifindex).ok()?)
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let info: libc::in6_pktinfo = read(payload)?;
            let addr = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            #[allow(clippy::unnecessary_cast, reason = "another type on other systems")]
            Item::PacketInfo(addr.into(), info.ipi6_ifindex as u32)
        }
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            Item::Ttl(byte(read(payload)?)?)
        }
        // A byte, where all the others are an int.
        (libc::IPPROTO_IP, libc::IP_TOS) => Item::Tos(read(payload)?),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => Item::Tos(byte(read(payload)?)?),
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
