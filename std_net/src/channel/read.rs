//! [`ReadChannel`]: the half of a connection that reads, with a buffer.

use std::error;
use std::fmt;
use std::io::{self, BufRead, IoSliceMut, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use memchr::{memchr, memmem};
use std_net_runtime::buffers::pool::SIZE;
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::{Deadline, retry_interrupted};

use super::{Chunks, Connected, Lines};

/// The half of a connection that reads: lines, chunks, integers, [`Read`] and [`BufRead`].
///
/// [`Connected::open_read_channel`] or [`Connected::into_channels`] opens it. The connection is closed
/// when both of its channels are gone (and the stream too, if it still exists).
///
/// A channel uses 16 KiB of memory while it holds data that it has read ahead. It uses none while a
/// process waits for the first byte. A longer line takes as much memory as it needs, up to the limit of
/// the call. The channel then gives this memory back. Other calls that have a limit do the same.
///
/// The channel stays usable after an error, and keeps what it has received. For example, after a
/// [`TimedOut`](io::ErrorKind::TimedOut) in the middle of a line, the next call goes on with that line.
/// As in std, every call except [`Read::read`] retries when a signal interrupts it.
///
/// # Examples
///
/// ```
/// use std_net::channel::Connected;
/// use std_net::unix::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// a.write_string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
/// let mut read = b.open_read_channel()?;
/// assert_eq!(read.read_utf8_line(8192)?, Some("GET / HTTP/1.1"));
/// assert_eq!(read.read_utf8_line(8192)?, Some("Host: x"));
/// assert_eq!(read.read_utf8_line(8192)?, Some(""));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "ByteReadChannel")]
pub struct ReadChannel<S: Connected> {
    pub(super) stream: Arc<S>,
    /// The queue has no memory, or a buffer with data in `start..end`.
    queue: ByteQueue,
    /// The stream has ended behind the data in the buffer.
    ended: bool,
    /// How many bytes have come, including those in the buffer.
    received: u64,
    deadline: Deadline,
}

/// The data that a call asked for are longer than its limit. It is found inside an [`io::Error`] of the
/// kind [`InvalidData`](io::ErrorKind::InvalidData).
///
/// # Examples
///
/// ```
/// use std_net::channel::{Connected, TooLong};
/// use std_net::unix::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// a.write_string("far too long\nfine\n")?;
/// let mut read = b.open_read_channel()?;
/// let error = read.read_line(5).unwrap_err();
/// assert!(error.get_ref().is_some_and(|e| e.is::<TooLong>()));
/// // Nothing is lost: read the line with a higher limit, or discard it.
/// assert_eq!(read.discard_line()?, 13);
/// assert_eq!(read.read_utf8_line(5)?, Some("fine"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl<S: Connected> ReadChannel<S> {
    pub(super) fn new(stream: Arc<S>) -> ReadChannel<S> {
        ReadChannel {
            stream,
            queue: ByteQueue::default(),
            ended: false,
            received: 0,
            deadline: Deadline::NEVER,
        }
    }

    /// Returns the connection, for its addresses and options. Reads of it fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy), because only this channel may read.
    ///
    /// # Examples
    ///
    /// ```
    /// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
    /// use std_net::channel::Connected;
    ///
    /// let (read, write) = stream.into_channels(true)?;
    /// assert_eq!(read.stream().peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.stream
    }

    // Lines

    /// Reads a line and returns it without its end, which is LF or CRLF. It returns `None` at the end
    /// of the stream. Bytes behind the last line end count as a line too. The line may have up to
    /// `limit` bytes, not counting its end.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) with [`TooLong`] inside if the line is longer than
    /// `limit`, as soon as this is known. Nothing is taken then: call again with a higher limit, or
    /// call [`discard_line`](Self::discard_line). [`TimedOut`](io::ErrorKind::TimedOut) past the
    /// deadline, with nothing taken; otherwise the errors of a read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_bytes(b"\xff\xfe\n\nlast")?;
    /// drop(a);
    /// let mut read = b.open_read_channel()?;
    /// assert_eq!(read.read_line(80)?, Some(&b"\xff\xfe"[..]));
    /// assert_eq!(read.read_line(80)?, Some(&b""[..]));
    /// assert_eq!(read.read_line(80)?, Some(&b"last"[..]));
    /// assert_eq!(read.read_line(80)?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_line(&mut self, limit: usize) -> io::Result<Option<&[u8]>> {
        let line = self.line(limit, false)?;
        Ok(line.map(|range| self.queue.passed(range)))
    }

    /// Like [`read_line`](Self::read_line), but returns text.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the line is not UTF-8. The line is taken, and the
    /// error keeps its bytes: it holds a [`FromUtf8Error`](std::string::FromUtf8Error). Otherwise the
    /// errors of [`read_line`](Self::read_line).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// use std::string::FromUtf8Error;
    ///
    /// a.write_bytes(b"gr\xfc\xdf\nnext\n")?;
    /// let mut read = b.open_read_channel()?;
    /// let error = read.read_utf8_line(80).unwrap_err();
    /// let inner = error.into_inner().and_then(|e| e.downcast::<FromUtf8Error>().ok());
    /// assert_eq!(inner.unwrap().into_bytes(), b"gr\xfc\xdf");
    /// assert_eq!(read.read_utf8_line(80)?, Some("next"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "readUTF8Line")]
    pub fn read_utf8_line(&mut self, limit: usize) -> io::Result<Option<&str>> {
        let Some(range) = self.line(limit, false)? else {
            return Ok(None);
        };
        let bytes = self.queue.passed(range);
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(not_utf8(bytes)),
        }
    }

    /// Like [`read_line`](Self::read_line), but a last line without an end is an error: it may have
    /// been cut off.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends within a line, with nothing
    /// taken; otherwise the errors of [`read_line`](Self::read_line).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std_net::channel::ReadChannel;
    ///
    /// let mut read = ReadChannel::over(&b"whole\ncut o"[..]);
    /// assert_eq!(read.read_line_strict(80)?, Some(&b"whole"[..]));
    /// assert_eq!(read.read_line_strict(80).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    /// assert_eq!(read.read_line(80)?, Some(&b"cut o"[..]));
    /// assert_eq!(read.read_line_strict(80)?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "readLineStrict")]
    pub fn read_line_strict(&mut self, limit: usize) -> io::Result<Option<&[u8]>> {
        let line = self.line(limit, true)?;
        Ok(line.map(|range| self.queue.passed(range)))
    }

    /// Like [`read_line_strict`](Self::read_line_strict), but returns text.
    ///
    /// # Errors
    ///
    /// The errors of [`read_line_strict`](Self::read_line_strict) and [`read_utf8_line`](Self::read_utf8_line).
    pub fn read_utf8_line_strict(&mut self, limit: usize) -> io::Result<Option<&str>> {
        let Some(range) = self.line(limit, true)? else {
            return Ok(None);
        };
        let bytes = self.queue.passed(range);
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(not_utf8(bytes)),
        }
    }

    /// Drops the rest of the line and its end, however long it is. Returns the number of bytes dropped.
    ///
    /// # Errors
    ///
    /// The errors of a read. Bytes dropped before the error stay dropped.
    pub fn discard_line(&mut self) -> io::Result<u64> {
        let mut count = 0;
        loop {
            if self.queue.is_empty() && self.fill(SIZE)? == 0 {
                return Ok(count);
            }
            let data = self.data();
            let end = memchr(b'\n', data).map(|at| at + 1);
            let n = end.unwrap_or(data.len());
            self.consume(n);
            count += n as u64;
            if end.is_some() {
                return Ok(count);
            }
        }
    }

    /// Returns an iterator over the lines, each up to `limit` bytes. It ends with the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_string("one\ntwo\n")?;
    /// drop(a);
    /// let mut read = b.open_read_channel()?;
    /// let lines: Result<Vec<_>, _> = read.lines(80).collect();
    /// assert_eq!(lines?, ["one", "two"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lines(&mut self, limit: usize) -> Lines<'_, S> {
        Lines {
            channel: self,
            limit,
            ended: false,
        }
    }

    /// Reads up to `delimiter` and returns the bytes before it, up to `limit`. The delimiter is taken
    /// too. Returns `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends without the delimiter, with
    /// nothing taken; [`InvalidInput`](io::ErrorKind::InvalidInput) for an empty delimiter; otherwise
    /// the errors of [`read_line`](Self::read_line).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_string("one--two--")?;
    /// let mut read = b.open_read_channel()?;
    /// assert_eq!(read.read_until(b"--", 80)?, Some(&b"one"[..]));
    /// assert_eq!(read.read_until(b"--", 80)?, Some(&b"two"[..]));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_until(&mut self, delimiter: &[u8], limit: usize) -> io::Result<Option<&[u8]>> {
        if delimiter.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the delimiter is empty",
            ));
        }
        let finder = memmem::Finder::new(delimiter);
        let whole = limit.saturating_add(delimiter.len());
        let mut searched = 0;
        loop {
            let data = self.data();
            if let Some(at) = finder.find(&data[searched..]) {
                let at = searched + at;
                if at > limit {
                    return Err(TooLong { limit }.into());
                }
                let part = self.queue.pass(at + delimiter.len());
                return Ok(Some(self.queue.passed(part.start..part.start + at)));
            }
            if data.len() >= whole {
                return Err(TooLong { limit }.into());
            }
            // The delimiter may have begun at the end of what was searched.
            searched = data.len().saturating_sub(delimiter.len() - 1);
            if self.fill(whole)? == 0 {
                return if self.queue.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the stream ended before the delimiter",
                    ))
                };
            }
        }
    }

    // Chunks

    /// Reads the bytes that have arrived, up to `capacity`. It waits if there are none. Returns `None`
    /// at the end of the stream.
    ///
    /// # Errors
    ///
    /// The errors of a read: [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_string("abcd")?;
    /// drop(a);
    /// let mut read = b.open_read_channel()?;
    /// assert_eq!(read.read_chunk(3)?, Some(b"abc".to_vec()));
    /// assert_eq!(read.read_chunk(3)?, Some(b"d".to_vec()));
    /// assert_eq!(read.read_chunk(3)?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "readChunk")]
    #[doc(alias = "readAvailable")]
    pub fn read_chunk(&mut self, capacity: usize) -> io::Result<Option<Vec<u8>>> {
        if capacity == 0 {
            return Ok(Some(Vec::new()));
        }
        if self.queue.is_empty() && self.fill(SIZE)? == 0 {
            return Ok(None);
        }
        let data = self.data();
        let chunk = data[..capacity.min(data.len())].to_vec();
        self.consume(chunk.len());
        Ok(Some(chunk))
    }

    /// Like [`read_chunk`](Self::read_chunk), with a deadline for this call only. A `Duration` counts
    /// from now. If the channel has a deadline too, the earlier one counts.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), with nothing taken.
    pub fn read_chunk_deadline(
        &mut self,
        capacity: usize,
        deadline: impl Into<Deadline>,
    ) -> io::Result<Option<Vec<u8>>> {
        let kept = self.deadline;
        self.deadline = kept.min(deadline.into());
        let chunk = self.read_chunk(capacity);
        self.deadline = kept;
        chunk
    }

    /// Returns an iterator over the chunks, each up to `capacity` bytes. It ends with the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_string("abcde")?;
    /// drop(a);
    /// let mut read = b.open_read_channel()?;
    /// let chunks: Result<Vec<_>, _> = read.chunks(2).collect();
    /// assert_eq!(chunks?, [&b"ab"[..], b"cd", b"e"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn chunks(&mut self, capacity: usize) -> Chunks<'_, S> {
        Chunks {
            channel: self,
            capacity: capacity.max(1),
            ended: false,
        }
    }

    /// Reads exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before; otherwise the errors
    /// of a read. After an error nothing is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_bytes(&[1, 2, 3])?;
    /// let mut read = b.open_read_channel()?;
    /// assert_eq!(read.read_array()?, [1, 2, 3]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        while self.queue.len() < N {
            if self.fill(N.max(SIZE))? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut array = [0; N];
        array.copy_from_slice(&self.data()[..N]);
        self.consume(N);
        Ok(array)
    }

    /// Reads everything up to the end of the stream, `limit` bytes at most.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) with [`TooLong`] inside if more comes; otherwise the
    /// errors of a read. After an error nothing is taken: the next call gets the data.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// a.write_string("all of it")?;
    /// drop(a);
    /// let mut read = b.open_read_channel()?;
    /// assert!(read.read_remaining(8).is_err());
    /// assert_eq!(read.read_remaining(9)?, b"all of it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "readRemaining")]
    pub fn read_remaining(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        loop {
            if self.available() > limit {
                return Err(TooLong { limit }.into());
            }
            if self.fill(limit.saturating_add(1))? == 0 {
                let all = self.data().to_vec();
                self.consume(all.len());
                return Ok(all);
            }
        }
    }

    /// Returns the next `count` bytes without taking them. There are fewer only at the end of the
    /// stream. The buffer grows to hold them if it must.
    ///
    /// # Errors
    ///
    /// The errors of a read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::ReadChannel;
    ///
    /// let mut read = ReadChannel::over(&b"\x16\x03\x01 is TLS"[..]);
    /// let tls = read.peek(2)? == b"\x16\x03";
    /// assert!(tls);
    /// assert_eq!(read.peek(100)?.len(), 10);
    /// assert_eq!(read.read_u8()?, 0x16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.available() < count {
            if self.fill(count.max(SIZE))? == 0 {
                break;
            }
        }
        let n = count.min(self.available());
        Ok(&self.data()[..n])
    }

    /// If `bytes` come next, takes them and returns true; otherwise takes nothing and returns false. It
    /// waits only until the answer is certain.
    ///
    /// # Errors
    ///
    /// The errors of a read, with nothing taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::ReadChannel;
    ///
    /// let mut read = ReadChannel::over(&b"PROXY TCP4"[..]);
    /// assert!(!read.skip_if_found(b"GET ")?);
    /// assert!(read.skip_if_found(b"PROXY ")?);
    /// assert_eq!(read.read_remaining(80)?, b"TCP4");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "skipIfFound")]
    pub fn skip_if_found(&mut self, bytes: &[u8]) -> io::Result<bool> {
        loop {
            let known = bytes.len().min(self.available());
            if self.data()[..known] != bytes[..known] {
                return Ok(false);
            }
            if known == bytes.len() {
                self.consume(known);
                return Ok(true);
            }
            if self.fill(bytes.len().max(SIZE))? == 0 {
                return Ok(false);
            }
        }
    }

    /// Like [`Read::read`], with a deadline for this call only. A `Duration` counts from now. If the
    /// channel has a deadline too, the earlier one counts.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), with nothing taken; otherwise the errors of a read.
    pub fn read_deadline(
        &mut self,
        buf: &mut [u8],
        deadline: impl Into<Deadline>,
    ) -> io::Result<usize> {
        let kept = self.deadline;
        self.deadline = kept.min(deadline.into());
        let n = self.read(buf);
        self.deadline = kept;
        n
    }

    /// Drops `count` bytes, or fewer if the stream ends before. Returns the number of bytes dropped.
    ///
    /// # Errors
    ///
    /// The errors of a read. Bytes dropped before the error stay dropped.
    pub fn discard(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            if self.queue.is_empty() && self.fill(SIZE)? == 0 {
                break;
            }
            let here = self.available();
            let n = usize::try_from(left).map_or(here, |left| left.min(here));
            self.consume(n);
            left -= n as u64;
        }
        Ok(count - left)
    }

    // Integers

    /// Reads a `u8`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u8(&mut self) -> io::Result<u8> {
        self.read_array().map(u8::from_be_bytes)
    }

    /// Reads a `u8`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u8_le(&mut self) -> io::Result<u8> {
        self.read_array().map(u8::from_le_bytes)
    }

    /// Reads a `u16`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u16(&mut self) -> io::Result<u16> {
        self.read_array().map(u16::from_be_bytes)
    }

    /// Reads a `u16`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u16_le(&mut self) -> io::Result<u16> {
        self.read_array().map(u16::from_le_bytes)
    }

    /// Reads a `u32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u32(&mut self) -> io::Result<u32> {
        self.read_array().map(u32::from_be_bytes)
    }

    /// Reads a `u32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u32_le(&mut self) -> io::Result<u32> {
        self.read_array().map(u32::from_le_bytes)
    }

    /// Reads a `u64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u64(&mut self) -> io::Result<u64> {
        self.read_array().map(u64::from_be_bytes)
    }

    /// Reads a `u64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u64_le(&mut self) -> io::Result<u64> {
        self.read_array().map(u64::from_le_bytes)
    }

    /// Reads a `u128`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u128(&mut self) -> io::Result<u128> {
        self.read_array().map(u128::from_be_bytes)
    }

    /// Reads a `u128`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_u128_le(&mut self) -> io::Result<u128> {
        self.read_array().map(u128::from_le_bytes)
    }

    /// Reads an `i8`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i8(&mut self) -> io::Result<i8> {
        self.read_array().map(i8::from_be_bytes)
    }

    /// Reads an `i8`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i8_le(&mut self) -> io::Result<i8> {
        self.read_array().map(i8::from_le_bytes)
    }

    /// Reads an `i16`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i16(&mut self) -> io::Result<i16> {
        self.read_array().map(i16::from_be_bytes)
    }

    /// Reads an `i16`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i16_le(&mut self) -> io::Result<i16> {
        self.read_array().map(i16::from_le_bytes)
    }

    /// Reads an `i32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i32(&mut self) -> io::Result<i32> {
        self.read_array().map(i32::from_be_bytes)
    }

    /// Reads an `i32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i32_le(&mut self) -> io::Result<i32> {
        self.read_array().map(i32::from_le_bytes)
    }

    /// Reads an `i64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i64(&mut self) -> io::Result<i64> {
        self.read_array().map(i64::from_be_bytes)
    }

    /// Reads an `i64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i64_le(&mut self) -> io::Result<i64> {
        self.read_array().map(i64::from_le_bytes)
    }

    /// Reads an `i128`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i128(&mut self) -> io::Result<i128> {
        self.read_array().map(i128::from_be_bytes)
    }

    /// Reads an `i128`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_i128_le(&mut self) -> io::Result<i128> {
        self.read_array().map(i128::from_le_bytes)
    }

    /// Reads a `f32`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_f32(&mut self) -> io::Result<f32> {
        self.read_array().map(f32::from_be_bytes)
    }

    /// Reads a `f32`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_f32_le(&mut self) -> io::Result<f32> {
        self.read_array().map(f32::from_le_bytes)
    }

    /// Reads a `f64`, the most significant byte first (network byte order).
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_f64(&mut self) -> io::Result<f64> {
        self.read_array().map(f64::from_be_bytes)
    }

    /// Reads a `f64`, the least significant byte first.
    ///
    /// # Errors
    ///
    /// The errors of [`read_array`](Self::read_array).
    pub fn read_f64_le(&mut self) -> io::Result<f64> {
        self.read_array().map(f64::from_le_bytes)
    }

    // State

    /// Waits until there is something to read. Returns false at the end of the stream.
    ///
    /// # Errors
    ///
    /// The errors of a read.
    #[doc(alias = "awaitContent")]
    pub fn await_content(&mut self) -> io::Result<bool> {
        Ok(!self.queue.is_empty() || self.fill(SIZE)? > 0)
    }

    /// Returns how many bytes have been read ahead, so that they can be taken without waiting. The
    /// connection may have more.
    #[doc(alias = "availableForRead")]
    #[must_use]
    pub fn available(&self) -> usize {
        self.queue.len()
    }

    /// Returns how many bytes have been taken out of this channel since it was opened.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::ReadChannel;
    ///
    /// let mut read = ReadChannel::over(&b"one\r\ntwo"[..]);
    /// read.read_line(80)?;
    /// assert_eq!(read.total_read(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "totalBytesRead")]
    #[must_use]
    pub fn total_read(&self) -> u64 {
        self.received - self.available() as u64
    }

    /// Returns true as long as the end of the stream has not been reached.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.ended || !self.queue.is_empty()
    }

    /// Sets the deadline of this half. After it, a call that has to wait fails with
    /// [`TimedOut`](io::ErrorKind::TimedOut), until [`reset_deadline`](Self::reset_deadline). The other
    /// half has its own deadline. The connection's deadline counts for both halves: the earlier of the
    /// two ends a wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{channel::Connected, unix::UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// use std::time::Duration;
    ///
    /// a.write_string("half a li")?;
    /// let mut read = b.open_read_channel()?;
    /// read.set_deadline(Duration::from_millis(1));
    /// assert_eq!(read.read_line(80).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// read.reset_deadline();
    /// a.write_string("ne\n")?;
    /// assert_eq!(read.read_utf8_line(80)?, Some("half a line"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
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

    pub(super) fn data(&self) -> &[u8] {
        self.queue.bytes()
    }

    /// Takes the next line and returns its place in the buffer. The last line needs no end, unless
    /// `strict` is set.
    #[inline]
    fn line(&mut self, limit: usize, strict: bool) -> io::Result<Option<Range<usize>>> {
        let mut searched = 0;
        loop {
            let data = self.data();
            if let Some(at) = memchr(b'\n', &data[searched..]) {
                let at = searched + at;
                let len = at - usize::from(at > 0 && data[at - 1] == b'\r');
                if len > limit {
                    return Err(TooLong { limit }.into());
                }
                let line = self.queue.pass(at + 1);
                return Ok(Some(line.start..line.start + len));
            }
            searched = data.len();
            // A CR may be the first half of the line's end.
            if searched - usize::from(data.last() == Some(&b'\r')) > limit {
                return Err(TooLong { limit }.into());
            }
            if self.fill(limit.saturating_add(2))? == 0 {
                if searched > limit {
                    return Err(TooLong { limit }.into());
                }
                if strict && searched > 0 {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the stream ended within a line",
                    ));
                }
                let rest = self.queue.pass(searched);
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
    }

    /// Receives once, behind the data in the buffer, which are fewer than `max` bytes. The buffer may
    /// grow to `max` bytes, or to a whole buffer if that is more. Returns 0 at the end of the stream.
    fn fill(&mut self, max: usize) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.queue.is_empty() {
            // Give back even a buffer that has grown: a process that waits keeps none.
            self.queue.clear();
            let (buffer, n) = retry_interrupted(|| self.stream.recv_lent(SIZE, self.deadline))?;
            if n > 0 {
                self.queue = ByteQueue::from_parts(buffer, n);
            }
            self.received += n as u64;
            self.ended = n == 0;
            return Ok(n);
        }
        let room = self.queue.room_up_to(max);
        let n = retry_interrupted(|| self.stream.recv(room, self.deadline))?;
        self.queue.filled(n);
        self.received += n as u64;
        self.ended = n == 0;
        Ok(n)
    }

    fn consume(&mut self, n: usize) {
        self.queue.take(n);
    }

    /// Gives back the buffer, which holds no data any more.
    pub(super) fn empty(&mut self) {
        self.queue.clear();
    }
}

impl<S: Connected> Read for ReadChannel<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.queue.is_empty() {
            if self.ended {
                return Ok(0);
            }
            if buf.len() >= SIZE {
                // A large read does not go through the buffer.
                let n = self.stream.recv(buf, self.deadline)?;
                self.received += n as u64;
                self.ended = n == 0;
                return Ok(n);
            }
            if self.fill(SIZE)? == 0 {
                return Ok(0);
            }
        }
        let data = self.data();
        let n = data.len().min(buf.len());
        buf[..n].copy_from_slice(&data[..n]);
        self.consume(n);
        Ok(n)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let total: usize = bufs.iter().map(|b| b.len()).sum();
        if self.queue.is_empty() && total >= SIZE && !self.ended {
            let n = self.stream.recv_vectored(bufs, self.deadline)?;
            self.received += n as u64;
            self.ended = n == 0;
            return Ok(n);
        }
        let mut count = 0;
        for buf in bufs.iter_mut().filter(|b| !b.is_empty()) {
            // Wait for the first byte only.
            if count > 0 && self.queue.is_empty() {
                break;
            }
            count += self.read(buf)?;
        }
        Ok(count)
    }
}

impl<S: Connected> BufRead for ReadChannel<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.queue.is_empty() {
            self.fill(SIZE)?;
        }
        Ok(self.data())
    }

    fn consume(&mut self, amount: usize) {
        ReadChannel::consume(self, amount.min(self.available()));
    }
}

impl<S: Connected> fmt::Debug for ReadChannel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChannel")
            .field("available", &self.available())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "longer than the limit of {} bytes", self.limit)
    }
}

impl error::Error for TooLong {}

impl From<TooLong> for io::Error {
    fn from(error: TooLong) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

#[cold]
fn not_utf8(bytes: &[u8]) -> io::Error {
    match String::from_utf8(bytes.to_vec()) {
        Err(error) => io::Error::new(io::ErrorKind::InvalidData, error),
        // The caller has already found that the bytes are not UTF-8.
        Ok(_) => io::ErrorKind::InvalidData.into(),
    }
}
