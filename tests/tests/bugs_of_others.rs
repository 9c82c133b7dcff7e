//! Do the errors of other socket libraries, as reported in public, not occur here, on a thread and in a
//! process? Each test names the report.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use std_net::channel::Packets;
use std_net::server::Server;
use std_net::socket::{Domain, RecvBatch, Socket, TcpBuilder, TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixBuilder, UnixDatagram, UnixListener, UnixStream};
use std_net::{copy, process};
use std_net_tests::{LIMIT, Silent, TempPath, again, both, is_again, rests, tcp_pair, within};

const SOON: Duration = Duration::from_millis(10);
const FAR: Duration = Duration::from_secs(3600);

/// Runs the test of this name in an OS process of its own, and checks that it succeeds.
fn alone(name: &str) {
    let output = again(name, &[]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns a Unix listener whose queue is full, and the stream that fills it: a queue of length 0 has one place.
fn full_queue(at: &TempPath) -> (UnixListener, UnixStream) {
    let listener = UnixBuilder::new().backlog(0).listen(at).unwrap();
    let stream = UnixStream::connect(at).unwrap();
    (listener, stream)
}

/// mio #1560, Asio #1365: a Unix connect returned `EAGAIN`, and the library believed that the connect
/// was under way. curl #18748: its timeout was ignored.
#[test]
fn a_unix_connect_to_a_full_queue_waits_for_room() {
    both(|| {
        let at = TempPath::new();
        let (listener, _queue) = full_queue(&at);
        let addr = listener.local_addr().unwrap();
        let socket = std_net::unix::Socket::stream().unwrap();
        socket.set_write_timeout(Some(SOON)).unwrap();
        let error = socket.connect(&addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        let accepting = process::spawn(move || {
            process::sleep(SOON);
            listener.accept().unwrap();
            listener
        });
        let mut stream = UnixStream::connect_addr(&addr).unwrap();
        let listener = accepting.join().unwrap();
        stream.write_all(b"connected").unwrap();
        drop(listener);
    });
}

/// libuv #690, Bun #32705, ranch #36, eventcore #49: at the limit of descriptors, an accept was
/// repeated in a loop without a pause.
#[test]
fn a_server_without_descriptors_does_not_spin_and_recovers() {
    if !is_again() {
        return alone("a_server_without_descriptors_does_not_spin_and_recovers");
    }
    within(LIMIT, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let running =
            process::spawn(move || server.run(|mut stream: TcpStream| stream.write_all(b"hello")));
        // The kernel completes this connection in the queue, without a descriptor of ours.
        let mut client = TcpStream::connect(addr).unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        let waiting = Socket::stream(Domain::IPV4).unwrap();
        let few = libc::rlimit {
            rlim_cur: 128,
            rlim_max: 128,
        };
        // SAFETY: the pointer is to a live structure.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const few) };
        assert_eq!(set, 0);
        let mut all = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            all.push(file);
        }
        waiting.connect(addr).unwrap();
        rests(|| std::thread::sleep(Duration::from_millis(300)));
        drop(all);
        let mut hello = [0; 5];
        TcpStream::from(waiting).read_exact(&mut hello).unwrap();
        assert_eq!(&hello, b"hello");
        handle.shutdown(FAR);
        assert_eq!(running.join().unwrap().unwrap().served, 2);
    });
}

/// Go #25486: `splice` of a connection that was reset returned "would block" for ever.
#[test]
fn a_copy_from_a_connection_that_is_reset_is_an_error() {
    both(|| {
        for early in [false, true] {
            let (client, a) = tcp_pair();
            let (b, _server) = UnixStream::pair().unwrap();
            client.set_linger(Some(Duration::ZERO)).unwrap();
            let reset = move || drop(client);
            if early {
                reset();
                let error = copy(&a, &b).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            } else {
                let copying = process::spawn(move || copy(&a, &b));
                process::sleep(SOON);
                reset();
                let error = copying.join().unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            }
        }
    });
}

/// Go #53658, #70000: an empty file, or a file that became shorter, was an error or was sent again and
/// again.
#[test]
fn a_file_that_ends_early_is_sent_as_far_as_it_goes() {
    both(|| {
        let (a, mut b) = tcp_pair();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        assert_eq!(a.send_file(&file, ..).unwrap(), 0);
        file.write_all(b"short").unwrap();
        assert_eq!(a.send_file(&file, 0..1 << 30).unwrap(), 5);
        assert_eq!(a.send_file(&file, 3..).unwrap(), 2);
        assert_eq!(a.send_file(&file, 7..9).unwrap(), 0);
        let mut got = [0; 7];
        b.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"shortrt");
    });
}

/// Bun #4500, libuv #5242, Twisted #5377: an ICMP message about one peer ended the socket for all
/// peers, or was reported for ever.
#[test]
fn who_is_not_there_costs_a_udp_socket_nothing() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let live = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dead = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dead_addr = dead.local_addr().unwrap();
        drop(dead);
        let to = socket.local_addr().unwrap();
        for _ in 0..3 {
            socket.send_to(b"anybody?", dead_addr).unwrap();
            live.send_to(b"here", to).unwrap();
            let (n, from) = socket.recv_from(&mut [0; 16]).unwrap();
            assert_eq!((n, from), (4, live.local_addr().unwrap()));
        }
        // A connected socket gets each error once, and can go on.
        socket.connect(dead_addr).unwrap();
        socket.set_deadline(FAR);
        for _ in 0..3 {
            socket.send(b"anybody?").unwrap();
            let error = socket.recv(&mut [0; 16]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        }
        socket.set_deadline(SOON);
        let error = socket.recv(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    });
}

/// This is similar to the error at the urgent mark: zero bytes are not the end. An empty datagram is a
/// message like any other.
#[test]
fn an_empty_datagram_is_no_end() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = b.local_addr().unwrap();
        let send = |texts: &[&str]| {
            for text in texts {
                assert_eq!(a.send_to(text.as_bytes(), to).unwrap(), text.len());
            }
        };
        send(&["", "x", ""]);
        for len in [0, 1, 0] {
            assert_eq!(b.recv_from(&mut [0; 8]).unwrap().0, len);
        }
        send(&["", "x", ""]);
        let packets: Vec<_> = b.packets().take(3).map(|p| p.unwrap().0).collect();
        assert_eq!(packets, [&b""[..], b"x", b""]);
        send(&["", "x", ""]);
        let mut batch = RecvBatch::new(8, 16);
        let mut lengths = Vec::new();
        while lengths.len() < 3 {
            b.recv_many(&mut batch).unwrap();
            lengths.extend(batch.iter().map(|(data, _)| data.len()));
        }
        assert_eq!(lengths, [0, 1, 0]);

        let (a, b) = UnixDatagram::pair().unwrap();
        a.send(b"").unwrap();
        a.send(b"x").unwrap();
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 1);
    });
}

/// Reported for many runtimes: an accept that is interrupted at the wrong moment loses the connection.
#[test]
fn a_cancel_loses_no_connection() {
    both(|| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        for round in 0..100 {
            let accepting = {
                let listener = Arc::clone(&listener);
                process::spawn(move || listener.accept().map(|(stream, _)| stream))
            };
            if round % 3 == 0 {
                process::yield_now();
            }
            let mut client = TcpStream::connect(addr).unwrap();
            accepting.cancel();
            let mut stream = match accepting.join().unwrap() {
                Ok(stream) => stream,
                Err(error) => {
                    assert!(process::is_cancelled(&error), "{error}");
                    listener.accept().unwrap().0
                }
            };
            stream.write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
    });
}

/// Reported for many runtimes: a read that ends at its deadline has taken data, and they are lost.
#[test]
fn a_deadline_loses_no_data() {
    both(|| {
        let (mut client, mut server) = tcp_pair();
        let writer = process::spawn(move || {
            for n in 0..200_u8 {
                client.write_all(&[n]).unwrap();
                process::sleep(Duration::from_micros(u64::from(n) * 7 % 400));
            }
        });
        let (mut next, mut tries) = (0, 0);
        while next < 200 {
            // Each try has another deadline: most are too short, and some are long enough.
            tries += 1;
            server.set_deadline(Duration::from_micros(tries * 13 % 700));
            let mut byte = [0];
            match server.read(&mut byte) {
                Ok(n) => {
                    assert_eq!((n, byte[0]), (1, next));
                    next += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}"),
            }
        }
        writer.join().unwrap();
    });
}

/// libdill #129, epoll(7) "Questions and answers" 6: a duplicate keeps the registration of a closed
/// descriptor alive. Its events come for ever, or reach the next owner of the number.
#[test]
fn a_duplicate_that_lives_on_wakes_nobody() {
    if !is_again() {
        return alone("a_duplicate_that_lives_on_wakes_nobody");
    }
    both(|| {
        let (a, mut b) = tcp_pair();
        a.set_deadline(Duration::from_millis(1));
        assert!((&a).read(&mut [0]).is_err());
        let duplicate = a.as_fd().try_clone_to_owned().unwrap();
        drop(a);
        // It probably has the number of the descriptor that was closed.
        let (c, mut d) = tcp_pair();
        b.write_all(b"for the duplicate").unwrap();
        let error = rests(|| {
            c.set_deadline(Duration::from_millis(200));
            (&c).read(&mut [0; 64]).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        c.reset_deadline();
        d.write_all(b"mine").unwrap();
        assert_eq!((&c).read(&mut [0; 64]).unwrap(), 4);
        let mut theirs = [0; 17];
        std::net::TcpStream::from(duplicate)
            .read_exact(&mut theirs)
            .unwrap();
        assert_eq!(&theirs, b"for the duplicate");
    });
}

/// Reported for many runtimes: a write of zero bytes waited for room, or ended the process.
#[test]
fn a_write_of_nothing_waits_for_nothing() {
    both(|| {
        let (tcp, _peer) = tcp_pair();
        let (unix, _other) = UnixStream::pair().unwrap();
        while tcp.try_write(&[0; 1 << 16]).is_ok() {}
        while unix.try_write(&[0; 1 << 16]).is_ok() {}
        assert_eq!((&tcp).write(b"").unwrap(), 0);
        assert_eq!((&unix).write(b"").unwrap(), 0);
        (&tcp).write_all(b"").unwrap();
        assert_eq!((&tcp).write_vectored(&[]).unwrap(), 0);
        assert_eq!((&unix).write_vectored(&[]).unwrap(), 0);
    });
}

/// Reported for many runtimes: if a socket is closed or shut down while it connects, the caller waits
/// for ever.
#[test]
fn a_shutdown_ends_a_connect_under_way() {
    both(|| {
        let silent = Silent::new();
        let socket = Arc::new(Socket::stream(Domain::IPV4).unwrap());
        let connecting = {
            let (socket, addr) = (Arc::clone(&socket), silent.addr);
            process::spawn(move || socket.connect(addr))
        };
        process::sleep(SOON);
        // Before the connect has begun, there is nothing to shut down.
        while socket.shutdown(Shutdown::Both).is_err() {
            process::sleep(Duration::from_millis(1));
        }
        connecting.join().unwrap().unwrap_err();
    });
}

/// Similar to mio #1131, for `peek`: a look at data uses up the readiness.
#[test]
fn a_peek_leaves_what_it_has_seen() {
    both(|| {
        for (mut a, b) in [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()] {
            a.write_all(b"peeked").unwrap();
            for _ in 0..3 {
                assert_eq!(b.peek(&mut [0; 64]).unwrap(), 6);
                assert_eq!(b.peek(&mut [0; 2]).unwrap(), 2);
            }
            assert_eq!((&b).read(&mut [0; 2]).unwrap(), 2);
            assert_eq!((&b).read(&mut [0; 64]).unwrap(), 4);
        }
    });
}

/// Reported for many runtimes: the end of a stream comes with the last data as one event, and one of
/// the two is lost.
#[test]
fn data_and_end_at_once_are_both_seen() {
    both(|| {
        for size in [1, 1000, 300_000] {
            let listener = TcpBuilder::new().listen("127.0.0.1:0").unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            let reader = process::spawn(move || {
                let mut got = Vec::new();
                server.read_to_end(&mut got).unwrap();
                got.len()
            });
            process::sleep(Duration::from_millis(1));
            client.write_all(&vec![7; size]).unwrap();
            drop(client);
            assert_eq!(reader.join().unwrap(), size);
        }
    });
}

/// Similar to the full receiver: the poller reports data, and the call does not find them. With
/// `SO_PEEK_OFF` a peek looks behind the data that it has seen.
#[test]
fn a_peek_behind_all_there_is_does_not_spin() {
    if !is_again() {
        return alone("a_peek_behind_all_there_is_does_not_spin");
    }
    both(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        let zero: libc::c_int = 0;
        // SAFETY: the pointer is to a live integer, and its length is passed.
        let set = unsafe {
            libc::setsockopt(
                b.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEEK_OFF,
                (&raw const zero).cast(),
                size_of_val(&zero) as libc::socklen_t,
            )
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
        a.send(b"data").unwrap();
        assert_eq!(b.peek(&mut [0; 8]).unwrap(), 4);
        let error = rests(|| {
            b.set_deadline(Duration::from_millis(200));
            b.peek(&mut [0; 8]).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    });
}
