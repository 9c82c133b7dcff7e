//! Ancillary data to send.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;

use libc::c_int;

#[cfg(target_os = "linux")]
use super::UDP_SEGMENT;
use super::{WORD, Word, header_len, space};
use crate::sys::control::{self, Message, Plain};

/// Ancillary data to send. It borrows the descriptors in it.
#[derive(Clone, Default)]
pub struct Outgoing<'fd> {
    pub(super) words: Vec<Word>,
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Outgoing<'fd> {
    /// Makes an empty value.
    #[must_use]
    pub fn new() -> Outgoing<'fd> {
        Outgoing::default()
    }

    /// Whether there are no ancillary data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Adds descriptors. The receiver gets copies of them: `SCM_RIGHTS`. Call this once for a message, with all
    /// descriptors.
    pub fn descriptors(&mut self, fds: &[BorrowedFd<'fd>]) {
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        // SAFETY: these are the bytes of live integers.
        let bytes = unsafe {
            std::slice::from_raw_parts(raw.as_ptr().cast::<u8>(), mem::size_of_val(&*raw))
        };
        self.push_bytes(libc::SOL_SOCKET, libc::SCM_RIGHTS, bytes);
    }

    /// Adds the credentials of the sender, as far as the kernel allows: `SCM_CREDENTIALS`.
    #[cfg(target_os = "linux")]
    pub fn credentials(&mut self, cred: libc::ucred) {
        self.push(libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &cred);
    }

    /// Adds the source address of a datagram and the index of its outgoing interface: `IP_PKTINFO` or `IPV6_PKTINFO`.
    /// The index 0 means the interface of the route.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) if this system cannot do that: on FreeBSD the interface of IPv4
    /// cannot be chosen.
    pub fn packet_info(&mut self, source: IpAddr, interface: u32) -> io::Result<()> {
        match source {
            IpAddr::V4(source) => self.push_message(&control::source(source, interface)?),
            IpAddr::V6(source) => self.push_message(&control::source_v6(source, interface)),
        }
        Ok(())
    }

    /// Adds the hop limit: `IP_TTL`, or `IPV6_HOPLIMIT` with `v6`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for IPv4 on systems other than Linux.
    pub fn ttl(&mut self, ttl: u8, v6: bool) -> io::Result<()> {
        if v6 {
            self.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &c_int::from(ttl));
        } else {
            self.push_message(&control::ttl(ttl)?);
        }
        Ok(())
    }

    /// Adds the type of service: `IP_TOS`, or the traffic class `IPV6_TCLASS` with `v6`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for IPv4 on systems other than Linux.
    pub fn tos(&mut self, tos: u8, v6: bool) -> io::Result<()> {
        if v6 {
            self.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &c_int::from(tos));
        } else {
            self.push_message(&control::tos(tos)?);
        }
        Ok(())
    }

    /// Adds the length in bytes of the datagrams into which the kernel cuts the data: `UDP_SEGMENT`.
    #[cfg(target_os = "linux")]
    pub fn segment_size(&mut self, size: u16) {
        self.push(libc::SOL_UDP, UDP_SEGMENT, &size);
    }

    fn push_message<T: Plain>(&mut self, Message(level, ty, value): &Message<T>) {
        self.push(*level, *ty, value);
    }

    pub(super) fn push<T: Plain>(&mut self, level: c_int, ty: c_int, value: &T) {
        // SAFETY: these are the bytes of a live value, and `Plain` promises that it has no padding.
        let bytes = unsafe {
            std::slice::from_raw_parts(ptr::from_ref(value).cast::<u8>(), mem::size_of::<T>())
        };
        self.push_bytes(level, ty, bytes);
    }

    fn push_bytes(&mut self, level: c_int, ty: c_int, payload: &[u8]) {
        let at = self.words.len();
        self.words
            .resize(at + space(payload.len()).div_ceil(WORD), 0);
        // SAFETY: all-zero is a valid header.
        let mut header: libc::cmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.cmsg_len = (header_len() + payload.len()) as _;
        header.cmsg_level = level;
        header.cmsg_type = ty;
        let to = self.words[at..].as_mut_ptr();
        // SAFETY: these words were just made. They have the alignment of a header, and room for it and for a payload of
        // this length.
        unsafe {
            to.cast::<libc::cmsghdr>().write(header);
            let to = to.cast::<u8>().add(header_len());
            ptr::copy_nonoverlapping(payload.as_ptr(), to, payload.len());
        }
    }
}

/// Makes the message header point to the control data.
pub(super) fn attach(words: &[Word], msg: &mut libc::msghdr) {
    if !words.is_empty() {
        msg.msg_control = words.as_ptr().cast_mut().cast();
        msg.msg_controllen = mem::size_of_val(words) as _;
    }
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.words.len() * WORD;
        f.debug_struct("Outgoing").field("bytes", &bytes).finish()
    }
}
