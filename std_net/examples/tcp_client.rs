//! "Hello, sockets!" of the Inko manual, the client. It says hello and prints the answer of
//! `tcp_server`.
//!
//! Usage: `tcp_client [ADDRESS]`, 127.0.0.1:9999 by default.

use std::env;
use std::io;
use std::time::Duration;

use std_net::socket::TcpStream;

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9999".into());
    let stream = TcpStream::connect_deadline(address, Duration::from_secs(5))?;
    stream.set_deadline(Duration::from_secs(5));
    stream.write_string("Hello, sockets!")?;
    println!("{}", stream.read_string(64)?);
    Ok(())
}
