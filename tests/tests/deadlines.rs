//! Deadlines and per-call timeouts for every operation that can wait, on a thread and in a process.

use std::io::{ErrorKind, IoSliceMut, Read, Result, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use std_net::Deadline;
use std_net::process;
use std_net::socket::{Domain, Socket, TcpBuilder, TcpListener, TcpStream, UdpSocket};
use std_net::unix::{
    SocketAddr, UnixBuilder, UnixDatagram, UnixListener, UnixSeqpacket, UnixStream,
};
use std_net_tests::{Silent, both, each_ip, in_time, tcp_pair, until_error};

const SHORT: Duration = Duration::from_millis(5);

/// Returns an abstract address that the kernel chooses.
fn any_name() -> SocketAddr {
    SocketAddr::from_pathname("").unwrap()
}

#[track_caller]
fn timed_out<T: std::fmt::Debug>(result: Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[track_caller]
fn would_block<T: std::fmt::Debug>(result: Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_read_ends_at_its_deadline() {
    both(|| {
        let (mut a, _b) = tcp_pair();
        let start = Instant::now();
        a.set_deadline(SHORT);
        timed_out(a.read(&mut [0; 8]));
        assert!(start.elapsed() >= SHORT);
        timed_out(a.peek(&mut [0; 8]));
        timed_out(a.read_string(8));
        timed_out(a.read_bytes(&mut Vec::new(), 8));
        timed_out(a.read_vectored(&mut [IoSliceMut::new(&mut [0; 8])]));
    });
}

#[test]
fn past_it_even_ready_data_is_an_error_and_nothing_is_lost() {
    both(|| {
        let (mut a, mut b) = tcp_pair();
        b.write_all(b"here").unwrap();
        a.set_deadline(Instant::now());
        timed_out(a.read(&mut [0; 8]));
        timed_out(a.write(b"x"));
        a.reset_deadline();
        assert_eq!(a.deadline(), None);
        let mut buf = [0; 8];
        assert_eq!(a.read(&mut buf).unwrap(), 4);
        assert_eq!(&buf[..4], b"here");
        b.set_nonblocking(true).unwrap();
        would_block(b.read(&mut buf));
    });
}

#[test]
fn tiny_and_huge_ones() {
    both(|| {
        let (mut a, mut b) = tcp_pair();
        for tiny in [Duration::ZERO, Duration::from_nanos(1)] {
            a.set_deadline(tiny);
            timed_out(a.read(&mut [0; 8]));
        }
        for never in [
            Deadline::NEVER,
            Deadline::from(None),
            Deadline::from(Duration::MAX),
        ] {
            a.set_deadline(never);
            assert_eq!(a.deadline(), None);
            b.write_all(b"1").unwrap();
            assert_eq!(a.read(&mut [0; 8]).unwrap(), 1);
        }
        a.set_deadline(Instant::now() + Duration::from_secs(1 << 40));
        b.write_all(b"2").unwrap();
        assert_eq!(a.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn a_write_into_a_full_buffer_ends_at_its_deadline() {
    both(|| {
        let block = vec![7; 1 << 20];
        let (mut a, _b) = tcp_pair();
        a.set_deadline(Duration::from_millis(30));
        assert_eq!(until_error(|| a.write(&block)).kind(), ErrorKind::TimedOut);
        let (mut a, _b) = UnixStream::pair().unwrap();
        a.set_deadline(Duration::from_millis(30));
        assert_eq!(until_error(|| a.write(&block)).kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn accept_ends_at_its_deadline_and_works_after_it() {
    both(|| {
        each_ip(|ip| {
            let listener = TcpListener::bind(ip).unwrap();
            listener.set_deadline(SHORT);
            timed_out(listener.accept());
            timed_out(listener.incoming().next().unwrap());
            listener.reset_deadline();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        });
        let listener = UnixListener::bind_addr(&any_name()).unwrap();
        listener.set_deadline(SHORT);
        timed_out(listener.accept());
    });
}

#[test]
fn connect_ends_at_its_deadline() {
    both(|| {
        let silent = Silent::new();
        let addr = silent.addr;
        timed_out(TcpStream::connect_deadline(addr, SHORT));
        timed_out(TcpStream::connect_timeout(&addr, Duration::from_millis(10)));
        timed_out(TcpBuilder::new().deadline(SHORT).connect(addr));
        let error = TcpStream::connect_timeout(&addr, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let socket = Socket::stream(Domain::IPV4).unwrap();
        socket.set_deadline(Instant::now());
        timed_out(socket.connect(addr));
    });
}

#[test]
fn a_full_unix_listener_makes_connect_wait_for_room_until_the_deadline() {
    both(|| {
        let listener = UnixBuilder::new()
            .backlog(0)
            .listen_addr(&any_name())
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let _first = UnixStream::connect_addr(&addr).unwrap();
        timed_out(UnixStream::connect_deadline(
            &addr,
            Duration::from_millis(20),
        ));
        let (sender, receiver) = process::channel::bounded(1);
        let client = process::spawn(move || {
            sender.send(()).unwrap();
            UnixStream::connect_deadline(&addr, Duration::from_secs(30)).map(drop)
        });
        receiver.recv().unwrap();
        listener.accept().unwrap();
        client.join().unwrap().unwrap();
    });
}

#[test]
fn datagrams_end_at_their_deadline() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_deadline(SHORT);
        timed_out(socket.recv_from(&mut [0; 8]));
        timed_out(socket.peek_from(&mut [0; 8]));
        timed_out(socket.recv(&mut [0; 8]));
        timed_out(socket.send_to(b"late", "127.0.0.1:9"));

        let (a, b) = UnixDatagram::pair().unwrap();
        b.set_deadline(SHORT);
        timed_out(b.recv(&mut [0; 8]));
        // The receiver's queue is full after a few messages.
        a.set_deadline(Duration::from_millis(20));
        assert_eq!(until_error(|| a.send(b"x")).kind(), ErrorKind::TimedOut);

        let (a, _b) = UnixSeqpacket::pair().unwrap();
        a.set_deadline(SHORT);
        timed_out(a.recv(&mut [0; 8]));
    });
}

#[test]
fn a_deadline_can_be_changed_while_someone_waits() {
    both(|| {
        let peek = |a: &Arc<TcpStream>| {
            let (one, other) = (Arc::clone(a), Arc::clone(a));
            let process = process::spawn(move || one.peek(&mut [0; 8]));
            (process, thread::spawn(move || other.peek(&mut [0; 8])))
        };
        let (a, _b) = tcp_pair();
        let a = Arc::new(a);
        // An earlier deadline ends the wait, whether or not the wait has begun.
        a.set_deadline(Duration::from_secs(3600));
        let (process, thread) = peek(&a);
        process::sleep(SHORT);
        a.set_deadline(Instant::now());
        timed_out(process.join().unwrap());
        timed_out(process::blocking(|| thread.join().unwrap()));

        // With a later deadline, the wait goes on after the first deadline, and ends when data come.
        in_time(4 * SHORT, |time| {
            let (a, mut b) = tcp_pair();
            let a = Arc::new(a);
            let begin = Instant::now();
            a.set_deadline(time);
            let (process, thread) = peek(&a);
            a.set_deadline(Duration::from_secs(3600));
            let is_in_time = begin.elapsed() < time;
            process::sleep(begin + time + SHORT);
            // Without a deadline, the wait ends only when data come.
            a.reset_deadline();
            b.write_all(b"data").unwrap();
            let peeked = [
                process.join().unwrap(),
                process::blocking(|| thread.join().unwrap()),
            ];
            is_in_time.then(|| peeked.map(|n| assert_eq!(n.unwrap(), 4)))
        });
    });
}

#[test]
fn of_a_deadline_and_a_timeout_the_nearer_wins() {
    both(|| {
        let (mut a, _b) = tcp_pair();
        a.set_read_timeout(Some(SHORT)).unwrap();
        // std on Linux does the same.
        would_block(a.read(&mut [0; 8]));
        a.set_deadline(Duration::from_secs(3600));
        would_block(a.read(&mut [0; 8]));
        a.set_read_timeout(Some(Duration::from_secs(3600))).unwrap();
        a.set_deadline(SHORT);
        timed_out(a.read(&mut [0; 8]));
        assert_eq!(a.read_timeout().unwrap(), Some(Duration::from_secs(3600)));

        // A clone shares the timeout, because it is an option of the kernel's socket.
        let (a, _b) = tcp_pair();
        let mut clone = a.try_clone().unwrap();
        a.set_read_timeout(Some(SHORT)).unwrap();
        would_block(clone.read(&mut [0; 8]));
        // The timeout also counts after the descriptor has gone to std and back.
        let std = std::net::TcpStream::from(clone);
        let mut back = TcpStream::from(std);
        would_block(back.read(&mut [0; 8]));

        let (mut a, _b) = UnixStream::pair().unwrap();
        a.set_write_timeout(Some(SHORT)).unwrap();
        let block = vec![1; 1 << 20];
        assert_eq!(
            until_error(|| a.write(&block)).kind(),
            ErrorKind::WouldBlock
        );
    });
}
