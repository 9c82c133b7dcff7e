//! Shows a thousand connects at a time: finds the open TCP ports of a host, with a process for each
//! port.
//!
//! Usage: `port_scan HOST [FIRST-LAST]`, ports 1-1024 by default. Scan only hosts that are yours.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use std_net::Deadline;
use std_net::dns::Resolver;
use std_net::process::{self, Semaphore, channel};
use std_net::socket::{Shutdown, TcpStream};

const AT_ONCE: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let Some(host) = args.next() else {
        usage();
    };
    let ports = args.next().unwrap_or_else(|| "1-1024".into());
    let Some((first, last)) = range(&ports) else {
        usage();
    };
    scan(&host, first, last)
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

fn usage() -> ! {
    eprintln!("usage: port_scan HOST [FIRST-LAST]");
    exit(2);
}

fn scan(host: &str, first: u16, last: u16) -> io::Result<()> {
    // Look the name up once, and not for every port.
    let addr = Resolver::new().lookup_port(host, 0, Deadline::NEVER)?[0];
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let (found, open) = channel::unbounded();
    let scanner = process::spawn(move || {
        for port in first..=last {
            let permit = at_once.acquire_owned();
            let found = found.clone();
            process::spawn(move || {
                if is_open(SocketAddr::new(addr.ip(), port)) {
                    let _ = found.send(port);
                }
                drop(permit);
            });
        }
    });
    // This ends when the last process has dropped its sender.
    let mut ports: Vec<u16> = open.into_iter().collect();
    scanner
        .join()
        .map_err(|_| io::Error::other("the scanner panicked"))?;
    ports.sort_unstable();
    for port in &ports {
        println!("{port}");
    }
    println!(
        "{} of {} are open",
        ports.len(),
        usize::from(last - first) + 1
    );
    Ok(())
}

fn is_open(addr: SocketAddr) -> bool {
    // A port that refuses, stays silent or cannot be reached counts as closed.
    TcpStream::connect_deadline(addr, PATIENCE)
        .map(|stream| stream.shutdown(Shutdown::Both))
        .is_ok()
}
