//! Received ancillary data: the room for them, and their items.

use std::fmt;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use libc::c_int;

use super::{FD, Item, WORD, Word, header_len, space};
use crate::sys::control::{decode, read};
use crate::sys::received;

/// Room for ancillary data, in words that the caller provides. It owns the received descriptors until they are taken
/// out. It closes those that are not taken.
#[derive(Debug)]
pub struct Control<'a> {
    pub(super) room: &'a mut [Word],
    /// The number of bytes that the kernel has written and that are not decoded yet.
    pub(super) filled: usize,
}

impl<'a> Control<'a> {
    /// An empty value with this room.
    pub fn new(room: &'a mut [Word]) -> Control<'a> {
        Control { room, filled: 0 }
    }

    /// Takes out the received items. Dropping the iterator closes the descriptors that the caller has not taken.
    pub fn items(&mut self) -> Items<'_> {
        let filled = mem::take(&mut self.filled).min(self.room.len() * WORD);
        // SAFETY: the kernel wrote these bytes, and they are within the room. `filled` is 0 now, so they cannot be
        // decoded again.
        unsafe { Items::new(&self.room[..filled.div_ceil(WORD)], filled) }
    }
}

impl Drop for Control<'_> {
    fn drop(&mut self) {
        self.items();
    }
}

/// The control messages of one received message. It owns their descriptors: dropping it closes those that were not
/// taken.
pub struct Items<'a> {
    bytes: &'a [u8],
    /// The descriptors of one `SCM_RIGHTS` that are not taken yet.
    descriptors: &'a [u8],
}

impl<'a> Items<'a> {
    /// # Safety
    ///
    /// The first `len` bytes are what the kernel wrote for a `recvmsg`. They are decoded only here, so their
    /// descriptors belong to this iterator.
    pub(super) unsafe fn new(words: &'a [Word], len: usize) -> Items<'a> {
        debug_assert!(len <= mem::size_of_val(words));
        Items {
            // SAFETY: the words are live, each of their bytes may be read, and `len` is within them.
            bytes: unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), len) },
            descriptors: &[],
        }
    }

    /// Takes the next message off the front: its level, type and payload. A message that is cut off or has an
    /// impossible length ends the iteration.
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
                // SAFETY: the kernel has made this descriptor for this process, and it is taken out only here.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                return Some(Item::Descriptor(received(fd)));
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
