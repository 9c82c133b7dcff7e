//! Shows `compat`, the bridge for futures: HTTP/1.1 and HTTP/2 by hyper, in processes. Each connection
//! has a process, and for HTTP/2 each request has one too. There is no other runtime. The handler is
//! plain code and may wait, as any process may. At Ctrl-C the requests that have begun are answered, and
//! idle connections end at once.
//!
//! Usage: `hyper_hello [ADDRESS]`, 127.0.0.1:8080 by default. Try `curl -v http://127.0.0.1:8080/` and
//! `curl -v --http2-prior-knowledge http://127.0.0.1:8080/`. Needs the features `hyper` and `signals`.

use std::convert::Infallible;
use std::env;
use std::io;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use std_net::compat::{CompatExt, ProcessExecutor, ProcessTimer};
use std_net::process;
use std_net::server::{Server, Session};
use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let server = Server::new(listener)?
        .idle_timeout(Duration::from_secs(60))
        .on_error(|problem| eprintln!("{problem}"));
    server
        .handle()
        .shutdown_on_signals(Duration::from_secs(10))?;
    let end = server.run_with(serve)?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}

/// Serves one connection to its end, in the version of HTTP that the client begins with.
fn serve(stream: TcpStream, session: &Session) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // A client that sends nothing is given up here. The timeouts of hyper begin with the first byte.
    if !session.wait_readable(&stream)? {
        return Ok(());
    }
    let mut server = auto::Builder::new(ProcessExecutor);
    server.http1().timer(ProcessTimer);
    server.http2().timer(ProcessTimer);
    let connection = server.serve_connection(stream.compat()?, service_fn(hello));
    let mut connection = pin!(connection);
    process::select! {
        future(connection.as_mut()) -> end => return end.map_err(io::Error::other),
        future(session.until_shutdown()) => connection.as_mut().graceful_shutdown(),
    }?;
    process::block_on(connection).map_err(io::Error::other)
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.uri().path() {
        "/" => "Hello, world!\n".to_owned(),
        path => format!("Hello, {}!\n", &path[1..]),
    };
    Ok(Response::new(Full::new(Bytes::from(text))))
}
