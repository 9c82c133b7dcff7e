//! Room for several messages that one call receives.

use std::fmt;
use std::mem;
use std::ptr;

use socket2::{SockAddr, SockAddrStorage};

use super::decode::Items;
use super::{Received, WORD, Word};
use crate::io::{MAX_IOV, empty_msghdr};
use crate::sys::mmsg::Header;

/// Room for several messages, to be used many times. It owns the received descriptors, as [`Control`](super::Control)
/// does.
pub struct RecvBatch {
    /// The room for each message: bytes of data, and words of control data.
    size: usize,
    room: usize,
    data: Vec<u8>,
    names: Vec<SockAddrStorage>,
    controls: Vec<Word>,
    bufs: Vec<libc::iovec>,
    headers: Vec<Header>,
    filled: usize,
}

// SAFETY: `prepare` sets the pointers in `bufs` and `headers` while it has exclusive access to the batch. They are used
// only while that borrow lasts. Nothing else makes the type !Send.
unsafe impl Send for RecvBatch {}
// SAFETY: shared access never follows these pointers.
unsafe impl Sync for RecvBatch {}

impl RecvBatch {
    /// Makes room for `count` messages (1 to 1024) of up to `size` bytes each, with up to `room` words of control data.
    ///
    /// # Panics
    ///
    /// If there is not enough memory.
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
        // `prepare` relies on these lengths. A product that wraps around would be too short.
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

    /// How many messages were received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether none was received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// How many messages the batch can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.headers.len()
    }

    /// What was received as message `index`.
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

    /// Takes out the ancillary data of message `index`.
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
        // SAFETY: the kernel wrote these bytes, and they are within the room of this message. The length is 0 now, so
        // they cannot be decoded again.
        unsafe { Items::new(room, len) }
    }

    /// Closes the descriptors that were not taken, and forgets the messages.
    pub(super) fn clear(&mut self) {
        for index in 0..self.filled {
            self.items(index);
        }
        self.filled = 0;
    }

    pub(super) fn came(&mut self, count: usize) {
        self.filled = count.min(self.capacity());
    }

    /// Makes every header point to its part of the batch. The kernel overwrites the lengths even in an attempt that
    /// fails, so this runs before each attempt.
    pub(super) fn prepare(&mut self) -> &mut [Header] {
        let data = self.data.as_mut_ptr();
        let controls = self.controls.as_mut_ptr();
        let names = self.names.as_mut_ptr();
        let bufs = self.bufs.as_mut_ptr();
        for (index, header) in self.headers.iter_mut().enumerate() {
            // SAFETY: every vector has a part for each index below the number of headers, as `new` makes it.
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
