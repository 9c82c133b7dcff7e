//! The server with std: it has a thread for each connection.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::thread;

use super::{ANY, SMALL, Service, blocking, listening, listening_at};
use crate::load::Net;

pub(super) fn run(service: &Service) -> io::Result<()> {
    let buffer = service.buffer;
    match service.net {
        Net::Tcp => {
            let listener = TcpListener::bind(ANY)?;
            listening(listener.local_addr()?)?;
            for stream in listener.incoming() {
                let stream = stream?;
                start(move || blocking::echo_with(stream, &mut vec![0; buffer]))?;
            }
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listening_at(&service.path)?;
            for stream in listener.incoming() {
                let stream = stream?;
                start(move || blocking::echo_with(stream, &mut vec![0; buffer]))?;
            }
        }
        Net::Udp => {
            let socket = UdpSocket::bind(ANY)?;
            listening(socket.local_addr()?)?;
            let mut buf = [0; SMALL];
            loop {
                let (n, peer) = socket.recv_from(&mut buf)?;
                socket.send_to(&buf[..n], peer)?;
            }
        }
    }
    Ok(())
}

pub(super) fn start(f: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(f)
        .map(drop)
}
