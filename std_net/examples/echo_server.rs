//! A line echo to which telnet or socat can connect: whatever comes goes back. A process for each
//! connection.
//!
//! Usage: `echo_server [ADDRESS]`, 127.0.0.1:7777 by default. Try `socat - TCP:127.0.0.1:7777`.

use std::env;
use std::io::{self, Read, Write};
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7777".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => drop(process::spawn(move || echo(stream))),
            Err(error) => {
                // Out of descriptors, say: some may come back meanwhile.
                eprintln!("accept: {error}");
                process::sleep(Duration::from_millis(50));
            }
        }
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        match stream.read(&mut buf)? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n])?,
        }
    }
}
