//! may: stackful coroutines that move between threads, which makes its spawn unsafe.

use std::io::{self, Read, Write};

use may::coroutine;
use may::net::{TcpListener, UdpSocket};
use may::os::unix::net::UnixListener;

use super::{ANY, SMALL, Service, listening, listening_at};
use crate::load::Net;

pub(super) fn run(service: &Service) -> io::Result<()> {
    may::config().set_workers(service.workers);
    let buffer = service.buffer;
    match service.net {
        Net::Tcp => {
            let listener = TcpListener::bind(ANY)?;
            listening(listener.local_addr()?)?;
            in_coroutine(move || {
                for stream in listener.incoming() {
                    let stream = stream?;
                    // SAFETY: no thread-local values, and no more stack than the default.
                    drop(unsafe { coroutine::spawn(move || echo(stream, buffer)) });
                }
                Ok(())
            })
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listening_at(&service.path)?;
            in_coroutine(move || {
                for stream in listener.incoming() {
                    let stream = stream?;
                    // SAFETY: as above.
                    drop(unsafe { coroutine::spawn(move || echo(stream, buffer)) });
                }
                Ok(())
            })
        }
        Net::Udp => {
            let socket = UdpSocket::bind(ANY)?;
            listening(socket.local_addr()?)?;
            in_coroutine(move || {
                let mut buf = [0; SMALL];
                loop {
                    let (n, peer) = socket.recv_from(&mut buf)?;
                    socket.send_to(&buf[..n], peer)?;
                }
            })
        }
    }
}

fn in_coroutine(f: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    // SAFETY: no thread-local values, and no more stack than the default.
    unsafe { coroutine::spawn(f) }
        .join()
        .expect("it does not panic")
}

/// On the stack as ours: its default stack of 32 KiB has room for it.
fn echo<S: Read + Write>(mut stream: S, buffer: usize) -> io::Result<()> {
    if buffer <= SMALL {
        serve(&mut stream, &mut [0; SMALL])
    } else {
        serve(&mut stream, &mut vec![0; buffer])
    }
}

fn serve<S: Read + Write>(stream: &mut S, buf: &mut [u8]) -> io::Result<()> {
    loop {
        match stream.read(buf)? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n])?,
        }
    }
}
