//! Buffered channels over a connection (lines, chunks, integers), and datagram sockets as packets.
//!
//! A connection has two halves. Each can be opened once as a channel. The [`ReadChannel`] reads ahead
//! into a buffer, and the [`WriteChannel`] collects what is written. They may go to different
//! processes. TCP, Unix sockets and TLS all work in the same way.
//!
//! | type | what it is |
//! |---|---|
//! | [`Connected`] | opens the channels of a connection; chunks without a channel |
//! | [`ReadChannel`] | lines, chunks, integers, [`BufRead`](std::io::BufRead) |
//! | [`WriteChannel`] | collects what is written |
//! | [`Over`] | channels over anything that reads and writes, and over memory |
//! | [`Lines`], [`Chunks`] | iterators over a read channel |
//! | [`Packets`] | datagrams as iterators and as channels |
//! | [`ReuniteError`] | two halves that are not of one connection |
//!
//! # Examples
//!
//! ```
//! use std_net::channel::Connected;
//! use std_net::process;
//! use std_net::unix::UnixStream;
//!
//! let (a, b) = UnixStream::pair()?;
//! let echo = process::spawn(move || -> std::io::Result<()> {
//!     let (mut read, mut write) = b.into_channels(true)?;
//!     while let Some(line) = read.read_utf8_line(1024)? {
//!         write.write_line(line)?;
//!     }
//!     Ok(())
//! });
//! let (mut read, mut write) = a.into_channels(true)?;
//! write.write_line("hello")?;
//! assert_eq!(read.read_utf8_line(1024)?, Some("hello"));
//! write.flush_and_close()?;
//! assert_eq!(read.read_utf8_line(1024)?, None);
//! echo.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```

pub(crate) mod halves;
mod iter;
mod over;
mod packet;
mod read;
// Giving the halves back, with what was read ahead.
mod reunite;
pub(crate) mod transport;
mod write;

use std::io;
use std::sync::Arc;

use std_net_runtime::{Deadline, retry_interrupted};

pub use iter::{Chunks, Lines};
pub use over::Over;
pub use packet::{Incoming, PacketReceiver, PacketSender, Packets};
pub use read::{ReadChannel, TooLong};
pub use reunite::ReuniteError;
pub use write::{WriteChannel, set_lost_hook};

use halves::{READ, WRITE};
use transport::Transport;

use crate::socket::TcpStream;
use crate::unix::UnixStream;

/// A connection whose halves can be opened as channels: [`TcpStream`], [`UnixStream`], and with the
/// feature `tls` the TLS streams over them. Sealed.
///
/// # Examples
///
/// ```
/// use std_net::channel::Connected;
/// use std_net::unix::UnixStream;
///
/// let (stream, peer) = UnixStream::pair()?;
/// let mut read = stream.open_read_channel()?;
/// let mut write = stream.open_write_channel(false)?;
/// // The channels keep the connection open. It is closed when they are gone too.
/// drop(stream);
/// peer.write_string("one\r\ntwo")?;
/// assert_eq!(read.read_utf8_line(80)?, Some("one"));
/// write.write_line("three")?;
/// std::io::Write::flush(&mut write)?;
/// assert_eq!(peer.read_string(80)?, "three\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "AConnection")]
#[doc(alias = "AsynchronousSocketChannel")]
pub trait Connected: Transport {
    /// Opens the half that reads. This works only once, however many handles this connection has,
    /// because only the channel can get at the data that it has read ahead. From now on other reads of
    /// the connection fail with [`ResourceBusy`](io::ErrorKind::ResourceBusy), until the channel gives
    /// the half back: see [`ReadChannel::release`] and [`ReadChannel::reunite`].
    ///
    /// The channel keeps the connection open by a second descriptor that both halves share.
    /// [`into_channels`](Self::into_channels) needs no second descriptor. The channels take over the
    /// deadline that the stream has now, but not a later change of it.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if this half has been opened before; the error
    /// of `fcntl(2)` if there are too many descriptors.
    #[doc(alias = "openReadChannel")]
    fn open_read_channel(&self) -> io::Result<ReadChannel<Self>> {
        Ok(ReadChannel::new(open(self, READ)?))
    }

    /// Opens the half that writes. This works only once. With `auto_flush` each call of the channel
    /// sends what it has written. Without it, the data are sent when the buffer is full, by a flush,
    /// and on closing.
    ///
    /// # Errors
    ///
    /// The errors of [`open_read_channel`](Self::open_read_channel).
    #[doc(alias = "openWriteChannel")]
    fn open_write_channel(&self, auto_flush: bool) -> io::Result<WriteChannel<Self>> {
        Ok(WriteChannel::new(open(self, WRITE)?, auto_flush))
    }

    /// Opens both halves. The connection is closed when both are gone.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if one of them has been opened before.
    fn into_channels(
        self,
        auto_flush: bool,
    ) -> io::Result<(ReadChannel<Self>, WriteChannel<Self>)> {
        if !self.claim(READ | WRITE) {
            return Err(taken());
        }
        let stream = Arc::new(self);
        Ok((
            ReadChannel::new(Arc::clone(&stream)),
            WriteChannel::new(stream, auto_flush),
        ))
    }

    /// Reads the bytes that have arrived, up to `capacity`. It waits if there are none, and returns
    /// `None` at the end of the stream. It uses no channel, so nothing is read ahead.
    ///
    /// # Errors
    ///
    /// The errors of a read: [`TimedOut`](io::ErrorKind::TimedOut) past the deadline of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::Connected;
    /// use std_net::unix::UnixStream;
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// a.write_chunk(b"one, two")?;
    /// drop(a);
    /// assert_eq!(b.read_chunk(3)?.as_deref(), Some(&b"one"[..]));
    /// assert_eq!(b.read_chunk(64)?.as_deref(), Some(&b", two"[..]));
    /// assert_eq!(b.read_chunk(64)?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "readChunk")]
    fn read_chunk(&self, capacity: usize) -> io::Result<Option<Vec<u8>>> {
        self.read_chunk_deadline(capacity, Deadline::NEVER)
    }

    /// Like [`read_chunk`](Self::read_chunk), with a deadline for this call only. A `Duration` counts
    /// from now. If the stream has a deadline too, the earlier one counts.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), with nothing read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::channel::Connected;
    /// use std_net::unix::UnixStream;
    ///
    /// let (a, _b) = UnixStream::pair()?;
    /// let error = a.read_chunk_deadline(3, Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn read_chunk_deadline(
        &self,
        capacity: usize,
        deadline: impl Into<Deadline>,
    ) -> io::Result<Option<Vec<u8>>> {
        if capacity == 0 {
            return Ok(Some(Vec::new()));
        }
        if self.is_claimed(READ) {
            return Err(taken());
        }
        let mut chunk = vec![0; capacity];
        let n = self.recv(&mut chunk, deadline.into())?;
        chunk.truncate(n);
        Ok((n > 0).then_some(chunk))
    }

    /// Writes all of a chunk.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`](io::Write::write_all).
    #[doc(alias = "writeChunk")]
    fn write_chunk(&self, chunk: &[u8]) -> io::Result<()> {
        self.write_chunk_deadline(chunk, Deadline::NEVER)
    }

    /// Like [`write_chunk`](Self::write_chunk), with a deadline for this call only.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), with an unknown part of the chunk sent.
    fn write_chunk_deadline(
        &self,
        mut chunk: &[u8],
        deadline: impl Into<Deadline>,
    ) -> io::Result<()> {
        let deadline = deadline.into();
        while !chunk.is_empty() {
            match retry_interrupted(|| self.send(chunk, deadline))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => chunk = &chunk[n..],
            }
        }
        self.flush(deadline)
    }

    /// Returns an iterator over chunks of up to `capacity` bytes. Each has the bytes that have arrived.
    /// The iterator ends with the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::Connected;
    /// use std_net::unix::UnixStream;
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// a.write_chunk(b"abcde")?;
    /// drop(a);
    /// let chunks: Result<Vec<_>, _> = b.chunks(3).collect();
    /// assert_eq!(chunks?, [&b"abc"[..], b"de"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn chunks(&self, capacity: usize) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        std::iter::from_fn(move || self.read_chunk(capacity.max(1)).transpose())
    }
}

impl Connected for TcpStream {}
impl Connected for UnixStream {}

fn open<S: Transport>(stream: &S, half: u8) -> io::Result<Arc<S>> {
    // Do first what can fail, so that no half stays claimed after an error.
    let common = stream.common()?;
    if stream.claim(half) {
        Ok(common)
    } else {
        Err(taken())
    }
}

/// Returns the error for a caller that wants a half which already has an owner.
pub(crate) fn taken() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "this half of the connection has been opened as a channel, or belongs to TLS",
    )
}
