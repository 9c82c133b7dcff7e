//! A hand-written epoll loop. All others are compared with it. It is edge-triggered, has one buffer for
//! all connections, and makes only the system calls that are needed. With several workers, each thread
//! has its own loop and its own connections.

use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread;

use super::{ANY, Service, listening, listening_at};
use crate::load::Net;

const LISTENER: u64 = u64::MAX;

pub(super) fn run(service: &Service) -> io::Result<()> {
    let listener: OwnedFd = match service.net {
        Net::Udp => return udp(),
        Net::Tcp => {
            let listener = TcpListener::bind(ANY)?;
            listener.set_nonblocking(true)?;
            listening(listener.local_addr()?)?;
            listener.into()
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listener.set_nonblocking(true)?;
            listening_at(&service.path)?;
            listener.into()
        }
    };
    let loops = (0..service.workers)
        .map(|_| Loop::new().map(Arc::new))
        .collect::<io::Result<Vec<_>>>()?;
    // The first loop accepts, and gives each loop a connection in turn.
    loops[0].add(listener.as_raw_fd(), LISTENER, libc::EPOLLIN)?;
    let mut others = Vec::new();
    for own in loops.iter().skip(1) {
        let (own, buffer) = (Arc::clone(own), service.buffer);
        others.push(thread::spawn(move || own.run(None, &[], buffer)));
    }
    loops[0].run(Some(&listener), &loops, service.buffer)
}

struct Loop {
    epoll: OwnedFd,
}

/// The bytes that could not be sent at once, by descriptor. Until they are sent, nothing more is read there.
type Backlog = HashMap<RawFd, Vec<u8>>;

impl Loop {
    fn new() -> io::Result<Loop> {
        // SAFETY: the call has no preconditions; the descriptor is ours.
        let epoll = unsafe { OwnedFd::from_raw_fd(cvt(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Loop { epoll })
    }

    fn add(&self, fd: RawFd, key: u64, flags: i32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: (flags | libc::EPOLLET).cast_unsigned(),
            u64: key,
        };
        // SAFETY: open descriptors and a live event.
        cvt(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd,
                &raw mut event,
            )
        })
        .map(drop)
    }

    fn run(
        &self,
        listener: Option<&OwnedFd>,
        loops: &[Arc<Loop>],
        buffer: usize,
    ) -> io::Result<()> {
        let mut buf = vec![0u8; buffer];
        let mut backlog = Backlog::new();
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 1024];
        let mut accepted = 0;
        loop {
            // SAFETY: a live buffer of that many events.
            let count = cvt(unsafe {
                libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), 1024, -1)
            });
            let count = match count {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
                other => other? as usize,
            };
            for event in &events[..count] {
                if event.u64 == LISTENER {
                    accept(listener, loops, &mut accepted)?;
                    continue;
                }
                let fd = event.u64 as RawFd;
                let closed = event.events & (libc::EPOLLRDHUP | libc::EPOLLHUP) as u32 != 0;
                if echo(fd, closed, &mut buf, &mut backlog).is_err() {
                    backlog.remove(&fd);
                    // SAFETY: the loop owns this descriptor, and its backlog was removed above.
                    unsafe { libc::close(fd) };
                }
            }
        }
    }
}

fn accept(listener: Option<&OwnedFd>, loops: &[Arc<Loop>], accepted: &mut usize) -> io::Result<()> {
    let Some(listener) = listener else {
        return Ok(());
    };
    loop {
        // SAFETY: an open listener; no address is asked for.
        let fd = unsafe {
            libc::accept4(
                listener.as_raw_fd(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        };
        let fd = match cvt(fd) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other?,
        };
        let flags = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP;
        loops[*accepted % loops.len()].add(fd, fd as u64, flags)?;
        *accepted += 1;
    }
}

/// Reads until nothing is left, and sends the same bytes back. An error ends the connection.
fn echo(fd: RawFd, closed: bool, buf: &mut [u8], backlog: &mut Backlog) -> io::Result<()> {
    if !backlog.is_empty()
        && let Some(mut rest) = backlog.remove(&fd)
    {
        let sent = send(fd, &rest)?;
        if sent < rest.len() {
            rest.drain(..sent);
            backlog.insert(fd, rest);
            return Ok(());
        }
    }
    loop {
        // SAFETY: a live, writable buffer and its length.
        let n = unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), 0) };
        let n = match usize::try_from(n) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(_) => {
                let error = io::Error::last_os_error();
                let empty = error.kind() == io::ErrorKind::WouldBlock;
                return if empty { Ok(()) } else { Err(error) };
            }
        };
        let sent = send(fd, &buf[..n])?;
        if sent < n {
            backlog.insert(fd, buf[sent..n].to_vec());
            return Ok(());
        }
        if n < buf.len() && !closed {
            return Ok(());
        }
    }
}

/// Sends until it would block. Returns how many bytes were sent.
fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        let rest = &bytes[sent..];
        // SAFETY: a live buffer and its length.
        let n = unsafe { libc::send(fd, rest.as_ptr().cast(), rest.len(), libc::MSG_NOSIGNAL) };
        match usize::try_from(n) {
            Ok(n) => sent += n,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::WouldBlock {
                    return Err(error);
                }
                break;
            }
        }
    }
    Ok(sent)
}

fn udp() -> io::Result<()> {
    let socket = UdpSocket::bind(ANY)?;
    socket.set_nonblocking(true)?;
    listening(socket.local_addr()?)?;
    let own = Loop::new()?;
    own.add(socket.as_raw_fd(), 0, libc::EPOLLIN)?;
    let mut buf = [0; 4096];
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 4];
    loop {
        // SAFETY: a live buffer of that many events.
        let count =
            cvt(unsafe { libc::epoll_wait(own.epoll.as_raw_fd(), events.as_mut_ptr(), 4, -1) });
        match count {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        loop {
            match socket.recv_from(&mut buf) {
                Ok((n, peer)) => socket.send_to(&buf[..n], peer)?,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            };
        }
    }
}

fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
