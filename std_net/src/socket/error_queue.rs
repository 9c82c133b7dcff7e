//! The error queue of a UDP socket: errors that the network reports about sent datagrams, with the host
//! that reported them. See `IP_RECVERR` in `ip(7)`. Linux only.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use std_net_runtime::message::{Control, Item, PACKET_ROOM};

use super::addr::from_kernel;
use super::{Socket, UdpSocket};

/// An error of the error queue: the datagram that it is about, and the host that reported it.
#[derive(Debug)]
#[non_exhaustive]
pub struct QueuedError {
    /// The error as a call would have returned it:
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused),
    /// [`HostUnreachable`](io::ErrorKind::HostUnreachable), `EMSGSIZE`, ...
    pub error: io::Error,
    /// Where it comes from.
    pub origin: ErrorOrigin,
    /// The host that noticed the error, with port 0: a router, or the destination itself. `None` if it
    /// was this host.
    pub reporter: Option<SocketAddr>,
    /// The address to which the datagram was sent.
    pub destination: SocketAddr,
    /// How many bytes of the datagram came back.
    pub len: usize,
    /// Further data. For `EMSGSIZE` it is the size in bytes of the largest packet that gets through.
    pub info: u32,
}

/// Where a [`QueuedError`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorOrigin {
    /// This host: `SO_EE_ORIGIN_LOCAL`.
    Local,
    /// An ICMP message (RFC 792): `SO_EE_ORIGIN_ICMP`.
    Icmp {
        /// 3 is "destination unreachable", 11 "time exceeded".
        ty: u8,
        /// The reason. For type 3, 1 is "host unreachable" and 3 is "port unreachable".
        code: u8,
    },
    /// An ICMPv6 message (RFC 4443): `SO_EE_ORIGIN_ICMP6`.
    Icmp6 {
        /// 1 is "destination unreachable", 2 "packet too big", 3 "time exceeded".
        ty: u8,
        /// The reason. For type 1, 4 is "port unreachable".
        code: u8,
    },
    /// Another origin, with the kernel's number from `linux/errqueue.h`.
    Other(u8),
}

impl fmt::Display for QueuedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}: {}", self.destination, self.error)?;
        match self.reporter {
            Some(reporter) => write!(f, ", says {}", reporter.ip()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueuedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// # The error queue
impl UdpSocket {
    /// Takes the next error out of the queue, and copies the beginning of its datagram into `buf`.
    /// Returns `None` if there is no error, and never waits. Needs
    /// [`set_recv_error`](Self::set_recv_error); with this option, errors also reach sockets that are
    /// not connected. Corresponds to `recvmsg(2)` with `MSG_ERRQUEUE`.
    ///
    /// Take all errors when a send or receive has failed. As long as some are left, every poll of the
    /// socket reports an error.
    ///
    /// # Errors
    ///
    /// The error of `recvmsg(2)`; [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std_net::socket::{ErrorOrigin, UdpSocket};
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_recv_error(true)?;
    /// // No program listens there any more.
    /// let closed = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    /// socket.send_to(b"hello?", closed)?;
    ///
    /// let mut buf = [0; 64];
    /// let error = socket.recv_from(&mut buf).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    /// let queued = socket.take_queued_error(&mut buf)?.expect("the queue has the error");
    /// assert_eq!(queued.destination, closed);
    /// assert_eq!(queued.origin, ErrorOrigin::Icmp { ty: 3, code: 3 });
    /// assert_eq!(&buf[..queued.len], b"hello?");
    /// assert!(socket.take_queued_error(&mut buf)?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "MSG_ERRQUEUE")]
    pub fn take_queued_error(&self, buf: &mut [u8]) -> io::Result<Option<QueuedError>> {
        self.socket().take_queued_error(buf)
    }
}

/// # The error queue
impl Socket {
    /// See [`UdpSocket::take_queued_error`]. This also works for ICMP, raw and TCP sockets, as far as
    /// the kernel has such a queue for them.
    ///
    /// # Errors
    ///
    /// The errors of [`UdpSocket::take_queued_error`].
    pub fn take_queued_error(&self, buf: &mut [u8]) -> io::Result<Option<QueuedError>> {
        let mut room = [0; PACKET_ROOM];
        let mut control = Control::new(&mut room);
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        let received = self
            .io()
            .recv_message(&mut [IoSliceMut::new(buf)], &mut control, flags);
        let message = match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        };
        let error = control.items().find_map(|item| match item {
            Item::Error(error, reporter) => Some((error, reporter)),
            _ => None,
        });
        let Some((error, reporter)) = error else {
            // The queue returned a message without an error item.
            return Err(io::ErrorKind::InvalidData.into());
        };
        Ok(Some(QueuedError {
            error: io::Error::from_raw_os_error(error.ee_errno.cast_signed()),
            origin: match (error.ee_origin, error.ee_type, error.ee_code) {
                (libc::SO_EE_ORIGIN_LOCAL, ..) => ErrorOrigin::Local,
                (libc::SO_EE_ORIGIN_ICMP, ty, code) => ErrorOrigin::Icmp { ty, code },
                (libc::SO_EE_ORIGIN_ICMP6, ty, code) => ErrorOrigin::Icmp6 { ty, code },
                (other, ..) => ErrorOrigin::Other(other),
            },
            // The address has no family if no other host noticed the error.
            reporter: reporter.as_socket(),
            destination: from_kernel(message.addr)?,
            len: message.len,
            info: error.ee_info,
        }))
    }
}
