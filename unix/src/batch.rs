//! Many datagrams with one call: `recvmmsg(2)` and `sendmmsg(2)`.

use std::fmt;
use std::io;

use std_net_runtime::message::{self, Decoded, unix_room};

use super::addr::to_kernel;
use super::{Ancillary, Received, SocketAddr, UnixDatagram};

/// A buffer for datagrams that are received with one call. It can be used again and again.
///
/// # Examples
///
/// ```
/// use std_net::unix::{RecvBatch, SendBatch, UnixDatagram};
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
    /// Makes a buffer for `count` datagrams (1 to 1024) of up to `size` bytes each.
    ///
    /// # Panics
    ///
    /// If there is no memory for the buffer.
    #[must_use]
    pub fn new(count: usize, size: usize) -> RecvBatch {
        RecvBatch::with_descriptors(count, size, 0)
    }

    /// Like [`new`](Self::new), with room for up to `max_descriptors` descriptors beside each datagram.
    ///
    /// # Panics
    ///
    /// If there is no memory for the buffer.
    #[must_use]
    pub fn with_descriptors(count: usize, size: usize, max_descriptors: usize) -> RecvBatch {
        RecvBatch {
            messages: Decoded::new(count, size, unix_room(max_descriptors)),
            max_descriptors,
        }
    }

    /// Returns how many datagrams the last call received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns whether the last call received none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns how many datagrams the buffer has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.messages.capacity()
    }

    /// Returns the received datagram number `index`: its bytes, and its further data.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &Received)> {
        self.messages.get(index)
    }

    /// Returns the received datagrams, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Received)> {
        self.messages.iter()
    }

    /// Like [`iter`](Self::iter), but descriptors can be taken out.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&[u8], &mut Received)> {
        self.messages.iter_mut()
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.messages, f)
    }
}

/// Datagrams to be sent with one call. The bytes are copied into memory that is used again and again.
/// The descriptors beside them are borrowed. See [`RecvBatch`] for an example.
#[derive(Default)]
#[doc(alias = "sendmmsg")]
pub struct SendBatch<'fd>(message::SendBatch<'fd>);

impl<'fd> SendBatch<'fd> {
    /// Makes an empty batch.
    #[must_use]
    pub fn new() -> SendBatch<'fd> {
        SendBatch::default()
    }

    /// Returns how many datagrams are still to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no datagrams are left to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a datagram to the connected peer.
    pub fn push(&mut self, buf: &[u8]) {
        // There are no address and no data beside the bytes, so nothing can fail.
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

    /// Adds a datagram to an address or to the connected peer, with data beside it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 253 descriptors; otherwise the errors of
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

    /// Removes the first `count` datagrams without sending them. For example, removes the one that made
    /// a send fail.
    pub fn skip(&mut self, count: usize) {
        self.0.skip(count);
    }

    /// Removes all datagrams without sending them. The memory is kept.
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

/// # Many datagrams at a time
impl UnixDatagram {
    /// Receives the datagrams that have arrived, as many as the batch has room for. It waits only for
    /// the first. Returns how many came, at least one. Corresponds to `recvmmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_from`](Self::recv_from). After an error the batch is empty. An error that
    /// comes after the first datagram is kept for the next call.
    pub fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let max = batch.max_descriptors;
        let io = self.socket().io();
        io.recv_decoded(&mut batch.messages, 0, |message, items| {
            Received::new(message, items, max)
        })
    }

    /// Like [`recv_many`](Self::recv_many), but only takes datagrams that have arrived. It never waits,
    /// whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`recv_many`](Self::recv_many).
    pub fn try_recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let max = batch.max_descriptors;
        let io = self.socket().io();
        io.recv_decoded(&mut batch.messages, libc::MSG_DONTWAIT, |message, items| {
            Received::new(message, items, max)
        })
    }

    /// Sends the datagrams of a batch in turn. It waits for room only for the first. Returns how many
    /// were sent, and removes these from the batch. The rest stays in the batch: call again until it is
    /// empty. Corresponds to `sendmmsg(2)`, which takes 1024 at a time.
    ///
    /// # Errors
    ///
    /// The errors of [`send_to`](Self::send_to). The error concerns the first datagram of the batch:
    /// nothing was sent, and all datagrams are still in the batch. [`skip`](SendBatch::skip) removes
    /// the first one.
    pub fn send_many(&self, batch: &mut SendBatch<'_>) -> io::Result<usize> {
        self.socket().io().send_messages(&mut batch.0, 0)
    }

    /// Like [`send_many`](Self::send_many), but only sends the datagrams for which there is room. It
    /// never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send_many`](Self::send_many).
    pub fn try_send_many(&self, batch: &mut SendBatch<'_>) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT;
        self.socket().io().send_messages(&mut batch.0, flags)
    }
}
