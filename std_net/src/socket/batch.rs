//! Many datagrams with one call: `recvmmsg(2)` and `sendmmsg(2)`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use std_net_runtime::message::{self, Decoded, PACKET_ROOM};

use super::{Ancillary, Received, UdpSocket};

/// Room for datagrams that are received with one call, used again and again.
///
/// # Examples
///
/// An echo server that answers as many as there are with two calls:
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
    /// Room for `count` datagrams (1 to 1024) of up to `size` bytes each.
    ///
    /// # Panics
    ///
    /// If the memory for it cannot be had.
    #[must_use]
    pub fn new(count: usize, size: usize) -> RecvBatch {
        RecvBatch(Decoded::new(count, size, PACKET_ROOM))
    }

    /// How many datagrams came with the last call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many datagrams there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Datagram `index` of those that came: its bytes, and what is known of it.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &Received)> {
        self.0.get(index)
    }

    /// The datagrams that came, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Received)> {
        self.0.iter()
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Datagrams to be sent with one call; the bytes are copied into memory that is used again and again.
/// See [`RecvBatch`] for an example.
#[derive(Default)]
#[doc(alias = "sendmmsg")]
pub struct SendBatch(message::SendBatch<'static>);

impl SendBatch {
    /// None.
    #[must_use]
    pub fn new() -> SendBatch {
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
        self.add(buf, None);
    }

    /// Adds a datagram to an address.
    pub fn push_to(&mut self, buf: &[u8], addr: SocketAddr) {
        self.add(buf, Some(addr));
    }

    /// Adds a datagram to an address or to the connected peer, with something beside it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an interface alone: without a source and an
    /// address.
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

    /// Takes the first `count` out unsent: the one that a send has failed with, for one.
    pub fn skip(&mut self, count: usize) {
        self.0.skip(count);
    }

    /// Takes all out unsent; the memory is kept.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, buf: &[u8], addr: Option<SocketAddr>) {
        // Nothing beside it, so nothing that could fail.
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

/// # Many at a time
impl UdpSocket {
    /// Receives as many datagrams as there are and the batch has room for, and waits for the first only;
    /// returns how many came, which is at least one. Corresponds to `recvmmsg(2)`.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from). The batch is empty then. An error after the first datagram
    /// is left for the next call.
    pub fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let io = self.socket().io();
        io.recv_decoded(&mut batch.0, 0, Received::new)
    }

    /// The same with what is there already; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`recv_many`](Self::recv_many).
    pub fn try_recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let io = self.socket().io();
        io.recv_decoded(&mut batch.0, libc::MSG_DONTWAIT, Received::new)
    }

    /// Sends the datagrams of a batch in turn, waiting for room for the first only; returns how many
    /// were sent. They are out of the batch then, and the others, if there are, still in it: call again
    /// until it is empty. Corresponds to `sendmmsg(2)`, which takes 1024 at a time.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and it is the first datagram of the batch that could not be sent;
    /// nothing was, and all are still in it. [`skip`](SendBatch::skip) takes that one out.
    pub fn send_many(&self, batch: &mut SendBatch) -> io::Result<usize> {
        self.socket().io().send_messages(&mut batch.0, 0)
    }

    /// The same with as many as there is room for already; never waits, whatever the mode.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; otherwise as
    /// [`send_many`](Self::send_many).
    pub fn try_send_many(&self, batch: &mut SendBatch) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT;
        self.socket().io().send_messages(&mut batch.0, flags)
    }
}
