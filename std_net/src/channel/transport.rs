//! What a channel needs of a connection: calls through a shared reference, each with its own deadline.
//! The trait is sealed: only the connections of this crate have it.

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

    /// Receives into a buffer of this size from the pool. It takes the buffer only when there are data,
    /// so it holds none while it waits.
    fn recv_lent(&self, size: usize, deadline: Deadline) -> io::Result<(Buffer, usize)>;
    fn send(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize>;
    fn send_vectored(&self, bufs: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize>;

    /// Sends as many bytes as the kernel takes without waiting.
    fn try_send(&self, buf: &[u8]) -> io::Result<usize>;

    /// Receives the bytes that are there, without waiting.
    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Gives the kernel the data that `send` has taken.
    fn flush(&self, deadline: Deadline) -> io::Result<()>;
    fn end(&self, how: Shutdown, deadline: Deadline) -> io::Result<()>;

    /// Called when data were lost. The peer must then see an error, and not an orderly end.
    fn truncate(&self) {}

    /// Claims these halves. Returns false if one of them is claimed already.
    fn claim(&self, halves: u8) -> bool;

    /// Returns true if one of these halves is claimed.
    fn is_claimed(&self, halves: u8) -> bool;

    /// Gives halves back, with the data that were read ahead: the next read gets these first.
    fn release(&self, halves: u8, unread: &[u8]);

    /// Returns true if both are handles to the same connection.
    fn is_clone_of(&self, other: &Self) -> bool;

    /// Returns the handle that the halves share.
    fn common(&self) -> io::Result<Arc<Self>>;

    /// Waits until the peer has ended its side or is gone. It reads nothing.
    fn wait_closed(&self) -> io::Result<()>;

    /// Returns true if the peer has ended its side or is gone.
    fn is_closed(&self) -> io::Result<bool>;

    /// Returns true if the connection is gone in both directions.
    fn is_gone(&self) -> io::Result<bool>;

    /// Ends both directions at once, by a reset if the protocol has one.
    fn abort(&self);

    /// Ends both directions at once, without waiting.
    fn cut(&self);

    /// Returns the socket itself, if the bytes on it are the bytes that are sent (so not with TLS).
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
                // For TCP this is a reset. If there is no reset, or no connection any more, shut down
                // instead.
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
