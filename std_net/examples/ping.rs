//! Shows the low-level `Socket`: sends a host ICMP echo requests over the kernel's unprivileged ICMP
//! datagram socket. Every wait has a deadline.
//!
//! Usage: `ping [HOST] [COUNT]`, 127.0.0.1 and 3 by default. The exit status is 0 if an answer came.
//! The kernel must allow it to your group: `sysctl net.ipv4.ping_group_range`.

use std::env;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{Domain, Protocol, Socket, SocketAddr, ToSocketAddrs, Type};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let host = args.next().unwrap_or_else(|| "127.0.0.1".into());
    let count = args.next().map_or(Ok(3), |text| text.parse());
    let Ok(count) = count else {
        eprintln!("the count must be a number from 0 to 65535");
        return ExitCode::FAILURE;
    };
    match ping(&host, count) {
        Ok(answers) => {
            println!("{answers} of {count} answered");
            if answers > 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("{host}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends `count` requests, one after another. Returns how many were answered.
fn ping(host: &str, count: u16) -> io::Result<u16> {
    let addr = (host, 0)
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::NotFound)?;
    let socket = open(addr)?;
    socket.connect(addr)?;
    let mut answers = 0;
    for number in 1..=count {
        let start = Instant::now();
        socket.set_deadline(PATIENCE);
        match ask(&socket, addr, number) {
            Ok(bytes) => {
                answers += 1;
                let took = start.elapsed();
                println!(
                    "{bytes} bytes from {}: number {number}, {took:.1?}",
                    addr.ip()
                );
            }
            Err(error) => println!("number {number}: {error}"),
        }
        if number < count {
            process::sleep(Duration::from_millis(100));
        }
    }
    Ok(answers)
}

fn open(addr: SocketAddr) -> io::Result<Socket> {
    let protocol = if addr.is_ipv4() {
        Protocol::ICMPV4
    } else {
        Protocol::ICMPV6
    };
    Socket::new(Domain::for_address(addr), Type::DGRAM, Some(protocol)).map_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            let hint = "the kernel allows no ICMP socket to this group; see \
                        `sysctl net.ipv4.ping_group_range`";
            io::Error::new(error.kind(), format!("{hint} ({error})"))
        } else {
            error
        }
    })
}

/// Sends one echo request and waits for its reply (RFC 792, RFC 4443). The kernel fills in the
/// identifier and the checksum, and passes on only the replies to our identifier.
fn ask(socket: &Socket, addr: SocketAddr, number: u16) -> io::Result<usize> {
    let (request, reply) = if addr.is_ipv4() { (8, 0) } else { (128, 129) };
    let [high, low] = number.to_be_bytes();
    let mut packet = vec![request, 0, 0, 0, 0, 0, high, low];
    packet.extend_from_slice(b"Is anybody there?");
    socket.send(&packet)?;
    let mut buf = [0; 1500];
    loop {
        // Ignore a late reply to an earlier number. The deadline ends this loop.
        let n = socket.recv(&mut buf)?;
        if n >= 8 && buf[0] == reply && buf[6..8] == [high, low] {
            return Ok(n);
        }
    }
}
