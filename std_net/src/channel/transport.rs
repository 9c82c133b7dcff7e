//! What a channel needs of a connection: calls through a shared reference, each with a deadline of
//! its own. Sealed: the connections are ours.

use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;

use std_net_runtime::buffers::pool::Buffer;
use std_net_runtime::{AsIo, Deadline, Io};

use super::halves;
use crate::socket::{Shutdown, TcpStream};
use crate::unix::UnixStream;

/// A connection as its channels and its TLS see it.
pub trait Transport: Send + Sync + Sized + 'static {
    fn recv(&self, buf: &mut [u8], deadline: Deadline) -> io::Result<usize>;
    fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>], deadline: Deadline) -> io::Result<usize>;

    /// Receives into a buffer of this size from the pool, and has none while it waits.
    fn recv_lent(&self, size: usize, deadline: Deadline) -> io::Result<(Buffer, usize)>;
    fn send(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize>;
    fn send_vectored(&self, bufs: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize>;

    /// Sends as much as goes without waiting.
    fn try_send(&self, buf: &[u8]) -> io::Result<usize>;

    /// Receives what is there without waiting.
    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Hands to the kernel what `send` has taken.
    fn flush(&self, deadline: Deadline) -> io::Result<()>;
    fn end(&self, how: Shutdown, deadline: Deadline) -> io::Result<()>;

    /// Text was lost: the end of this side must not look like one that was meant.
    fn truncate(&self) {}

    /// Claims these halves; false if one of them is taken.
    fn claim(&self, halves: u8) -> bool;

    /// Whether one of these halves is claimed.
    fn is_claimed(&self, halves: u8) -> bool;

    /// Gives halves back, with what was read ahead: it comes first from now on.
    fn release(&self, halves: u8, unread: &[u8]);

    /// Whether both are handles to the same connection.
    fn is_clone_of(&self, other: &Self) -> bool;

    /// The handle that the halves have in common.
    fn common(&self) -> io::Result<Arc<Self>>;

    /// Waits until the peer has ended its side or is gone, and reads nothing.
    fn wait_closed(&self) -> io::Result<()>;

    /// Whether it has.
    fn is_closed(&self) -> io::Result<bool>;

    /// Whether the connection is gone in both directions.
    fn is_gone(&self) -> io::Result<bool>;

    /// Ends both directions at once, by a reset where there is one.
    fn abort(&self);

    /// Ends both directions at once, and waits for nothing.
    fn cut(&self);

    /// The socket itself, where what is sent is what goes out.
    fn plain(&self) -> Option<&Io> {
        None
    }

    fn set_deadline(&self, deadline: Deadline);
    fn deadline(&self) -> Deadline;
}

macro_rules! over_io {
    ($type:ty) => {
        impl Transport for $type {
            fn recv(&self, buf: &mut [u8], deadline: Deadline) -> io::Result<usize> {
                self.as_io().recv_deadline(buf, 0, deadline)
            }

            fn recv_vectored(
                &self,
                bufs: &mut [IoSliceMut<'_>],
                deadline: Deadline,
            ) -> io::Result<usize> {
                self.as_io().recv_vectored_deadline(bufs, 0, deadline)
            }

            fn recv_lent(&self, size: usize, deadline: Deadline) -> io::Result<(Buffer, usize)> {
                self.as_io().recv_lent_from(|| Buffer::take(size), deadline)
            }

            fn send(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize> {
                self.as_io().send_deadline(buf, deadline)
            }

            fn send_vectored(&self, bufs: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
                self.as_io().send_vectored_deadline(bufs, 0, deadline)
            }

            fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
                self.as_io().send(buf, libc::MSG_DONTWAIT)
            }

            fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.as_io()
                    .recv_deadline(buf, libc::MSG_DONTWAIT, Deadline::NEVER)
            }

            fn flush(&self, _: Deadline) -> io::Result<()> {
                Ok(())
            }

            fn end(&self, how: Shutdown, _: Deadline) -> io::Result<()> {
                self.as_io().shutdown(how)
            }

            fn claim(&self, halves: u8) -> bool {
                self.as_io().claim(halves)
            }

            fn is_claimed(&self, halves: u8) -> bool {
                self.as_io().is_claimed(halves)
            }

            fn release(&self, halves: u8, unread: &[u8]) {
                self.as_io().release(halves, unread);
            }

            fn is_clone_of(&self, other: &Self) -> bool {
                self.as_io().is_clone_of(other.as_io())
            }

            fn common(&self) -> io::Result<Arc<Self>> {
                halves::common(self.as_io(), || self.try_clone())
            }

            fn wait_closed(&self) -> io::Result<()> {
                self.as_io().wait_hangup()
            }

            fn is_closed(&self) -> io::Result<bool> {
                self.as_io().is_hung_up()
            }

            fn cut(&self) {
                let _ = self.as_io().shutdown(Shutdown::Both);
            }

            fn plain(&self) -> Option<&Io> {
                Some(self.as_io())
            }

            fn abort(&self) {
                // Of TCP it is a reset. Where there is none, or no connection any more, an end will do.
                if self.as_io().disconnect().is_err() {
                    let _ = self.as_io().shutdown(Shutdown::Both);
                }
            }

            fn is_gone(&self) -> io::Result<bool> {
                self.as_io().is_gone()
            }

            fn set_deadline(&self, deadline: Deadline) {
                self.as_io().set_deadline(deadline);
            }

            fn deadline(&self) -> Deadline {
                self.as_io().deadline()
            }
        }
    };
}

over_io!(TcpStream);
over_io!(UnixStream);
