//! The server with std_net. It does the same as the example `echo_server`.

use std::io::{self, Write};

use std_net::process;
use std_net::runtime::Builder;
use std_net::server::Server;
use std_net::socket::{Lent, TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixListener, UnixStream};

use super::{ANY, SMALL, Service, blocking, listening, listening_at};
use crate::load::Net;

/// How the server differs from the example.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Plain,
    /// Each connection has a buffer of its own.
    OwnBuffers,
    BatchedWrites,
    /// With `Server`, which could be shut down. Here it never is.
    Server,
}

pub(super) fn run(service: &Service, manner: Manner) -> io::Result<()> {
    in_process(service.workers, || serve_all(service, manner))
}

/// Runs `main` in a process. If there is one worker, it is the calling thread, so the program has only one thread.
/// If there are more, each has a thread of its own.
pub(super) fn in_process(
    workers: usize,
    main: impl FnOnce() -> io::Result<()> + Send,
) -> io::Result<()> {
    let builder = Builder::new().workers(workers);
    if workers == 1 {
        return builder.run(main)?;
    }
    builder.start()?;
    process::scope(|scope| scope.spawn(main).join()).expect("it does not panic")
}

fn serve_all(service: &Service, manner: Manner) -> io::Result<()> {
    let buffer = service.buffer;
    let batched = manner == Manner::BatchedWrites;
    match service.net {
        Net::Tcp => {
            let listener = TcpListener::bind(ANY)?;
            listening(listener.local_addr()?)?;
            if manner == Manner::Server {
                let server = Server::new(listener)?;
                return server
                    .run(|stream| echo(stream, TcpStream::read_lent))
                    .map(drop);
            }
            if manner == Manner::OwnBuffers {
                return serve_each(listener.incoming(), move |stream| {
                    blocking::echo(stream, buffer)
                });
            }
            serve_each(listener.incoming(), move |stream| {
                stream.set_batched_writes(batched);
                echo(stream, TcpStream::read_lent)
            })
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listening_at(&service.path)?;
            serve_each(listener.incoming(), move |stream| {
                stream.set_batched_writes(batched);
                echo(stream, UnixStream::read_lent)
            })
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
}

/// Serves each connection in its own process.
pub(super) fn serve_each<S: Send + 'static>(
    incoming: impl Iterator<Item = io::Result<S>>,
    serve: impl Fn(S) -> io::Result<()> + Copy + Send + 'static,
) -> io::Result<()> {
    for stream in incoming {
        let stream = stream?;
        process::spawn(move || serve(stream));
    }
    Ok(())
}

fn echo<S: Write>(mut stream: S, read: impl Fn(&S) -> io::Result<Lent>) -> io::Result<()> {
    loop {
        let data = read(&stream)?;
        if data.is_empty() {
            return Ok(());
        }
        stream.write_all(&data)?;
    }
}
