//! The server with may. Its stackful coroutines move between threads, so its `spawn` is unsafe. Their
//! default stack of 32 KiB has room for a small buffer, as ours has.

use std::io;

use may::coroutine;
use may::net::{TcpListener, UdpSocket};
use may::os::unix::net::UnixListener;

use super::{ANY, SMALL, Service, blocking, listening, listening_at};
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
                    drop(unsafe { coroutine::spawn(move || blocking::echo(stream, buffer)) });
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
                    // SAFETY: the reason given above holds here too.
                    drop(unsafe { coroutine::spawn(move || blocking::echo(stream, buffer)) });
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
