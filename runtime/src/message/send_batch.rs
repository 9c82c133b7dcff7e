//! Several messages that one call sends.

use std::fmt;
use std::io;
use std::ptr;

use socket2::SockAddr;

use super::encode::{Outgoing, attach};
use super::set_name;
use crate::io::{MAX_IOV, empty_msghdr};
use crate::sys::mmsg::Header;

/// Messages to send, copied into memory that is used many times. It borrows the descriptors in the ancillary data.
#[derive(Default)]
pub struct SendBatch<'fd> {
    data: Vec<u8>,
    control: Outgoing<'fd>,
    messages: Vec<Pending>,
    /// How many of the messages were sent already.
    sent: usize,
    bufs: Vec<libc::iovec>,
    headers: Vec<Header>,
}

/// Where a message ends in each vector of its batch. It begins where the message before it ends.
struct Pending {
    data_end: usize,
    control_end: usize,
    addr: Option<SockAddr>,
}

// SAFETY: `prepare` sets the pointers in `bufs` and `headers` while it has exclusive access to the batch. They are used
// only while that borrow lasts. Nothing else makes the type !Send.
unsafe impl Send for SendBatch<'_> {}
// SAFETY: shared access never follows these pointers.
unsafe impl Sync for SendBatch<'_> {}

impl<'fd> SendBatch<'fd> {
    /// Makes an empty batch.
    #[must_use]
    pub fn new() -> SendBatch<'fd> {
        SendBatch::default()
    }

    /// How many messages are still to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len() - self.sent
    }

    /// Whether no message is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a message to an address, or to the connected peer. `beside` writes its ancillary data. If it fails, nothing
    /// is added.
    ///
    /// # Errors
    ///
    /// The error of `beside`.
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

    /// How many bytes the first `count` messages have.
    pub(super) fn bytes_of_next(&self, count: usize) -> usize {
        let end = |count: usize| match count.checked_sub(1) {
            Some(last) => self.messages[last].data_end,
            None => 0,
        };
        end(self.sent + count) - end(self.sent)
    }

    /// Takes the first `count` messages out of the batch without sending them.
    pub fn skip(&mut self, count: usize) {
        self.sent += count.min(self.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Takes all messages out without sending them, and keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.control.words.clear();
        self.messages.clear();
        self.sent = 0;
    }

    /// Makes headers that point to the messages still to be sent, at most as many as one call takes.
    pub(super) fn prepare(&mut self) -> &mut [Header] {
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
                let mut header = Header {
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
