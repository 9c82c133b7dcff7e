//! Sockets for futures: crates for `async` code can use the sockets of this crate.
//!
//! A library that is written with futures and takes any `AsyncRead + AsyncWrite` works in a process.
//! The process waits for its future with [`block_on`](crate::process::block_on), and the sockets inside
//! wake that future. It needs no other runtime and no other thread.
//!
//! [`CompatExt::compat`] turns a stream into a [`Compat`], which implements the traits of the features
//! that are on:
//!
//! | feature | what `Compat` implements | what else there is |
//! |---|---|---|
//! | `futures-io` | `futures_io::AsyncRead`, `AsyncWrite` | |
//! | `tokio-io` | `tokio::io::AsyncRead`, `AsyncWrite` | |
//! | `hyper` | `hyper::rt::Read`, `Write` | `ProcessExecutor`, `ProcessTimer` |
//!
//! Without any of these features, use [`Compat::readable`] and [`Compat::writable`].
//!
//! These futures never suspend their process in the middle of a poll. So a lock that is held during a
//! poll, as in the h2 crate, blocks no other process. Use [`process::delay`](crate::process::delay) to
//! wait for a time, because `tokio::time` needs tokio's own runtime.
//!
//! # Examples
//!
//! ```
//! use std::io::Write;
//! use std_net::compat::CompatExt;
//! use std_net::process;
//! use std_net::socket::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (server, _) = listener.accept()?;
//! let mut server = server.compat()?;
//! client.write_all(b"hello")?;
//! process::block_on(server.readable())?;
//! assert_eq!(server.into_inner().read_string(5)?, "hello");
//! # Ok::<(), std::io::Error>(())
//! ```

#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tokio-io")]
mod tokio_io;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::Poll;

use std_net_runtime::{AsIo, Interest, Polled};

#[cfg(feature = "hyper")]
pub use self::hyper::{ProcessExecutor, ProcessTimer};

/// A socket whose operations are futures. [`CompatExt::compat`] makes it.
///
/// The deadline of the socket still counts if the process waits for the future with
/// [`block_on`](crate::process::block_on): operations fail with [`TimedOut`](io::ErrorKind::TimedOut)
/// once the deadline has passed. Per-call timeouts and the blocking mode have no effect on a future.
/// After a cancel of the process, the operations fail as its other waits do.
pub struct Compat<S: AsIo>(Polled<S>);

/// Makes a [`Compat`] of a [`TcpStream`](crate::socket::TcpStream), a
/// [`UnixStream`](crate::unix::UnixStream), and of every other type of socket.
pub trait CompatExt: AsIo + Sized {
    /// Turns the socket into one for futures.
    ///
    /// # Errors
    ///
    /// The error of starting the runtime, if it does not run yet and cannot be started: see
    /// [`runtime::Builder::start`](crate::runtime::Builder::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::compat::CompatExt;
    /// use std_net::process;
    /// use std_net::unix::UnixStream;
    ///
    /// let (a, _b) = UnixStream::pair()?;
    /// let mut a = a.compat()?;
    /// process::block_on(a.writable())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn compat(self) -> io::Result<Compat<Self>> {
        std_net_runtime::runtime::ensure_started()?;
        Ok(Compat(Polled::new(self)))
    }
}

impl<S: AsIo> CompatExt for S {}

impl<S: AsIo> Compat<S> {
    /// Returns the socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::compat::CompatExt;
    /// # let (a, _b) = std_net::unix::UnixStream::pair()?;
    /// let a = a.compat()?;
    /// assert!(a.get_ref().peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.0.get_ref()
    }

    /// Turns it back into the socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::compat::CompatExt;
    /// # let (a, b) = std_net::unix::UnixStream::pair()?;
    /// let a = a.compat()?.into_inner();
    /// a.write_string("hello")?;
    /// # assert_eq!(b.read_string(5)?, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_inner(self) -> S {
        self.0.into_inner()
    }

    /// Waits until there is something to read, a connection to accept, or the end of the stream. Then
    /// read with the socket's own `try_*` methods.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) once the deadline of the socket has passed; the error of a
    /// cancel if the process was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::compat::CompatExt;
    /// use std_net::process;
    /// use std_net::socket::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let mut listener = listener.compat()?;
    /// let (stream, _) = process::block_on(async {
    ///     listener.readable().await?;
    ///     listener.get_ref().try_accept()
    /// })?;
    /// assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_ready(Interest::Read, cx)).await
    }

    /// Waits until there is room to send, or the connection has failed.
    ///
    /// # Errors
    ///
    /// The errors of [`readable`](Self::readable).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::compat::CompatExt;
    /// # let (a, b) = std_net::unix::UnixStream::pair()?;
    /// let mut a = a.compat()?;
    /// std_net::process::block_on(a.writable())?;
    /// assert_eq!(a.get_ref().try_write(b"hello")?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn writable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_ready(Interest::Write, cx)).await
    }

    /// The flush of the traits. There is nothing to flush, because no data are held back here.
    #[allow(dead_code, reason = "used by the features")]
    fn poll_flushed() -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The close of the traits: it makes the peer read the end of the stream. If the peer has gone,
    /// this is no error.
    #[allow(dead_code, reason = "used by the features")]
    fn poll_write_shut(&self) -> Poll<io::Result<()>> {
        Poll::Ready(match self.0.get_ref().as_io().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        })
    }
}

impl<S: AsIo + fmt::Debug> fmt::Debug for Compat<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compat").field(self.0.get_ref()).finish()
    }
}
