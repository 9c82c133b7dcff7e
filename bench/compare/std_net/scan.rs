//! Finds the open ports of a host.

use std::io;
use std::time::Duration;

use std_net::process::{self, Semaphore};
use std_net::socket::TcpStream;

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
    let limit = Semaphore::new(AT_ONCE);
    process::scope(|scope| {
        let probes: Vec<_> = (first..=last)
            .map(|port| {
                let permit = limit.acquire();
                scope.spawn(move || {
                    let _permit = permit;
                    probe(host, port).is_ok().then_some(port)
                })
            })
            .collect();
        probes
            .into_iter()
            .filter_map(|p| p.join().unwrap())
            .collect()
    })
}

fn probe(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect_deadline((host, port), PATIENCE)
}
