//! [`Deadlines`]: the deadline methods that all sockets have, for generic code.

use std::time::Instant;

use crate::Deadline;
use crate::socket::{Socket, TcpListener, TcpStream, UdpSocket};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;
use crate::unix::{self, UnixDatagram, UnixListener, UnixStream};
#[cfg(not(target_vendor = "apple"))]
use crate::unix::{UnixSeqpacket, UnixSeqpacketListener};

/// A type that can have a deadline: every socket, and the connections of TLS. Each type also has these
/// methods itself; the trait is for code that takes any of the types.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use std_net::Deadlines;
/// use std_net::socket::UdpSocket;
/// use std_net::unix::UnixDatagram;
///
/// /// Does something that may wait, but for a second at most.
/// fn briefly<S: Deadlines, T>(socket: &S, what: impl FnOnce(&S) -> io::Result<T>) -> io::Result<T> {
///     let before = socket.deadline();
///     socket.set_deadline(Duration::from_secs(1).into());
///     let result = what(socket);
///     socket.set_deadline(before.into());
///     result
/// }
///
/// let udp = UdpSocket::bind("127.0.0.1:0")?;
/// udp.send_to(b"x", udp.local_addr()?)?;
/// assert_eq!(briefly(&udp, |udp| udp.recv(&mut [0; 8]))?, 1);
/// let (a, b) = UnixDatagram::pair()?;
/// a.send(b"xy")?;
/// assert_eq!(briefly(&b, |b| b.recv(&mut [0; 8]))?, 2);
/// assert_eq!(b.deadline(), None);
/// # Ok::<(), io::Error>(())
/// ```
pub trait Deadlines {
    /// Sets the deadline. After it, every operation that has not ended fails with
    /// [`TimedOut`](std::io::ErrorKind::TimedOut).
    fn set_deadline(&self, deadline: Deadline);

    /// Returns the deadline as an instant.
    fn deadline(&self) -> Option<Instant>;

    /// Removes the deadline.
    fn reset_deadline(&self) {
        self.set_deadline(Deadline::NEVER);
    }
}

macro_rules! have_deadlines {
    ($($type:ty),* $(,)?) => {$(
        impl Deadlines for $type {
            fn set_deadline(&self, deadline: Deadline) {
                <$type>::set_deadline(self, deadline);
            }

            fn deadline(&self) -> Option<Instant> {
                <$type>::deadline(self)
            }
        }
    )*};
}

have_deadlines!(
    Socket,
    TcpListener,
    TcpStream,
    UdpSocket,
    unix::Socket,
    UnixDatagram,
    UnixListener,
    UnixStream,
);

#[cfg(not(target_vendor = "apple"))]
have_deadlines!(UnixSeqpacket, UnixSeqpacketListener);

#[cfg(feature = "tls")]
impl<S: crate::channel::Connected> Deadlines for TlsStream<S> {
    fn set_deadline(&self, deadline: Deadline) {
        TlsStream::set_deadline(self, deadline);
    }

    fn deadline(&self) -> Option<Instant> {
        TlsStream::deadline(self)
    }
}
