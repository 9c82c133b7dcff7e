//! Passes each connection on to another address, both ways.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

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
        thread::spawn(move || {
            if let Err(error) = carry(&client, &target) {
                eprintln!("{target}: {error}");
            }
        });
    }
    Ok(())
}

fn carry(client: &TcpStream, target: &str) -> io::Result<()> {
    let server = connect(target)?;
    thread::scope(|scope| {
        let there = scope.spawn(|| copy(client, &server));
        let back = copy(&server, client);
        there.join().unwrap().and(back)
    })
}

/// The timeout counts anew for each address, and the lookup of the name has no limit.
fn connect(target: &str) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Passes on the end of the stream. An error ends both directions.
fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    match io::copy(&mut from, &mut to) {
        Ok(_) => to.shutdown(Shutdown::Write),
        Err(error) => {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            Err(error)
        }
    }
}
