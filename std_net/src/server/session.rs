//! What a handler is given beside its connection: [`Session`]; and what is told of one that failed.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use std_net_runtime::process::{self, OwnedPermit};
use std_net_runtime::{AsIo, Deadline, is_notified};

use super::{Handle, Peer, State};
use crate::socket::TcpStream;
#[cfg(not(target_vendor = "apple"))]
use crate::unix::UnixSeqpacket;
use crate::unix::UnixStream;
#[cfg(feature = "tls")]
use crate::{channel::Connected, tls::TlsStream};

/// What the handler of a connection knows of the server: given to it by
/// [`run_with`](super::Server::run_with).
pub struct Session {
    pub(super) state: Arc<State>,
    /// Boxed: where nobody asks there is none, and a Unix one is large.
    pub(super) peer: Option<Box<Peer>>,
    #[allow(dead_code, reason = "held for its drop")]
    pub(super) permit: Option<OwnedPermit>,
}

impl Session {
    /// From where the connection comes.
    #[must_use]
    #[allow(
        clippy::missing_panics_doc,
        reason = "a session is always made with its peer"
    )]
    pub fn peer(&self) -> &Peer {
        let peer = self.peer.as_deref();
        peer.expect("asked for wherever a handler is given a session")
    }

    /// Whether the server is being shut down. Answer what was asked, and leave.
    #[must_use]
    pub fn is_shutdown_begun(&self) -> bool {
        self.state.is_begun()
    }

    /// What shuts the server down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.state))
    }

    /// Waits, *between two requests*, until the peer sends the next one or ends: true, if there is
    /// something to read, also the end of the stream; false, when a shutdown of the server has begun, or
    /// nothing came during the server's [`idle_timeout`](super::Server::idle_timeout): then leave.
    ///
    /// So an idle connection does not hold a shutdown up, and one in the middle of a request has the time
    /// to finish. Do not call it while there is a part of a request in a buffer of your own, or a whole
    /// one: it looks at the connection, and not there.
    ///
    /// # Errors
    ///
    /// As a read: that of the connection, or of a cancel.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{BufRead, BufReader, Write};
    /// use std::time::Duration;
    /// use std_net::server::Server;
    /// use std_net::socket::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let server = Server::new(listener)?;
    /// let handle = server.handle();
    /// std::thread::spawn(move || {
    ///     let mut client = TcpStream::connect(address).unwrap();
    ///     client.write_all(b"hello\n").unwrap();
    ///     let mut line = String::new();
    ///     BufReader::new(&client).read_line(&mut line).unwrap();
    ///     // The client stays, and sends no more; the server ends at once nevertheless.
    ///     handle.shutdown(Duration::from_secs(3600));
    ///     assert_eq!(client.read_string(1).unwrap(), "");
    /// });
    /// let end = server.run_with(|stream, session| {
    ///     let mut reader = BufReader::new(&stream);
    ///     let mut line = String::new();
    ///     while !reader.buffer().is_empty() || session.wait_readable(&stream)? {
    ///         line.clear();
    ///         if reader.read_line(&mut line)? == 0 {
    ///             break;
    ///         }
    ///         (&stream).write_all(line.as_bytes())?;
    ///     }
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// assert_eq!((end.served, end.cancelled), (1, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_readable(&self, stream: &impl Readable) -> io::Result<bool> {
        let idle = self.state.idle_timeout();
        let until = idle.map_or(Deadline::NEVER, Deadline::from);
        match stream.wait(until, &|| self.state.is_begun()) {
            Ok(()) => Ok(true),
            Err(error) if is_notified(&error) => Ok(false),
            Err(error) if is_idle(&error, until) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells of the error of a handler, if somebody listens: else it is not even made one.
    #[inline]
    pub(super) fn report(&self, outcome: impl Outcome) {
        if self.state.settings().tells()
            && let Some(error) = outcome.error()
        {
            self.report_error(error);
        }
    }

    #[cold]
    fn report_error(&self, error: Box<dyn Error + Send + Sync>) {
        let io: Option<&io::Error> = error.downcast_ref();
        if !io.is_some_and(process::is_cancelled) {
            self.state.report(|| Problem::Handler {
                peer: known(self.peer.clone()),
                error,
            });
        }
    }

    pub(super) fn report_panic(&self, payload: &(dyn Any + Send)) {
        self.state
            .report(|| Problem::panic(known(self.peer.clone()), payload));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.state.ended();
    }
}

/// The peer of a problem: it is asked for where there is somebody to tell of one.
pub(super) fn known(peer: Option<Box<Peer>>) -> Peer {
    *peer.expect("asked for wherever problems are told")
}

/// Whether `error` is that of the idle timeout, and not of a deadline of the connection or the process.
fn is_idle(error: &io::Error, until: Deadline) -> bool {
    let timed_out = matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    );
    let is_over = until
        .instant()
        .is_some_and(|at| at <= std::time::Instant::now());
    timed_out && is_over && process::check_cancelled().is_ok()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A connection on which [`Session::wait_readable`] can wait.
pub trait Readable {
    /// Waits until there is something to read, or `stop` says that it is to wait no more.
    ///
    /// # Errors
    ///
    /// As a read; [`is_notified`](crate::socket::is_notified) if `stop` says so.
    #[doc(hidden)]
    fn wait(&self, until: Deadline, stop: &dyn Fn() -> bool) -> io::Result<()>;
}

macro_rules! readable {
    ($($type:ty),*) => {$(
        impl Readable for $type {
            fn wait(&self, until: Deadline, stop: &dyn Fn() -> bool) -> io::Result<()> {
                self.socket().as_io().wait_readable(until, stop)
            }
        }
    )*};
}

readable!(TcpStream, UnixStream);
#[cfg(not(target_vendor = "apple"))]
readable!(UnixSeqpacket);

#[cfg(feature = "tls")]
impl<S: Connected + Readable> Readable for TlsStream<S> {
    fn wait(&self, until: Deadline, stop: &dyn Fn() -> bool) -> io::Result<()> {
        if self.has_unread() {
            return Ok(());
        }
        self.stream().wait(until, stop)
    }
}

/// What went wrong in a server without ending it: for [`Server::on_error`](super::Server::on_error).
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// An accept failed, for a reason that may pass: no descriptors are left, or a connection was gone
    /// before it was accepted.
    Accept(io::Error),
    /// There was no process to be had for a connection, which was closed.
    Spawn {
        /// From where it came.
        peer: Peer,
        /// Why.
        error: io::Error,
    },
    /// A handler has returned an error. One of a connection that was cancelled is not told of.
    Handler {
        /// From where its connection came.
        peer: Peer,
        /// What it returned.
        error: Box<dyn Error + Send + Sync>,
    },
    /// A handler has panicked; the others go on.
    Panic {
        /// From where its connection came.
        peer: Peer,
        /// What the panic says.
        message: String,
    },
}

impl Problem {
    pub(super) fn panic(peer: Peer, payload: &(dyn Any + Send)) -> Problem {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Problem::Panic {
            peer,
            message: text.unwrap_or_else(|| "a panic without words".to_owned()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Accept(error) => write!(f, "accept: {error}"),
            Problem::Spawn { peer, error } => write!(f, "{peer}: no process for it: {error}"),
            Problem::Handler { peer, error } => write!(f, "{peer}: {error}"),
            Problem::Panic { peer, message } => write!(f, "{peer}: panicked: {message}"),
        }
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Problem::Accept(error) | Problem::Spawn { error, .. } => Some(error),
            Problem::Handler { error, .. } => Some(&**error),
            Problem::Panic { .. } => None,
        }
    }
}

/// What a handler may return: nothing, or a result whose error is told to
/// [`on_error`](super::Server::on_error).
pub trait Outcome {
    /// What went wrong, if something did.
    fn error(self) -> Option<Box<dyn Error + Send + Sync>>;
}

impl Outcome for () {
    fn error(self) -> Option<Box<dyn Error + Send + Sync>> {
        None
    }
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Outcome for Result<T, E> {
    fn error(self) -> Option<Box<dyn Error + Send + Sync>> {
        self.err().map(Into::into)
    }
}
