//! Datagrams as packets: an iterator of (data, sender), and a pair of channel ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::TooLong;
use crate::socket::UdpSocket;
use crate::unix::{self, UnixDatagram};

/// The longest packet that is received, in bytes, unless something else is said: more than UDP has.
const LIMIT: usize = 65_536;

mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::socket::UdpSocket {}
    impl Sealed for crate::unix::UnixDatagram {}
}

/// A socket of datagrams: [`UdpSocket`], [`UnixDatagram`]. Sealed.
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
    /// What its addresses are.
    type Addr;

    /// Receives a packet into `buf` and returns its length and its sender; what does not fit is lost.
    ///
    /// # Errors
    ///
    /// As the socket's `recv_from`.
    fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, Self::Addr)>;

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// As the socket's `send_to`.
    fn transmit(&self, data: &[u8], to: &Self::Addr) -> io::Result<()>;

    /// The packets to come, each with its sender, as an iterator that waits for the next and never
    /// ends by itself. An error (of a deadline, of an earlier packet) is an item.
    fn packets(&self) -> Incoming<'_, Self> {
        Incoming {
            socket: self,
            buffer: Vec::new(),
            limit: LIMIT,
        }
    }

    /// The two ends of the socket, which may go to different processes. It is closed when both are
    /// gone.
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

/// The packets that come to a socket, by [`Packets::packets`].
pub struct Incoming<'a, S: Packets> {
    socket: &'a S,
    buffer: Vec<u8>,
    limit: usize,
}

/// The end of a socket of datagrams that receives: an iterator of (data, sender).
#[doc(alias = "incoming")]
pub struct PacketReceiver<S: Packets> {
    socket: Arc<S>,
    buffer: Vec<u8>,
    limit: usize,
}

/// The end of a socket of datagrams that sends. Its clones send by the same socket.
#[doc(alias = "outgoing")]
pub struct PacketSender<S: Packets> {
    socket: Arc<S>,
}

impl<S: Packets> Incoming<'_, S> {
    /// Takes packets of up to `limit` bytes; by default 65,536, which no UDP packet exceeds. One that
    /// is longer is lost and an error: [`InvalidData`](io::ErrorKind::InvalidData) with
    /// [`TooLong`] inside.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

impl<S: Packets> PacketReceiver<S> {
    /// As [`Incoming::limit`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The socket, for its address, options and deadline.
    #[must_use]
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// Receives the next packet and its sender.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) with [`TooLong`] inside for a packet above the
    /// limit, which is lost; otherwise as the socket's `recv_from`.
    pub fn recv(&mut self) -> io::Result<(Vec<u8>, S::Addr)> {
        receive(&*self.socket, &mut self.buffer, self.limit)
    }
}

impl<S: Packets> PacketSender<S> {
    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// As the socket's `send_to`.
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
    // One more, by which a packet that is cut off shows.
    buffer.resize(limit.saturating_add(1), 0);
    let (n, from) = socket.receive(buffer)?;
    if n > limit {
        return Err(TooLong { limit }.into());
    }
    Ok((buffer[..n].to_vec(), from))
}
