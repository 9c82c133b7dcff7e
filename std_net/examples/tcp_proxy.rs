//! Carries every connection over to another address: two processes a connection, one for each
//! direction, so that one side can end while the other goes on.
//!
//! Usage: `tcp_proxy LISTEN_ADDRESS TARGET_ADDRESS`

use std::env;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let (Some(listen), Some(target)) = (args.next(), args.next()) else {
        eprintln!("usage: tcp_proxy LISTEN_ADDRESS TARGET_ADDRESS");
        std::process::exit(2);
    };
    let listener = TcpListener::bind(listen)?;
    println!("listening on {}", listener.local_addr()?);
    for client in listener.incoming() {
        let target = target.clone();
        match client {
            Ok(client) => drop(process::spawn(move || {
                if let Err(error) = proxy(&client, &target) {
                    eprintln!("{target}: {error}");
                }
            })),
            Err(error) => {
                eprintln!("accept: {error}");
                process::sleep(Duration::from_millis(50));
            }
        }
    }
    Ok(())
}

fn proxy(client: &TcpStream, target: &str) -> io::Result<()> {
    let server = TcpStream::connect_deadline(target, Duration::from_secs(10))?;
    process::scope(|scope| {
        let back = scope.spawn(|| carry(&server, client));
        let there = carry(client, &server);
        there.and(back.join().unwrap_or(Ok(())))
    })
}

/// Carries bytes one way until the end, and the end too.
fn carry(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buf = [0; 16 << 10];
    let result = loop {
        match from.read(&mut buf) {
            Ok(0) => break Ok(()),
            Ok(n) => {
                if let Err(error) = to.write_all(&buf[..n]) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    // An error ends both directions: the other process sees it too.
    let how = if result.is_ok() {
        Shutdown::Write
    } else {
        Shutdown::Both
    };
    let _ = to.shutdown(how);
    if result.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
    result
}
