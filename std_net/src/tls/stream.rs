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
/// [`Tls::tls`](super::Tls::tls), [`ClientConfig::connect`](super::ClientConfig::connect) and
/// [`TlsAcceptor::accept`](super::TlsAcceptor::accept) make it, after the handshake. It can be read and
/// written like any stream, also through shared references and from several processes: a caller that
/// waits for data does not keep others from writing. It can be opened as channels.
///
/// # Errors
///
/// The errors of the connection, and errors with a [`TlsError`] inside.
/// [`InvalidData`](io::ErrorKind::InvalidData) means that the peer broke the protocol or sent an alert.
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) from a read means that the connection ended without
/// a `close_notify`. If a server of TLS 1.3 refuses the certificate of a client, the client learns this
/// only in its first read.
///
/// # Writing
///
/// A write encrypts up to 32 KiB and sends them. It may send only a part before the deadline passes, or
/// before it would block on a non-blocking connection. Such a write still succeeds. The rest is sent
/// before the next write, and [`flush`](Write::flush) returns whether all is sent.
///
/// # Closing
///
/// [`close`](Self::close), and [`shutdown`](Self::shutdown) of the writing side, send a `close_notify`.
/// It tells the peer that it has everything. A drop of the last handle sends it too, if this is
/// possible without waiting. It does not while a panic unwinds, nor if plaintext was lost before.
///
/// A server of TLS 1.3 sends session tickets after the handshake. If a client only writes, and closes
/// before the tickets arrive, its kernel resets the connection when they do. To be sure that the server
/// gets everything, shut down the writing side and read to the end.
pub struct TlsStream<S: Connected>(Arc<Inner<S>>);

/// There are three locks. A caller that needs several takes them in this order: `reading`, `writing`,
/// `session`. The first two are held across waits and keep bytes in order. The last is held only during
/// a computation.
struct Inner<S: Connected> {
    stream: S,
    /// The caller that reads holds it, also while it waits, so that bytes come in order.
    reading: Mutex<()>,
    /// Records to send. The caller that writes holds the lock, also while it waits.
    writing: Mutex<ByteQueue>,
    /// It is held during a computation, never across a wait.
    session: Mutex<Session>,
    /// The session has records to send that no caller has taken.
    pending: AtomicBool,
    /// Some plaintext was lost.
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
                // A connection that never began needs no `close_notify`.
                *inner.truncated.get_mut() = true;
                Err(TlsError::in_handshake(error))
            }
        }
    }

    /// Returns the connection below, for its addresses and options. Reads of it fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy), because its bytes belong to TLS. A write to it
    /// breaks the TLS connection.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.0.stream
    }

    /// Returns the negotiated version of TLS.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.0.session.lock().facts().protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            // The handshake is done, and there is no other version.
            _ => Version::Tls13,
        }
    }

    /// Returns the negotiated application protocol (ALPN).
    #[must_use]
    pub fn alpn(&self) -> Option<Vec<u8>> {
        let session = self.0.session.lock();
        session.facts().alpn_protocol().map(<[u8]>::to_vec)
    }

    /// Returns the name of the server that the client has asked for (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let name = self.0.name.get_or_init(|| self.0.hello.find());
        name.as_deref()
    }

    /// Returns the name of the cipher suite, as the IANA has it.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<&'static str> {
        let suite = self.0.session.lock().facts().negotiated_cipher_suite()?;
        suite.suite().as_str()
    }

    /// Returns the certificates of the peer in DER, its own first. The list is empty for a client that
    /// was not asked for one.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let session = self.0.session.lock();
        let shown = session.facts().peer_certificates().unwrap_or_default();
        shown.iter().map(|der| der.as_ref().into()).collect()
    }

    /// Returns whether the handshake was shortened because it resumed an earlier session.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.session.lock().facts().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Returns whether a read would find something without a read of the connection below.
    pub(crate) fn has_unread(&self) -> bool {
        self.0.session.lock().has_unread()
    }

    /// Reads into `buf`, but leaves the data for the next read. It waits for the first byte. 0 is the
    /// end of the stream.
    ///
    /// # Errors
    ///
    /// The errors of a read.
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

    /// Reads plaintext that has already arrived. It never waits, whatever the mode. Use it in an event
    /// loop of your own. 0 is the end of the stream. A readable descriptor does not always mean that
    /// there is plaintext, and there may be plaintext although the descriptor is not readable. So read
    /// until it returns [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, or if another caller is reading;
    /// otherwise the errors of a read.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_free()?;
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_recv(buf)
    }

    /// Writes if there is room, and never waits. Returns how many bytes were taken. Bytes that the
    /// connection below does not take now are sent before the next write, or by a
    /// [`flush`](Write::flush).
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or if another caller is writing;
    /// otherwise the errors of a write.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_send(buf)
    }

    /// Ends one or both directions. [`Shutdown::Write`] sends a `close_notify` and shuts the connection
    /// below down. The peer may still send, and reads go on (half-close).
    ///
    /// # Errors
    ///
    /// The errors of a write; the error of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Transport::end(self, how, Deadline::NEVER)
    }

    /// Sends a `close_notify` and ends both directions. Data that the peer has sent and that were not
    /// read are lost.
    ///
    /// # Errors
    ///
    /// The errors of [`shutdown`](Self::shutdown).
    pub fn close(self) -> io::Result<()> {
        self.shutdown(Shutdown::Both)
    }

    /// Waits until the peer has ended the connection below, or is gone. It reads nothing: see
    /// [`Socket::wait_closed`](crate::socket::Socket::wait_closed). So it does not notice a
    /// `close_notify` alone.
    ///
    /// # Errors
    ///
    /// The errors of that method.
    pub fn wait_closed(&self) -> io::Result<()> {
        Transport::wait_closed(self)
    }

    /// Returns whether the peer has ended the connection below, or is gone. It does not wait.
    ///
    /// # Errors
    ///
    /// The error of `poll(2)`.
    pub fn is_closed(&self) -> io::Result<bool> {
        Transport::is_closed(self)
    }

    /// Returns a second handle to the same connection. Both handles share the deadline too.
    #[must_use]
    pub fn try_clone(&self) -> TlsStream<S> {
        TlsStream(Arc::clone(&self.0))
    }

    /// Sends a range of a file, in bytes from its beginning. Returns how many bytes were sent, fewer if
    /// the file ends before. It copies the bytes, because the kernel cannot encrypt them. The cursor of
    /// the file does not move.
    ///
    /// # Errors
    ///
    /// The errors of reading the file, and of a write.
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

    /// Returns the deadline as an instant.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.stream.deadline().instant()
    }

    /// Removes the deadline.
    pub fn reset_deadline(&self) {
        self.0.stream.set_deadline(Deadline::NEVER);
    }

    /// Opens the half that reads: see [`Connected::open_read_channel`].
    ///
    /// # Errors
    ///
    /// The errors of that method.
    pub fn open_read_channel(&self) -> io::Result<ReadChannel<TlsStream<S>>> {
        Connected::open_read_channel(self)
    }

    /// Opens the half that writes: see [`Connected::open_write_channel`].
    ///
    /// # Errors
    ///
    /// The errors of that method.
    pub fn open_write_channel(&self, auto_flush: bool) -> io::Result<WriteChannel<TlsStream<S>>> {
        Connected::open_write_channel(self, auto_flush)
    }

    /// Opens both halves: see [`Connected::into_channels`].
    ///
    /// # Errors
    ///
    /// The errors of that method.
    #[allow(clippy::type_complexity, reason = "it is a pair")]
    pub fn into_channels(
        self,
        auto_flush: bool,
    ) -> io::Result<(ReadChannel<TlsStream<S>>, WriteChannel<TlsStream<S>>)> {
        Connected::into_channels(self, auto_flush)
    }
}

impl<S: Connected> TlsStream<S> {
    /// Returns an error if a channel owns the half that reads.
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
                // The records that came before this side answers are the hello. Copy only the new
                // bytes, because rustls changes the records in place.
                let records = self.session.get_mut().incoming.bytes();
                hello.extend_from_slice(records.get(hello.len()..).unwrap_or_default());
            }
            let done = self.session.lock().handshake();
            if done.is_err() {
                // Tell the peer the reason, if this is possible without waiting.
                self.pending.store(true, Ordering::SeqCst);
                self.relay();
            }
            let done = done?;
            // Send our records before waiting for those of the peer.
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

    /// Returns the error that the peer sent before it left the handshake. It says more than the error
    /// of the send.
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

    /// Takes plaintext that is there. The caller must hold `reading`. Returns how many bytes, 0 at the
    /// end of the stream, or `None` if more records are needed first.
    fn take_plaintext(&self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let mut session = self.session.lock();
        let read = session.read(buf);
        let ended = session.peer_closed;
        let to_send = !session.outgoing.is_empty();
        drop(session);
        if to_send {
            // The session has an answer to the received records, or an alert about an error. The peer
            // must get it.
            self.pending.store(true, Ordering::SeqCst);
            self.relay();
        }
        let n = read?;
        Ok((n > 0 || ended).then_some(n))
    }

    /// Receives records and gives them to the session. If the session has no incomplete record, a
    /// buffer is taken only when bytes have arrived, so none is held during the wait. If it has one,
    /// the new bytes go behind a copy of it, so that a caller that writes meanwhile finds the original
    /// unchanged.
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
        // Send the rest of the last write first. If this fails, no new plaintext was taken.
        self.send(&mut writing, deadline)?;
        let encrypted = self.session.lock().encrypt(plaintext, &mut writing);
        let sent = encrypted.and_then(|()| self.send(&mut writing, deadline));
        drop(writing);
        self.relay();
        match sent {
            Err(e) if !is_wait(&e) => Err(e),
            // The bytes are encrypted and queued, and the next call goes on with them.
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

    /// Sends, without waiting, the records of the session itself (an answer to a key update, an alert).
    /// If another caller is writing, that caller sends them: every writer calls this at its end.
    fn relay(&self) {
        while self.pending.load(Ordering::SeqCst) {
            let Some(mut writing) = self.writing.try_lock() else {
                return;
            };
            self.pending.store(false, Ordering::SeqCst);
            push_all(&mut writing, &mut self.session.lock().outgoing);
            // Bytes that cannot be sent now are sent before the next write.
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
        // Nothing in this drop waits.
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
            // A TLS 1.3 client that has not read since the handshake may still have session tickets to
            // read. If it closes with unread bytes, the kernel sends a reset, and the server loses data
            // that it has not read yet.
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
            // The buffer is taken before it is known that there is plaintext, and given back before the
            // wait.
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
        // Put all parts into one record, as far as they fit.
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

/// The descriptor of the connection below, for `poll(2)` and for options.
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

/// Turns an end of the connection without a `close_notify` into an error.
fn some(n: usize) -> io::Result<()> {
    if n == 0 {
        return Err(TlsError::truncated());
    }
    Ok(())
}

/// Returns whether an error means that something has not happened yet.
fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}
