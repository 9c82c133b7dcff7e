//! [`Over`] makes channels over anything that reads and writes, and over memory. With it, a parser of a
//! protocol can be tested without a socket.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use std_net_runtime::Deadline;
use std_net_runtime::buffers::pool::Buffer;
use std_net_runtime::halves::{Claimed, READ};
use std_net_runtime::process::Mutex;

use super::transport::Transport;
use super::{Connected, ReadChannel, WriteChannel};
use crate::socket::Shutdown;

/// Makes a connection of a reader and a writer: pipes, the standard streams of a child, files, memory.
///
/// It can do what a socket can, as far as the reader and the writer allow. TLS works over it too. It
/// checks a deadline before each read and write, but a deadline does not end a read or write that
/// already waits. It cannot tell that the other end has left. A read or write that blocks (a pipe's,
/// for example) blocks the worker of a process.
///
/// # Examples
///
/// This program tests a parser without a socket:
///
/// ```
/// use std::io;
/// use std_net::channel::{Connected, ReadChannel, WriteChannel};
///
/// /// Works over any connection.
/// fn greet<S: Connected>(
///     read: &mut ReadChannel<S>,
///     write: &mut WriteChannel<impl Connected>,
/// ) -> io::Result<()> {
///     while let Some(name) = read.read_utf8_line(80)? {
///         write.write_str("hello ")?;
///         write.write_line(name)?;
///     }
///     Ok(())
/// }
///
/// let mut read = ReadChannel::over(&b"Ada\r\nGrace\n"[..]);
/// let mut write = WriteChannel::over(Vec::new(), false);
/// greet(&mut read, &mut write)?;
/// assert_eq!(write.into_writer()?, b"hello Ada\nhello Grace\n");
/// # Ok::<(), io::Error>(())
/// ```
pub struct Over<R, W>(Arc<Inner<R, W>>);

struct Inner<R, W> {
    reader: Mutex<R>,
    writer: Mutex<W>,
    claimed: Claimed,
    /// Bytes that a channel had read ahead and gave back.
    unread: StdMutex<Vec<u8>>,
    deadline: StdMutex<Deadline>,
}

impl<R, W> Over<R, W>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    /// Makes a connection that reads from `reader` and writes to `writer`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::{Command, Stdio};
    /// use std_net::channel::{Connected, Over};
    ///
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    /// let (mut read, mut write) = Over::new(stdout, stdin).into_channels(true)?;
    /// write.write_line("there and back")?;
    /// assert_eq!(read.read_utf8_line(80)?, Some("there and back"));
    /// drop((read, write));
    /// child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(reader: R, writer: W) -> Over<R, W> {
        Over(Arc::new(Inner {
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
            claimed: Claimed::default(),
            unread: StdMutex::default(),
            deadline: StdMutex::new(Deadline::NEVER),
        }))
    }

    /// Returns the reader and the writer, or `None` if there is another handle (a channel) to this
    /// connection.
    #[must_use]
    pub fn into_inner(self) -> Option<(R, W)> {
        let inner = Arc::into_inner(self.0)?;
        Some((inner.reader.into_inner(), inner.writer.into_inner()))
    }

    /// Fails when a deadline has passed.
    fn check(&self, deadline: Deadline) -> io::Result<()> {
        let nearer = deadline.min(*lock(&self.0.deadline));
        if nearer
            .instant()
            .is_some_and(|at| at <= std::time::Instant::now())
        {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "deadline has passed",
            ));
        }
        Ok(())
    }

    fn unread(&self, buf: &mut [u8]) -> usize {
        let mut unread = lock(&self.0.unread);
        let n = unread.len().min(buf.len());
        buf[..n].copy_from_slice(&unread[..n]);
        unread.drain(..n);
        n
    }
}

impl<R: Read + Send + 'static> ReadChannel<Over<R, io::Sink>> {
    /// Makes a channel that reads from anything: a file, a pipe, bytes in memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::channel::ReadChannel;
    ///
    /// let mut read = ReadChannel::over(&b"\x01\x02rest"[..]);
    /// assert_eq!(read.read_u16()?, 0x0102);
    /// assert_eq!(read.read_remaining(80)?, b"rest");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn over(reader: R) -> ReadChannel<Over<R, io::Sink>> {
        let over = Over::new(reader, io::sink());
        let _ = over.claim(READ);
        ReadChannel::new(Arc::new(over))
    }
}

impl<W: Write + Send + 'static> WriteChannel<Over<io::Empty, W>> {
    /// Makes a channel that writes to anything. Otherwise it is like [`Connected::open_write_channel`].
    #[must_use]
    pub fn over(writer: W, auto_flush: bool) -> WriteChannel<Over<io::Empty, W>> {
        WriteChannel::new(Arc::new(Over::new(io::empty(), writer)), auto_flush)
    }

    /// Sends what is in the buffer, and returns the writer.
    ///
    /// # Errors
    ///
    /// The errors of [`flush`](Write::flush).
    pub fn into_writer(mut self) -> io::Result<W> {
        self.flush()?;
        self.closed = true;
        let stream = Arc::clone(&self.stream);
        drop(self);
        // A channel over a writer is the only owner of its connection.
        let parts = Arc::into_inner(stream).and_then(Over::into_inner);
        parts
            .map(|(_, writer)| writer)
            .ok_or_else(|| io::ErrorKind::ResourceBusy.into())
    }
}

impl<R, W> Transport for Over<R, W>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    fn recv(&self, buf: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        self.check(deadline)?;
        if buf.is_empty() {
            return Ok(0);
        }
        let mut reader = self.0.reader.lock();
        match self.unread(buf) {
            0 => reader.read(buf),
            n => Ok(n),
        }
    }

    fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>], deadline: Deadline) -> io::Result<usize> {
        let first = bufs.iter_mut().find(|buf| !buf.is_empty());
        first.map_or(Ok(0), |buf| self.recv(buf, deadline))
    }

    fn recv_lent(&self, size: usize, deadline: Deadline) -> io::Result<(Buffer, usize)> {
        let mut buffer = Buffer::take(size);
        let n = self.recv(buffer.bytes_mut(), deadline)?;
        Ok((buffer, n))
    }

    fn send(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize> {
        self.check(deadline)?;
        self.0.writer.lock().write(buf)
    }

    fn send_vectored(&self, bufs: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
        self.check(deadline)?;
        self.0.writer.lock().write_vectored(bufs)
    }

    /// There is no way to know whether the write would wait.
    fn try_send(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.unread(buf) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }

    fn flush(&self, deadline: Deadline) -> io::Result<()> {
        self.check(deadline)?;
        self.0.writer.lock().flush()
    }

    /// A writer ends when it is dropped.
    fn end(&self, how: Shutdown, deadline: Deadline) -> io::Result<()> {
        if how == Shutdown::Read {
            return Ok(());
        }
        self.flush(deadline)
    }

    fn claim(&self, halves: u8) -> bool {
        self.0.claimed.claim(halves)
    }

    fn is_claimed(&self, halves: u8) -> bool {
        self.0.claimed.is_claimed(halves)
    }

    fn release(&self, halves: u8, unread: &[u8]) {
        if halves & READ != 0 {
            lock(&self.0.unread).splice(..0, unread.iter().copied());
        }
        self.0.claimed.release(halves);
    }

    fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn common(&self) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Over(Arc::clone(&self.0))))
    }

    fn wait_closed(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn is_closed(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_gone(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn abort(&self) {}

    fn cut(&self) {}

    fn set_deadline(&self, deadline: Deadline) {
        *lock(&self.0.deadline) = deadline;
    }

    fn deadline(&self) -> Deadline {
        *lock(&self.0.deadline)
    }
}

impl<R, W> Connected for Over<R, W>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
}

impl<R, W> fmt::Debug for Over<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
