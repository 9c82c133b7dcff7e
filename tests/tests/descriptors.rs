//! Is a descriptor ever left open, or inherited by a child that a program starts?

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{Domain, Socket, TcpListener, TcpStream, UdpSocket};
use std_net::unix::{self, UnixDatagram, UnixListener, UnixStream};
use std_net_tests::{ALONE, LIMIT, Silent, TempPath, descriptors, keeps_the_count, tool, within};

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn thousands_of_connections_leave_none() {
    keeps_the_count(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        for i in 0..2000 {
            let mut client = TcpStream::connect(addr).unwrap();
            // Reset at once, so that no TIME_WAIT uses up the ports.
            client.socket().set_linger(Some(Duration::ZERO)).unwrap();
            let (server, _) = listener.accept().unwrap();
            client.write_all(b"x").unwrap();
            match i % 4 {
                0 => drop(server.try_clone().unwrap()),
                1 => drop(std::net::TcpStream::from(server)),
                2 => assert_eq!(server.read_string(8).unwrap(), "x"),
                _ => drop(Socket::from(server)),
            }
        }
    });
}

#[test]
fn thousands_of_refused_connections_leave_none() {
    keeps_the_count(|| {
        let addr = free_address();
        for _ in 0..2000 {
            let error = TcpStream::connect(addr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = TcpStream::connect_timeout(&addr, Duration::from_secs(9)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn thousands_of_connections_too_late_leave_none() {
    keeps_the_count(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        for _ in 0..2000 {
            let error = TcpStream::connect_deadline(addr, Instant::now()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        listener.set_deadline(Instant::now());
        for _ in 0..2000 {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn thousands_of_unix_connections_leave_none() {
    keeps_the_count(|| {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        for _ in 0..2000 {
            let client = UnixStream::connect(&path).unwrap();
            let (server, _) = listener.accept().unwrap();
            client.write_string("x").unwrap();
            assert_eq!(server.read_string(8).unwrap(), "x");
        }
        drop(listener);
        for _ in 0..2000 {
            let error = UnixStream::connect(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn the_losers_of_a_race_are_closed() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    within(LIMIT, || {
        let silent = (Silent::new(), Silent::new());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addrs = [silent.0.addr, silent.1.addr, listener.local_addr().unwrap()];
        drop(TcpStream::connect(&addrs[..]).unwrap());
        let settle = |before: usize| {
            // Other processes close them soon.
            while descriptors() > before {
                thread::yield_now();
            }
        };
        process::sleep(Duration::from_millis(50));
        let before = descriptors();
        drop(TcpStream::connect(&addrs[..]).unwrap());
        settle(before);
        TcpStream::connect_deadline(&addrs[..2], Duration::from_millis(300)).unwrap_err();
        settle(before);
    });
}

/// Returns how many descriptors a child sees.
fn seen_by_a_child() -> usize {
    let output = Command::new("ls")
        .args(["-1", "/proc/self/fd"])
        .output()
        .expect("ls runs");
    output.stdout.iter().filter(|&&b| b == b'\n').count()
}

#[test]
fn a_child_inherits_none() {
    if tool("ls").is_none() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    within(LIMIT, || {
        let before = seen_by_a_child();
        let body = move || {
            let path = TempPath::new();
            let datagram_path = TempPath::new();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let client = TcpStream::connect(addr).unwrap();
            let server = listener.accept().unwrap().0;
            let in_time = TcpStream::connect_deadline(addr, Duration::from_secs(9)).unwrap();
            let unix_listener = UnixListener::bind(&path).unwrap();
            let unix_client = UnixStream::connect(&path).unwrap();
            let unix_server = unix_listener.accept().unwrap().0;
            let _open = (
                server.try_clone().unwrap(),
                listener.try_clone().unwrap(),
                UdpSocket::bind(addr).unwrap(),
                Socket::stream(Domain::IPV4).unwrap(),
                Socket::datagram(Domain::IPV4).unwrap(),
                UnixStream::pair().unwrap(),
                UnixDatagram::pair().unwrap(),
                UnixDatagram::bind(&datagram_path).unwrap(),
                unix::Socket::seqpacket().unwrap(),
                unix_client.try_clone().unwrap(),
                (client, server, in_time, unix_client, unix_server),
            );
            assert_eq!(seen_by_a_child(), before, "a child inherits descriptors");
            std::fs::remove_file(&datagram_path).unwrap();
        };
        body();
        process::spawn(body).join().unwrap();
    });
}
