//! The servers that say hello world over HTTP/1.1 with keep-alive. They use httparse on `Read + Write`, hyper in processes
//! and on tokio, and nginx.

use std::convert::Infallible;
use std::fmt::Debug;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener as StdListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use http_body_util::Full;
use httparse::{EMPTY_HEADER, Status};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std_net::compat::{CompatExt, ProcessTimer};
use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

use super::{ANY, SMALL, Service, listening};
use crate::load::HELLO;

// Servers with httparse.

/// std_net, with a process for each connection.
pub(super) fn ours(service: &Service) -> io::Result<()> {
    each_in_process(service, serve)
}

/// Accepts connections, and serves each in a process.
fn each_in_process(
    service: &Service,
    serve: impl Fn(TcpStream) -> io::Result<()> + Copy + Send + 'static,
) -> io::Result<()> {
    super::ours::in_process(service.workers, move || {
        let listener = TcpListener::bind(ANY)?;
        listening(listener.local_addr()?)?;
        super::ours::serve_each(listener.incoming(), move |stream| {
            stream.set_nodelay(true)?;
            serve(stream)
        })
    })
}

/// std, with a thread for each connection.
pub(super) fn threads() -> io::Result<()> {
    let listener = StdListener::bind(ANY)?;
    listening(listener.local_addr()?)?;
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        super::threads::start(move || serve(stream))?;
    }
    Ok(())
}

/// Answers one request after another.
fn serve(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buf = [0; SMALL];
    let mut filled = 0;
    let mut answer = Vec::with_capacity(256);
    loop {
        match stream.read(&mut buf[filled..])? {
            0 => return Ok(()),
            n => filled += n,
        }
        let mut begin = 0;
        answer.clear();
        loop {
            let mut headers = [EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut headers);
            match request.parse(&buf[begin..filled]) {
                Ok(Status::Complete(head)) => {
                    begin += head;
                    write_hello(&mut answer)?;
                }
                Ok(Status::Partial) if filled - begin < SMALL => break,
                Ok(Status::Partial) => return Err(io::Error::other("a head too long")),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        buf.copy_within(begin..filled, 0);
        filled -= begin;
        stream.write_all(&answer)?;
    }
}

/// Writes the header fields that hyper sends too.
fn write_hello(answer: &mut Vec<u8>) -> io::Result<()> {
    write!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\ndate: {}\r\n\r\n",
        HELLO.len(),
        httpdate::HttpDate::from(SystemTime::now())
    )?;
    answer.extend_from_slice(HELLO);
    Ok(())
}

// Servers with hyper.

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = Response::builder().header(CONTENT_TYPE, "text/plain");
    let answer = answer.body(Full::new(Bytes::from_static(HELLO)));
    Ok(answer.expect("valid header fields"))
}

/// hyper in processes.
pub(super) fn hyper_ours(service: &Service) -> io::Result<()> {
    each_in_process(service, |stream| {
        let mut server = http1::Builder::new();
        server.timer(ProcessTimer);
        let connection = server.serve_connection(stream.compat()?, service_fn(hello));
        tell(process::block_on(connection));
        Ok(())
    })
}

/// hyper on tokio.
pub(super) fn hyper_tokio(service: &Service, multi_thread: bool) -> io::Result<()> {
    super::tokio::runtime(service.workers, multi_thread)?.block_on(async {
        let accept = async {
            let listener = tokio::net::TcpListener::bind(ANY).await?;
            listening(listener.local_addr()?)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(async move {
                    let mut server = http1::Builder::new();
                    server.timer(TokioTimer::new());
                    tell(
                        server
                            .serve_connection(TokioIo::new(stream), service_fn(hello))
                            .await,
                    );
                });
            }
        };
        tokio::spawn(accept).await.expect("it does not panic")
    })
}

/// Prints an error, but only if it was asked for: at its end the load breaks its connections off, so errors are normal.
fn tell<E: Debug>(result: Result<(), E>) {
    if let (Err(error), Some(_)) = (result, std::env::var_os("STD_NET_BENCH_ERRORS")) {
        eprintln!("{error:?}");
    }
}

// The server nginx.

/// Becomes nginx, with one OS process that serves. It keeps its files in the folder `path`.
pub(super) fn nginx(path: &str) -> io::Result<()> {
    // nginx cannot choose a port, so take one that is free now.
    let address = StdListener::bind(ANY)?.local_addr()?;
    let folder = Path::new(path);
    fs::create_dir_all(folder)?;
    let config = format!(
        "daemon off; master_process off; pid {path}/pid; error_log stderr error;\n\
         events {{ worker_connections 16384; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; default_type text/plain;\n\
           client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c;\n\
           uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;\n\
           server {{ listen {address}; tcp_nodelay on; location / {{ return 200 \"{}\"; }} }} }}\n",
        String::from_utf8_lossy(HELLO).escape_default()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    listening(address)?;
    let mut nginx = Command::new("nginx");
    nginx.args(["-e", "stderr", "-p", path, "-c"]).arg(file);
    Err(nginx.exec())
}
