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

/// Ancillary data to send. Borrows the descriptors in it.
#[derive(Clone, Default)]
pub struct Outgoing<'fd> {
    pub(super) words: Vec<Word>,
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Outgoing<'fd> {
    /// None.
    #[must_use]
    pub fn new() -> Outgoing<'fd> {
        Outgoing::default()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Descriptors, of which the receiver gets copies: `SCM_RIGHTS`. Once for a message, all together.
    pub fn descriptors(&mut self, fds: &[BorrowedFd<'fd>]) {
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        // SAFETY: the bytes of live integers.
        let bytes = unsafe {
            std::slice::from_raw_parts(raw.as_ptr().cast::<u8>(), mem::size_of_val(&*raw))
        };
        self.push_bytes(libc::SOL_SOCKET, libc::SCM_RIGHTS, bytes);
    }

    /// The credentials of the sender, as far as the kernel allows: `SCM_CREDENTIALS`.
    #[cfg(target_os = "linux")]
    pub fn credentials(&mut self, cred: libc::ucred) {
        self.push(libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &cred);
    }

    /// The address a datagram is sent from and the index of the interface it goes out by, 0 for
    /// the one of the route: `IP_PKTINFO`, `IPV6_PKTINFO`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for what this system cannot do: FreeBSD does not let
    /// the interface of IPv4 be chosen.
    pub fn packet_info(&mut self, source: IpAddr, interface: u32) -> io::Result<()> {
        match source {
            IpAddr::V4(source) => self.push_message(&control::source(source, interface)?),
            IpAddr::V6(source) => self.push_message(&control::source_v6(source, interface)),
        }
        Ok(())
    }

    /// Hops it may make: `IP_TTL`, or with `v6` `IPV6_HOPLIMIT`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for IPv4 on other systems than Linux.
    pub fn ttl(&mut self, ttl: u8, v6: bool) -> io::Result<()> {
        if v6 {
            self.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &c_int::from(ttl));
        } else {
            self.push_message(&control::ttl(ttl)?);
        }
        Ok(())
    }

    /// Type of service: `IP_TOS`, or with `v6` the traffic class: `IPV6_TCLASS`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for IPv4 on other systems than Linux.
    pub fn tos(&mut self, tos: u8, v6: bool) -> io::Result<()> {
        if v6 {
            self.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &c_int::from(tos));
        } else {
            self.push_message(&control::tos(tos)?);
        }
        Ok(())
    }

    /// The length in bytes of the datagrams to cut the data into: `UDP_SEGMENT`.
    #[cfg(target_os = "linux")]
    pub fn segment_size(&mut self, size: u16) {
        self.push(libc::SOL_UDP, UDP_SEGMENT, &size);
    }

    fn push_message<T: Plain>(&mut self, Message(level, ty, value): &Message<T>) {
        self.push(*level, *ty, value);
    }

    pub(super) fn push<T: Plain>(&mut self, level: c_int, ty: c_int, value: &T) {
        // SAFETY: the bytes of a live value without padding, as `Plain` promises.
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
        // SAFETY: the words have just been made for a header, aligned as it is, and a payload of this
        // length behind it.
        unsafe {
            to.cast::<libc::cmsghdr>().write(header);
            let to = to.cast::<u8>().add(header_len());
            ptr::copy_nonoverlapping(payload.as_ptr(), to, payload.len());
        }
    }
}

/// Lets the message header point to control data.
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
