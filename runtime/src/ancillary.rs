//! Ancillary data: what goes beside the bytes of a message (`cmsg(3)`), and the calls that carry it:
//! `sendmsg`, `recvmsg`, `sendmmsg`, `recvmmsg`. The one file that writes and reads control
//! messages. Not what a socket type makes of them: see `ancillary` of `unix` and of `socket`.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::{Duration, SystemTime};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::io::{Interest, Io, MAX_IOV, empty_msghdr};
use crate::sys::cvt;

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

// Receiving.

/// Room for ancillary data, in words of the caller's. It owns the descriptors that came until they
/// are taken out of it, and closes those that are not.
#[derive(Debug)]
pub struct Control<'a> {
    room: &'a mut [usize],
    /// Bytes of it that the kernel has written and nobody has decoded.
    filled: usize,
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
    unsafe fn new(words: &'a [usize], len: usize) -> Items<'a> {
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

// Sending.

/// Ancillary data to send. Borrows the descriptors in it.
#[derive(Clone, Default)]
pub struct Outgoing<'fd> {
    words: Vec<usize>,
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

    /// Who sends it, as far as the kernel allows: `SCM_CREDENTIALS`.
    pub fn credentials(&mut self, cred: libc::ucred) {
        self.push(libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &cred);
    }

    /// The address a datagram is sent from and the index of the interface it goes out by, 0 for
    /// the one of the route: `IP_PKTINFO`, `IPV6_PKTINFO`.
    pub fn packet_info(&mut self, source: IpAddr, interface: u32) {
        match source {
            IpAddr::V4(source) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: interface.cast_signed(),
                    ipi_spec_dst: libc::in_addr {
                        s_addr: source.to_bits().to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            IpAddr::V6(source) => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: source.octets(),
                    },
                    ipi6_ifindex: interface as _,
                };
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// Hops it may make: `IP_TTL`, or with `v6` `IPV6_HOPLIMIT`.
    pub fn ttl(&mut self, ttl: u8, v6: bool) {
        let (level, ty) = if v6 {
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT)
        } else {
            (libc::IPPROTO_IP, libc::IP_TTL)
        };
        self.push(level, ty, &c_int::from(ttl));
    }

    /// Type of service: `IP_TOS`, or with `v6` the traffic class: `IPV6_TCLASS`.
    pub fn tos(&mut self, tos: u8, v6: bool) {
        let (level, ty) = if v6 {
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
        } else {
            (libc::IPPROTO_IP, libc::IP_TOS)
        };
        self.push(level, ty, &c_int::from(tos));
    }

    /// The length in bytes of the datagrams to cut the data into: `UDP_SEGMENT`.
    pub fn segment_size(&mut self, size: u16) {
        self.push(libc::SOL_UDP, UDP_SEGMENT, &size);
    }

    fn push<T: Plain>(&mut self, level: c_int, ty: c_int, value: &T) {
        // SAFETY: the bytes of a live value without padding, as `Plain` promises.
        let bytes = unsafe {
            std::slice::from_raw_parts(ptr::from_ref(value).cast::<u8>(), mem::size_of::<T>())
        };
        self.push_bytes(level, ty, bytes);
    }

    fn push_bytes(&mut self, level: c_int, ty: c_int, payload: &[u8]) {
        let at = self.words.len();
        self.words.resize(at + space(payload.len()) / WORD, 0);
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
fn attach(words: &[usize], msg: &mut libc::msghdr) {
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

// One message.

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
        let count = self.perform_flagged(flags, Interest::Read, |wait| {
            let headers = batch.prepare();
            let flags = flags | libc::MSG_WAITFORONE | libc::MSG_CMSG_CLOEXEC | wait.flags();
            // SAFETY: `prepare` has let every header point to live, writable parts of the batch.
            cvt(unsafe {
                libc::recvmmsg(
                    fd,
                    headers.as_mut_ptr(),
                    headers.len() as _,
                    flags as _,
                    ptr::null_mut(),
                )
            })
        })?;
        // A count is not negative.
        batch.came(usize::try_from(count).unwrap_or(0));
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
            cvt(unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), headers.len() as _, flags as _) })
        })?;
        // A count is not negative.
        let sent = usize::try_from(sent).unwrap_or(0);
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

// Many messages.

/// Room for several messages, used again and again. It owns the descriptors that came beside
/// them, as [`Control`] does.
pub struct RecvBatch {
    /// Bytes of data and words of control data that there is room for beside each message.
    size: usize,
    room: usize,
    data: Vec<u8>,
    names: Vec<SockAddrStorage>,
    controls: Vec<usize>,
    bufs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    filled: usize,
}

// SAFETY: the pointers in `bufs` and `headers` are set by `prepare`, which has the batch to itself,
// and used before it is given back only. Nothing else makes it !Send.
unsafe impl Send for RecvBatch {}
// SAFETY: the same; shared access never follows these pointers.
unsafe impl Sync for RecvBatch {}

impl RecvBatch {
    /// Room for `count` messages (1 to 1024) of up to `size` bytes each, with up to `room` words of
    /// control data.
    ///
    /// # Panics
    ///
    /// If there cannot be so much memory.
    #[must_use]
    pub fn new(count: usize, size: usize, room: usize) -> RecvBatch {
        let count = count.clamp(1, MAX_IOV);
        let header = libc::mmsghdr {
            msg_hdr: empty_msghdr(),
            msg_len: 0,
        };
        let buf = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: size,
        };
        // The lengths that `prepare` relies on: a product that wraps around would be too short.
        let total = |each: usize| count.checked_mul(each).expect("a batch fits into memory");
        RecvBatch {
            size,
            room,
            data: vec![0; total(size)],
            names: (0..count).map(|_| SockAddrStorage::zeroed()).collect(),
            controls: vec![0; total(room)],
            bufs: vec![buf; count],
            headers: vec![header; count],
            filled: 0,
        }
    }

    /// How many messages came.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// How many messages it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.headers.len()
    }

    /// What came as message `index`.
    ///
    /// # Panics
    ///
    /// If there is no such message.
    #[must_use]
    pub fn received(&self, index: usize) -> Received {
        assert!(index < self.filled, "message {index} of {}", self.filled);
        let header = &self.headers[index];
        let mut name = SockAddrStorage::zeroed();
        // SAFETY: both are whole storages of plain bytes.
        unsafe { ptr::copy_nonoverlapping(&raw const self.names[index], &raw mut name, 1) };
        // SAFETY: the kernel wrote so many bytes of an address.
        let addr = unsafe { SockAddr::new(name, header.msg_hdr.msg_namelen) };
        Received::new(header.msg_len as usize, addr, header.msg_hdr.msg_flags)
    }

    /// The bytes of message `index`.
    ///
    /// # Panics
    ///
    /// If there is no such message.
    #[must_use]
    pub fn data(&self, index: usize) -> &[u8] {
        assert!(index < self.filled, "message {index} of {}", self.filled);
        let len = (self.headers[index].msg_len as usize).min(self.size);
        &self.data[index * self.size..][..len]
    }

    /// Takes out what came beside message `index`.
    ///
    /// # Panics
    ///
    /// If there is no such message.
    pub fn items(&mut self, index: usize) -> Items<'_> {
        assert!(index < self.filled, "message {index} of {}", self.filled);
        let header = &mut self.headers[index].msg_hdr;
        #[allow(clippy::unnecessary_cast, reason = "another type with musl")]
        let len = (mem::take(&mut header.msg_controllen) as usize).min(self.room * WORD);
        let room = &self.controls[index * self.room..][..self.room];
        // SAFETY: the kernel wrote these bytes, within the room of this message; its length is 0
        // now, so that nobody decodes them again.
        unsafe { Items::new(room, len) }
    }

    /// Closes the descriptors that nobody has taken, and forgets the messages.
    fn clear(&mut self) {
        for index in 0..self.filled {
            self.items(index);
        }
        self.filled = 0;
    }

    fn came(&mut self, count: usize) {
        self.filled = count.min(self.capacity());
    }

    /// Lets every header point to its part of the batch. The kernel overwrites the lengths, also in
    /// an attempt that comes to nothing, so this is done before each.
    fn prepare(&mut self) -> &mut [libc::mmsghdr] {
        let data = self.data.as_mut_ptr();
        let controls = self.controls.as_mut_ptr();
        let names = self.names.as_mut_ptr();
        let bufs = self.bufs.as_mut_ptr();
        for (index, header) in self.headers.iter_mut().enumerate() {
            // SAFETY: every vector has a part for each index below the number of headers; see `new`.
            let (name, buf, control) = unsafe {
                let buf = bufs.add(index);
                (*buf).iov_base = data.add(index * self.size).cast();
                (names.add(index), buf, controls.add(index * self.room))
            };
            let msg = &mut header.msg_hdr;
            msg.msg_name = name.cast();
            msg.msg_namelen = mem::size_of::<SockAddrStorage>() as _;
            msg.msg_iov = buf;
            msg.msg_iovlen = 1;
            msg.msg_control = control.cast();
            msg.msg_controllen = (self.room * WORD) as _;
        }
        &mut self.headers
    }
}

impl Drop for RecvBatch {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// Messages to send, copied into memory that is used again and again. Borrows the descriptors beside
/// them.
#[derive(Default)]
pub struct SendBatch<'fd> {
    data: Vec<u8>,
    control: Outgoing<'fd>,
    messages: Vec<Pending>,
    /// How many of the messages have been sent.
    sent: usize,
    bufs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// Where a message is in its batch: from the end of the one before to these ends.
struct Pending {
    data_end: usize,
    control_end: usize,
    addr: Option<SockAddr>,
}

// SAFETY: the pointers in `bufs` and `headers` are set by `prepare`, which has the batch to itself,
// and used before it is given back only. Nothing else makes it !Send.
unsafe impl Send for SendBatch<'_> {}
// SAFETY: the same; shared access never follows these pointers.
unsafe impl Sync for SendBatch<'_> {}

impl<'fd> SendBatch<'fd> {
    /// None.
    #[must_use]
    pub fn new() -> SendBatch<'fd> {
        SendBatch::default()
    }

    /// How many messages are still to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len() - self.sent
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a message to an address, or to the connected peer, with what `beside` writes beside it.
    /// Nothing is added if that fails.
    ///
    /// # Errors
    ///
    /// That of `beside`.
    pub fn push(
        &mut self,
        buf: &[u8],
        addr: Option<SockAddr>,
        beside: impl FnOnce(&mut Outgoing<'fd>) -> io::Result<()>,
    ) -> io::Result<()> {
        let before = self.control.words.len();
        if let Err(error) = beside(&mut self.control) {
            self.control.words.truncate(before);
            return Err(error);
        }
        self.data.extend_from_slice(buf);
        self.messages.push(Pending {
            data_end: self.data.len(),
            control_end: self.control.words.len(),
            addr,
        });
        Ok(())
    }

    /// Takes the first `count` out unsent.
    pub fn skip(&mut self, count: usize) {
        self.sent += count.min(self.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Takes all out unsent, and keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.control.words.clear();
        self.messages.clear();
        self.sent = 0;
    }

    /// Headers that point to what is still to be sent, up to the most that one call takes.
    fn prepare(&mut self) -> &mut [libc::mmsghdr] {
        let pending = &self.messages[self.sent..];
        let pending = &pending[..pending.len().min(MAX_IOV)];
        let (mut data, mut control) = match self.sent.checked_sub(1).map(|i| &self.messages[i]) {
            Some(last) => (last.data_end, last.control_end),
            None => (0, 0),
        };
        self.bufs.clear();
        self.bufs.extend(pending.iter().map(|message| {
            let bytes = &self.data[data..message.data_end];
            data = message.data_end;
            libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            }
        }));
        self.headers.clear();
        self.headers
            .extend(pending.iter().zip(&mut self.bufs).map(|(message, buf)| {
                let mut header = libc::mmsghdr {
                    msg_hdr: empty_msghdr(),
                    msg_len: 0,
                };
                let words = &self.control.words[control..message.control_end];
                control = message.control_end;
                set_name(&mut header.msg_hdr, message.addr.as_ref());
                header.msg_hdr.msg_iov = ptr::from_mut(buf);
                header.msg_hdr.msg_iovlen = 1;
                attach(words, &mut header.msg_hdr);
                header
            }));
        &mut self.headers
    }
}

impl fmt::Debug for SendBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

// The bytes.

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of hand-made control data, which has no descriptors of ours in it.
    fn items(words: &[usize], len: usize) -> Vec<String> {
        // SAFETY: no descriptors are in the words of these tests.
        let items = unsafe { Items::new(words, len) };
        items.map(|item| format!("{item:?}")).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = Outgoing::new();
        out.packet_info("::1".parse().unwrap(), 7);
        out.ttl(64, false);
        out.ttl(255, true);
        out.tos(0xb8, true);
        assert_eq!(
            items(&out.words, out.words.len() * WORD),
            ["PacketInfo(::1, 7)", "Ttl(64)", "Ttl(255)", "Tos(184)"]
        );
    }

    #[test]
    fn data_cut_off_anywhere_ends_the_items() {
        let mut out = Outgoing::new();
        out.ttl(1, false);
        out.packet_info("::1".parse().unwrap(), 7);
        out.ttl(2, false);
        let full = out.words.len() * WORD;
        let all = items(&out.words, full);
        assert_eq!(all.len(), 3);
        for len in 0..full {
            let some = items(&out.words, len);
            assert_eq!(some, all[..some.len()], "{len} bytes");
        }
    }

    #[test]
    fn impossible_lengths_end_the_items() {
        for len in [0, 1, header_len() - 1, usize::MAX, usize::MAX - 7, 1 << 20] {
            let mut out = Outgoing::new();
            out.ttl(1, false);
            out.ttl(2, false);
            // cmsg_len is the first word of a header.
            out.words[0] = len;
            assert!(
                items(&out.words, out.words.len() * WORD).is_empty(),
                "{len}"
            );
        }
    }

    #[test]
    fn a_payload_that_is_too_short_is_passed_over() {
        let mut out = Outgoing::new();
        out.push(libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &1u8);
        out.push(libc::SOL_SOCKET, SCM_PIDFD, &-3);
        out.push(libc::IPPROTO_IP, libc::IP_TTL, &256);
        out.push(libc::IPPROTO_IP, libc::IP_RECVERR, &1u8);
        out.push(4711, 4712, &1u8);
        out.ttl(2, false);
        assert_eq!(items(&out.words, out.words.len() * WORD), ["Ttl(2)"]);
    }

    #[test]
    fn room_is_for_what_it_says() {
        assert_eq!(
            unix_room(1) * WORD,
            space(FD) + space(FD) + space(mem::size_of::<libc::ucred>())
        );
        assert_eq!(unix_room(usize::MAX), unix_room(MAX_DESCRIPTORS));
        let packet = [
            mem::size_of::<libc::in_pktinfo>(),
            mem::size_of::<libc::in6_pktinfo>(),
            FD,
            FD,
            1,
            FD,
            mem::size_of::<libc::timespec>(),
            FD,
            mem::size_of::<libc::sock_extended_err>() + mem::size_of::<libc::sockaddr_in6>(),
            mem::size_of::<libc::sock_extended_err>() + mem::size_of::<libc::sockaddr_in>(),
        ];
        assert!(packet.into_iter().map(space).sum::<usize>() <= PACKET_ROOM * WORD);
    }

    /// The reading end of a pipe whose only writing end is on its way to the `Io`.
    fn pipe_on_its_way() -> (io::PipeReader, Io) {
        use std::os::fd::AsFd;
        let (reader, writer) = io::pipe().unwrap();
        let (a, b) = Io::pair(socket2::Domain::UNIX, socket2::Type::DGRAM, None).unwrap();
        let mut out = Outgoing::new();
        out.descriptors(&[writer.as_fd()]);
        a.send_message(&[IoSlice::new(b"x")], None, &out, 0)
            .unwrap();
        (reader, b)
    }

    /// Waits for ever if a writing end is left over.
    fn has_ended(mut reader: io::PipeReader) -> bool {
        use std::io::Read;
        reader.read(&mut [0; 8]).unwrap() == 0
    }

    #[test]
    fn what_nobody_takes_is_closed() {
        let mut room = [0; 16];

        let (reader, io) = pipe_on_its_way();
        let mut control = Control::new(&mut room);
        io.recv_message(&mut [], &mut control, 0).unwrap();
        drop(control);
        assert!(has_ended(reader), "with the room");

        let (reader, io) = pipe_on_its_way();
        let mut control = Control::new(&mut room);
        io.recv_message(&mut [], &mut control, 0).unwrap();
        assert!(
            io.recv_message(&mut [], &mut control, libc::MSG_DONTWAIT)
                .is_err()
        );
        assert!(has_ended(reader), "before the next message");

        let (reader, io) = pipe_on_its_way();
        let mut batch = RecvBatch::new(2, 8, unix_room(1));
        assert_eq!(io.recv_messages(&mut batch, 0).unwrap(), 1);
        assert_eq!(batch.data(0), b"x");
        drop(batch);
        assert!(has_ended(reader), "with the batch");

        let (reader, io) = pipe_on_its_way();
        let mut batch = RecvBatch::new(2, 8, unix_room(1));
        assert_eq!(io.recv_messages(&mut batch, 0).unwrap(), 1);
        assert!(matches!(batch.items(0).next(), Some(Item::Descriptor(_))));
        assert!(batch.items(0).next().is_none());
        assert!(has_ended(reader), "by who took it");
    }

    #[test]
    #[should_panic(expected = "fits into memory")]
    fn a_batch_that_cannot_be_is_no_short_one() {
        let _ = RecvBatch::new(1024, usize::MAX / 512, 1);
    }

    #[test]
    fn a_batch_keeps_what_is_not_sent() {
        let (a, b) = Io::pair(socket2::Domain::UNIX, socket2::Type::DGRAM, None).unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let mut out = SendBatch::new();
        for n in 0..2000_u16 {
            out.push(&n.to_be_bytes(), None, |control| {
                use std::os::fd::AsFd;
                if n == 7 {
                    control.descriptors(&[writer.as_fd()]);
                }
                Ok(())
            })
            .unwrap();
        }
        let failed = out.push(b"never", None, |control| {
            control.ttl(1, false);
            Err(io::ErrorKind::InvalidInput.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        out.skip(3);
        let mut came = RecvBatch::new(16, 8, unix_room(1));
        let mut expected = 3..2000_u16;
        while !out.is_empty() {
            let before = out.len();
            // The queue of a Unix datagram socket is short: some are sent, never all of these.
            let sent = a.send_messages(&mut out, libc::MSG_DONTWAIT).unwrap();
            assert!(sent > 0 && sent < 1000);
            assert_eq!(out.len(), before - sent);
            let mut left = sent;
            while left > 0 {
                left -= b.recv_messages(&mut came, 0).unwrap();
                for index in 0..came.len() {
                    let number = expected.next().unwrap();
                    assert_eq!(came.data(index), number.to_be_bytes());
                    assert_eq!(came.items(index).count(), usize::from(number == 7));
                }
            }
        }
        assert_eq!(expected.next(), None);
        assert_eq!(a.send_messages(&mut out, 0).unwrap(), 0, "nothing to send");
        drop(out);
        drop(writer);
        assert!(has_ended(reader));
    }
}
