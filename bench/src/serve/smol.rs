//! smol with its global executor.

use std::io;
use std::net::SocketAddr;

use smol::Async;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::net::UdpSocket;

use super::{ANY, SMALL, Service, listening, listening_at};
use crate::load::Net;

pub(super) fn run(service: &Service) -> io::Result<()> {
    // SAFETY: this is the only thread so far, so no other reads the environment.
    unsafe { std::env::set_var("SMOL_THREADS", service.workers.to_string()) };
    let service = service.clone();
    smol::block_on(smol::spawn(serve(service)))
}

async fn serve(service: Service) -> io::Result<()> {
    match service.net {
        Net::Tcp => {
            let listener = Async::<std::net::TcpListener>::bind(SocketAddr::from((ANY.0, ANY.1)))?;
            listening(listener.get_ref().local_addr()?)?;
            loop {
                let (stream, _) = listener.accept().await?;
                smol::spawn(echo(stream, service.buffer)).detach();
            }
        }
        Net::Unix => {
            let listener = Async::<std::os::unix::net::UnixListener>::bind(&service.path)?;
            listening_at(&service.path)?;
            loop {
                let (stream, _) = listener.accept().await?;
                smol::spawn(echo(stream, service.buffer)).detach();
            }
        }
        Net::Udp => {
            let socket = UdpSocket::bind(ANY).await?;
            listening(socket.local_addr()?)?;
            let mut buf = [0; SMALL];
            loop {
                let (n, peer) = socket.recv_from(&mut buf).await?;
                socket.send_to(&buf[..n], peer).await?;
            }
        }
    }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n]).await?,
        }
    }
}
