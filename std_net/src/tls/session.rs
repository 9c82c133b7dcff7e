//! A session of rustls without any I/O. Received records go in. Plaintext, and records to send, come
//! out.
//!
//! Records are decrypted and encrypted through the unbuffered API of rustls. With it, this crate
//! decides where the bytes are and how long they stay, so a connection that waits has no buffer. rustls
//! runs on the stack of the thread: a handshake needs a deep stack, and the stack of a process keeps
//! its pages.

use std::io;
use std::mem;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{CommonState, Error};
use std_net_runtime::buffers::pool::RECORDS;
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::process::on_thread_stack;

use super::error::TlsError;

/// How large the buffer of incoming records may become during a handshake. rustls accepts messages of
/// 64 KiB, which come in several records.
const MAX_INCOMING: usize = 3 * RECORDS;

/// How much plaintext is encrypted at a time: two records.
pub(super) const MAX_PLAINTEXT: usize = 32 * 1024;

pub(super) enum Connection {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// The state of one side of a TLS connection.
pub(super) struct Session {
    connection: Connection,
    /// Received records that are not processed yet. When the session needs more bytes, this is at most
    /// one incomplete record.
    pub(super) incoming: ByteQueue,
    /// Counts the changes of `incoming`.
    pub(super) changes: u64,
    /// Plaintext that was decrypted and not read yet.
    plaintext: Vec<u8>,
    plaintext_start: usize,
    /// Records that rustls itself wants to send: handshakes, alerts, key updates.
    pub(super) outgoing: Vec<u8>,
    pub(super) peer_closed: bool,
    pub(super) closed: bool,
    /// The error that ended the session.
    failure: Option<Error>,
}

/// The operation to do as soon as the session is ready for it.
enum Ask<'a> {
    Nothing,
    Encrypt(&'a [u8], &'a mut ByteQueue),
    Close(&'a mut ByteQueue),
}

/// The result of one step of a session.
#[derive(PartialEq)]
enum Step {
    /// There may be more to do.
    Again,
    Plaintext,
    /// Nothing more can be done without more records.
    Blocked,
    /// Nothing more can be done without more records, and the operation is done.
    Done,
}

/// The place for decrypted plaintext: the reader's buffer first, and the session's buffer for the rest.
struct Sink<'a> {
    buf: &'a mut [u8],
    filled: usize,
    rest: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn put(&mut self, plaintext: &[u8]) {
        let n = plaintext.len().min(self.buf.len() - self.filled);
        self.buf[self.filled..self.filled + n].copy_from_slice(&plaintext[..n]);
        self.filled += n;
        self.rest.extend_from_slice(&plaintext[n..]);
    }
}

impl Session {
    pub(super) fn new(connection: Connection) -> Session {
        Session {
            connection,
            incoming: ByteQueue::default(),
            changes: 0,
            plaintext: Vec::new(),
            plaintext_start: 0,
            outgoing: Vec::new(),
            peer_closed: false,
            closed: false,
            failure: None,
        }
    }

    pub(super) fn is_client(&self) -> bool {
        matches!(self.connection, Connection::Client(_))
    }

    pub(super) fn facts(&self) -> &CommonState {
        match &self.connection {
            Connection::Client(connection) => connection,
            Connection::Server(connection) => connection,
        }
    }

    /// Processes the received records, up to the end of the handshake. Returns false if more records
    /// are needed.
    pub(super) fn handshake(&mut self) -> io::Result<bool> {
        // No plaintext comes before the end of the handshake. Plaintext that comes early behind the end
        // is kept.
        self.read(&mut [])?;
        Ok(!self.facts().is_handshaking())
    }

    /// Takes decrypted plaintext, as much as there is and fits into `buf`. Returns 0 if more records
    /// are needed, or if the peer has closed its side.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        on_thread_stack(|| self.read_here(buf))
    }

    /// Returns whether the received records contain plaintext, the end or an error.
    pub(super) fn has_unread(&mut self) -> bool {
        // Process the records, and keep the result.
        self.read(&mut []).is_err()
            || self.plaintext_start < self.plaintext.len()
            || self.peer_closed
    }

    fn read_here(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        if self.plaintext_start < self.plaintext.len() {
            let plaintext = &self.plaintext[self.plaintext_start..];
            filled = plaintext.len().min(buf.len());
            buf[..filled].copy_from_slice(&plaintext[..filled]);
            self.plaintext_start += filled;
            if self.plaintext_start == self.plaintext.len() {
                // An idle connection keeps no memory for plaintext.
                self.plaintext = Vec::new();
                self.plaintext_start = 0;
            }
        }
        while filled < buf.len() || (buf.is_empty() && self.plaintext.is_empty()) {
            let (step, n) = self.step(&mut buf[filled..], Ask::Nothing);
            filled += n;
            match step {
                Err(error) => {
                    let error = self.failed(error);
                    if filled == 0 {
                        return Err(error);
                    }
                    // The reader gets the bytes before the error first. The next call returns the error
                    // again.
                    break;
                }
                Ok(Step::Blocked | Step::Done) => break,
                Ok(Step::Again | Step::Plaintext) => {}
            }
        }
        Ok(filled)
    }

    /// Puts back plaintext that was read but not used. The next read gets it first.
    pub(super) fn put_back(&mut self, plaintext: &[u8]) {
        let rest = self.plaintext.split_off(self.plaintext_start);
        self.plaintext = [plaintext, &rest].concat();
        self.plaintext_start = 0;
    }

    /// Encrypts plaintext and appends the records to `to`, behind the records that rustls itself has to
    /// send.
    pub(super) fn encrypt(&mut self, plaintext: &[u8], to: &mut ByteQueue) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "this side of the TLS connection has been closed",
            ));
        }
        self.ask(to, Some(plaintext))
    }

    /// Ends our side with a `close_notify`, unless this was done before.
    pub(super) fn close(&mut self, to: &mut ByteQueue) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        self.ask(to, None)
    }

    /// Encrypts plaintext, or a `close_notify` if there is none.
    fn ask(&mut self, to: &mut ByteQueue, plaintext: Option<&[u8]>) -> io::Result<()> {
        on_thread_stack(|| self.ask_here(to, plaintext))
    }

    fn ask_here(&mut self, to: &mut ByteQueue, plaintext: Option<&[u8]>) -> io::Result<()> {
        loop {
            push_all(to, &mut self.outgoing);
            // If a handshake message still has to be sent, it goes first.
            let ask = match plaintext {
                Some(plaintext) => Ask::Encrypt(plaintext, to),
                None => Ask::Close(to),
            };
            match self.step(&mut [], ask).0 {
                Ok(Step::Done) => return Ok(()),
                Ok(Step::Blocked) => {
                    return Err(TlsError::io(Error::HandshakeNotComplete));
                }
                Ok(Step::Again | Step::Plaintext) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Adds received records, up to the limit for a handshake.
    pub(super) fn received(&mut self, records: ByteQueue) -> io::Result<()> {
        self.changes += 1;
        if self.incoming.is_empty() {
            self.incoming = records;
        } else {
            self.incoming.push(records.bytes(), RECORDS);
        }
        self.check_incoming()
    }

    /// Replaces the incoming records by `records`, which begin with a copy of them.
    pub(super) fn replace(&mut self, records: ByteQueue) -> io::Result<()> {
        self.changes += 1;
        self.incoming = records;
        self.check_incoming()
    }

    fn check_incoming(&self) -> io::Result<()> {
        if self.incoming.len() > MAX_INCOMING {
            return Err(TlsError::io(Error::PeerSentOversizedRecord));
        }
        Ok(())
    }

    /// Does one step of rustls. Also returns how many bytes of plaintext it put into `buf`.
    fn step(&mut self, buf: &mut [u8], ask: Ask<'_>) -> (Result<Step, Error>, usize) {
        if let Some(error) = &self.failure {
            return (Err(error.clone()), 0);
        }
        let records = self.incoming.bytes_mut();
        let mut sink = Sink {
            buf,
            filled: 0,
            rest: &mut self.plaintext,
        };
        let outgoing = &mut self.outgoing;
        let peer_closed = &mut self.peer_closed;
        let (discard, step) = match &mut self.connection {
            Connection::Client(connection) => handle(
                connection.process_tls_records(records),
                &mut sink,
                outgoing,
                peer_closed,
                ask,
            ),
            Connection::Server(connection) => handle(
                connection.process_tls_records(records),
                &mut sink,
                outgoing,
                peer_closed,
                ask,
            ),
        };
        let filled = sink.filled;
        if discard > 0 {
            self.changes += 1;
            self.incoming.take(discard);
        }
        (step, filled)
    }

    /// Collects the alert that reports an error to the peer.
    fn failed(&mut self, error: Error) -> io::Error {
        // Do only this: after an error, rustls must not process more records.
        while self.facts().wants_write() && self.failure.is_none() {
            if self.step(&mut [], Ask::Nothing).0 != Ok(Step::Again) {
                break;
            }
        }
        self.failure = Some(error.clone());
        TlsError::io(error)
    }
}

/// Moves all of `bytes` to the end of a queue.
pub(super) fn push_all(to: &mut ByteQueue, bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        // This is rare and the bytes are few, so the memory is not kept.
        to.push(&mem::take(bytes), RECORDS);
    }
}

/// Does what the state of rustls asks for. Also returns how many bytes of the incoming records are
/// processed.
fn handle<D>(
    status: UnbufferedStatus<'_, '_, D>,
    sink: &mut Sink<'_>,
    outgoing: &mut Vec<u8>,
    peer_closed: &mut bool,
    ask: Ask<'_>,
) -> (usize, Result<Step, Error>) {
    let mut discard = status.discard;
    let step = match status.state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut records)) => loop {
            match records.next_record() {
                Some(Ok(record)) => {
                    discard += record.discard;
                    sink.put(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Plaintext),
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            let from = outgoing.len();
            let mut size = 1024;
            loop {
                outgoing.resize(from + size, 0);
                match data.encode(&mut outgoing[from..]) {
                    Ok(n) => {
                        outgoing.truncate(from + n);
                        break Ok(Step::Again);
                    }
                    Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                        size = required_size;
                    }
                    Err(EncodeError::AlreadyEncoded) => {
                        outgoing.truncate(from);
                        break Ok(Step::Again);
                    }
                }
            }
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            // The data are in `outgoing`, and are sent from there.
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::PeerClosed) => {
            *peer_closed = true;
            Ok(Step::Again)
        }
        Ok(ConnectionState::WriteTraffic(traffic)) => fulfil(traffic, ask),
        // Both sides are closed, so nothing more will happen.
        Ok(ConnectionState::Closed) => Ok(match ask {
            Ask::Close(_) => Step::Done,
            _ => Step::Blocked,
        }),
        // Early data are never accepted. In a state that this crate does not know, it can only wait.
        Ok(_) => Ok(Step::Blocked),
    };
    (discard, step)
}

fn fulfil<D>(mut traffic: WriteTraffic<'_, D>, ask: Ask<'_>) -> Result<Step, Error> {
    let (to, plaintext) = match ask {
        Ask::Nothing => return Ok(Step::Blocked),
        Ask::Encrypt(plaintext, to) => (to, Some(plaintext)),
        Ask::Close(to) => (to, None),
    };
    // The size of two records with their headers, or of an alert.
    let mut size = plaintext.map_or(64, |plaintext| {
        plaintext.len() + 64 * (plaintext.len() / 0x4000 + 1)
    });
    loop {
        let room = to.room(size, RECORDS);
        let done = match plaintext {
            Some(plaintext) => traffic.encrypt(plaintext, room),
            None => traffic.queue_close_notify(room),
        };
        match done {
            Ok(n) => {
                to.filled(n);
                return Ok(Step::Done);
            }
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                size = required_size;
            }
            Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
        }
    }
}
