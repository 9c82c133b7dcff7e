//! Shows the least that a server needs: a process for each connection, and a way to end. It sends back
//! all that it receives. telnet or socat can connect. After Ctrl-C, connected clients get five seconds
//! to finish.
//!
//! Usage: `echo_server [ADDRESS]`, 127.0.0.1:7777 by default. Try `socat - TCP:127.0.0.1:7777`.

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

/// The time that connections have to finish after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7777".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let server = Server::new(listener)?;
    let handle = server.handle();
    // With the feature `signals`, the next line is `handle.shutdown_on_signals(GRACE)?`. This example needs no
    // feature, so that `cargo run --example` starts it as it is.
    ctrlc::set_handler(move || handle.shutdown(GRACE)).map_err(io::Error::other)?;
    println!("listening on {address}");
    let end = server.run(echo)?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}

/// A connection that waits holds no buffer, so there may be very many of them.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let data = stream.read_lent()?;
        if data.is_empty() {
            return Ok(());
        }
        stream.write_all(&data)?;
    }
}
