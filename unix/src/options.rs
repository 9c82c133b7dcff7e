//! The options of [`Socket`]. Not how they are set before a `bind`; see `builder`.

use std::io;

use super::Socket;

// These numbers mean other options elsewhere.
/// Linux 6.5; newer than the oldest `libc` we take.
#[cfg(target_os = "linux")]
const SO_PASSPIDFD: libc::c_int = 76;
/// Linux 6.16.
#[cfg(target_os = "linux")]
const SO_PASSRIGHTS: libc::c_int = 83;

/// # Options (`SOL_SOCKET`)
///
/// Each getter and setter is one system call; see `unix(7)` and `socket(7)`.
///
/// ```
/// use std_net_unix::Socket;
///
/// let socket = Socket::datagram()?;
/// socket.set_send_buffer_size(1 << 16)?;
/// assert!(socket.send_buffer_size()? >= 1 << 16);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    /// The mark of the socket; needs `CAP_NET_ADMIN`: `SO_MARK`.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_mark(&self, value: u32) -> io::Result<()> {
        self.io().sock().set_mark(value)
    }

    /// What [`set_mark`](Self::set_mark) sets.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn mark(&self) -> io::Result<u32> {
        self.io().sock().mark()
    }

    /// Whether each message comes with its sender's credentials: `SO_PASSCRED`.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_passcred(&self, value: bool) -> io::Result<()> {
        self.io().sock().set_passcred(value)
    }

    /// What [`set_passcred`](Self::set_passcred) sets.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passcred(&self) -> io::Result<bool> {
        self.io().sock().passcred()
    }

    /// The size of the receive buffer in bytes; the kernel doubles and limits it: `SO_RCVBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_buffer_size(&self, value: usize) -> io::Result<()> {
        self.io().set_recv_buffer_size(value)
    }

    /// What [`set_recv_buffer_size`](Self::set_recv_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.io().sock().recv_buffer_size()
    }

    /// The size of the send buffer in bytes; the kernel doubles and limits it: `SO_SNDBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.io().set_send_buffer_size(value)
    }

    /// What [`set_send_buffer_size`](Self::set_send_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.io().sock().send_buffer_size()
    }

    /// Whether each message comes with a descriptor for the OS process that sent it; see
    /// [`Received::pidfd`](super::Received::pidfd): `SO_PASSPIDFD`.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `ENOPROTOOPT` before Linux 6.5.
    #[cfg(target_os = "linux")]
    pub fn set_passpidfd(&self, on: bool) -> io::Result<()> {
        self.io()
            .set_int_option(libc::SOL_SOCKET, SO_PASSPIDFD, on.into())
    }

    /// What [`set_passpidfd`](Self::set_passpidfd) sets.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passpidfd(&self) -> io::Result<bool> {
        Ok(self.io().int_option(libc::SOL_SOCKET, SO_PASSPIDFD)? != 0)
    }

    /// Whether peers may send descriptors; they may unless this says no, and then get `EPERM`. For a
    /// socket that reads without [`recv_message`](Self::recv_message), and would only close them:
    /// `SO_PASSRIGHTS`.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`: `ENOPROTOOPT` before Linux 6.16.
    #[cfg(target_os = "linux")]
    pub fn set_passrights(&self, on: bool) -> io::Result<()> {
        self.io()
            .set_int_option(libc::SOL_SOCKET, SO_PASSRIGHTS, on.into())
    }

    /// What [`set_passrights`](Self::set_passrights) sets.
    ///
    /// Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passrights(&self) -> io::Result<bool> {
        Ok(self.io().int_option(libc::SOL_SOCKET, SO_PASSRIGHTS)? != 0)
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
    /// Not on macOS.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(not(target_vendor = "apple"))]
    pub fn is_listener(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0)
    }
}
