//! Many datagrams with one call: `recvmmsg(2)` and `sendmmsg(2)`.

use std::fmt;
use std::io;

use std_net_runtime::message::{self, Decoded, unix_room};

use super::addr::to_kernel;
use super::{Ancillary, Received, SocketAddr, UnixDatagram};

/// Room for datagrams that are received with one call, used again and again.
///
/// # Examples
///
/// ```
/// use std_net_unix::{RecvBatch, SendBatch, UnixDatagram};
///
/// let (a, b) = UnixDatagram::pair()?;
/// let mut sent = SendBatch::new();
/// for text in ["one", "two", "three"] {
///     sent.push(text.as_bytes());
/// }
/// while !sent.is_empty() {
///     a.send_many(&mut sent)?;
/// }
/// let mut received = RecvBatch::new(32, 2048);
/// assert_eq!(b.recv_many(&mut received)?, 3);
/// let texts: Vec<&[u8]> = received.iter().map(|(data, _)| data).collect();
/// assert_eq!(texts, [&b"one"[..], b"two", b"three"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "recvmmsg")]
pub struct RecvBatch {
    messages: Decoded<Received>,
    max_descriptors: usize,
}

impl RecvBatch {
    /// Room for `count` datagrams (1 to 1024) of up to `size` bytes each.
    ///
    /// # Panics
    ///
    /// If the memory for it cannot be had.
    #[must_use]
    pub fn new(count: usize, size: usize) -> RecvBatch {
        RecvBatch::with_descriptors(count, size, 0)
    }

    /// The same, with up to `max_descriptors` descriptors beside each.
    ///
    /// # Panics
    ///
    /// If the memory for it cannot be had.
    #[must_use]
    pub fn with_descriptors(count: usize, size: usize, max_descriptors: usize) -> RecvBatch {
        RecvBatch {
            messages: Decoded::new(count, size, unix_room(max_descriptors)),
            max_descriptors,
        }
    }

    /// How many datagrams came with the last call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many datagrams there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.messages.capacity()
    }

    /// Datagram `index` of those that came: its bytes, and what is known of it.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &Received)> {
        self.messages.get(index)
    }

    /// The datagrams that came, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Received)> {
        self.messages.iter()
    }

    /// The same, to take descriptors out.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&[u8], &mut Received)> {
        self.messages.iter_mut()
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.messages, f)
    }
}

/// Datagrams to be sent with one call; the bytes are copied into memory that is used again and again.
/// Borrows the descriptors beside them. See [`RecvBatch`] for an example.
#[derive(Default)]
#[doc(alias = "sendmmsg")]
pub struct SendBatch<'fd>(message::SendBatch<'fd>);

impl<'fd> SendBatch<'fd> {
    /// None.
    #[must_use]
    pub fn new() -> SendBatch<'fd> {
        SendBatch::default()
    }

    /// How many datagrams are still to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a datagram to the connected peer.
    pub fn push(&mut self, buf: &[u8]) {
        // No address and nothing beside it, so nothing that could fail.
        let _ = self.0.push(buf, None, |_| Ok(()));
    }

    /// Adds a datagram to an address.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the address is too long for the kernel.
    pub fn push_to(&mut self, buf: &[u8], addr: &SocketAddr) -> io::Result<()> {
        self.push_ancillary(buf, &Ancillary::new(), Some(addr))
    }

    /// Adds a datagram to an address or to the connected peer, with something beside it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 253 descriptors; otherwise as
    /// [`push_to`](Self::push_to).
    pub fn push_ancillary(
        &mut self,
        buf: &[u8],
        ancillary: &Ancillary<'fd>,
        addr: Option<&SocketAddr>,
    ) -> io::Result<()> {
        let addr = addr.map(to_kernel).transpose()?;
        self.0.push(buf, addr, |control| ancillary.write(control))
    }

    /// Takes the first `count` out unsent: the one that a send has failed with, for one.
    pub fn skip(&mut self, count: usize) {
        self.0.skip(count);
    }

    /// Takes all out unsent; the memory is kept.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl fmt::Debug for SendBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// # Many at a time
impl UnixDatagram {
    /// Receives as many datagrams as there are and the batch has room for, and waits for the first only;
    /// returns how many came, which is at least one. Corresponds to `recvmmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from). The batch is empty then. An error after the first datagram
    /// is left for the next call.
    pub fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let max = batch.max_descriptors;
        let io = self.socket().io();
        io.recv_decoded(&mut batch.messages, 0, |message, items| {
            Received::new(message, items, max)
        })
    }

    /// The same with what is there already; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`recv_many`](Self::recv_many).
    pub fn try_recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let max = batch.max_descriptors;
        let io = self.socket().io();
        io.recv_decoded(&mut batch.messages, libc::MSG_DONTWAIT, |message, items| {
            Received::new(message, items, max)
        })
    }

    /// Sends the datagrams of a batch in turn, waiting for room for the first only; returns how many
    /// were sent. They are out of the batch then, and the others, if there are, still in it: call again
    /// until it is empty. Corresponds to `sendmmsg(2)`, which takes 1024 at a time.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and it is the first datagram of the batch that could not be sent;
    /// nothing was, and all are still in it. [`skip`](SendBatch::skip) takes that one out.
    pub fn send_many(&self, batch: &mut SendBatch<'_>) -> io::Result<usize> {
        self.socket().io().send_messages(&mut batch.0, 0)
    }

    /// The same with as many as there is room for already; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`send_many`](Self::send_many).
    pub fn try_send_many(&self, batch: &mut SendBatch<'_>) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT;
        self.socket().io().send_messages(&mut batch.0, flags)
    }
}
