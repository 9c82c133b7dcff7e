//! Messages: bytes, an address and ancillary data (`cmsg(3)`), and the calls `sendmsg`, `recvmsg`, `sendmmsg` and
//! `recvmmsg`. Only this module writes and reads control messages. What each socket type does with them is in
//! `ancillary` of `unix` and of `socket`.
//!
//! | file | idea |
//! |---|---|
//! | `mod` | the calls, and code for both directions |
//! | `encode` | [`Outgoing`]: control messages to send |
//! | `decode` | [`Control`] and [`Items`]: received control messages |
//! | `recv_batch` | [`RecvBatch`]: several messages received by one call |
//! | `decoded` | [`Decoded`]: the same messages, decoded into a type of the caller |
//! | `send_batch` | [`SendBatch`]: several messages sent by one call |
//!
//! Addresses of peers are opaque [`SockAddr`]s here. The only other addresses are those in packet info
//! ([`Outgoing::packet_info`], [`Item::PacketInfo`]), which are [`IpAddr`](std::net::IpAddr)s. They stay here because the
//! kernel puts them into structures that differ from system to system (`in_pktinfo`, `in_addr`, `in6_pktinfo`). Only
//! `sys` may know those structures, and `std_net`, which has no `unsafe`, could not fill them.

mod decode;
mod decoded;
mod encode;
mod recv_batch;
mod send_batch;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::os::fd::RawFd;

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

pub use decode::{Control, Items};
pub use decoded::Decoded;
pub use encode::Outgoing;
pub use recv_batch::RecvBatch;
pub use send_batch::SendBatch;

use crate::deadline::Deadline;
use crate::interest::Interest;
use crate::io::{Io, empty_msghdr};
use crate::sched::traffic;
use crate::sys::control::OWN_KINDS_ROOM;
pub use crate::sys::control::{Item, Word};
use crate::sys::{CLOSE_ON_EXEC, NO_SIGNAL, mmsg};
#[cfg(target_os = "linux")]
pub use crate::sys::{UDP_GRO, UDP_SEGMENT};
use encode::attach;

/// The largest number of descriptors in one message: the kernel's `SCM_MAX_FD`.
pub const MAX_DESCRIPTORS: usize = 253;

/// The room, in words, for all ancillary data of a UDP datagram or of an error in the error queue, with all options on:
/// both kinds of packet info, TTL, TOS, a timestamp, a segment size, and an error with the address of its sender.
pub const PACKET_ROOM: usize = 448 / WORD;

/// The room, in words, for this many descriptors and, on Linux, for credentials and a pidfd.
#[must_use]
pub fn unix_room(descriptors: usize) -> usize {
    let descriptors = if descriptors == 0 {
        0
    } else {
        space(descriptors.min(MAX_DESCRIPTORS) * FD)
    };
    let others: usize = OWN_KINDS_ROOM.into_iter().map(space).sum();
    (descriptors + others).div_ceil(WORD)
}

const WORD: usize = mem::size_of::<Word>();
const FD: usize = mem::size_of::<RawFd>();

/// What `recvmsg(2)` reports about a message besides its ancillary data.
#[derive(Clone, Debug)]
pub struct Received {
    /// Bytes received.
    pub len: usize,
    /// The sender. Its length is 0 on a connection.
    pub addr: SockAddr,
    /// `MSG_TRUNC`: the message had more bytes, and they are lost.
    pub truncated: bool,
    /// `MSG_CTRUNC`: there were more ancillary data. Their descriptors are closed.
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
    /// Receives a message and its ancillary data. Received descriptors are close-on-exec. Corresponds to `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Io::perform).
    pub fn recv_message(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        control: &mut Control<'_>,
        flags: c_int,
    ) -> io::Result<Received> {
        // This closes what an earlier message has left in the room.
        control.items();
        let mut name = SockAddrStorage::zeroed();
        let mut msg = empty_msghdr();
        msg.msg_name = (&raw mut name).cast();
        msg.msg_namelen = name.size_of();
        msg.msg_iov = bufs.as_mut_ptr().cast();
        msg.msg_iovlen = self.slices(bufs.len())? as _;
        msg.msg_control = control.room.as_mut_ptr().cast();
        msg.msg_controllen = (control.room.len() * WORD) as _;
        // SAFETY: the name, the slices and the control room are live and writable, with these lengths. std documents
        // that IoSliceMut has the layout of iovec.
        let len = unsafe { self.recv_msg(&mut msg, flags | CLOSE_ON_EXEC) }?;
        #[allow(clippy::unnecessary_cast, reason = "another type with musl")]
        {
            control.filled = msg.msg_controllen as usize;
        }
        // SAFETY: the kernel wrote this many bytes of an address.
        let addr = unsafe { SockAddr::new(name, msg.msg_namelen) };
        Ok(Received::new(len, addr, msg.msg_flags))
    }

    /// Sends a message with ancillary data. Returns how many bytes were sent. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Io::perform).
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
        msg.msg_iovlen = self.slices(bufs.len())? as _;
        attach(&control.words, &mut msg);
        // SAFETY: the name, the slices and the control data are live, with these lengths. std documents that IoSlice
        // has the layout of iovec.
        let sent = unsafe { self.send_msg(&msg, flags) }?;
        // The ancillary data went with the first byte, so the rest is sent without them.
        Ok(self.send_on(bufs, sent, flags, Deadline::NEVER))
    }

    /// Receives as many messages as are there and fit into the batch. Waits only for the first one. Returns how many
    /// were received. Corresponds to `recvmmsg(2)` with `MSG_WAITFORONE`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Io::perform). The batch is empty then.
    pub fn recv_messages(&self, batch: &mut RecvBatch, flags: c_int) -> io::Result<usize> {
        batch.clear();
        let fd = self.fd_number();
        if let Some(error) = self.take_deferred_error() {
            return Err(error);
        }
        let (count, stopped) = self.perform_flagged(flags, Interest::Read, |wait| {
            let headers = batch.prepare();
            let flags = flags | CLOSE_ON_EXEC | wait.flags();
            // SAFETY: `prepare` has made every header point to live, writable parts of the batch.
            unsafe { mmsg::recv_many(fd, headers, flags) }
        })?;
        batch.came(count);
        if traffic::COUNTS_BYTES {
            for i in 0..batch.len() {
                traffic::received(batch.data(i).len(), flags);
            }
        }
        if let Some(error) = stopped {
            self.defer_error(&error);
        }
        Ok(batch.len())
    }

    /// Sends the messages of a batch in order. Returns how many were sent, and takes these out of the batch.
    /// Corresponds to `sendmmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Io::perform), if the first message could not be sent. The batch then still has all
    /// messages.
    pub fn send_messages(&self, batch: &mut SendBatch<'_>, flags: c_int) -> io::Result<usize> {
        if batch.is_empty() {
            return Ok(0);
        }
        let fd = self.fd_number();
        let headers = batch.prepare();
        let sent = self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | NO_SIGNAL | wait.flags();
            // SAFETY: `prepare` has made every header point to live parts of the batch, and the batch is borrowed until
            // this call is done.
            unsafe { mmsg::send_many(fd, headers, flags) }
        })?;
        if traffic::COUNTS_BYTES {
            traffic::sent(batch.bytes_of_next(sent));
        }
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

/// The number of bytes from the start of a header to its payload.
fn header_len() -> usize {
    // SAFETY: this is arithmetic only.
    unsafe { libc::CMSG_LEN(0) as usize }
}

/// The number of bytes of a control message with a payload of `len` bytes. It is a multiple of the word size.
fn space(len: usize) -> usize {
    let len = libc::c_uint::try_from(len).expect("a payload is of a few hundred bytes");
    // SAFETY: this is arithmetic only.
    unsafe { libc::CMSG_SPACE(len) as usize }
}
