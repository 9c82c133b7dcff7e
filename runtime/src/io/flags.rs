//! The flags of `recv(2)` and `send(2)` that a caller may choose.
//!
//! They are a closed set. Flags that would bypass the wait are not among them: `MSG_WAITALL` stands for
//! `read_exact`, `MSG_ERRQUEUE` has a call of its own, and `MSG_NOSIGNAL` is always set.

use std::ops::{BitOr, BitOrAssign};

use libc::c_int;

/// How a low-level socket receives: the flags of `recv(2)`. Combine them with `|`.
///
/// [`RecvFlags::default`] has none of them. There is no `MSG_WAITALL`: `read_exact` of a stream does that,
/// with deadlines.
///
/// # Examples
///
/// ```
/// use std_net::socket::{RecvFlags, UdpSocket};
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// socket.send_to(b"a long message", socket.local_addr()?)?;
/// // How long is the message? It stays in the queue.
/// let flags = RecvFlags::PEEK | RecvFlags::TRUNCATE;
/// assert_eq!(socket.socket().recv_with_flags(&mut [], flags)?, 14);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecvFlags(c_int);

impl RecvFlags {
    /// The data stay in the queue. Corresponds to `MSG_PEEK`.
    pub const PEEK: RecvFlags = RecvFlags(libc::MSG_PEEK);
    /// For a datagram, the result is the length of the whole message, even if the buffer is shorter. For
    /// TCP, Linux throws the bytes away instead of copying them. Corresponds to `MSG_TRUNC`.
    #[cfg(target_os = "linux")]
    pub const TRUNCATE: RecvFlags = RecvFlags(libc::MSG_TRUNC);
    /// The urgent byte of a stream. Such a call never waits. Corresponds to `MSG_OOB`.
    pub const OUT_OF_BAND: RecvFlags = RecvFlags(libc::MSG_OOB | libc::MSG_DONTWAIT);
    /// The call never waits: [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is nothing. Corresponds
    /// to `MSG_DONTWAIT`.
    pub const DONT_WAIT: RecvFlags = RecvFlags(libc::MSG_DONTWAIT);

    /// Whether all flags of `other` are set.
    #[must_use]
    pub fn contains(self, other: RecvFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags as the system has them.
    #[must_use]
    pub fn bits(self) -> c_int {
        self.0
    }
}

impl BitOr for RecvFlags {
    type Output = RecvFlags;

    fn bitor(self, other: RecvFlags) -> RecvFlags {
        RecvFlags(self.0 | other.0)
    }
}

impl BitOrAssign for RecvFlags {
    fn bitor_assign(&mut self, other: RecvFlags) {
        self.0 |= other.0;
    }
}

/// How a low-level socket sends: the flags of `send(2)`. Combine them with `|`.
///
/// [`SendFlags::default`] has none of them. `SIGPIPE` is never raised, whatever the flags.
///
/// # Examples
///
/// ```
/// use std::io::Read;
/// use std_net::socket::{SendFlags, TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// // The header waits for the body, and both go out in one segment.
/// # #[cfg(target_os = "linux")]
/// stream.socket().send_with_flags(b"header ", SendFlags::MORE)?;
/// # #[cfg(not(target_os = "linux"))]
/// # stream.socket().send_with_flags(b"header ", SendFlags::default())?;
/// stream.socket().send_with_flags(b"body", SendFlags::default())?;
/// drop(stream);
/// let mut text = String::new();
/// listener.accept()?.0.read_to_string(&mut text)?;
/// assert_eq!(text, "header body");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SendFlags(c_int);

impl SendFlags {
    /// More data follow: TCP keeps back a segment that is not full, and UDP collects one datagram.
    /// Corresponds to `MSG_MORE`; see `TCP_CORK` in `tcp(7)` and `UDP_CORK` in `udp(7)`.
    #[cfg(target_os = "linux")]
    pub const MORE: SendFlags = SendFlags(libc::MSG_MORE);
    /// The peer has answered lately, so its link-layer address need not be asked for again. Of datagrams
    /// and raw sockets. Corresponds to `MSG_CONFIRM`.
    #[cfg(target_os = "linux")]
    pub const CONFIRM: SendFlags = SendFlags(libc::MSG_CONFIRM);
    /// No gateway: only to hosts of networks that this machine is in. Corresponds to `MSG_DONTROUTE`.
    pub const DONT_ROUTE: SendFlags = SendFlags(libc::MSG_DONTROUTE);
    /// The last byte is urgent. Corresponds to `MSG_OOB`.
    pub const OUT_OF_BAND: SendFlags = SendFlags(libc::MSG_OOB);
    /// These data end a record, where the protocol has records (`SOCK_SEQPACKET`). Corresponds to `MSG_EOR`.
    pub const END_OF_RECORD: SendFlags = SendFlags(libc::MSG_EOR);
    /// The call never waits: [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is no room. Corresponds
    /// to `MSG_DONTWAIT`.
    pub const DONT_WAIT: SendFlags = SendFlags(libc::MSG_DONTWAIT);

    /// Whether all flags of `other` are set.
    #[must_use]
    pub fn contains(self, other: SendFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags as the system has them.
    #[must_use]
    pub fn bits(self) -> c_int {
        self.0
    }
}

impl BitOr for SendFlags {
    type Output = SendFlags;

    fn bitor(self, other: SendFlags) -> SendFlags {
        SendFlags(self.0 | other.0)
    }
}

impl BitOrAssign for SendFlags {
    fn bitor_assign(&mut self, other: SendFlags) {
        self.0 |= other.0;
    }
}
