//! From one connection to another: what a proxy does. Without a copy where the kernel can.

use std::io;
use std::net::Shutdown;

use std_net_runtime::{AsIo, process, sendfile};

use crate::socket::TcpStream;
use crate::unix::UnixStream;

/// A connection that bytes can be carried from and to: [`TcpStream`] and [`UnixStream`].
pub trait Connection: AsIo + Sync {
    /// Ends one or both directions. Corresponds to `shutdown(2)`.
    ///
    /// # Errors
    ///
    /// The error of `shutdown(2)`.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

impl Connection for TcpStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }
}

impl Connection for UnixStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        UnixStream::shutdown(self, how)
    }
}

/// Carries bytes from one connection to another until the first one's end, as [`std::io::copy`], and
/// returns how many. The bytes do not pass through the program: `splice(2)`, or a plain copy where
/// the kernel cannot. The end itself is not carried over; see [`copy_bidirectional`].
///
/// # Errors
///
/// The first error of either side. What was read by then and not yet sent is lost.
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
    sendfile::copy(from.as_io(), to.as_io())
}

/// Carries bytes both ways until both have ended, and the end of each direction too: when `a` sends
/// no more, `b` is told so (`shutdown(Write)`) and may still answer. Returns the bytes from `a` to `b`
/// and from `b` to `a`.
///
/// One direction runs in a process of its own, the other where this is called.
///
/// # Errors
///
/// The first error of either direction. It ends both: neither side is left waiting.
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
    process::scope(|scope| {
        let back = scope.spawn(|| carry(b, a));
        let there = carry(a, b);
        let back = back
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((there?, back?))
    })
}

/// One direction, with its end.
fn carry(from: &impl Connection, to: &impl Connection) -> io::Result<u64> {
    let result = copy(from, to);
    // An error ends both directions: the other one sees it too. Those that are gone already cannot
    // be shut down.
    if result.is_ok() {
        let _ = to.shutdown(Shutdown::Write);
    } else {
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
    result
}
