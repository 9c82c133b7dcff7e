//! [`WriteChannel`]: the half of a connection that writes, with a buffer.

use std::fmt;
use std::io::{self, IoSlice, Write};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Instant;

use std_net_runtime::buffers::pool::SIZE;
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::{Deadline, retry_interrupted};

use super::Connected;
use crate::socket::Shutdown;

/// The half of a connection that writes: text, lines, integers, and [`Write`].
///
/// [`Connected::open_write_channel`] or [`Connected::into_channels`] opens it. With auto-flush each
/// call sends what it has written, and the channel never has a buffer. Without it, the data are sent
/// when there are 16 KiB of them, by [`flush`](Write::flush), and on closing.
///
/// A call that fails has sent an unknown part of its own bytes. Data that were in the buffer before
/// stay there in order. So after a flush has run into its deadline, another flush goes on with the
/// rest.
///
/// # Dropping
///
/// A dropped channel sends what is in its buffer, waiting until the deadline at most. Then it ends its
/// half of the connection, and the peer sees the end of the stream. If it cannot send the bytes, they
/// are lost. It reports the loss to the hook of [`set_lost_hook`], unless a flush has returned an error
/// before. The default hook writes a line to standard error. While a panic unwinds, the drop does not
/// wait: it sends what the kernel takes at once. To get the error as a value, call
/// [`flush_and_close`](Self::flush_and_close).
///
/// # Examples
///
/// ```
/// use std_net::channel::Connected;
/// use std_net::unix::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// let mut write = a.open_write_channel(false)?;
/// write.write_str("one, ")?;
/// write.write_line("two")?;
/// write.flush_and_close()?;
/// assert_eq!(b.read_string(80)?, "one, two\n");
/// assert_eq!(b.read_string(80)?, "");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "ByteWriteChannel")]
pub struct WriteChannel<S: Connected> {
    pub(super) stream: Arc<S>,
    /// Data that are not sent yet.
    queue: ByteQueue,
    auto_flush: bool,
    pub(super) closed: bool,
    /// A flush has returned an error to its caller.
    told: bool,
    /// How many bytes the connection has taken.
    sent: u64,
    deadline: Deadline,
}

impl<S: Connected> WriteChannel<S> {
    pub(super) fn new(stream: Arc<S>, auto_flush: bool) -> WriteChannel<S> {
        WriteChannel {
            stream,
            queue: ByteQueue::default(),
            auto_flush,
            closed: false,
            told: false,
            sent: 0,
            deadline: Deadline::NEVER,
        }
    }

    /// Returns the connection, for its addresses and options. A write to it overtakes the data in the
    /// buffer.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Writes all of `text`.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    #[doc(alias = "writeStringUtf8")]
    pub fn write_str(&mut self, text: &str) -> io::Result<()> {
        self.put(&[text.as_bytes()])
    }

    /// Writes all of `text` and a LF.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_line(&mut self, text: &str) -> io::Result<()> {
        self.put(&[text.as_bytes(), b"\n"])
    }

    /// Writes all of a chunk.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    #[doc(alias = "writeChunk")]
    pub fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.put(&[chunk])
    }

    /// Like [`write_chunk`](Self::write_chunk), with a deadline for this call only. A `Duration` counts
    /// from now. If the channel has a deadline too, the earlier one counts.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), with an unknown part of the chunk sent.
    pub fn write_chunk_deadline(
        &mut self,
        chunk: &[u8],
        deadline: impl Into<Deadline>,
    ) -> io::Result<()> {
        let kept = self.deadline;
        self.deadline = kept.min(deadline.into());
        let result = self.put(&[chunk]);
        self.deadline = kept;
        result
    }

    /// Writes all of several chunks in turn, with as few system calls as possible (gather).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// let mut write = a.open_write_channel(true)?;
    /// write.write_chunks(&[b"head", b", ", b"body"])?;
    /// assert_eq!(b.read_string(80)?, "head, body");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_chunks(&mut self, chunks: &[&[u8]]) -> io::Result<()> {
        self.put(chunks)
    }

    /// Writes a `u8`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u8(&mut self, value: u8) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `u8`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u8_le(&mut self, value: u8) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `u16`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u16(&mut self, value: u16) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `u16`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u16_le(&mut self, value: u16) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `u32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u32(&mut self, value: u32) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `u32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u32_le(&mut self, value: u32) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `u64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u64(&mut self, value: u64) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `u64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u64_le(&mut self, value: u64) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `u128`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u128(&mut self, value: u128) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `u128`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_u128_le(&mut self, value: u128) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes an `i8`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i8(&mut self, value: i8) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes an `i8`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i8_le(&mut self, value: i8) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes an `i16`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i16(&mut self, value: i16) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes an `i16`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i16_le(&mut self, value: i16) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes an `i32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i32(&mut self, value: i32) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes an `i32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i32_le(&mut self, value: i32) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes an `i64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i64(&mut self, value: i64) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes an `i64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i64_le(&mut self, value: i64) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes an `i128`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i128(&mut self, value: i128) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes an `i128`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_i128_le(&mut self, value: i128) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `f32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_f32(&mut self, value: f32) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `f32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_f32_le(&mut self, value: f32) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Writes a `f64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_f64(&mut self, value: f64) -> io::Result<()> {
        self.put(&[&value.to_be_bytes()])
    }

    /// Writes a `f64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    pub fn write_f64_le(&mut self, value: f64) -> io::Result<()> {
        self.put(&[&value.to_le_bytes()])
    }

    /// Sends what is in the buffer and ends this half of the connection. The peer sees the end of the
    /// stream; with TLS it sees a `close_notify` before. A second call does nothing.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::flush`], with the channel still open; the error of `shutdown(2)`, which
    /// is [`NotConnected`](io::ErrorKind::NotConnected) when the connection is gone.
    #[doc(alias = "flushAndClose")]
    pub fn flush_and_close(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.send_buffered()?;
        self.closed = true;
        self.stream.end(Shutdown::Write, self.deadline)
    }

    /// Drops what is in the buffer and ends both directions of the connection. The peer can then tell
    /// that it did not get everything: a TCP connection is reset, and TLS ends without a
    /// `close_notify`. A Unix connection has no such sign and just ends.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// # let (peer, _) = listener.accept()?;
    /// use std::io::ErrorKind;
    ///
    /// let mut write = stream.open_write_channel(false)?;
    /// write.write_str("half of what there is to s")?;
    /// write.abort();
    /// assert_eq!(peer.read_string(80).unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn abort(mut self) {
        self.closed = true;
        self.queue.clear();
        self.stream.abort();
    }

    /// Returns how many bytes have been written to this channel since it was opened, including those in
    /// the buffer.
    #[doc(alias = "totalBytesWritten")]
    #[must_use]
    pub fn total_written(&self) -> u64 {
        self.sent + self.buffered() as u64
    }

    /// Returns how many bytes wait in the buffer.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.queue.len()
    }

    /// Returns true as long as this half has not been closed here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closed
    }

    /// Returns true if nothing that is written from now on can reach the peer: this half was closed
    /// here, or the connection is gone. A peer that has only stopped sending may still read.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::unix::UnixStream;
    /// use std_net::channel::Connected;
    ///
    /// let (a, b) = UnixStream::pair()?;
    /// let write = a.open_write_channel(true)?;
    /// assert!(!write.is_closed_for_write()?);
    /// drop(b);
    /// assert!(write.is_closed_for_write()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "isClosedForWrite")]
    pub fn is_closed_for_write(&self) -> io::Result<bool> {
        Ok(self.closed || self.stream.is_gone()?)
    }

    /// Sets the deadline of this half. See
    /// [`ReadChannel::set_deadline`](super::ReadChannel::set_deadline).
    pub fn set_deadline(&mut self, deadline: impl Into<Deadline>) {
        self.deadline = deadline.into();
    }

    /// Returns the deadline of this half as an instant.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.instant()
    }

    /// Removes the deadline.
    pub fn reset_deadline(&mut self) {
        self.deadline = Deadline::NEVER;
    }

    // Internals

    /// Writes all of these parts. They go into the buffer if they fit and need not be sent at once.
    fn put(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.check_open()?;
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if !self.auto_flush && self.has_room(total) {
            for part in parts {
                self.keep(part);
            }
            return Ok(());
        }
        let [part] = parts else {
            return self.gather(parts);
        };
        if !self.queue.is_empty() {
            return self.gather(parts);
        }
        let mut rest = *part;
        while !rest.is_empty() {
            let n = retry_interrupted(|| self.stream.send(rest, self.deadline))?;
            rest = &rest[some(n)?..];
            self.sent += n as u64;
        }
        self.stream.flush(self.deadline)
    }

    /// Sends the buffer and then these parts, in one call if the kernel takes all of it.
    fn gather(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let stream = Arc::clone(&self.stream);
        // Part 0 is the buffer.
        let (mut part, mut offset) = (0, 0);
        loop {
            let mut slices = Vec::with_capacity(parts.len() + 1);
            if !self.queue.is_empty() {
                slices.push(IoSlice::new(self.queue.bytes()));
            }
            for (i, bytes) in parts.iter().enumerate().skip(part) {
                let rest = if i == part { &bytes[offset..] } else { bytes };
                if !rest.is_empty() {
                    slices.push(IoSlice::new(rest));
                }
            }
            if slices.is_empty() {
                break;
            }
            let sent = retry_interrupted(|| stream.send_vectored(&slices, self.deadline));
            drop(slices);
            let mut n = some(self.tell(sent)?)?;
            self.sent += n as u64;
            let of_buffer = n.min(self.queue.len());
            self.queue.take(of_buffer);
            n -= of_buffer;
            while n > 0 {
                let left = parts[part].len() - offset;
                if n < left {
                    offset += n;
                    break;
                }
                n -= left;
                part += 1;
                offset = 0;
            }
        }
        stream.flush(self.deadline)
    }

    fn send_buffered(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            let data = self.queue.bytes();
            let sent = retry_interrupted(|| self.stream.send(data, self.deadline));
            let n = some(self.tell(sent)?)?;
            self.sent += n as u64;
            self.queue.take(n);
        }
        let flushed = retry_interrupted(|| self.stream.flush(self.deadline));
        self.tell(flushed)
    }

    /// Remembers whether the caller has got an error.
    fn tell<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.told = result.is_err();
        result
    }

    /// Returns true if the buffer has room for `total` more bytes.
    fn has_room(&self, total: usize) -> bool {
        total <= SIZE - self.queue.len()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.queue.push(bytes, SIZE);
        }
    }

    fn check_open(&self) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the channel has been closed",
            ));
        }
        Ok(())
    }

    /// Sends the bytes in the buffer when the channel is dropped.
    fn send_last(&mut self) -> io::Result<()> {
        if !thread::panicking() {
            return self.send_buffered();
        }
        while !self.queue.is_empty() {
            let n = self.stream.try_send(self.queue.bytes())?;
            self.queue.take(some(n)?);
        }
        Ok(())
    }
}

impl<S: Connected> Write for WriteChannel<S> {
    /// Takes all of `buf` into the buffer if it fits. Otherwise it sends the buffer first, and then as
    /// much of `buf` as the kernel takes at once.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.check_open()?;
        if !self.auto_flush && self.has_room(buf.len()) {
            self.keep(buf);
            return Ok(buf.len());
        }
        if !self.queue.is_empty() {
            self.send_buffered()?;
        }
        if !self.auto_flush && self.has_room(buf.len()) {
            self.keep(buf);
            return Ok(buf.len());
        }
        let n = self.stream.send(buf, self.deadline)?;
        self.sent += n as u64;
        Ok(n)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check_open()?;
        let total: usize = bufs.iter().map(|b| b.len()).sum();
        if !self.auto_flush && self.has_room(total) {
            for buf in bufs {
                self.keep(buf);
            }
            return Ok(total);
        }
        if !self.queue.is_empty() {
            self.send_buffered()?;
        }
        let n = self.stream.send_vectored(bufs, self.deadline)?;
        self.sent += n as u64;
        Ok(n)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        self.put(&[buf])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_buffered()
    }
}

impl<S: Connected> Drop for WriteChannel<S> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let told = self.told;
        match self.send_last() {
            // A drop can report no error, and mostly the error is just that the peer has gone.
            Ok(()) if !thread::panicking() => {
                let _ = self.stream.end(Shutdown::Write, self.deadline);
            }
            Ok(()) => {}
            Err(error) => {
                // The peer must not think that it got everything.
                self.stream.truncate();
                if !told {
                    lost(&error, self.queue.len());
                }
            }
        }
    }
}

impl<S: Connected> fmt::Debug for WriteChannel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChannel")
            .field("buffered", &self.buffered())
            .field("auto_flush", &self.auto_flush)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

type Hook = Box<dyn Fn(&io::Error, usize) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Sets the function that is called, in the whole program, when a dropped [`WriteChannel`] could not
/// send what was in its buffer. It gets the error and the number of bytes. The default function writes
/// a line to standard error.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
/// use std::sync::mpsc;
/// use std_net::channel::{Connected, set_lost_hook};
/// use std_net::unix::UnixStream;
///
/// let (lost, heard) = mpsc::channel();
/// set_lost_hook(move |error, bytes| lost.send((error.kind(), bytes)).unwrap());
/// let (a, b) = UnixStream::pair()?;
/// let mut write = a.open_write_channel(false)?;
/// write.write_str("nobody reads this")?;
/// drop(b);
/// drop(write);
/// assert_eq!(heard.recv().unwrap(), (ErrorKind::BrokenPipe, 17));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_lost_hook(hook: impl Fn(&io::Error, usize) + Send + Sync + 'static) {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
}

#[cold]
fn lost(error: &io::Error, bytes: usize) {
    match &*HOOK.read().unwrap_or_else(PoisonError::into_inner) {
        Some(hook) => hook(error, bytes),
        None => {
            // `eprintln!` would panic if there is no standard error.
            let _ = writeln!(
                io::stderr(),
                "std_net: {bytes} bytes of a write channel were lost when it was dropped: {error}"
            );
        }
    }
}

/// Turns a send that takes nothing into an error, because it would be repeated for ever.
fn some(n: usize) -> io::Result<usize> {
    if n == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(n)
}
