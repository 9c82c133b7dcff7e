//! Copies from one connection to another, as a proxy does. Where the kernel can, the bytes do not pass
//! through the program.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use std_net_runtime::buffers::pool::RECORDS;
use std_net_runtime::{Deadline, process, retry_interrupted, sendfile};

use crate::channel::halves::READ;
use crate::channel::{Connected, taken};

/// A connection that bytes can be copied from and to. Every connection that can be opened as channels
/// is one: [`TcpStream`](crate::socket::TcpStream), [`UnixStream`](crate::unix::UnixStream), the TLS
/// streams, and [`channel::Over`](crate::channel::Over).
pub trait Connection: Connected {
    /// Ends one or both directions. TLS sends a `close_notify`. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

impl<S: Connected> Connection for S {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        crate::channel::transport::Transport::end(self, how, Deadline::NEVER)
    }
}

/// Copies bytes from one connection to another until the first one ends, as [`std::io::copy`] does.
/// Returns the number of bytes. Between TCP and Unix streams the kernel moves the bytes itself
/// (`splice(2)`) and they do not pass through the program. Where the kernel cannot, it is a plain copy.
/// The end of the stream is not passed on; see [`copy_bidirectional`].
///
/// # Errors
///
/// The first error of either side. Bytes that were read and not yet sent are lost then.
/// [`ResourceBusy`](io::ErrorKind::ResourceBusy) or [`AlreadyExists`](io::ErrorKind::AlreadyExists) if
/// a channel reads from the first connection.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use std_net::unix::UnixStream;
///
/// let (mut client, a) = UnixStream::pair()?;
/// let (b, server) = UnixStream::pair()?;
/// client.write_all(b"through and through")?;
/// drop(client);
/// assert_eq!(std_net::copy(&a, &b)?, 19);
/// assert_eq!(server.read_string(100)?, "through and through");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy(from: &impl Connection, to: &impl Connection) -> io::Result<u64> {
    let moved = AtomicU64::new(0);
    carry(from, to, &moved)?;
    Ok(moved.into_inner())
}

/// Copies bytes both ways until both directions have ended, and passes on the end of each. When `a`
/// stops sending, `b` sees the end of the stream (`shutdown(Write)`) and may still answer. Returns the
/// number of bytes from `a` to `b` and from `b` to `a`. [`Relay`] adds a limit for silence, and counts
/// that can be read meanwhile.
///
/// One direction runs in a process of its own, the other in the caller.
///
/// # Errors
///
/// The first error of either direction. It ends both directions, so neither side is left waiting.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::Shutdown;
/// use std_net::{process, unix::UnixStream};
///
/// let (mut client, a) = UnixStream::pair()?;
/// let (b, mut server) = UnixStream::pair()?;
/// let proxy = process::spawn(move || std_net::copy_bidirectional(&a, &b));
/// client.write_all(b"question")?;
/// client.shutdown(Shutdown::Write)?;
/// let mut question = String::new();
/// server.read_to_string(&mut question)?;
/// server.write_all(b"the answer")?;
/// drop(server);
/// assert_eq!(client.read_string(100)?, "the answer");
/// assert_eq!(proxy.join().unwrap()?, (8, 10));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy_bidirectional(a: &impl Connection, b: &impl Connection) -> io::Result<(u64, u64)> {
    Relay::new().run(a, b)
}

/// Like [`copy_bidirectional`], with a limit for silence, and with counts that can be read meanwhile.
///
/// # Examples
///
/// This proxy ends TLS, and closes connections that are silent for five minutes:
///
/// ```no_run
/// # #[cfg(feature = "tls")]
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use std_net::{Relay, process};
/// use std_net::socket::{TcpListener, TcpStream};
/// use std_net::tls::{ServerConfig, TlsAcceptor};
///
/// let acceptor = TlsAcceptor::new(ServerConfig::from_pem_files("server.pem", "server.key")?);
/// for client in TcpListener::bind("0.0.0.0:443")?.incoming() {
///     let (client, acceptor) = (client?, acceptor.clone());
///     process::spawn(move || {
///         let client = acceptor.accept(client)?;
///         let server = TcpStream::connect("127.0.0.1:8080")?;
///         Relay::new().idle_limit(Duration::from_secs(300)).run(&client, &server)
///     });
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "tls"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it carries nothing until `run`"]
pub struct Relay {
    idle: Option<Duration>,
    counts: RelayCounts,
}

/// Counts how many bytes a [`Relay`] has copied so far. A clone shows the same counts.
#[derive(Clone, Debug, Default)]
pub struct RelayCounts(Arc<[AtomicU64; 2]>);

impl RelayCounts {
    /// Returns how many bytes from the first connection the second has taken.
    #[must_use]
    pub fn a_to_b(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Returns how many bytes from the second connection the first has taken.
    #[must_use]
    pub fn b_to_a(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}

impl Relay {
    /// Makes a relay without a limit for silence.
    pub fn new() -> Relay {
        Relay::default()
    }

    /// Sets how long both directions may be silent at the same time. After that both connections are
    /// ended, and the error is [`TimedOut`](io::ErrorKind::TimedOut). One busy direction is enough: a
    /// long download is not silent, even if nothing is sent. The end may come late by an eighth of the
    /// limit.
    pub fn idle_limit(mut self, limit: Duration) -> Relay {
        self.idle = Some(limit);
        self
    }

    /// Returns the counts of what has been copied so far. They stay readable after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::{Relay, process, unix::UnixStream};
    /// let (client, a) = UnixStream::pair()?;
    /// let (b, server) = UnixStream::pair()?;
    /// let relay = Relay::new();
    /// let counts = relay.counts();
    /// let proxy = process::spawn(move || relay.run(&a, &b));
    /// client.write_string("ping")?;
    /// assert_eq!(server.read_string(8)?, "ping");
    /// drop((client, server));
    /// let _ = proxy.join().unwrap();
    /// assert_eq!((counts.a_to_b(), counts.b_to_a()), (4, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> RelayCounts {
        self.counts.clone()
    }

    /// Copies bytes both ways until both directions have ended: see [`copy_bidirectional`]. The counts
    /// go on from their present values.
    ///
    /// # Errors
    ///
    /// The errors of [`copy_bidirectional`]; [`TimedOut`](io::ErrorKind::TimedOut) if both directions
    /// were silent for too long.
    pub fn run(self, a: &impl Connection, b: &impl Connection) -> io::Result<(u64, u64)> {
        let counts = &self.counts.0;
        let before = (self.counts.a_to_b(), self.counts.b_to_a());
        process::scope(|scope| {
            let watch = self.idle.map(|limit| {
                scope.spawn(move || {
                    let silent = wait_for_silence(counts, limit);
                    if silent {
                        a.abort();
                        b.abort();
                    }
                    silent
                })
            });
            let back = scope.spawn(|| with_its_end(b, a, &counts[1]));
            let there = with_its_end(a, b, &counts[0]);
            let back = back
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if let Some(watch) = watch {
                watch.cancel();
                if matches!(watch.join(), Ok(true)) {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "no bytes were copied in either direction for too long",
                    ));
                }
            }
            there?;
            back?;
            let counts = &self.counts;
            Ok((counts.a_to_b() - before.0, counts.b_to_a() - before.1))
        })
    }
}

/// Waits until the counts have not changed for the time `limit`, and returns true. Returns false if
/// this process is cancelled.
fn wait_for_silence(counts: &[AtomicU64; 2], limit: Duration) -> bool {
    let look = || [0, 1].map(|i| counts[i].load(Ordering::Relaxed));
    let (mut last, mut since) = (look(), Instant::now());
    loop {
        process::sleep((limit / 8).max(Duration::from_millis(1)));
        if process::check_cancelled().is_err() {
            return false;
        }
        let now = look();
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() >= limit {
            return true;
        }
    }
}

/// Copies one direction, and passes on its end.
fn with_its_end(from: &impl Connection, to: &impl Connection, moved: &AtomicU64) -> io::Result<()> {
    let result = carry(from, to, moved);
    // An error ends both directions, so that both sides see it. A connection that is gone already
    // cannot be shut down.
    if result.is_ok() {
        let _ = to.shutdown(Shutdown::Write);
    } else {
        to.cut();
        from.cut();
    }
    result
}

/// Copies one direction without passing on its end. Counts the bytes that the other side has taken.
fn carry(from: &impl Connection, to: &impl Connection, moved: &AtomicU64) -> io::Result<()> {
    if let (Some(from), Some(to)) = (from.plain(), to.plain()) {
        return sendfile::copy(from, to, moved);
    }
    if from.is_claimed(READ) {
        return Err(taken());
    }
    loop {
        // While this waits, it holds no buffer.
        let (data, len) = retry_interrupted(|| from.recv_lent(RECORDS, Deadline::NEVER))?;
        if len == 0 {
            return Ok(());
        }
        let mut rest = &data.bytes()[..len];
        while !rest.is_empty() {
            let n = retry_interrupted(|| to.send(rest, Deadline::NEVER))?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            moved.fetch_add(n as u64, Ordering::Relaxed);
            rest = &rest[n..];
        }
        retry_interrupted(|| to.flush(Deadline::NEVER))?;
    }
}
