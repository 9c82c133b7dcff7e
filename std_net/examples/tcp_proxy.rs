//! Shows a proxy: passes each connection on to another address, and copies the bytes in both
//! directions. When one side ends its stream, the other side is told, and may go on. The bytes do not
//! pass through the program.
//!
//! Usage: `tcp_proxy LISTEN_ADDRESS TARGET_ADDRESS`

use std::env;
use std::io;
use std::time::Duration;

use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

/// The time that connections have to finish after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let (Some(listen), Some(target)) = (args.next(), args.next()) else {
        eprintln!("usage: tcp_proxy LISTEN_ADDRESS TARGET_ADDRESS");
        std::process::exit(2);
    };
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = Server::new(listener)?;
    let handle = server.handle();
    // With the feature `signals`, the next line is `handle.shutdown_on_signals(GRACE)?`. This example needs no
    // feature, so that `cargo run --example` starts it as it is.
    ctrlc::set_handler(move || handle.shutdown(GRACE)).map_err(io::Error::other)?;
    println!("listening on {address}");
    let end = server.run(move |client| {
        if let Err(error) = proxy(&client, &target) {
            eprintln!("{target}: {error}");
        }
    })?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}

fn proxy(client: &TcpStream, target: &str) -> io::Result<()> {
    let server = TcpStream::connect_deadline(target, Duration::from_secs(10))?;
    std_net::copy_bidirectional(client, &server).map(drop)
}
