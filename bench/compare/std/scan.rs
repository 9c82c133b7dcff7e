//! Finds the open ports of a host.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

const AT_ONCE: usize = 500;
const PATIENCE: Duration = Duration::from_secs(1);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, host, first, last] = &args[..] else {
        panic!("usage: scan HOST FIRST LAST");
    };
    let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
    for port in scan(host, first, last) {
        println!("{port}");
    }
}

/// A thread for each port would be too much, so each thread takes one port after another.
fn scan(host: &str, first: u16, last: u16) -> Vec<u16> {
    let ports = Mutex::new(first..=last);
    let mut open: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut open = Vec::new();
                    loop {
                        let Some(port) = ports.lock().unwrap().next() else {
                            return open;
                        };
                        if probe(host, port).is_ok() {
                            open.push(port);
                        }
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    open.sort_unstable();
    open
}

fn probe(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
