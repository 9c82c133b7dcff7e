//! "Sockets" of the Inko manual: a UDP socket sends itself a message and prints it.

use std::io;

use std_net::socket::UdpSocket;

fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    socket.write_string("Hello, world!")?;
    println!("{}", socket.read_string(64)?);
    Ok(())
}
