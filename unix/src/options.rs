//! The options of [`Socket`]. `builder` makes settings before a `bind`.

use std::io;

use super::Socket;

// On other systems these numbers mean other options.
/// It came with Linux 6.5. The oldest `libc` that we accept does not have it.
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
/// use std_net::unix::Socket;
///
/// let socket = Socket::datagram()?;
/// socket.set_send_buffer_size(1 << 16)?;
/// assert!(socket.send_buffer_size()? >= 1 << 16);
/// # Ok::<(), std::io::Error>(())
/// ```
impl Socket {
    /// Sets the mark of the socket. Needs `CAP_NET_ADMIN`: `SO_MARK`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_mark(&self, value: u32) -> io::Result<()> {
        self.io().sock().set_mark(value)
    }

    /// Returns the value that [`set_mark`](Self::set_mark) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn mark(&self) -> io::Result<u32> {
        self.io().sock().mark()
    }

    /// Sets whether each message comes with its sender's credentials: `SO_PASSCRED`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn set_passcred(&self, value: bool) -> io::Result<()> {
        self.io().sock().set_passcred(value)
    }

    /// Returns the value that [`set_passcred`](Self::set_passcred) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passcred(&self) -> io::Result<bool> {
        self.io().sock().passcred()
    }

    /// Sets the size of the receive buffer in bytes. The kernel doubles and limits it: `SO_RCVBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_recv_buffer_size(&self, value: usize) -> io::Result<()> {
        self.io().set_recv_buffer_size(value)
    }

    /// Returns the value that [`set_recv_buffer_size`](Self::set_recv_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.io().sock().recv_buffer_size()
    }

    /// Sets the size of the send buffer in bytes. The kernel doubles and limits it: `SO_SNDBUF`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.io().set_send_buffer_size(value)
    }

    /// Returns the value that [`set_send_buffer_size`](Self::set_send_buffer_size) sets.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.io().sock().send_buffer_size()
    }

    /// Sets whether each message comes with a descriptor for the OS process that sent it; see
    /// [`Received::pidfd`](super::Received::pidfd): `SO_PASSPIDFD`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `ENOPROTOOPT` before Linux 6.5.
    #[cfg(target_os = "linux")]
    pub fn set_passpidfd(&self, on: bool) -> io::Result<()> {
        self.io()
            .set_int_option(libc::SOL_SOCKET, SO_PASSPIDFD, on.into())
    }

    /// Returns the value that [`set_passpidfd`](Self::set_passpidfd) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passpidfd(&self) -> io::Result<bool> {
        Ok(self.io().int_option(libc::SOL_SOCKET, SO_PASSPIDFD)? != 0)
    }

    /// Sets whether peers may send descriptors. By default they may. If it is off, they get `EPERM`.
    /// Turn it off for a socket that reads without [`recv_message`](Self::recv_message), because such
    /// reads only close the descriptors: `SO_PASSRIGHTS`.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`, which is `ENOPROTOOPT` before Linux 6.16.
    #[cfg(target_os = "linux")]
    pub fn set_passrights(&self, on: bool) -> io::Result<()> {
        self.io()
            .set_int_option(libc::SOL_SOCKET, SO_PASSRIGHTS, on.into())
    }

    /// Returns the value that [`set_passrights`](Self::set_passrights) sets.
    ///
    /// This exists on Linux only.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn passrights(&self) -> io::Result<bool> {
        Ok(self.io().int_option(libc::SOL_SOCKET, SO_PASSRIGHTS)? != 0)
    }

    /// Returns the socket's type: stream, datagram, seqpacket: `SO_TYPE`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn socket_type(&self) -> io::Result<super::Type> {
        self.0.sock().r#type()
    }

    /// Returns whether the socket listens: `SO_ACCEPTCONN`.
    ///
    /// This does not exist on macOS.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(not(target_vendor = "apple"))]
    pub fn is_listener(&self) -> io::Result<bool> {
        Ok(self.0.int_option(libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0)
    }
}
