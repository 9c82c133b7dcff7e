//! Which of several addresses does a connect reach, and what is the error if none answers? RFC 8305 on
//! loopback: a listener with a full queue is the peer that stays silent.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{ConnectErrors, Domain, Socket, TcpBuilder, TcpListener, TcpStream, os_code};
use std_net_tests::{LIMIT, Silent, both, has_ipv6, in_time, within};

fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The errors of all attempts. There are none if the deadline passed before the second attempt began.
fn attempts(error: &std::io::Error) -> Vec<(SocketAddr, ErrorKind)> {
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    inner.map_or_else(Vec::new, |errors: &ConnectErrors| {
        errors.attempts().map(|(a, e)| (a, e.kind())).collect()
    })
}

#[test]
fn one_that_refuses_is_passed_over() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[closed(), closed(), addr, closed()][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(stream.deadline(), None);
    });
}

#[test]
fn one_that_is_silent_does_not_hold_up_the_next() {
    both(|| {
        let silent = Silent::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let addrs = [silent.addr, closed(), addr];
        // Without a race, the kernel would try the silent address for two minutes.
        let stream = TcpStream::connect(&addrs[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(stream.deadline(), None);
        let stream = TcpBuilder::new()
            .nodelay(true)
            .deadline(LIMIT)
            .connect(&addrs[..])
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.deadline(), None);
        stream.write_string("x").unwrap();
        let (first, _) = listener.accept().unwrap();
        let (second, _) = listener.accept().unwrap();
        assert_eq!(second.read_string(8).unwrap(), "x");
        drop((first, stream));
    });
}

#[test]
fn one_that_was_silent_may_still_win() {
    both(|| {
        let (slow, never) = (Silent::new(), Silent::new());
        let addrs = [slow.addr, never.addr];
        let end = Arc::new(AtomicBool::new(false));
        let drain = {
            let end = Arc::clone(&end);
            thread::spawn(move || {
                // Both attempts have begun by then. The kernel sends its next packet after a second.
                thread::sleep(Duration::from_millis(400));
                while !end.load(Ordering::Relaxed) {
                    slow.listener.set_deadline(Duration::from_millis(20));
                    let _ = slow.listener.accept();
                }
            })
        };
        let stream = TcpStream::connect(&addrs[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addrs[0]);
        end.store(true, Ordering::Relaxed);
        drain.join().unwrap();
    });
}

#[test]
fn all_that_refuse_are_one_error_with_its_code() {
    both(|| {
        let error = TcpStream::connect(&[closed(), closed()][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(os_code(&error), Some(libc::ECONNREFUSED));
    });
}

#[test]
fn different_errors_are_all_told() {
    both(|| {
        let (silent, closed) = (Silent::new(), closed());
        let addrs = [closed, silent.addr];
        let both_tried = |addrs: [SocketAddr; 2], time: Duration| {
            let error = TcpStream::connect_deadline(&addrs[..], time).unwrap_err();
            (attempts(&error).len() == 2).then_some(error)
        };
        let error = in_time(Duration::from_millis(50), |time| both_tried(addrs, time));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            attempts(&error),
            [
                (closed, ErrorKind::ConnectionRefused),
                (silent.addr, ErrorKind::TimedOut)
            ]
        );
        let text = error.to_string();
        assert!(
            text.contains("refused") && text.contains("deadline"),
            "{text}"
        );
        // The race itself also ends so, with attempts that have begun, have failed, or stay silent.
        let addrs = [silent.addr, closed];
        in_time(Duration::from_millis(400), |time| both_tried(addrs, time));
    });
}

#[test]
fn silence_until_the_deadline_is_timed_out() {
    both(|| {
        let (a, b) = (Silent::new(), Silent::new());
        for wait in [0, 1, 100, 600] {
            let deadline = Instant::now() + Duration::from_millis(wait);
            let error = TcpStream::connect_deadline(&[a.addr, b.addr][..], deadline).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_cancel_ends_the_race() {
    within(LIMIT, || {
        let silent = (Silent::new(), Silent::new());
        let addrs = [silent.0.addr, silent.1.addr];
        for wait in [10, 350] {
            let handle = process::spawn(move || TcpStream::connect(&addrs[..]));
            process::sleep(Duration::from_millis(wait));
            handle.cancel();
            let error = handle.join().unwrap().unwrap_err();
            assert!(process::is_cancelled(&error), "{error}");
        }
    });
}

#[test]
fn a_name_of_two_families_reaches_whichever_listens() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(addr).unwrap();
            let addr = listener.local_addr().unwrap();
            let both = [
                SocketAddr::new("::1".parse().unwrap(), addr.port()),
                SocketAddr::new("127.0.0.1".parse().unwrap(), addr.port()),
            ];
            let stream = TcpStream::connect(&both[..]).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), addr);
        }
    });
}

/// The first connection has no cookie of the server yet. So its first write only begins to connect, and
/// must then continue.
#[test]
fn fast_open_writes_whether_or_not_there_is_a_cookie() {
    both(|| {
        let listener = TcpBuilder::new()
            .fast_open(8)
            .listen("127.0.0.1:0")
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let builder = TcpBuilder::new().fast_open(1);
        for _ in 0..3 {
            let stream = builder.connect(addr).unwrap();
            stream.write_string("in the first packet").unwrap();
            let (peer, _) = listener.accept().unwrap();
            assert_eq!(peer.read_string(64).unwrap(), "in the first packet");
            peer.write_string("answer").unwrap();
            assert_eq!(stream.read_string(64).unwrap(), "answer");
        }
        // These writes use a deadline, several buffers, a file, and a call that does not wait.
        let stream = builder.connect(addr).unwrap();
        stream.set_deadline(LIMIT);
        let parts = [std::io::IoSlice::new(b"a"), std::io::IoSlice::new(b"b")];
        std::io::Write::write_vectored(&mut &stream, &parts).unwrap();
        let (peer, _) = listener.accept().unwrap();
        assert_eq!(peer.read_string(64).unwrap(), "ab");
        let stream = builder.connect(addr).unwrap();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(stream.send_file(&file, ..4).unwrap(), 4);
        let (peer, _) = listener.accept().unwrap();
        assert_eq!(&*peer.read_lent().unwrap(), b"\x7fELF");
        let stream = builder.connect(addr).unwrap();
        match stream.try_write(b"x") {
            Ok(1) => {}
            Ok(n) => panic!("{n}"),
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock, "{e}"),
        }
    });
}

/// A connect that waits for the first write does not tell which address answers.
#[test]
fn fast_open_does_not_hide_that_the_first_is_silent() {
    both(|| {
        let silent = Silent::new();
        let listener = TcpBuilder::new()
            .fast_open(8)
            .listen("127.0.0.1:0")
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let builder = TcpBuilder::new().fast_open(1);
        for addrs in [[silent.addr, addr], [closed(), addr]] {
            let stream = builder.connect(&addrs[..]).unwrap();
            stream.write_string("x").unwrap();
            assert_eq!(stream.peer_addr().unwrap(), addr);
        }
    });
}

#[test]
fn an_address_without_a_port_takes_none_before_the_connect() {
    both(|| {
        let local: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let socket = Socket::stream(Domain::IPV4).unwrap();
        socket.set_bind_address_no_port(true).unwrap();
        assert!(socket.bind_address_no_port().unwrap());
        socket.bind(local).unwrap();
        let port = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap().port();
        assert_eq!(port(&socket), 0);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        socket.connect(addr).unwrap();
        assert_ne!(port(&socket), 0);
        let built = TcpBuilder::new().local_addr(local).connect(addr).unwrap();
        assert!(built.socket().bind_address_no_port().unwrap());
        let fixed = SocketAddr::new(local.ip(), closed().port());
        let built = TcpBuilder::new().local_addr(fixed).connect(addr).unwrap();
        assert_eq!(built.local_addr().unwrap(), fixed);
        assert!(!built.socket().bind_address_no_port().unwrap());
        if has_ipv6() {
            let listener = TcpListener::bind("[::1]:0").unwrap();
            let local = "[::1]:0".parse().unwrap();
            let built = TcpBuilder::new()
                .local_addr(local)
                .connect(listener.local_addr().unwrap())
                .unwrap();
            assert!(built.socket().bind_address_no_port().unwrap());
        }
    });
}

/// The kernel lets a socket connect to itself if it chooses the port that the socket connects to.
#[test]
fn nobody_is_connected_to_himself() {
    both(|| {
        let addr = closed();
        let error = TcpBuilder::new()
            .local_addr(addr)
            .connect(addr)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The low-level socket behaves like the kernel.
        let socket = Socket::stream(Domain::IPV4).unwrap();
        socket.bind(addr).unwrap();
        socket.connect(addr).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket(), Some(addr));
    });
}

#[test]
fn a_connect_step_by_step() {
    both(|| {
        let would_block = |result: std::io::Result<()>| match result {
            Ok(()) => false,
            Err(e) if e.kind() == ErrorKind::WouldBlock => true,
            Err(e) => panic!("{e}"),
        };
        let silent = Silent::new();
        let socket = Socket::stream(Domain::IPV4).unwrap();
        assert!(would_block(socket.try_connect(silent.addr)));
        assert!(would_block(socket.try_connect(silent.addr)));
        assert!(would_block(socket.finish_connect()));
        // The caller can wait for the same connect again.
        socket.set_deadline(Duration::from_millis(1));
        let error = socket.connect(silent.addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);

        let socket = Socket::stream(Domain::IPV4).unwrap();
        let result = socket.try_connect(closed());
        let error = match result {
            Err(e) if e.kind() == ErrorKind::WouldBlock => loop {
                match socket.finish_connect() {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    other => break other.unwrap_err(),
                }
            },
            other => other.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Socket::stream(Domain::IPV4).unwrap();
        if would_block(socket.try_connect(listener.local_addr().unwrap())) {
            while would_block(socket.finish_connect()) {}
        }
        socket.finish_connect().unwrap();
        // It waits as usual.
        let stream = TcpStream::from(socket);
        let (peer, _) = listener.accept().unwrap();
        let reader = process::spawn(move || stream.read_string(8).unwrap());
        peer.write_string("late").unwrap();
        assert_eq!(reader.join().unwrap(), "late");
    });
}
