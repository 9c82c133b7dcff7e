//! Room for several messages that are received with one call.

use std::fmt;
use std::mem;
use std::ptr;

use socket2::{SockAddr, SockAddrStorage};

use super::decode::Items;
use super::{Received, WORD, Word};
use crate::io::{MAX_IOV, empty_msghdr};
use crate::sys::mmsg::Header;

/// Room for several messages, used again and again. It owns the descriptors that came beside
/// them, as [`Control`](super::Control) does.
pub struct RecvBatch {
    /// Bytes of data and words of control data that there is room for beside each message.
    size: usize,
    room: usize,
    data: Vec<u8>,
    names: Vec<SockAddrStorage>,
    controls: Vec<Word>,
    bufs: Vec<libc::iovec>,
    headers: Vec<Header>,
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
    /// If the memory for it cannot be had.
    #[must_use]
    pub fn new(count: usize, size: usize, room: usize) -> RecvBatch {
        let count = count.clamp(1, MAX_IOV);
        let header = Header {
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
        // SAFETY: the kernel wrote this many bytes of an address.
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
    pub(super) fn clear(&mut self) {
        for index in 0..self.filled {
            self.items(index);
        }
        self.filled = 0;
    }

    pub(super) fn came(&mut self, count: usize) {
        self.filled = count.min(self.capacity());
    }

    /// Lets every header point to its part of the batch. The kernel overwrites the lengths, also in
    /// an attempt that comes to nothing, so this is done before each.
    pub(super) fn prepare(&mut self) -> &mut [Header] {
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
