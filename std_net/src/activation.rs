//! This module takes over sockets that existed before the program. A service manager passes them on
//! (socket activation, as in `sd_listen_fds(3)`), or an earlier instance of the program does, so that a
//! restart loses no connection. They come as descriptors that the program was started with, or over a
//! Unix socket.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Command;

use socket2::{Domain, SockRef, Type};
use std_net_runtime::{AsIo, Io, inherit};

use crate::socket::{TcpListener, UdpSocket};
#[cfg(not(target_vendor = "apple"))]
use crate::unix::UnixSeqpacketListener;
use crate::unix::{UnixDatagram, UnixListener};

/// Takes the sockets that were passed to this OS process. The variable `LISTEN_FDS` says how many there
/// are, `LISTEN_FDNAMES` has their names, and `LISTEN_PID` must name this OS process. The list is empty
/// if no sockets were passed, and in every call after the first.
///
/// Call it first in `main`: while there is only one thread, it also removes the variables from the
/// environment. (A program that is started from here would not take the sockets for its own in any
/// case.)
///
/// # Errors
///
/// [`InvalidData`](io::ErrorKind::InvalidData) if the variables make no sense; `EBADF` if they promise
/// a descriptor that is not open.
///
/// # Examples
///
/// ```
/// use std_net::activation;
/// use std_net::socket::TcpListener;
///
/// let listener = match activation::inherited()?.pop() {
///     Some(inherited) => inherited.tcp_listener()?,
///     None => TcpListener::bind("127.0.0.1:0")?,
/// };
/// # drop(listener);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sd_listen_fds")]
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let all = inherit::take()?.into_iter();
    Ok(all.map(|(fd, name)| Inherited { fd, name }).collect())
}

/// Makes `command` pass these sockets to its program, each under a name. The program takes them with
/// [`inherited`]. The sockets stay open here too: new connections wait in the queue that both programs
/// share. The file of a Unix socket stays, even if `UnixBuilder::unlink_on_drop` was set: it now
/// belongs to the new program.
///
/// The program, its arguments, environment, directory and standard streams stay as `command` says. Do
/// not give `command` another `pre_exec` after this call. The example `restart` shows a whole program.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a name with a colon, or a NUL byte anywhere; the
/// error of duplicating a descriptor.
///
/// # Examples
///
/// ```no_run
/// use std::process::Command;
/// use std_net::activation;
/// use std_net::socket::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:8080")?;
/// let mut successor = Command::new(std::env::current_exe()?);
/// activation::pass(&mut successor, &[("web", &listener)])?;
/// successor.spawn()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pass(command: &mut Command, sockets: &[(&str, &dyn AsFd)]) -> io::Result<()> {
    for (_, socket) in sockets {
        // The socket and its file belong to the new program from now on.
        crate::unix::keep_file(socket.as_fd())?;
    }
    let fds = sockets
        .iter()
        .map(|(name, socket)| Ok((socket.as_fd().try_clone_to_owned()?, (*name).to_owned())))
        .collect::<io::Result<Vec<_>>>()?;
    inherit::pass(command, fds)
}

/// Takes a descriptor that another program has opened and passed on. For example, it came over a Unix
/// socket (`SCM_RIGHTS`), and [`recv_ancillary`](crate::unix::UnixStream::recv_ancillary) returned it.
///
/// Both programs can use the socket at the same time, and each connection goes to one of them.
/// `O_NONBLOCK` belongs to the open socket that both share, so this call leaves it as it is. Calls here
/// wait as usual, whether or not the other program sets it. There is one exception: where the kernel
/// has no `io_uring(7)`, or does not let this program use it, an accept in a process has to set it.
/// (`TcpListener::from` takes a descriptor as std does, in the mode that it is in.)
///
/// # Examples
///
/// ```
/// use std_net::activation;
/// use std_net::socket::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let fd = std::os::fd::AsFd::as_fd(&listener).try_clone_to_owned()?;
/// let adopted = activation::adopt(fd).tcp_listener()?;
/// let client = TcpStream::connect(adopted.local_addr()?)?;
/// let (server, peer) = adopted.accept()?;
/// assert_eq!(peer, client.local_addr()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn adopt(fd: OwnedFd) -> Inherited {
    Inherited { fd, name: None }
}

/// A socket that was passed to this OS process.
#[derive(Debug)]
pub struct Inherited {
    fd: OwnedFd,
    name: Option<String>,
}

/// The error for a socket of another kind, or for a descriptor that is no socket. Nothing is lost:
/// [`into_inherited`](Self::into_inherited) returns the socket.
pub struct WrongKind {
    inherited: Inherited,
    wanted: &'static str,
}

impl Inherited {
    /// Returns the name that the socket was given: `FileDescriptorName=` of systemd.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Takes the socket as a listening TCP socket. Its calls wait as usual, whether or not it came with
    /// `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// [`WrongKind`], which holds the socket, if it is not a listening TCP socket.
    pub fn tcp_listener(self) -> Result<TcpListener, WrongKind> {
        let socket = TcpListener::from(self.take(
            &[Domain::IPV4, Domain::IPV6],
            Type::STREAM,
            true,
            "TcpListener",
        )?);
        regard_as_blocking(socket.socket().as_io());
        Ok(socket)
    }

    /// Takes the socket as a UDP socket.
    ///
    /// # Errors
    ///
    /// [`WrongKind`], which holds the socket, if it is not a UDP socket.
    pub fn udp_socket(self) -> Result<UdpSocket, WrongKind> {
        let socket = UdpSocket::from(self.take(
            &[Domain::IPV4, Domain::IPV6],
            Type::DGRAM,
            false,
            "UdpSocket",
        )?);
        regard_as_blocking(socket.socket().as_io());
        Ok(socket)
    }

    /// Takes the socket as a listening Unix stream socket.
    ///
    /// # Errors
    ///
    /// [`WrongKind`], which holds the socket, if it is not a listening Unix stream socket.
    pub fn unix_listener(self) -> Result<UnixListener, WrongKind> {
        let socket =
            UnixListener::from(self.take(&[Domain::UNIX], Type::STREAM, true, "UnixListener")?);
        regard_as_blocking(socket.socket().as_io());
        Ok(socket)
    }

    /// Takes the socket as a Unix datagram socket.
    ///
    /// # Errors
    ///
    /// [`WrongKind`], which holds the socket, if it is not a Unix datagram socket.
    pub fn unix_datagram(self) -> Result<UnixDatagram, WrongKind> {
        let socket =
            UnixDatagram::from(self.take(&[Domain::UNIX], Type::DGRAM, false, "UnixDatagram")?);
        regard_as_blocking(socket.socket().as_io());
        Ok(socket)
    }

    /// Takes the socket as a listening Unix seqpacket socket.
    ///
    /// macOS has no such sockets, so this method does not exist there.
    ///
    /// # Errors
    ///
    /// [`WrongKind`], which holds the socket, if it is not a listening Unix seqpacket socket.
    #[cfg(not(target_vendor = "apple"))]
    pub fn unix_seqpacket_listener(self) -> Result<UnixSeqpacketListener, WrongKind> {
        let socket = UnixSeqpacketListener::from(self.take(
            &[Domain::UNIX],
            Type::SEQPACKET,
            true,
            "UnixSeqpacketListener",
        )?);
        regard_as_blocking(socket.socket().as_io());
        Ok(socket)
    }

    /// Returns the descriptor if it is a socket of this kind.
    fn take(
        self,
        domains: &[Domain],
        ty: Type,
        listens: bool,
        wanted: &'static str,
    ) -> Result<OwnedFd, WrongKind> {
        if self.is(domains, ty, listens) {
            Ok(self.fd)
        } else {
            Err(WrongKind {
                inherited: self,
                wanted,
            })
        }
    }

    /// Asks the kernel for the family of the address, `SO_TYPE` and `SO_ACCEPTCONN`.
    fn is(&self, domains: &[Domain], ty: Type, listens: bool) -> bool {
        let socket = SockRef::from(&self.fd);
        socket
            .local_addr()
            .is_ok_and(|addr| domains.contains(&addr.domain()))
            && socket.r#type().is_ok_and(|t| t == ty)
            && inherit::listens(self.fd.as_fd()).is_ok_and(|l| l.is_none_or(|l| l == listens))
    }
}

/// Makes calls on this socket wait, whatever mode an earlier program needs the descriptor in. This
/// cannot fail, because the descriptor is open.
fn regard_as_blocking(io: &Io) {
    let _ = io.regard_as_blocking();
}

impl AsFd for Inherited {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Inherited> for OwnedFd {
    fn from(inherited: Inherited) -> OwnedFd {
        inherited.fd
    }
}

impl WrongKind {
    /// Returns the socket, so that it can be taken as another kind.
    #[must_use]
    pub fn into_inherited(self) -> Inherited {
        self.inherited
    }
}

impl fmt::Display for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.inherited.name().unwrap_or("without a name");
        write!(f, "the inherited socket {name} is not a {}", self.wanted)
    }
}

impl fmt::Debug for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for WrongKind {}

impl From<WrongKind> for io::Error {
    fn from(error: WrongKind) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
