//! Do the decisions that "Coming from std" describes hold?

use std::io::ErrorKind;
use std::net::SocketAddr;

use std_net::Deadlines;
use std_net::dns::Resolver;
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixDatagram, UnixStream};
use std_net_tests::{LIMIT, both, tcp_pair};

#[test]
fn small_writes_may_be_held_back_as_in_std() {
    both(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let std = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (a, b) = tcp_pair();
        assert_eq!(a.nodelay().unwrap(), std.nodelay().unwrap());
        assert!(!a.nodelay().unwrap() && !b.nodelay().unwrap());
    });
}

/// More connections than std's 128 can wait to be accepted, and none of them is delayed by a second.
#[test]
fn many_wait_to_be_accepted() {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    if most.trim().parse::<u32>().unwrap() < 400 {
        eprintln!("SKIPPED: somaxconn is {most}");
        return;
    }
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // If a SYN were dropped, it would be sent again after a second, and the connect would miss its
        // deadline.
        let waiting: Vec<_> = (0..300)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for _ in &waiting {
            listener.try_accept().unwrap();
        }
    });
}

/// An error of one peer ends one call for another peer. The queue tells which peer the error concerns.
#[test]
fn an_error_of_one_peer_is_told_to_the_next_call() {
    both(|| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let good = UdpSocket::bind("127.0.0.1:0").unwrap();
        let gone: SocketAddr = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        // Without the option the error is not reported.
        server.send_to(b"x", gone).unwrap();
        server.send_to(b"one", good.local_addr().unwrap()).unwrap();
        server.set_recv_error(true).unwrap();
        server.send_to(b"x", gone).unwrap();
        let error = server
            .send_to(b"two", good.local_addr().unwrap())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let mut payload = [0; 8];
        let queued = server.take_queued_error(&mut payload).unwrap().unwrap();
        assert_eq!(queued.destination, gone);
        server.send_to(b"two", good.local_addr().unwrap()).unwrap();
        for text in ["one", "two"] {
            assert_eq!(good.read_string(8).unwrap(), text);
        }
    });
}

#[test]
fn a_name_with_other_letters_is_handed_on() {
    both(|| {
        let error = Resolver::libc().lookup("bücher.invalid").unwrap_err();
        assert_eq!(error.name(), Some("bücher.invalid"));
        assert!(error.to_string().contains("bücher.invalid"));
    });
}

#[test]
fn code_that_is_generic_over_what_has_a_deadline() {
    fn check(socket: &impl Deadlines) {
        assert_eq!(socket.deadline(), None);
        socket.set_deadline(LIMIT.into());
        assert!(socket.deadline().is_some());
        socket.reset_deadline();
        assert_eq!(socket.deadline(), None);
    }
    both(|| {
        let (a, _b) = tcp_pair();
        check(&a);
        check(a.socket());
        let (a, _b) = UnixStream::pair().unwrap();
        check(&a);
        let (a, _b) = UnixDatagram::pair().unwrap();
        check(&a);
        check(&TcpListener::bind("127.0.0.1:0").unwrap());
    });
}
