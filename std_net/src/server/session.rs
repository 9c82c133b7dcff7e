//! [`Session`]: what a handler gets beside its connection. [`Problem`]: an error that did not end the
//! server.

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

/// Tells the handler of a connection about the server. [`run_with`](super::Server::run_with) passes it
/// to the handler.
pub struct Session {
    pub(super) state: Arc<State>,
    /// It is boxed because a Unix address is large. It is `None` where no caller needs the address.
    pub(super) peer: Option<Box<Peer>>,
    #[allow(dead_code, reason = "held for its drop")]
    pub(super) permit: Option<OwnedPermit>,
}

impl Session {
    /// Returns the address of the client.
    #[must_use]
    #[allow(
        clippy::missing_panics_doc,
        reason = "a session is always made with its peer"
    )]
    pub fn peer(&self) -> &Peer {
        let peer = self.peer.as_deref();
        peer.expect("a server with sessions knows the address of each client")
    }

    /// Returns whether the server is being shut down. Then answer the present request and return.
    #[must_use]
    pub fn is_shutdown_begun(&self) -> bool {
        self.state.is_begun()
    }

    /// Returns the handle that shuts the server down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.state))
    }

    /// Ends when a shutdown of the server begins. It is a future, for the arm `future` of
    /// [`select!`](crate::process::select). Use it for a connection that is a future itself: tell it then
    /// to end after the present request, as with hyper's `graceful_shutdown`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::time::Duration;
    /// use std_net::process;
    /// use std_net::server::Server;
    /// use std_net::socket::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let server = Server::new(listener)?;
    /// let handle = server.handle();
    /// std::thread::spawn(move || {
    ///     let mut client = TcpStream::connect(address).unwrap();
    ///     handle.shutdown(Duration::from_secs(3600));
    ///     client.read_to_end(&mut Vec::new()).unwrap();
    /// });
    /// server.run_with(|stream, session| {
    ///     process::select! {
    ///         readable(stream) -> _ => (),
    ///         future(session.until_shutdown()) => (),
    ///     }
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn until_shutdown(&self) {
        let begun = || self.state.is_begun().then_some(());
        self.state.changed.when(begun).await;
    }

    /// Waits, *between two requests*, until the peer sends the next one or ends. It returns true if
    /// there is something to read, which may be the end of the stream. It returns false if a shutdown
    /// of the server has begun, or if nothing came within the server's
    /// [`idle_timeout`](super::Server::idle_timeout). Then the handler should return.
    ///
    /// So an idle connection does not delay a shutdown, and a connection in the middle of a request has
    /// time to finish. Do not call it while a request, or a part of one, is in your own buffer: it
    /// looks only at the connection.
    ///
    /// # Errors
    ///
    /// The errors of a read: an error of the connection, or of a cancel.
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
    ///     // The client stays and sends nothing more. The server still ends at once.
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

    /// Reports the error of a handler. If nothing listens, the error is not even made.
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

/// Returns the address of the client that a problem concerns. It is always known where problems are
/// reported.
pub(super) fn known(peer: Option<Box<Peer>>) -> Peer {
    *peer.expect("a server that reports problems knows the address of each client")
}

/// Returns whether `error` comes from the idle timeout, and not from a deadline of the connection or
/// the process.
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
    /// Waits until there is something to read, or `stop` returns true.
    ///
    /// # Errors
    ///
    /// The errors of a read; an error for which [`is_notified`](crate::socket::is_notified) is true if
    /// `stop` ended the wait.
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

/// An error that did not end the server. [`Server::on_error`](super::Server::on_error) gets it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// An accept failed for a reason that may pass: there are too many descriptors, or a connection was
    /// gone before it was accepted.
    Accept(io::Error),
    /// No process could be made for a connection. The connection was closed.
    Spawn {
        /// The address of the client.
        peer: Peer,
        /// The reason.
        error: io::Error,
    },
    /// A handler has returned an error. Errors of cancelled connections are not reported.
    Handler {
        /// The address of the client.
        peer: Peer,
        /// The error that the handler returned.
        error: Box<dyn Error + Send + Sync>,
    },
    /// A handler has panicked. The other handlers go on.
    Panic {
        /// The address of the client.
        peer: Peer,
        /// The message of the panic.
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
            message: text.unwrap_or_else(|| "a panic without a message".to_owned()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Accept(error) => write!(f, "accept: {error}"),
            Problem::Spawn { peer, error } => write!(
                f,
                "{peer}: cannot make a process for the connection: {error}"
            ),
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

/// What a handler may return: nothing, or a result. If the result is an error,
/// [`on_error`](super::Server::on_error) gets it.
pub trait Outcome {
    /// Returns the error, if there is one.
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
