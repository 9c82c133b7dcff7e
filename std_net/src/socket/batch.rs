//! Many datagrams with one call: `recvmmsg(2)` and `sendmmsg(2)`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use std_net_runtime::message::{self, Decoded, PACKET_ROOM};

use super::{Ancillary, Received, UdpSocket};

/// A buffer for datagrams that are received with one call. It can be used again and again.
///
/// # Examples
///
/// This echo server answers all waiting datagrams with two calls:
///
/// ```
/// use std_net::socket::{RecvBatch, SendBatch, UdpSocket};
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(server.local_addr()?)?;
/// for text in ["one", "two", "three"] {
///     client.send(text.as_bytes())?;
/// }
///
/// let mut received = RecvBatch::new(32, 2048);
/// let mut answers = SendBatch::new();
/// assert_eq!(server.recv_many(&mut received)?, 3);
/// for (data, received) in received.iter() {
///     answers.push_to(data, received.from);
/// }
/// while !answers.is_empty() {
///     server.send_many(&mut answers)?;
/// }
/// assert_eq!(client.read_string(64)?, "one");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "recvmmsg")]
pub struct RecvBatch(Decoded<Received>);

impl RecvBatch {
    /// Makes a buffer for `count` datagrams (1 to 1024) of up to `size` bytes each.
    ///
    /// # Panics
    ///
    /// If there is no memory for the buffer.
    #[must_use]
    pub fn new(count: usize, size: usize) -> RecvBatch {
        RecvBatch(Decoded::new(count, size, PACKET_ROOM))
    }

    /// Returns how many datagrams the last call received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the last call received none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many datagrams the buffer has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Returns the received datagram number `index`: its bytes, and its further data.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &Received)> {
        self.0.get(index)
    }

    /// Returns the received datagrams, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Received)> {
        self.0.iter()
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Datagrams to be sent with one call. The bytes are copied into memory that is used again and again.
/// See [`RecvBatch`] for an example.
#[derive(Default)]
#[doc(alias = "sendmmsg")]
pub struct SendBatch(message::SendBatch<'static>);

impl SendBatch {
    /// Makes an empty batch.
    #[must_use]
    pub fn new() -> SendBatch {
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
        self.add(buf, None);
    }

    /// Adds a datagram to an address.
    pub fn push_to(&mut self, buf: &[u8], addr: SocketAddr) {
        self.add(buf, Some(addr));
    }

    /// Adds a datagram to an address or to the connected peer, with data beside it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an interface without a source and an address.
    pub fn push_ancillary(
        &mut self,
        buf: &[u8],
        ancillary: &Ancillary,
        addr: Option<SocketAddr>,
    ) -> io::Result<()> {
        self.0.push(buf, addr.map(Into::into), |control| {
            ancillary.write(control, addr)
        })
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

    fn add(&mut self, buf: &[u8], addr: Option<SocketAddr>) {
        // There are no data beside the bytes, so nothing can fail.
        let _ = self.0.push(buf, addr.map(Into::into), |_| Ok(()));
    }
}

impl fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// # Many datagrams at a time
impl UdpSocket {
    /// Receives the datagrams that have arrived, as many as the batch has room for. It waits only for
    /// the first. Returns how many came, at least one. Corresponds to `recvmmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_from`](Self::recv_from). After an error the batch is empty. An error that
    /// comes after the first datagram is kept for the next call.
    pub fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let io = self.socket().io();
        io.recv_decoded(&mut batch.0, 0, Received::new)
    }

    /// Like [`recv_many`](Self::recv_many), but only takes datagrams that have arrived. It never waits,
    /// whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise the errors of
    /// [`recv_many`](Self::recv_many).
    pub fn try_recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let io = self.socket().io();
        io.recv_decoded(&mut batch.0, libc::MSG_DONTWAIT, Received::new)
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
    pub fn send_many(&self, batch: &mut SendBatch) -> io::Result<usize> {
        self.socket().io().send_messages(&mut batch.0, 0)
    }

    /// Like [`send_many`](Self::send_many), but only sends the datagrams for which there is room. It
    /// never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room; otherwise the errors of
    /// [`send_many`](Self::send_many).
    pub fn try_send_many(&self, batch: &mut SendBatch) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT;
        self.socket().io().send_messages(&mut batch.0, flags)
    }
}
