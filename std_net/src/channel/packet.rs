//! Datagrams as packets: an iterator of (data, sender), and a pair of channel ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::TooLong;
use crate::socket::UdpSocket;
use crate::unix::{self, UnixDatagram};

/// The longest packet in bytes that is received, unless the user sets another limit. No UDP packet is
/// longer.
const LIMIT: usize = 65_536;

mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::socket::UdpSocket {}
    impl Sealed for crate::unix::UnixDatagram {}
}

/// A datagram socket: [`UdpSocket`], [`UnixDatagram`]. Sealed.
///
/// # Examples
///
/// ```
/// use std_net::channel::Packets;
/// use std_net::process;
/// use std_net::socket::UdpSocket;
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let address = socket.local_addr()?;
/// // Sends three packets back to where they came from.
/// let echo = process::spawn(move || -> std::io::Result<()> {
///     let (incoming, outgoing) = socket.into_packet_channels();
///     for packet in incoming.take(3) {
///         let (data, sender) = packet?;
///         outgoing.send(&data, &sender)?;
///     }
///     Ok(())
/// });
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// for text in ["one", "", "three"] {
///     client.send_to(text.as_bytes(), address)?;
///     let (data, sender) = client.packets().next().unwrap()?;
///     assert_eq!((data, sender), (text.into(), address));
/// }
/// echo.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Packets: sealed::Sealed + Sized {
    /// The type of its addresses.
    type Addr;

    /// Receives a packet into `buf`, and returns its length and its sender. Bytes that do not fit are
    /// lost.
    ///
    /// # Errors
    ///
    /// The errors of the socket's `recv_from`.
    fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, Self::Addr)>;

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// The errors of the socket's `send_to`.
    fn transmit(&self, data: &[u8], to: &Self::Addr) -> io::Result<()>;

    /// Returns an iterator over the packets and their senders. It waits for each packet and never ends
    /// by itself. An error (past the deadline, or caused by an earlier packet) is an item.
    fn packets(&self) -> Incoming<'_, Self> {
        Incoming {
            socket: self,
            buffer: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Splits the socket into two ends, which may go to different processes. The socket is closed when
    /// both are gone.
    fn into_packet_channels(self) -> (PacketReceiver<Self>, PacketSender<Self>) {
        let socket = Arc::new(self);
        let receiver = PacketReceiver {
            socket: Arc::clone(&socket),
            buffer: Vec::new(),
            limit: LIMIT,
        };
        (receiver, PacketSender { socket })
    }
}

impl Packets for UdpSocket {
    type Addr = SocketAddr;

    fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from(buf)
    }

    fn transmit(&self, data: &[u8], to: &SocketAddr) -> io::Result<()> {
        self.send_to(data, to).map(drop)
    }
}

impl Packets for UnixDatagram {
    type Addr = unix::SocketAddr;

    fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, unix::SocketAddr)> {
        self.recv_from(buf)
    }

    fn transmit(&self, data: &[u8], to: &unix::SocketAddr) -> io::Result<()> {
        self.send_to_addr(data, to).map(drop)
    }
}

/// The packets that come to a socket, from [`Packets::packets`].
pub struct Incoming<'a, S: Packets> {
    socket: &'a S,
    buffer: Vec<u8>,
    limit: usize,
}

/// The receiving end of a datagram socket. It is an iterator of (data, sender).
#[doc(alias = "incoming")]
pub struct PacketReceiver<S: Packets> {
    socket: Arc<S>,
    buffer: Vec<u8>,
    limit: usize,
}

/// The sending end of a datagram socket. Its clones send through the same socket.
#[doc(alias = "outgoing")]
pub struct PacketSender<S: Packets> {
    socket: Arc<S>,
}

impl<S: Packets> Incoming<'_, S> {
    /// Sets the longest packet that is received, in bytes. The default is 65,536, which no UDP packet
    /// exceeds. A longer packet is lost, and the item is the error
    /// [`InvalidData`](io::ErrorKind::InvalidData) with [`TooLong`] inside.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

impl<S: Packets> PacketReceiver<S> {
    /// Like [`Incoming::limit`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the socket, for its address, options and deadline.
    #[must_use]
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// Receives the next packet and its sender.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) with [`TooLong`] inside for a packet above the
    /// limit, which is lost; otherwise the errors of the socket's `recv_from`.
    pub fn recv(&mut self) -> io::Result<(Vec<u8>, S::Addr)> {
        receive(&*self.socket, &mut self.buffer, self.limit)
    }
}

impl<S: Packets> PacketSender<S> {
    /// Returns the socket.
    #[must_use]
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// The errors of the socket's `send_to`.
    pub fn send(&self, data: &[u8], to: &S::Addr) -> io::Result<()> {
        self.socket.transmit(data, to)
    }
}

impl<S: Packets> Iterator for Incoming<'_, S> {
    type Item = io::Result<(Vec<u8>, S::Addr)>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(receive(self.socket, &mut self.buffer, self.limit))
    }
}

impl<S: Packets> Iterator for PacketReceiver<S> {
    type Item = io::Result<(Vec<u8>, S::Addr)>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.recv())
    }
}

impl<S: Packets> Clone for PacketSender<S> {
    fn clone(&self) -> Self {
        PacketSender {
            socket: Arc::clone(&self.socket),
        }
    }
}

impl<S: Packets> fmt::Debug for Incoming<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Incoming", self.limit, f)
    }
}

impl<S: Packets> fmt::Debug for PacketReceiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("PacketReceiver", self.limit, f)
    }
}

impl<S: Packets> fmt::Debug for PacketSender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketSender").finish_non_exhaustive()
    }
}

fn debug(name: &str, limit: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("limit", &limit)
        .finish_non_exhaustive()
}

fn receive<S: Packets>(
    socket: &S,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<(Vec<u8>, S::Addr)> {
    // One byte more than the limit: it shows that a packet was cut off.
    buffer.resize(limit.saturating_add(1), 0);
    let (n, from) = socket.receive(buffer)?;
    if n > limit {
        return Err(TooLong { limit }.into());
    }
    Ok((buffer[..n].to_vec(), from))
}
