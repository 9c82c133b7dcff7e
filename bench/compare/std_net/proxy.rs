//! Passes each connection on to another address, both ways.

use std::io;
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, target] = &args[..] else {
        panic!("usage: proxy ADDRESS TARGET");
    };
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for client in listener.incoming() {
        let (client, target) = (client?, target.clone());
        process::spawn(move || {
            if let Err(error) = carry(&client, &target) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn carry(client: &TcpStream, target: &str) -> io::Result<()> {
    let server = TcpStream::connect_deadline(target, PATIENCE)?;
    std_net::copy_bidirectional(client, &server)?;
    Ok(())
}
