//! The options of [`Socket`]. Not how they are set before a `bind`; see `builder`.

use std::io;

use super::Socket;

/// A getter and a setter that are socket2's. The setter's text names the option.
macro_rules! options {
    ($($(#[$attr:meta])* $get:ident, $set:ident($type:ty) => $inner_get:ident, $inner_set:ident;
    )*) => {$(
        $(#[$attr])*
        ///
        /// # Errors
        ///
        /// The error of `setsockopt(2)`.
        pub fn $set(&self, value: $type) -> io::Result<()> {
            self.0.sock().$inner_set(value)
        }

        #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") sets.")]
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn $get(&self) -> io::Result<$type> {
            self.0.sock().$inner_get()
        }
    )*};
}

/// # Options (`SOL_SOCKET`)
///
/// Each getter and setter is one system call; see `unix(7)` and `socket(7)`.
///
/// ```
/// use std_net_unix::Socket;
///
/// let socket = Socket::datagram()?;
/// socket.set_passcred(true)?;
/// assert!(socket.passcred()?);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    options! {
        /// The mark of the socket; needs `CAP_NET_ADMIN`: `SO_MARK`.
        mark, set_mark(u32) => mark, set_mark;
        /// Whether each message comes with its sender's credentials: `SO_PASSCRED`.
        passcred, set_passcred(bool) => passcred, set_passcred;
        /// The size of the receive buffer in bytes; the kernel doubles and limits it: `SO_RCVBUF`.
        recv_buffer_size, set_recv_buffer_size(usize) => recv_buffer_size, set_recv_buffer_size;
        /// The size of the send buffer in bytes; the kernel doubles and limits it: `SO_SNDBUF`.
        send_buffer_size, set_send_buffer_size(usize) => send_buffer_size, set_send_buffer_size;
    }

    /// The socket's type: stream, datagram, seqpacket: `SO_TYPE`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn socket_type(&self) -> io::Result<super::Type> {
        self.0.sock().r#type()
    }

    /// Whether it listens: `SO_ACCEPTCONN`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn is_listener(&self) -> io::Result<bool> {
        self.0.sock().is_listener()
    }
}
