//! tokio, multi-thread and current-thread.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::runtime::{Builder, Runtime};

use super::{ANY, SMALL, Service, listening, listening_at};
use crate::load::Net;

pub(super) fn run(service: &Service, multi_thread: bool) -> io::Result<()> {
    let runtime = runtime(service.workers, multi_thread)?;
    // Spawn it, because `block_on` would run it on a thread that is not a worker.
    let service = service.clone();
    runtime.block_on(async {
        tokio::spawn(serve(service))
            .await
            .expect("it does not panic")
    })
}

pub(super) fn runtime(workers: usize, multi_thread: bool) -> io::Result<Runtime> {
    if multi_thread {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()
    } else {
        Builder::new_current_thread().enable_all().build()
    }
}

async fn serve(service: Service) -> io::Result<()> {
    match service.net {
        Net::Tcp => {
            let listener = TcpListener::bind(ANY).await?;
            listening(listener.local_addr()?)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(echo(stream, service.buffer));
            }
        }
        Net::Unix => {
            let listener = UnixListener::bind(&service.path)?;
            listening_at(&service.path)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(echo(stream, service.buffer));
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
