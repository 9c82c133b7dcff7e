//! "Sockets" of the Ktor manual, the client. One process prints the lines that come. Meanwhile the main
//! thread sends the lines of standard input.
//!
//! Usage: `ktor_echo_client [ADDRESS]`, 127.0.0.1:9002 by default.

use std::env;
use std::io;

use std_net::process;
use std_net::socket::TcpStream;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let stream = TcpStream::connect(address.as_deref().unwrap_or("127.0.0.1:9002"))?;
    // The two halves go to different processes. The connection ends when both are gone.
    let (mut receive, mut send) = stream.into_channels(true)?;
    let printer = process::spawn(move || -> io::Result<()> {
        while let Some(line) = receive.read_utf8_line(64 * 1024)? {
            println!("{line}");
        }
        Ok(())
    });
    for line in io::stdin().lines() {
        send.write_line(&line?)?;
    }
    send.flush_and_close()?;
    printer.join().expect("the printer does not panic")
}
