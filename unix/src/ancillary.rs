//! Data that go beside the bytes, as types: descriptors, credentials, a pidfd. `runtime` writes and
//! reads the control messages.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use std_net_runtime::Io;
use std_net_runtime::message::{self, Control, Item, Items, MAX_DESCRIPTORS, Outgoing, unix_room};

#[cfg(target_os = "linux")]
use super::UCred;
#[cfg(not(target_vendor = "apple"))]
use super::UnixSeqpacket;
use super::addr::{from_kernel, to_kernel};
use super::{Socket, SocketAddr, Type, UnixDatagram, UnixStream};

/// Data to send beside the bytes of a message: descriptors, which the receiver gets as copies, and
/// credentials.
///
/// # Examples
///
/// This program sends a file to the other end:
///
/// ```
/// use std::fs::File;
/// use std::io::Read;
/// use std_net::unix::{Ancillary, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let file = File::open("/proc/self/comm")?;
/// a.send_ancillary(b"a file", &Ancillary::new().descriptor(&file))?;
///
/// let mut buf = [0; 16];
/// let mut received = b.recv_ancillary(&mut buf, 1)?;
/// assert_eq!(&buf[..received.len], b"a file");
/// let mut file = File::from(received.descriptors.remove(0));
/// assert!(file.read(&mut buf)? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "SocketAncillary")]
#[doc(alias = "SCM_RIGHTS")]
#[doc(alias = "SCM_CREDENTIALS")]
#[must_use = "it does nothing until it is sent"]
pub struct Ancillary<'fd> {
    descriptors: Vec<BorrowedFd<'fd>>,
    #[cfg(target_os = "linux")]
    credentials: Option<UCred>,
}

impl<'fd> Ancillary<'fd> {
    /// Makes an `Ancillary` that is empty.
    pub fn new() -> Ancillary<'fd> {
        Ancillary::default()
    }

    /// Adds a descriptor: `SCM_RIGHTS`. The sender keeps its own.
    pub fn descriptor(mut self, fd: &'fd impl AsFd) -> Ancillary<'fd> {
        self.descriptors.push(fd.as_fd());
        self
    }

    /// Adds descriptors, and keeps their order. A message carries at most 253.
    pub fn descriptors(mut self, fds: impl IntoIterator<Item = BorrowedFd<'fd>>) -> Ancillary<'fd> {
        self.descriptors.extend(fds);
        self
    }

    /// Adds the credentials of the sender: `SCM_CREDENTIALS`. The kernel checks them: without
    /// privileges, only the ids of this OS process are allowed. Receivers see them if they use
    /// [`set_passcred`](Socket::set_passcred). If a message has no credentials, such receivers get the
    /// sender's process id, real user and real group.
    ///
    /// This exists on Linux only.
    #[cfg(target_os = "linux")]
    pub fn credentials(mut self, credentials: UCred) -> Ancillary<'fd> {
        self.credentials = Some(credentials);
        self
    }

    /// Returns whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.credentials.is_some() {
            return false;
        }
        self.descriptors.is_empty()
    }

    /// Writes the data for the kernel.
    pub(crate) fn write(&self, out: &mut Outgoing<'fd>) -> io::Result<()> {
        if self.descriptors.len() > MAX_DESCRIPTORS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "more than 253 descriptors in one message",
            ));
        }
        if !self.descriptors.is_empty() {
            out.descriptors(&self.descriptors);
        }
        #[cfg(target_os = "linux")]
        if let Some(credentials) = self.credentials {
            out.credentials(credentials.to_kernel());
        }
        Ok(())
    }
}

/// A message that was received, with the data beside it.
///
/// It owns every descriptor that the kernel has made for the message, or has closed it already, even if
/// something was cut off. So no descriptor leaks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// How many bytes were received.
    pub len: usize,
    /// The sender's address. It is unnamed if the sender has none.
    pub from: SocketAddr,
    /// The descriptors, in the sender's order, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// The credentials of the sender, with [`set_passcred`](Socket::set_passcred). Linux only.
    #[cfg(target_os = "linux")]
    pub credentials: Option<UCred>,
    /// A descriptor for the OS process that sent the message, with
    /// [`set_passpidfd`](Socket::set_passpidfd). Linux only.
    #[cfg(target_os = "linux")]
    pub pidfd: Option<OwnedFd>,
    /// Some bytes of the message did not fit into the buffer and are lost (`MSG_TRUNC`). This is never
    /// set on a stream.
    pub truncated: bool,
    /// There were more descriptors than the call asked for, or than this OS process may open. The
    /// others were closed (`MSG_CTRUNC`).
    pub ancillary_truncated: bool,
}

impl Received {
    /// Makes it from the message of the kernel and the items beside it.
    pub(crate) fn new(
        message: &message::Received,
        items: Items<'_>,
        max_descriptors: usize,
    ) -> io::Result<Received> {
        let mut received = Received {
            len: message.len,
            from: from_kernel(&message.addr)?,
            descriptors: Vec::new(),
            #[cfg(target_os = "linux")]
            credentials: None,
            #[cfg(target_os = "linux")]
            pidfd: None,
            truncated: message.truncated,
            ancillary_truncated: message.control_truncated,
        };
        for item in items {
            match item {
                Item::Descriptor(fd) if received.descriptors.len() < max_descriptors => {
                    received.descriptors.push(fd);
                }
                // The descriptor came in room that was meant for other data. It is closed here.
                Item::Descriptor(_) => received.ancillary_truncated = true,
                #[cfg(target_os = "linux")]
                Item::Credentials(cred) => received.credentials = Some(UCred::from_kernel(cred)),
                #[cfg(target_os = "linux")]
                Item::Pidfd(fd) => received.pidfd = Some(fd),
                _ => {}
            }
        }
        Ok(received)
    }
}

/// Sends, after a check for errors that the kernel would ignore.
fn send(
    io: &Io,
    bufs: &[IoSlice<'_>],
    addr: Option<&SocketAddr>,
    ancillary: &Ancillary<'_>,
) -> io::Result<usize> {
    if !ancillary.is_empty()
        && bufs.iter().all(|buf| buf.is_empty())
        && io.sock().r#type()? == Type::STREAM
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a stream can carry ancillary data only beside at least one byte",
        ));
    }
    let mut control = Outgoing::new();
    ancillary.write(&mut control)?;
    let addr = addr.map(to_kernel).transpose()?;
    io.send_message(bufs, addr.as_ref(), &control, 0)
}

fn recv(io: &Io, bufs: &mut [IoSliceMut<'_>], max_descriptors: usize) -> io::Result<Received> {
    // Most messages carry only a few.
    const FEW: usize = 32;
    let words = unix_room(max_descriptors);
    let mut few = [0; FEW];
    let mut many = Vec::new();
    let room = if words <= FEW {
        &mut few[..words]
    } else {
        many.resize(words, 0);
        &mut many[..]
    };
    let mut control = Control::new(room);
    let message = io.recv_message(bufs, &mut control, 0)?;
    Received::new(&message, control.items(), max_descriptors)
}

/// # Descriptors and credentials
impl UnixStream {
    /// Sends `buf` with data beside it. Returns how many bytes were taken. Corresponds to `sendmsg(2)`.
    ///
    /// If a stream takes only a part of the bytes, the data beside them have gone with the first byte.
    /// Send the rest without these data.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 253 descriptors, or for an empty
    /// `buf` on a stream, which cannot carry them;
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for the credentials of another user;
    /// `ETOOMANYREFS` if too many descriptors are on their way; otherwise the errors of a send.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixStream::pair()?;
    /// use std_net::unix::{Ancillary, UCred};
    ///
    /// peer.socket().set_passcred(true)?;
    /// socket.send_ancillary(b"it is me", &Ancillary::new().credentials(UCred::current()))?;
    /// let received = peer.recv_ancillary(&mut [0; 16], 0)?;
    /// assert_eq!(received.credentials, Some(UCred::current()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_ancillary(&self, buf: &[u8], ancillary: &Ancillary<'_>) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], None, ancillary)
    }

    /// Receives into `buf`, and up to `max_descriptors` descriptors. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// A plain read loses (and closes) the descriptors that come with its bytes. On a stream a call does
    /// not read past the bytes that were sent with ancillary data. A plain read in a process stops there
    /// too. The first time on a connection, it may find the bytes behind them only 25 ms later.
    ///
    /// # Errors
    ///
    /// The errors of a receive.
    pub fn recv_ancillary(&self, buf: &mut [u8], max_descriptors: usize) -> io::Result<Received> {
        self.socket()
            .recv_message(&mut [IoSliceMut::new(buf)], max_descriptors)
    }
}

/// # Descriptors and credentials
impl UnixDatagram {
    /// Sends `buf` with data beside it. Returns how many bytes were taken. Corresponds to `sendmsg(2)`.
    ///
    /// If a stream takes only a part of the bytes, the data beside them have gone with the first byte.
    /// Send the rest without these data.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 253 descriptors, or for an empty
    /// `buf` on a stream, which cannot carry them;
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for the credentials of another user;
    /// `ETOOMANYREFS` if too many descriptors are on their way; otherwise the errors of a send.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixDatagram::pair()?;
    /// use std_net::unix::{Ancillary, UCred};
    ///
    /// peer.socket().set_passcred(true)?;
    /// socket.send_ancillary(b"it is me", &Ancillary::new().credentials(UCred::current()))?;
    /// let received = peer.recv_ancillary(&mut [0; 16], 0)?;
    /// assert_eq!(received.credentials, Some(UCred::current()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_ancillary(&self, buf: &[u8], ancillary: &Ancillary<'_>) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], None, ancillary)
    }

    /// Sends one datagram with data beside it to an address. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`send_ancillary`](Self::send_ancillary) and [`send_to_addr`](Self::send_to_addr).
    pub fn send_ancillary_to(
        &self,
        buf: &[u8],
        ancillary: &Ancillary<'_>,
        addr: &SocketAddr,
    ) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], Some(addr), ancillary)
    }

    /// Receives into `buf`, and up to `max_descriptors` descriptors. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// A plain receive loses (and closes) the descriptors that come with its bytes.
    ///
    /// # Errors
    ///
    /// The errors of a receive.
    pub fn recv_ancillary(&self, buf: &mut [u8], max_descriptors: usize) -> io::Result<Received> {
        self.socket()
            .recv_message(&mut [IoSliceMut::new(buf)], max_descriptors)
    }
}

/// # Descriptors and credentials
#[cfg(not(target_vendor = "apple"))]
impl UnixSeqpacket {
    /// Sends `buf` with data beside it. Returns how many bytes were taken. Corresponds to `sendmsg(2)`.
    ///
    /// If a stream takes only a part of the bytes, the data beside them have gone with the first byte.
    /// Send the rest without these data.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for more than 253 descriptors, or for an empty
    /// `buf` on a stream, which cannot carry them;
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for the credentials of another user;
    /// `ETOOMANYREFS` if too many descriptors are on their way; otherwise the errors of a send.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (socket, peer) = std_net::unix::UnixSeqpacket::pair()?;
    /// use std_net::unix::{Ancillary, UCred};
    ///
    /// peer.socket().set_passcred(true)?;
    /// socket.send_ancillary(b"it is me", &Ancillary::new().credentials(UCred::current()))?;
    /// let received = peer.recv_ancillary(&mut [0; 16], 0)?;
    /// assert_eq!(received.credentials, Some(UCred::current()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_ancillary(&self, buf: &[u8], ancillary: &Ancillary<'_>) -> io::Result<usize> {
        self.socket()
            .send_message(&[IoSlice::new(buf)], None, ancillary)
    }

    /// Receives into `buf`, and up to `max_descriptors` descriptors. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// A plain receive loses (and closes) the descriptors that come with its bytes.
    ///
    /// # Errors
    ///
    /// The errors of a receive.
    pub fn recv_ancillary(&self, buf: &mut [u8], max_descriptors: usize) -> io::Result<Received> {
        self.socket()
            .recv_message(&mut [IoSliceMut::new(buf)], max_descriptors)
    }
}

/// # Descriptors and credentials
impl Socket {
    /// Sends the bytes of several buffers with data beside them, to an address or to the connected
    /// peer. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`UnixStream::send_ancillary`].
    pub fn send_message(
        &self,
        bufs: &[IoSlice<'_>],
        addr: Option<&SocketAddr>,
        ancillary: &Ancillary<'_>,
    ) -> io::Result<usize> {
        send(self.io(), bufs, addr, ancillary)
    }

    /// Receives into several buffers in turn, and up to `max_descriptors` descriptors. Corresponds to
    /// `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`UnixStream::recv_ancillary`].
    pub fn recv_message(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        max_descriptors: usize,
    ) -> io::Result<Received> {
        recv(self.io(), bufs, max_descriptors)
    }
}
