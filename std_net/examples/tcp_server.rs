//! "Hello, sockets!" of the Inko manual, the server. It accepts one connection, prints what it
//! receives, and answers. `tcp_client` is the other half.
//!
//! Usage: `tcp_server [ADDRESS]`, 127.0.0.1:9999 by default.

use std::env;
use std::io;

use std_net::socket::TcpListener;

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9999".into());
    let server = TcpListener::bind(address)?;
    println!("listening on {}", server.local_addr()?);
    let (client, _) = server.accept()?;
    let message = client.read_string(64)?;
    println!("received: {message}");
    client.write_string(&message)
}
