//! "Sockets" of the Inko manual: a TCP server and its client in one program. It prints `ping`.

use std::io;

use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(server.local_addr()?)?;
    client.write_string("ping")?;
    let (connection, _) = server.accept()?;
    println!("{}", connection.read_string(4)?);
    Ok(())
}
