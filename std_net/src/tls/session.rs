//! A session of rustls without any I/O: what was received goes in, plaintext and records to send come out.
//!
//! Records are decrypted and encrypted through rustls' unbuffered API: so it is we who say where the
//! bytes lie and for how long, and a connection that waits has no buffer. What rustls computes it does on
//! the stack of the thread: a handshake goes deep, and the stack of a process keeps its pages.

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

/// What a handshake may make the buffer of incoming records grow to: rustls takes messages of 64 KiB,
/// in records of their own.
const MAX_INCOMING: usize = 3 * RECORDS;

/// Plaintext that is encrypted at a time: two records.
pub(super) const MAX_PLAINTEXT: usize = 32 * 1024;

pub(super) enum Connection {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// The state of one side of a TLS connection.
pub(super) struct Session {
    connection: Connection,
    /// Received records that have not been worked off: at most one, in part, when more are asked for.
    pub(super) incoming: ByteQueue,
    /// Counts the changes of `incoming`.
    pub(super) changes: u64,
    /// Plaintext that was decrypted and not read yet.
    plaintext: Vec<u8>,
    plaintext_start: usize,
    /// Records of rustls' own to send: handshakes, alerts, key updates.
    pub(super) outgoing: Vec<u8>,
    pub(super) peer_closed: bool,
    pub(super) closed: bool,
    /// The error that ended it.
    failure: Option<Error>,
}

/// What is to be done when a session is ready for it.
enum Ask<'a> {
    Nothing,
    Encrypt(&'a [u8], &'a mut ByteQueue),
    Close(&'a mut ByteQueue),
}

/// What a step of a session came to.
#[derive(PartialEq)]
enum Step {
    /// There may be more to do.
    Again,
    Plaintext,
    /// Nothing more without more records.
    Blocked,
    /// The same, and what was asked for is done.
    Done,
}

/// Where decrypted plaintext goes: into the reader's buffer, and what does not fit into the session's.
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

    /// Works off what has come, to the end of the handshake. False if more must come.
    pub(super) fn handshake(&mut self) -> io::Result<bool> {
        // No plaintext comes before the end of the handshake, and behind it what came early is kept.
        self.read(&mut [])?;
        Ok(!self.facts().is_handshaking())
    }

    /// Takes decrypted plaintext, as much as there is and fits into `buf`; 0 if more records must come, or
    /// the peer has closed its side.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        on_thread_stack(|| self.read_here(buf))
    }

    /// Whether a read would find plaintext, the end or an error in what has come.
    pub(super) fn has_unread(&mut self) -> bool {
        // Works off what is there, and keeps what it is.
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
                // An idle connection keeps none.
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
                    // What came before is for the reader; the error comes again.
                    break;
                }
                Ok(Step::Blocked | Step::Done) => break,
                Ok(Step::Again | Step::Plaintext) => {}
            }
        }
        Ok(filled)
    }

    /// Puts plaintext back that was read and not used: it comes first again.
    pub(super) fn put_back(&mut self, plaintext: &[u8]) {
        let rest = self.plaintext.split_off(self.plaintext_start);
        self.plaintext = [plaintext, &rest].concat();
        self.plaintext_start = 0;
    }

    /// Encrypts plaintext behind what is in `to`, after what rustls itself has to send.
    pub(super) fn encrypt(&mut self, plaintext: &[u8], to: &mut ByteQueue) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "this side of the TLS connection has been closed",
            ));
        }
        self.ask(to, Some(plaintext))
    }

    /// The `close_notify` that ends our side, once.
    pub(super) fn close(&mut self, to: &mut ByteQueue) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        self.ask(to, None)
    }

    /// Encrypts plaintext, or a `close_notify` where there is none.
    fn ask(&mut self, to: &mut ByteQueue, plaintext: Option<&[u8]>) -> io::Result<()> {
        on_thread_stack(|| self.ask_here(to, plaintext))
    }

    fn ask_here(&mut self, to: &mut ByteQueue, plaintext: Option<&[u8]>) -> io::Result<()> {
        loop {
            push_all(to, &mut self.outgoing);
            // A handshake message may still be on its way out: it goes first.
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

    /// Adds received records; grows for a handshake only so far.
    pub(super) fn received(&mut self, records: ByteQueue) -> io::Result<()> {
        self.changes += 1;
        if self.incoming.is_empty() {
            self.incoming = records;
        } else {
            self.incoming.push(records.bytes(), RECORDS);
        }
        self.check_incoming()
    }

    /// Puts `records`, which begin with a copy of what is there, in its place.
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

    /// One step of rustls; how many bytes of plaintext it put into `buf`.
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

    /// Collects the alert by which the peer is told of an error.
    fn failed(&mut self, error: Error) -> io::Error {
        // Nothing else: rustls does not want to be asked about records behind an error.
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
        // Rare, and then few: its memory is not worth keeping.
        to.push(&mem::take(bytes), RECORDS);
    }
}

/// Does what a state of rustls asks for; how much of the incoming records has been worked off.
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
            // It is in `outgoing`, and from there it is sent once.
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::PeerClosed) => {
            *peer_closed = true;
            Ok(Step::Again)
        }
        Ok(ConnectionState::WriteTraffic(traffic)) => fulfil(traffic, ask),
        // Nothing more will happen: both sides are closed.
        Ok(ConnectionState::Closed) => Ok(match ask {
            Ask::Close(_) => Step::Done,
            _ => Step::Blocked,
        }),
        // Early data is never accepted, and a state we do not know can only be waited out.
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
    // Two records and what surrounds them; or an alert.
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
