//! [`TlsStream`]: a TLS connection over another connection.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::ops::RangeBounds;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use rustls::{HandshakeKind, ProtocolVersion};
use std_net_runtime::buffers::pool::{Buffer, RECORDS, SIZE};
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::halves::Claimed;
use std_net_runtime::process::Mutex;
use std_net_runtime::{Deadline, file_range, retry_interrupted};

use super::Version;
use super::error::TlsError;
use super::server::Name;
use super::session::{Connection, MAX_PLAINTEXT, Session, push_all};
use crate::channel::halves::READ;
use crate::channel::transport::Transport;
use crate::channel::{Connected, ReadChannel, WriteChannel};
use crate::socket::Shutdown;
#[cfg(doc)]
use crate::socket::TcpStream;

/// A TLS connection over a [`TcpStream`], a [`UnixStream`](crate::unix::UnixStream) or another
/// connection.
///
/// Made by [`Tls::tls`](super::Tls::tls), [`ClientConfig::connect`](super::ClientConfig::connect) or
/// [`TlsAcceptor::accept`](super::TlsAcceptor::accept), with the handshake done. It is read and written
/// as any stream, also through shared references and from several processes: a caller that waits for data keeps
/// no other from writing. It can be opened as channels.
///
/// # Errors
///
/// Besides those of the connection, with a [`TlsError`] inside:
/// [`InvalidData`](io::ErrorKind::InvalidData) for what is against the protocol or told by an alert of
/// the peer, and [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) from a read when the connection ended
/// without a `close_notify`. A client of TLS 1.3 hears only on its first read that the server did not
/// like its certificate.
///
/// # Writing
///
/// A write encrypts up to 32 KiB and sends them. If the deadline passes, or the connection is
/// non-blocking, when a part is sent, the write has succeeded and the rest goes out before the next
/// one: [`flush`](Write::flush) says whether all is sent.
///
/// # Closing
///
/// [`close`](Self::close), or [`shutdown`](Self::shutdown) of the side that writes, sends a
/// `close_notify`, by which the peer knows that it has everything. A drop of the last handle does too
/// if that goes without waiting, but not while a panic unwinds, nor if plaintext was lost before.
///
/// A server of TLS 1.3 sends session tickets behind the handshake. A client that only writes, and closes
/// before they have come, makes its kernel reset the connection when they do. To be sure that the server
/// gets everything, shut down the side that writes, and read to the end.
pub struct TlsStream<S: Connected>(Arc<Inner<S>>);

/// Three locks, taken in this order where several are held: `reading`, `writing`, `session`. The first
/// two are held across waits, and keep bytes in order; the last only for the time of a computation.
struct Inner<S: Connected> {
    stream: S,
    /// Held by the caller that reads, also while it waits: bytes come in order.
    reading: Mutex<()>,
    /// Records on their way out. Held by the caller that writes, also while it waits.
    writing: Mutex<ByteQueue>,
    /// Held for the time of a computation, never across a wait.
    session: Mutex<Session>,
    /// The session has records to send that no caller has taken.
    pending: AtomicBool,
    /// Plaintext was lost.
    truncated: AtomicBool,
    halves: Claimed,
    name: OnceLock<Option<Box<str>>>,
    hello: Name,
}

impl<S: Connected> TlsStream<S> {
    /// Does the handshake over a connection whose halves are claimed.
    pub(super) fn handshake(
        stream: S,
        connection: Connection,
        records: ByteQueue,
        hello: Name,
        deadline: Deadline,
    ) -> io::Result<TlsStream<S>> {
        let mut session = Session::new(connection);
        session.received(records)?;
        let mut inner = Inner {
            stream,
            reading: Mutex::new(()),
            session: Mutex::new(session),
            writing: Mutex::new(ByteQueue::default()),
            pending: AtomicBool::new(false),
            truncated: AtomicBool::new(false),
            halves: Claimed::default(),
            name: OnceLock::new(),
            hello,
        };
        match inner.handshake(deadline) {
            Ok(()) => Ok(TlsStream(Arc::new(inner))),
            Err(error) => {
                // No close_notify for what never began.
                *inner.truncated.get_mut() = true;
                Err(TlsError::in_handshake(error))
            }
        }
    }

    /// The connection below, for its addresses and options. Reads of it fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy), because its bytes are those of TLS; what is written to
    /// it breaks the TLS connection.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.0.stream
    }

    /// The version that was agreed on.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.0.session.lock().facts().protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            // There is no other, and the handshake is done.
            _ => Version::Tls13,
        }
    }

    /// The application protocol that was agreed on (ALPN).
    #[must_use]
    pub fn alpn(&self) -> Option<Vec<u8>> {
        let session = self.0.session.lock();
        session.facts().alpn_protocol().map(<[u8]>::to_vec)
    }

    /// The name of the server: that which the client asked for (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let name = self.0.name.get_or_init(|| self.0.hello.find());
        name.as_deref()
    }

    /// The name of the cipher suite, as the IANA has it.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<&'static str> {
        let suite = self.0.session.lock().facts().negotiated_cipher_suite()?;
        suite.suite().as_str()
    }

    /// The certificates that the peer has shown, its own first, in DER. None of a client that was not
    /// asked.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let session = self.0.session.lock();
        let shown = session.facts().peer_certificates().unwrap_or_default();
        shown.iter().map(|der| der.as_ref().into()).collect()
    }

    /// Whether the handshake was shortened by a session of before.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.session.lock().facts().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether a read would find something without asking the connection below.
    pub(crate) fn has_unread(&self) -> bool {
        self.0.session.lock().has_unread()
    }

    /// Reads into `buf` and leaves it to be read again; waits for the first byte. 0 is the end.
    ///
    /// # Errors
    ///
    /// As a read.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn serve(stream: std_net::tls::TlsStream<std_net::socket::TcpStream>) -> std::io::Result<()> {
    /// let mut first = [0; 4];
    /// let n = stream.peek(&mut first)?;
    /// let http = b"GET ".starts_with(&first[..n]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_free()?;
        if buf.is_empty() {
            return Ok(0);
        }
        let _reading = self.0.reading.lock();
        loop {
            if let Some(n) = self.0.take_plaintext(buf)? {
                self.0.session.lock().put_back(&buf[..n]);
                return Ok(n);
            }
            self.0.receive(Deadline::NEVER)?;
        }
    }

    /// Reads what is there already, and never waits, whatever the mode: for an event loop of your own. 0 is
    /// the end of the stream. A readable descriptor does not mean that there is plaintext, and there may be
    /// some without one: read until this says [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, or another one reads; otherwise as a
    /// read.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_free()?;
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_recv(buf)
    }

    /// Writes if there is room, and never waits; returns how many bytes were taken. What the connection
    /// below does not take now goes out before the next write, or with a [`flush`](Write::flush).
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or another one writes; otherwise as a
    /// write.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_send(buf)
    }

    /// Ends one or both directions. For [`Shutdown::Write`] a `close_notify` is sent, and the
    /// connection below is shut down; the peer may still send, and reads go on (half-close).
    ///
    /// # Errors
    ///
    /// As a write; the error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Transport::end(self, how, Deadline::NEVER)
    }

    /// Sends a `close_notify` and ends both directions. What the peer has sent and no one has read is
    /// lost.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub fn close(self) -> io::Result<()> {
        self.shutdown(Shutdown::Both)
    }

    /// Waits until the peer has ended the connection below, or is gone, and reads nothing: see
    /// [`Socket::wait_closed`](crate::socket::Socket::wait_closed). A `close_notify` alone is not seen
    /// without reading.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn wait_closed(&self) -> io::Result<()> {
        Transport::wait_closed(self)
    }

    /// Whether the peer has ended the connection below, or is gone, without waiting.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_closed(&self) -> io::Result<bool> {
        Transport::is_closed(self)
    }

    /// A second handle to the same connection. It is a reference: the deadline is shared too.
    #[must_use]
    pub fn try_clone(&self) -> TlsStream<S> {
        TlsStream(Arc::clone(&self.0))
    }

    /// Sends a part of a file; returns how many bytes that were, fewer if the file ends. By a copy: the
    /// kernel cannot encrypt them. The cursor of the file stays where it is.
    ///
    /// # Errors
    ///
    /// As a read of the file, and as a write.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn send(stream: std_net::tls::TlsStream<std_net::socket::TcpStream>) -> std::io::Result<()> {
    /// let file = std::fs::File::open("index.html")?;
    /// let sent = stream.send_file(&file, ..)?;
    /// assert_eq!(sent, file.metadata()?.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_file(&self, file: &File, range: impl RangeBounds<u64>) -> io::Result<u64> {
        let (start, len) = file_range(range)?;
        let mut buffer = Buffer::take(RECORDS);
        let mut sent = 0;
        while sent < len {
            let left = usize::try_from(len - sent).unwrap_or(usize::MAX);
            let room = &mut buffer.bytes_mut()[..left.min(MAX_PLAINTEXT)];
            let n = retry_interrupted(|| file.read_at(room, start + sent))?;
            if n == 0 {
                break;
            }
            (&*self).write_all(&room[..n])?;
            sent += n as u64;
        }
        self.0.flush(Deadline::NEVER)?;
        Ok(sent)
    }

    /// Sets the deadline of the connection: see [`TcpStream::set_deadline`].
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.0.stream.set_deadline(deadline.into());
    }

    /// The instant of the deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.stream.deadline().instant()
    }

    /// Takes the deadline away.
    pub fn reset_deadline(&self) {
        self.0.stream.set_deadline(Deadline::NEVER);
    }

    /// Opens the half that reads: see [`Connected::open_read_channel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_read_channel(&self) -> io::Result<ReadChannel<TlsStream<S>>> {
        Connected::open_read_channel(self)
    }

    /// Opens the half that writes: see [`Connected::open_write_channel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_write_channel(&self, auto_flush: bool) -> io::Result<WriteChannel<TlsStream<S>>> {
        Connected::open_write_channel(self, auto_flush)
    }

    /// Opens both halves: see [`Connected::into_channels`].
    ///
    /// # Errors
    ///
    /// As there.
    #[allow(clippy::type_complexity, reason = "it is a pair")]
    pub fn into_channels(
        self,
        auto_flush: bool,
    ) -> io::Result<(ReadChannel<TlsStream<S>>, WriteChannel<TlsStream<S>>)> {
        Connected::into_channels(self, auto_flush)
    }
}

impl<S: Connected> TlsStream<S> {
    /// An error if a channel owns the half that reads.
    fn check_free(&self) -> io::Result<()> {
        if self.is_claimed(READ) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "this half of the connection has been opened as a channel",
            ));
        }
        Ok(())
    }
}

impl<S: Connected> Inner<S> {
    fn handshake(&mut self, deadline: Deadline) -> io::Result<()> {
        let mut answered = false;
        loop {
            if let Name::InHello(hello) = &mut self.hello
                && !answered
            {
                // What has come before we answer is the hello. What is new of it, because rustls works
                // on it where it lies.
                let records = self.session.get_mut().incoming.bytes();
                hello.extend_from_slice(records.get(hello.len()..).unwrap_or_default());
            }
            let done = self.session.lock().handshake();
            if done.is_err() {
                // The peer should hear why, if it can without our waiting for it.
                self.pending.store(true, Ordering::SeqCst);
                self.relay();
            }
            let done = done?;
            // Ours goes out before we wait for the peer's.
            let mut writing = self.writing.lock();
            push_all(&mut writing, &mut self.session.lock().outgoing);
            answered |= !writing.is_empty();
            let sent = self.send(&mut writing, deadline);
            drop(writing);
            if let Err(error) = sent {
                return Err(self.last_words().unwrap_or(error));
            }
            if done {
                return Ok(());
            }
            self.receive(deadline)?;
        }
    }

    /// What a peer said that no longer listens to the handshake: why it left says more than that it did.
    fn last_words(&self) -> Option<io::Error> {
        loop {
            let mut records = Buffer::take(RECORDS);
            let n = retry_interrupted(|| self.stream.try_recv(records.bytes_mut())).ok()?;
            if n == 0 {
                return None;
            }
            let mut session = self.session.lock();
            let heard = session.received(ByteQueue::from_parts(records, n));
            if let Err(error) = heard.and_then(|()| session.handshake()) {
                return Some(error);
            }
        }
    }

    /// Takes plaintext that is there, by the caller that holds `reading`: how many bytes, 0 at the end of
    /// the stream, or `None` if more records must come first.
    fn take_plaintext(&self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let mut session = self.session.lock();
        let read = session.read(buf);
        let ended = session.peer_closed;
        let to_send = !session.outgoing.is_empty();
        drop(session);
        if to_send {
            // An answer to what has come, or an alert if that was wrong: the peer must hear it.
            self.pending.store(true, Ordering::SeqCst);
            self.relay();
        }
        let n = read?;
        Ok((n > 0 || ended).then_some(n))
    }

    /// Receives records and gives them to the session. It has no part of one: they are not its
    /// memory while we wait. It has: they go on behind a copy of that part, so that a caller that writes
    /// meanwhile has it where it was.
    fn receive(&self, deadline: Deadline) -> io::Result<()> {
        let session = self.session.lock();
        let part = session.incoming.len();
        if part == 0 {
            drop(session);
            let (buffer, n) = retry_interrupted(|| self.stream.recv_lent(RECORDS, deadline))?;
            some(n)?;
            return self
                .session
                .lock()
                .received(ByteQueue::from_parts(buffer, n));
        }
        let changes = session.changes;
        let mut buffer = Buffer::take(RECORDS);
        if buffer.len() < 2 * part {
            buffer.grow(2 * part);
        }
        buffer.bytes_mut()[..part].copy_from_slice(session.incoming.bytes());
        drop(session);
        let n = retry_interrupted(|| self.stream.recv(&mut buffer.bytes_mut()[part..], deadline))?;
        some(n)?;
        let mut session = self.session.lock();
        if session.changes == changes {
            return session.replace(ByteQueue::from_parts(buffer, part + n));
        }
        let mut records = ByteQueue::default();
        records.push(&buffer.bytes()[part..part + n], RECORDS);
        session.received(records)
    }

    /// Encrypts up to [`MAX_PLAINTEXT`] bytes and sends them.
    fn write(&self, plaintext: &[u8], deadline: Deadline) -> io::Result<usize> {
        let plaintext = &plaintext[..plaintext.len().min(MAX_PLAINTEXT)];
        if plaintext.is_empty() {
            return Ok(0);
        }
        let mut writing = self.writing.lock();
        // First what is left of the last one: a failure here has taken nothing.
        self.send(&mut writing, deadline)?;
        let encrypted = self.session.lock().encrypt(plaintext, &mut writing);
        let sent = encrypted.and_then(|()| self.send(&mut writing, deadline));
        drop(writing);
        self.relay();
        match sent {
            Err(e) if !is_wait(&e) => Err(e),
            // It is on its way, and the next call goes on with it.
            _ => Ok(plaintext.len()),
        }
    }

    fn flush(&self, deadline: Deadline) -> io::Result<()> {
        let mut writing = self.writing.lock();
        let sent = self.send(&mut writing, deadline);
        drop(writing);
        self.relay();
        sent
    }

    fn send(&self, records: &mut ByteQueue, deadline: Deadline) -> io::Result<()> {
        while !records.is_empty() {
            let n = retry_interrupted(|| self.stream.send(records.bytes(), deadline))?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            records.take(n);
        }
        Ok(())
    }

    /// Sends, without waiting, what the session has to send of its own (an answer to a key update, an
    /// alert). If someone else is writing it is for them: they call this when they are done.
    fn relay(&self) {
        while self.pending.load(Ordering::SeqCst) {
            let Some(mut writing) = self.writing.try_lock() else {
                return;
            };
            self.pending.store(false, Ordering::SeqCst);
            push_all(&mut writing, &mut self.session.lock().outgoing);
            // What cannot go now goes before the next write.
            self.try_send(&mut writing);
        }
    }

    fn try_send(&self, records: &mut ByteQueue) {
        while !records.is_empty() {
            match self.stream.try_send(records.bytes()) {
                Ok(n) if n > 0 => records.take(n),
                _ => return,
            }
        }
    }
}

impl<S: Connected> Drop for Inner<S> {
    fn drop(&mut self) {
        // Nothing here waits.
        let writing = self.writing.get_mut();
        let clean = !*self.truncated.get_mut() && !thread::panicking();
        if clean && self.session.get_mut().close(writing).is_ok() {
            while !writing.is_empty() {
                match self.stream.try_send(writing.bytes()) {
                    Ok(n) if n > 0 => writing.take(n),
                    _ => break,
                }
            }
        }
        if self.session.get_mut().is_client() {
            // The tickets of TLS 1.3, in a client that has not read since: the kernel answers a close
            // with unread bytes by a reset, and that takes from the server what it has not read.
            let mut tickets = Buffer::take(SIZE);
            let _ = self.stream.try_recv(tickets.bytes_mut());
        }
    }
}

impl<S: Connected> Transport for TlsStream<S> {
    fn recv(&self, buf: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let _reading = self.0.reading.lock();
        loop {
            if let Some(n) = self.0.take_plaintext(buf)? {
                return Ok(n);
            }
            self.0.receive(deadline)?;
        }
    }

    fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>], deadline: Deadline) -> io::Result<usize> {
        let first = bufs.iter_mut().find(|buf| !buf.is_empty());
        first.map_or(Ok(0), |buf| self.recv(buf, deadline))
    }

    fn recv_lent(&self, size: usize, deadline: Deadline) -> io::Result<(Buffer, usize)> {
        let inner = &*self.0;
        let _reading = inner.reading.lock();
        loop {
            // Decrypts no more than there is: no buffer is needed to find that there is nothing.
            let mut buffer = Buffer::take(size);
            if let Some(n) = inner.take_plaintext(buffer.bytes_mut())? {
                return Ok((buffer, n));
            }
            drop(buffer);
            inner.receive(deadline)?;
        }
    }

    fn send(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize> {
        self.0.write(buf, deadline)
    }

    fn send_vectored(&self, bufs: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
        let mut parts = bufs.iter().filter(|buf| !buf.is_empty()).peekable();
        let Some(first) = parts.next() else {
            return Ok(0);
        };
        if parts.peek().is_none() || first.len() >= SIZE {
            return self.0.write(first, deadline);
        }
        // One record for all of them, as far as they fit.
        let mut buffer = Buffer::take(SIZE);
        let mut len = 0;
        for part in bufs {
            let n = part.len().min(SIZE - len);
            buffer.bytes_mut()[len..len + n].copy_from_slice(&part[..n]);
            len += n;
        }
        self.0.write(&buffer.bytes()[..len], deadline)
    }

    fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        let Some(mut writing) = self.0.writing.try_lock() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        self.0.try_send(&mut writing);
        if !writing.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let plaintext = &buf[..buf.len().min(MAX_PLAINTEXT)];
        self.0.session.lock().encrypt(plaintext, &mut writing)?;
        self.0.try_send(&mut writing);
        drop(writing);
        self.0.relay();
        Ok(plaintext.len())
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let would_block = || io::Error::from(io::ErrorKind::WouldBlock);
        let _reading = self.0.reading.try_lock().ok_or_else(would_block)?;
        loop {
            if let Some(n) = self.0.take_plaintext(buf)? {
                return Ok(n);
            }
            let mut records = Buffer::take(RECORDS);
            let n = self.0.stream.try_recv(records.bytes_mut())?;
            some(n)?;
            let records = ByteQueue::from_parts(records, n);
            self.0.session.lock().received(records)?;
        }
    }

    fn flush(&self, deadline: Deadline) -> io::Result<()> {
        self.0.flush(deadline)
    }

    fn end(&self, how: Shutdown, deadline: Deadline) -> io::Result<()> {
        let inner = &*self.0;
        if how != Shutdown::Read {
            let mut writing = inner.writing.lock();
            inner.send(&mut writing, deadline)?;
            inner.session.lock().close(&mut writing)?;
            inner.send(&mut writing, deadline)?;
        }
        inner.stream.end(how, deadline)
    }

    fn truncate(&self) {
        self.0.truncated.store(true, Ordering::SeqCst);
        self.0.stream.truncate();
    }

    fn claim(&self, halves: u8) -> bool {
        self.0.halves.claim(halves)
    }

    fn is_claimed(&self, halves: u8) -> bool {
        self.0.halves.is_claimed(halves)
    }

    fn release(&self, halves: u8, unread: &[u8]) {
        if halves & READ != 0 {
            self.0.session.lock().put_back(unread);
        }
        self.0.halves.release(halves);
    }

    fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn common(&self) -> io::Result<Arc<Self>> {
        Ok(Arc::new(self.try_clone()))
    }

    fn wait_closed(&self) -> io::Result<()> {
        self.0.stream.wait_closed()
    }

    fn is_closed(&self) -> io::Result<bool> {
        self.0.stream.is_closed()
    }

    fn cut(&self) {
        self.truncate();
        self.0.stream.cut();
    }

    fn abort(&self) {
        self.truncate();
        self.0.stream.abort();
    }

    fn is_gone(&self) -> io::Result<bool> {
        self.0.stream.is_gone()
    }

    fn set_deadline(&self, deadline: Deadline) {
        self.0.stream.set_deadline(deadline);
    }

    fn deadline(&self) -> Deadline {
        self.0.stream.deadline()
    }
}

impl<S: Connected> Connected for TlsStream<S> {}

/// The descriptor of the connection below: for `poll(2)`, and for options.
impl<S: Connected + AsFd> AsFd for TlsStream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.stream.as_fd()
    }
}

impl<S: Connected + AsRawFd> AsRawFd for TlsStream<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.stream.as_raw_fd()
    }
}

impl<S: Connected> Read for &TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_free()?;
        self.recv(buf, Deadline::NEVER)
    }
}

impl<S: Connected> Write for &TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.send(buf, Deadline::NEVER)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_vectored(bufs, Deadline::NEVER)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush(Deadline::NEVER)
    }
}

impl<S: Connected> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl<S: Connected> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush(Deadline::NEVER)
    }
}

impl<S: Connected + fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("stream", &self.0.stream)
            .field("server_name", &self.server_name())
            .finish_non_exhaustive()
    }
}

/// The end of the connection is only right behind a `close_notify`.
fn some(n: usize) -> io::Result<()> {
    if n == 0 {
        return Err(TlsError::truncated());
    }
    Ok(())
}

/// Whether an error says that something has not happened yet.
fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}
