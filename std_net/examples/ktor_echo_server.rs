//! "Sockets" of the Ktor manual, the echo server. It sends each line back. Try it with `telnet`,
//! `socat` or `ktor_echo_client`.
//!
//! Usage: `ktor_echo_server [ADDRESS]`, 127.0.0.1:9002 by default.

use std::env;
use std::io;
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

/// The longest line in bytes that is sent back.
const LIMIT: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9002"))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                process::spawn(move || {
                    if let Err(error) = echo(stream) {
                        eprintln!("{error}");
                    }
                });
            }
            Err(error) => {
                // There may be too many descriptors. Some may be closed meanwhile.
                eprintln!("accept: {error}");
                process::sleep(Duration::from_millis(50));
            }
        }
    }
    Ok(())
}

fn echo(stream: TcpStream) -> io::Result<()> {
    let (mut receive, mut send) = stream.into_channels(true)?;
    while let Some(line) = receive.read_utf8_line(LIMIT)? {
        send.write_line(line)?;
    }
    send.flush_and_close()
}
