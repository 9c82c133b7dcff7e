//! Finds the open ports of a host.

use std::io;
use std::net::ToSocketAddrs;
use std::time::Duration;

use may::net::TcpStream;
use may::sync::Semphore;
use may::{coroutine, go};

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

fn scan(host: &str, first: u16, last: u16) -> Vec<u16> {
    let limit = &Semphore::new(AT_ONCE);
    coroutine::scope(|scope| {
        let probes: Vec<_> = (first..=last)
            .map(|port| {
                limit.wait();
                go!(scope, move || {
                    let open = probe(host, port).is_ok();
                    limit.post();
                    open.then_some(port)
                })
            })
            .collect();
        probes.into_iter().filter_map(|p| p.join()).collect()
    })
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
