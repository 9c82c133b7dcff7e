//! [`Listener`]: a socket that a server accepts from. [`Peer`]: the address of a client.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use std_net_runtime::{AsIo, Notifier};

use crate::socket::{TcpListener, TcpStream};
use crate::unix::{self, AddrText, UnixListener, UnixStream};
#[cfg(not(target_vendor = "apple"))]
use crate::unix::{UnixSeqpacket, UnixSeqpacketListener};

/// A socket that a [`Server`](super::Server) accepts from.
pub trait Listener: Send + Sync + 'static {
    /// The type of a connection.
    type Connection: Send + 'static;

    /// Accepts the next connection.
    ///
    /// # Errors
    ///
    /// The errors of the listener's own `accept`.
    fn accept(&self) -> io::Result<Self::Connection>;

    /// Accepts the next connection, and returns the address of the client too. The server calls this
    /// only if an address is needed, because it costs the kernel more.
    ///
    /// # Errors
    ///
    /// The errors of [`accept`](Self::accept).
    fn accept_from(&self) -> io::Result<(Self::Connection, Peer)>;

    /// Waits until there is a client, and accepts nothing. Another acceptor may take that client first.
    /// The server calls this if it has a limit of connections.
    ///
    /// # Errors
    ///
    /// The errors of the listener's own `accept`.
    fn wait_acceptable(&self) -> io::Result<()>;

    /// Accepts a client that is there already. The server calls this if it has a limit of connections.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none. Otherwise the errors of
    /// [`accept_from`](Self::accept_from).
    fn try_accept_from(&self) -> io::Result<(Self::Connection, Peer)>;

    /// Makes the notifier that ends its accepts and waits.
    ///
    /// # Errors
    ///
    /// The errors of the listener's own `notifier`.
    fn notifier(&self) -> io::Result<Notifier>;

    /// Makes the reads of a connection fail when nothing comes for this time.
    ///
    /// # Errors
    ///
    /// The errors of the connection's `set_read_timeout`.
    fn set_idle_timeout(connection: &Self::Connection, timeout: Duration) -> io::Result<()>;
}

/// The address of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Peer {
    /// An address and port.
    Ip(SocketAddr),
    /// The address of a Unix socket. It is mostly unnamed.
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
        // `incoming` does not ask the kernel for the address. It ends after a notification, and then an
        // accept returns the error.
        let next = self.incoming().next();
        next.unwrap_or_else(|| TcpListener::accept(self).map(|(stream, _)| stream))
    }

    fn accept_from(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, peer) = TcpListener::accept(self)?;
        Ok((stream, Peer::Ip(peer)))
    }

    fn wait_acceptable(&self) -> io::Result<()> {
        self.socket().as_io().wait_acceptable()
    }

    fn try_accept_from(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, peer) = self.try_accept()?;
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

    fn wait_acceptable(&self) -> io::Result<()> {
        self.socket().as_io().wait_acceptable()
    }

    fn try_accept_from(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, peer) = self.try_accept()?;
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

    fn wait_acceptable(&self) -> io::Result<()> {
        self.socket().as_io().wait_acceptable()
    }

    fn try_accept_from(&self) -> io::Result<(UnixSeqpacket, Peer)> {
        let (socket, peer) = self.try_accept()?;
        Ok((socket, Peer::Unix(peer)))
    }

    fn notifier(&self) -> io::Result<Notifier> {
        UnixSeqpacketListener::notifier(self)
    }

    fn set_idle_timeout(socket: &UnixSeqpacket, timeout: Duration) -> io::Result<()> {
        socket.set_read_timeout(Some(timeout))
    }
}
