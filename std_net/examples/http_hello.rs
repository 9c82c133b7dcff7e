//! "Hello, sockets!" of the Inko manual, the HTTP server. It answers every request with `Hello, HTTP!`.
//!
//! As in the first version of the manual, one process accepts and passes each connection to another
//! process, which answers and shuts down. With `--shared` it works as in the second version: four
//! processes share one listener, and each accepts and answers.
//!
//! Usage: `http_hello [ADDRESS] [--shared]`, 127.0.0.1:8080 by default. Try
//! `curl http://127.0.0.1:8080/`.

use std::env;
use std::io::{self, Read};
use std::net::Shutdown;
use std::time::Duration;

use std_net::process;
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

/// The time that connections have to finish after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// The server reads no more of a request than this.
const LIMIT: usize = 16 << 10;

fn main() -> io::Result<()> {
    let (flags, words): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|a| a.starts_with("--"));
    let address = words
        .into_iter()
        .next()
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    if flags.iter().any(|flag| flag == "--shared") {
        println!("listening on {address}");
        return shared(&listener);
    }
    let server = Server::new(listener)?;
    let handle = server.handle();
    // With the feature `signals`, the next line is `handle.shutdown_on_signals(GRACE)?`. This example needs no
    // feature, so that `cargo run --example` starts it as it is.
    ctrlc::set_handler(move || handle.shutdown(GRACE)).map_err(io::Error::other)?;
    println!("listening on {address}");
    let end = server.run(|stream| report(answer(&stream)))?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}

fn shared(listener: &TcpListener) -> io::Result<()> {
    process::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for stream in listener.incoming() {
                    match stream {
                        Ok(stream) => report(answer(&stream)),
                        Err(error) => pause(&error),
                    }
                }
            });
        }
    });
    Ok(())
}

/// Reads one request and answers it.
fn answer(stream: &TcpStream) -> io::Result<()> {
    stream.set_deadline(Duration::from_secs(10));
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > LIMIT || stream.read_bytes(&mut request, 1024)? == 0 {
            return Ok(());
        }
    }
    let body = "Hello, HTTP!";
    stream.write_string(&format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    ))?;
    stream.shutdown(Shutdown::Write)?;
    // Read what the client may still send, so that closing does not reset the connection.
    io::copy(&mut stream.take(LIMIT as u64), &mut io::sink()).map(drop)
}

fn report(result: io::Result<()>) {
    if let Err(error) = result {
        eprintln!("connection: {error}");
    }
}

/// Waits after an error of accept, such as too many descriptors. Other parts of the program may close
/// some meanwhile.
fn pause(error: &io::Error) {
    eprintln!("accept: {error}");
    process::sleep(Duration::from_millis(50));
}
