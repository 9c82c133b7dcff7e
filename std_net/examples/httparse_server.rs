//! Shows a server of HTTP/1.1 by the crate httparse: connections that stay open, requests that come close
//! behind one another, and an end at Ctrl-C. The guide's chapter HTTP explains it.
//!
//! Usage: `httparse_server [ADDRESS]`, 127.0.0.1:8080 by default. Try
//! `curl -v http://127.0.0.1:8080/ http://127.0.0.1:8080/other`.

use std::env;
use std::io::{self, Read, Write};
use std::time::Duration;

use httparse::{EMPTY_HEADER, Request, Status};
use std_net::server::{Server, Session};
use std_net::socket::{TcpListener, TcpStream};

/// The longest head of a request.
const LIMIT: usize = 16 << 10;

/// Serves one connection to its end.
fn serve(mut stream: TcpStream, session: &Session) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        // Between two requests a shutdown may end the connection.
        if received.is_empty() && !session.wait_readable(&stream)? {
            return Ok(());
        }
        let mut headers = [EMPTY_HEADER; 32];
        let mut request = Request::new(&mut headers);
        match request.parse(&received) {
            Ok(Status::Complete(head)) => {
                let has_body = request.headers.iter().any(|header| {
                    let name = header.name;
                    name.eq_ignore_ascii_case("transfer-encoding")
                        || name.eq_ignore_ascii_case("content-length") && header.value != b"0"
                });
                if has_body {
                    return answer(
                        &mut stream,
                        "413 Content Too Large",
                        "no body, please\n",
                        false,
                    );
                }
                let close = request.version == Some(0)
                    || request.headers.iter().any(|header| {
                        header.name.eq_ignore_ascii_case("connection")
                            && header.value.eq_ignore_ascii_case(b"close")
                    });
                match request.path {
                    Some("/") => answer(&mut stream, "200 OK", "Hello, HTTP!\n", !close)?,
                    _ => answer(&mut stream, "404 Not Found", "there is only /\n", !close)?,
                }
                if close {
                    return Ok(());
                }
                received.drain(..head);
            }
            Ok(Status::Partial) if received.len() < LIMIT => {
                let mut buf = [0; 4096];
                match stream.read(&mut buf)? {
                    0 => return Ok(()),
                    n => received.extend_from_slice(&buf[..n]),
                }
            }
            Ok(Status::Partial) => {
                return answer(
                    &mut stream,
                    "431 Request Header Fields Too Large",
                    "",
                    false,
                );
            }
            Err(_) => return answer(&mut stream, "400 Bad Request", "", false),
        }
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str, keep: bool) -> io::Result<()> {
    let connection = if keep { "keep-alive" } else { "close" };
    let length = body.len();
    // One write, so that it is one packet.
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: {connection}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes())
}

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let server = Server::new(listener)?
        .idle_timeout(Duration::from_secs(60))
        .max_connections(10_000)
        .on_error(|problem| eprintln!("{problem}"));
    server
        .handle()
        .shutdown_on_signals(Duration::from_secs(10))?;
    let end = server.run_with(serve)?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}
