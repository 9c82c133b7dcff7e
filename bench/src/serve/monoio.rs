//! The server with monoio: it has a thread for each core, and uses io_uring where the kernel has it.

use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRent, AsyncWriteRentExt};
use monoio::net::udp::UdpSocket;
use monoio::net::{TcpListener, UnixListener};
use monoio::{FusionDriver, RuntimeBuilder};

use super::{ANY, SMALL, Service, listening, listening_at};
use crate::load::Net;

pub(super) fn run(service: &Service) -> io::Result<()> {
    let mut runtime = RuntimeBuilder::<FusionDriver>::new()
        .enable_all()
        .with_entries(8192)
        .build()?;
    let service = service.clone();
    runtime.block_on(serve(service))
}

async fn serve(service: Service) -> io::Result<()> {
    match service.net {
        Net::Tcp => {
            let listener = TcpListener::bind(ANY)?;
            listening(listener.local_addr()?)?;
            loop {
                let (stream, _) = listener.accept().await?;
                monoio::spawn(echo(stream, service.buffer));
            }
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listening_at(&service.path)?;
            loop {
                let (stream, _) = listener.accept().await?;
                monoio::spawn(echo(stream, service.buffer));
            }
        }
        Net::Udp => {
            let socket = UdpSocket::bind(ANY)?;
            listening(socket.local_addr()?)?;
            let mut buf = vec![0; SMALL];
            loop {
                let (result, mut whole) = socket.recv_from(buf).await;
                let (n, peer) = result?;
                whole.truncate(n);
                let (result, mut back) = socket.send_to(whole, peer).await;
                result?;
                back.resize(SMALL, 0);
                buf = back;
            }
        }
    }
}

async fn echo<S: AsyncReadRent + AsyncWriteRent>(mut stream: S, buffer: usize) -> io::Result<()> {
    let mut buf: Vec<u8> = Vec::with_capacity(buffer);
    loop {
        let (result, filled) = stream.read(buf).await;
        if result? == 0 {
            return Ok(());
        }
        let (result, mut back) = stream.write_all(filled).await;
        result?;
        back.clear();
        buf = back;
    }
}
