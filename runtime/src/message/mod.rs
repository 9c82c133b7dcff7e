//! Messages: bytes, an address, and ancillary data beside them (`cmsg(3)`), with the calls that carry
//! them: `sendmsg`, `recvmsg`, `sendmmsg`, `recvmmsg`. The only place that writes and reads control
//! messages. Not what a socket type makes of them: see `ancillary` of `unix` and of `socket`.
//!
//! | file | idea |
//! |---|---|
//! | this one | the calls, and what both directions share |
//! | `encode` | [`Outgoing`]: control messages to send |
//! | `decode` | [`Control`] and [`Items`]: control messages that came |
//! | `recv_batch` | [`RecvBatch`]: several messages by one call |
//! | `send_batch` | [`SendBatch`]: the same for sending |

mod decode;
mod encode;
mod recv_batch;
mod send_batch;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::SystemTime;

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

pub use decode::{Control, Items};
pub use encode::Outgoing;
pub use recv_batch::RecvBatch;
pub use send_batch::SendBatch;

use crate::interest::Interest;
use crate::io::{Io, MAX_IOV, empty_msghdr};
use crate::sys::mmsg;
use encode::attach;

/// `SCM_PIDFD`, which `libc` lacks.
const SCM_PIDFD: c_int = 4;
/// `UDP_SEGMENT` and `UDP_GRO` of `linux/udp.h`, which `libc` has not for every C library: as options,
/// and as types of control messages.
pub const UDP_SEGMENT: c_int = 103;
/// See [`UDP_SEGMENT`].
pub const UDP_GRO: c_int = 104;

/// How many descriptors one message can carry: the kernel's `SCM_MAX_FD`.
pub const MAX_DESCRIPTORS: usize = 253;

/// Words of room for all that comes beside a UDP datagram or an error of the error queue, with
/// every option on: both packet infos, ttl, tos, a timestamp, a segment size, an error with the
/// address of its sender.
pub const PACKET_ROOM: usize = 448 / WORD;

/// Words of room for `descriptors` descriptors, credentials and a pidfd.
#[must_use]
pub fn unix_room(descriptors: usize) -> usize {
    let descriptors = if descriptors == 0 {
        0
    } else {
        space(descriptors.min(MAX_DESCRIPTORS) * FD)
    };
    (descriptors + space(mem::size_of::<libc::ucred>()) + space(FD)) / WORD
}

/// Control messages are aligned to the size of a pointer, and each takes whole words.
const WORD: usize = mem::size_of::<usize>();
const FD: usize = mem::size_of::<RawFd>();

/// One control message that came.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// A descriptor: `SCM_RIGHTS`. Each of a message is an item of its own.
    Descriptor(OwnedFd),
    /// Who sent it: `SCM_CREDENTIALS`.
    Credentials(libc::ucred),
    /// The OS process that sent it: `SCM_PIDFD`.
    Pidfd(OwnedFd),
    /// Where a datagram was sent to, and the index of the interface it came in by: `IP_PKTINFO`,
    /// `IPV6_PKTINFO`.
    PacketInfo(IpAddr, u32),
    /// Hops that were left: `IP_TTL`, `IPV6_HOPLIMIT`.
    Ttl(u8),
    /// Type of service or traffic class: `IP_TOS`, `IPV6_TCLASS`.
    Tos(u8),
    /// When the kernel received it: `SCM_TIMESTAMPNS`.
    Timestamp(SystemTime),
    /// The length of each datagram that was put together: `UDP_GRO`.
    SegmentSize(u16),
    /// What the error queue holds, and the address of who noticed: `IP_RECVERR`, `IPV6_RECVERR`.
    Error(libc::sock_extended_err, SockAddr),
}

/// What `recvmsg(2)` says of a message besides its ancillary data.
#[derive(Clone, Debug)]
pub struct Received {
    /// Bytes received.
    pub len: usize,
    /// The sender; of length 0 on a connection.
    pub addr: SockAddr,
    /// `MSG_TRUNC`: there were more bytes, and they are lost.
    pub truncated: bool,
    /// `MSG_CTRUNC`: there was more ancillary data; its descriptors are closed.
    pub control_truncated: bool,
}

impl Received {
    fn new(len: usize, addr: SockAddr, flags: c_int) -> Received {
        Received {
            len,
            addr,
            truncated: flags & libc::MSG_TRUNC != 0,
            control_truncated: flags & libc::MSG_CTRUNC != 0,
        }
    }
}

impl Io {
    /// Receives a message and what is beside it. Descriptors come close-on-exec. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Io::perform).
    pub fn recv_message(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        control: &mut Control<'_>,
        flags: c_int,
    ) -> io::Result<Received> {
        // What an earlier message left there is closed.
        control.items();
        let mut name = SockAddrStorage::zeroed();
        let mut msg = empty_msghdr();
        msg.msg_name = (&raw mut name).cast();
        msg.msg_namelen = name.size_of();
        msg.msg_iov = bufs.as_mut_ptr().cast();
        msg.msg_iovlen = bufs.len().min(MAX_IOV) as _;
        msg.msg_control = control.room.as_mut_ptr().cast();
        msg.msg_controllen = (control.room.len() * WORD) as _;
        // SAFETY: name, slices (IoSliceMut has the layout of iovec, as std documents) and control
        // room are live and writable with the lengths given.
        let len = unsafe { self.recv_msg(&mut msg, flags | libc::MSG_CMSG_CLOEXEC) }?;
        #[allow(clippy::unnecessary_cast, reason = "another type with musl")]
        {
            control.filled = msg.msg_controllen as usize;
        }
        // SAFETY: the kernel wrote so many bytes of an address.
        let addr = unsafe { SockAddr::new(name, msg.msg_namelen) };
        Ok(Received::new(len, addr, msg.msg_flags))
    }

    /// Sends a message and something beside it; returns how many bytes were taken. Corresponds to
    /// `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Io::perform).
    pub fn send_message(
        &self,
        bufs: &[IoSlice<'_>],
        addr: Option<&SockAddr>,
        control: &Outgoing<'_>,
        flags: c_int,
    ) -> io::Result<usize> {
        let mut msg = empty_msghdr();
        set_name(&mut msg, addr);
        msg.msg_iov = bufs.as_ptr().cast_mut().cast();
        msg.msg_iovlen = bufs.len().min(MAX_IOV) as _;
        attach(&control.words, &mut msg);
        // SAFETY: name, slices (IoSlice has the layout of iovec, as std documents) and control data
        // are live with the lengths given.
        unsafe { self.send_msg(&msg, flags) }
    }

    /// Receives as many messages as there are and as the batch holds, and waits for the first only;
    /// returns how many came. Corresponds to `recvmmsg(2)` with `MSG_WAITFORONE`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Io::perform). The batch is empty then.
    pub fn recv_messages(&self, batch: &mut RecvBatch, flags: c_int) -> io::Result<usize> {
        batch.clear();
        let fd = self.as_raw_fd();
        if let Some(error) = self.take_deferred_error() {
            return Err(error);
        }
        let (count, stopped) = self.perform_flagged(flags, Interest::Read, |wait| {
            let headers = batch.prepare();
            let flags = flags | libc::MSG_CMSG_CLOEXEC | wait.flags();
            // SAFETY: `prepare` has let every header point to live, writable parts of the batch.
            unsafe { mmsg::recv_many(fd, headers, flags) }
        })?;
        batch.came(count);
        if let Some(error) = stopped {
            self.defer_error(&error);
        }
        Ok(batch.len())
    }

    /// Sends the messages of a batch in turn; returns how many were sent, which are then out of the
    /// batch. Corresponds to `sendmmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`perform`](Io::perform), if the first could not be sent. All are still in the batch then.
    pub fn send_messages(&self, batch: &mut SendBatch<'_>, flags: c_int) -> io::Result<usize> {
        if batch.is_empty() {
            return Ok(0);
        }
        let fd = self.as_raw_fd();
        let headers = batch.prepare();
        let sent = self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | libc::MSG_NOSIGNAL | wait.flags();
            // SAFETY: `prepare` has let every header point to live parts of the batch, which is
            // borrowed until this is done.
            unsafe { mmsg::send_many(fd, headers, flags) }
        })?;
        batch.skip(sent);
        Ok(sent)
    }
}

fn set_name(msg: &mut libc::msghdr, addr: Option<&SockAddr>) {
    if let Some(addr) = addr {
        msg.msg_name = addr.as_ptr().cast_mut().cast();
        msg.msg_namelen = addr.len();
    }
}

/// What can be read from any bytes and written as bytes.
///
/// # Safety
///
/// Every pattern of bits is a value, and there is no padding.
unsafe trait Plain: Copy {}

// SAFETY: integers, and structs of the kernel's that are integers without gaps.
unsafe impl Plain for u8 {}
// SAFETY: see above.
unsafe impl Plain for u16 {}
// SAFETY: see above.
unsafe impl Plain for c_int {}
// SAFETY: see above.
unsafe impl Plain for libc::ucred {}
// SAFETY: see above.
unsafe impl Plain for libc::in_pktinfo {}
// SAFETY: see above.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: see above.
unsafe impl Plain for libc::sock_extended_err {}
// SAFETY: see above; with gaps on some systems, but it is only read.
unsafe impl Plain for libc::timespec {}
// SAFETY: as a timespec.
unsafe impl Plain for libc::cmsghdr {}

/// A value from the front of `bytes`, wherever they are aligned; `None` if they are too few.
fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let enough = bytes.len() >= mem::size_of::<T>();
    // SAFETY: there are bytes enough, and any of them make a value.
    enough.then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Bytes from the start of a header to its payload.
fn header_len() -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_LEN(0) as usize }
}

/// Bytes that a message with a payload of `len` bytes takes, which is a number of whole words.
fn space(len: usize) -> usize {
    let len = libc::c_uint::try_from(len).expect("a payload is of a few hundred bytes");
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_SPACE(len) as usize }
}
