//! [`Listener`]: what a server accepts from, and [`Peer`]: from where a connection comes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use std_net_runtime::Notifier;

use crate::socket::{TcpListener, TcpStream};
use crate::unix::{self, AddrText, UnixListener, UnixStream};
#[cfg(not(target_vendor = "apple"))]
use crate::unix::{UnixSeqpacket, UnixSeqpacketListener};

/// What a [`Server`](super::Server) accepts from.
pub trait Listener: Send + Sync + 'static {
    /// A connection.
    type Connection: Send + 'static;

    /// The next connection.
    ///
    /// # Errors
    ///
    /// Those of the listener's own `accept`.
    fn accept(&self) -> io::Result<Self::Connection>;

    /// The next connection, and from where it comes. Asked where somebody wants to know: it costs the
    /// kernel some more.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    fn accept_from(&self) -> io::Result<(Self::Connection, Peer)>;

    /// What ends its accepts.
    ///
    /// # Errors
    ///
    /// Those of the listener's own `notifier`.
    fn notifier(&self) -> io::Result<Notifier>;

    /// Has the reads of a connection fail when nothing comes for so long.
    ///
    /// # Errors
    ///
    /// Those of the connection's `set_read_timeout`.
    fn set_idle_timeout(connection: &Self::Connection, timeout: Duration) -> io::Result<()>;
}

/// From where a connection comes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Peer {
    /// An address and port.
    Ip(SocketAddr),
    /// A Unix socket, which rarely has a name.
    Unix(unix::SocketAddr),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(addr) => addr.fmt(f),
            Peer::Unix(addr) => addr.display().fmt(f),
        }
    }
}

impl Listener for TcpListener {
    type Connection = TcpStream;

    fn accept(&self) -> io::Result<TcpStream> {
        // This asks for no address. It ends when it is notified, and then an accept tells so.
        let next = self.incoming().next();
        next.unwrap_or_else(|| TcpListener::accept(self).map(|(stream, _)| stream))
    }

    fn accept_from(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, peer) = TcpListener::accept(self)?;
        Ok((stream, Peer::Ip(peer)))
    }

    fn notifier(&self) -> io::Result<Notifier> {
        TcpListener::notifier(self)
    }

    fn set_idle_timeout(stream: &TcpStream, timeout: Duration) -> io::Result<()> {
        stream.set_read_timeout(Some(timeout))
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;

    fn accept(&self) -> io::Result<UnixStream> {
        let next = self.incoming().next();
        next.unwrap_or_else(|| UnixListener::accept(self).map(|(stream, _)| stream))
    }

    fn accept_from(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, peer) = UnixListener::accept(self)?;
        Ok((stream, Peer::Unix(peer)))
    }

    fn notifier(&self) -> io::Result<Notifier> {
        UnixListener::notifier(self)
    }

    fn set_idle_timeout(stream: &UnixStream, timeout: Duration) -> io::Result<()> {
        stream.set_read_timeout(Some(timeout))
    }
}

#[cfg(not(target_vendor = "apple"))]
impl Listener for UnixSeqpacketListener {
    type Connection = UnixSeqpacket;

    fn accept(&self) -> io::Result<UnixSeqpacket> {
        UnixSeqpacketListener::accept(self).map(|(socket, _)| socket)
    }

    fn accept_from(&self) -> io::Result<(UnixSeqpacket, Peer)> {
        let (socket, peer) = UnixSeqpacketListener::accept(self)?;
        Ok((socket, Peer::Unix(peer)))
    }

    fn notifier(&self) -> io::Result<Notifier> {
        UnixSeqpacketListener::notifier(self)
    }

    fn set_idle_timeout(socket: &UnixSeqpacket, timeout: Duration) -> io::Result<()> {
        socket.set_read_timeout(Some(timeout))
    }
}
