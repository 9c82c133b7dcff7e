//! Methods that std's sockets do not have: the state of TCP, filters, urgent bytes, a disconnect,
//! builders of Unix connections, text and files on low-level sockets, and socket2's options.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use std_net::process;
use std_net::socket::{
    Domain, RecvFlags, SendFlags, SockFilter, Socket, TcpBuilder, TcpListener, TcpState,
    UdpBuilder, UdpSocket,
};
use std_net::unix::{self, AddrText, UnixBuilder, UnixDatagram, UnixListener};
use std_net_tests::{Silent, TempPath, both, each_ip, tcp_pair};

#[test]
fn what_the_kernel_knows_of_a_connection() {
    both(|| {
        let (a, b) = tcp_pair();
        assert_eq!(a.tcp_info().unwrap().state, TcpState::Established);
        a.write_string("x").unwrap();
        assert_eq!(b.read_string(8).unwrap(), "x");
        let info = b.tcp_info().unwrap();
        assert!(info.recv_mss > 0 && info.congestion_window > 0);
        assert!(info.last_received < Duration::from_secs(30));
        assert_eq!(info.lost, 0);
        drop(a);
        b.wait_closed().unwrap();
        assert_eq!(b.tcp_info().unwrap().state, TcpState::CloseWait);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = listener.socket().tcp_info().unwrap().state;
        assert_eq!(state, TcpState::Listen);
        let fresh = Socket::stream(Domain::IPV4).unwrap();
        assert_eq!(fresh.tcp_info().unwrap().state, TcpState::Closed);
        let udp = Socket::datagram(Domain::IPV4).unwrap();
        assert!(udp.tcp_info().is_err());
    });
}

#[test]
fn congestion_and_what_is_not_sent() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        let own = socket.congestion().unwrap();
        assert!(!own.is_empty() && !own.contains('\0'), "{own:?}");
        socket.set_congestion(&own).unwrap();
        socket.set_congestion("reno").unwrap();
        assert_eq!(socket.congestion().unwrap(), "reno");
        let error = socket.set_congestion("no-such").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        for bad in ["", "reno\0x", "a-name-that-is-too-long"] {
            let error = socket.set_congestion(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        socket.set_notsent_lowat(16_384).unwrap();
        assert_eq!(socket.notsent_lowat().unwrap(), 16_384);
        match socket.set_transparent(true) {
            Ok(()) => assert!(socket.transparent().unwrap()),
            Err(e) => assert_eq!(e.kind(), ErrorKind::PermissionDenied),
        }
        // No firewall has redirected this connection.
        let (a, _b) = tcp_pair();
        assert!(a.socket().original_dst().is_err());
    });
}

#[test]
fn a_filter_drops_what_it_says_nothing_of() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        // These filters are "return 0" and "return all".
        let ret = |n| SockFilter::new(0x06, 0, 0, n);
        socket.socket().attach_filter(&[ret(0)]).unwrap();
        peer.send_to(b"dropped", address).unwrap();
        socket.socket().attach_filter(&[ret(u32::MAX)]).unwrap();
        peer.send_to(b"taken", address).unwrap();
        let mut buf = [0; 16];
        let (n, _) = socket.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"taken");
        socket.socket().detach_filter().unwrap();
        let error = socket.socket().detach_filter().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        // The kernel would cut the number of instructions to 16 bits.
        for len in [0, 4097, 65_537] {
            let program: Vec<_> = (0..len).map(|_| ret(0)).collect();
            let error = socket.socket().attach_filter(&program).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn an_urgent_byte() {
    both(|| {
        let (a, b) = tcp_pair();
        a.write_string("before").unwrap();
        assert_eq!(a.socket().send_out_of_band(b"!").unwrap(), 1);
        a.write_string("after").unwrap();
        drop(a);
        let mut all = String::new();
        let mut buf = [0; 4];
        b.wait_closed().unwrap();
        assert_eq!(b.socket().recv_out_of_band(&mut buf).unwrap(), 1);
        assert_eq!(buf[0], b'!');
        (&b).read_to_string(&mut all).unwrap();
        assert_eq!(all, "beforeafter");
        let error = b.socket().recv_out_of_band(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_connection_of_datagrams_is_dissolved() {
    both(|| {
        each_ip(|any| {
            let (a, b, c) = (
                UdpSocket::bind(any).unwrap(),
                UdpSocket::bind(any).unwrap(),
                UdpSocket::bind(any).unwrap(),
            );
            let own = a.local_addr().unwrap();
            a.connect(b.local_addr().unwrap()).unwrap();
            c.send_to(b"from outside", own).unwrap();
            a.disconnect().unwrap();
            assert_eq!(a.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
            // The kernel chose this port, and the socket still has it.
            assert_eq!(a.local_addr().unwrap(), own);
            c.send_to(b"now", own).unwrap();
            let mut buf = [0; 16];
            let (n, from) = a.recv_from(&mut buf).unwrap();
            assert_eq!((&buf[..n], from), (&b"now"[..], c.local_addr().unwrap()));
            a.disconnect().unwrap();
            a.connect(b.local_addr().unwrap()).unwrap();
            a.send(b"again").unwrap();
            assert_eq!(b.read_string(16).unwrap(), "again");
        });
        let (path, other) = (TempPath::new(), TempPath::new());
        let a = UnixDatagram::bind(&path).unwrap();
        let b = UnixDatagram::bind(&other).unwrap();
        a.connect(&other).unwrap();
        a.disconnect().unwrap();
        assert!(a.peer_addr().is_err());
        b.send_to(b"x", &path).unwrap();
        assert_eq!(a.read_string(8).unwrap(), "x");
    });
}

#[test]
fn timeouts_of_calls_from_a_builder() {
    both(|| {
        let (read, write) = (Duration::from_millis(10), Duration::from_secs(7));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpBuilder::new()
            .read_timeout(read)
            .write_timeout(write)
            .connect(listener.local_addr().unwrap())
            .unwrap();
        assert!(stream.read_timeout().unwrap() >= Some(read));
        assert_eq!(stream.write_timeout().unwrap(), Some(write));
        // As in std.
        let error = (&stream).read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let zero = TcpBuilder::new()
            .read_timeout(Duration::ZERO)
            .connect(listener.local_addr().unwrap());
        assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        // The timeouts do not limit the connect, which has a deadline.
        let silent = Silent::new();
        let error = TcpBuilder::new()
            .write_timeout(Duration::from_millis(1))
            .deadline(Duration::from_millis(30))
            .connect(silent.addr)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_unix_connection_from_a_builder() {
    both(|| {
        let (path, own) = (TempPath::new(), TempPath::new());
        let listener = UnixListener::bind(&path).unwrap();
        let stream = UnixBuilder::new()
            .local_addr(unix::SocketAddr::from_pathname(&own).unwrap())
            .mode(0o600)
            .unlink_on_drop(true)
            .recv_buffer_size(10_000)
            .send_buffer_size(10_000)
            .read_timeout(Duration::from_millis(10))
            .write_timeout(Duration::from_secs(1))
            .deadline(Duration::from_secs(30))
            .connect(&path)
            .unwrap();
        assert_eq!(stream.deadline(), None);
        assert_eq!(stream.socket().recv_buffer_size().unwrap(), 20_000);
        let (peer, from) = listener.accept().unwrap();
        assert_eq!(from.as_pathname(), Some(&*own));
        assert!(own.exists());
        let error = (&stream).read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        (&peer).write_all(b"x").unwrap();
        assert_eq!(stream.read_string(8).unwrap(), "x");
        drop(stream);
        assert!(!own.exists(), "the file goes with the connection");

        let name = format!("@std_net-extras-{:?}", std::thread::current().id());
        let addr = unix::SocketAddr::from_text(name).unwrap();
        let listener = UnixBuilder::new().listen_seqpacket(&addr).unwrap();
        let client = UnixBuilder::new().connect_seqpacket(&addr).unwrap();
        let server = listener.incoming().next().unwrap().unwrap();
        client.send(b"one").unwrap();
        assert_eq!(server.read_string(8).unwrap(), "one");
        let error = UnixBuilder::new().connect_addr(&addr).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::ConnectionRefused,
            "of another type"
        );
        // This queue is full.
        let path = TempPath::new();
        let _full = UnixBuilder::new().backlog(0).listen(&path).unwrap();
        let _first = UnixBuilder::new().connect(&path).unwrap();
        let builder = UnixBuilder::new().deadline(Duration::from_millis(30));
        let error = builder.connect(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn text_bytes_and_files_on_low_level_sockets() {
    both(|| {
        let file_path = TempPath::new();
        fs::write(&*file_path, "0123456789").unwrap();
        let file = File::open(&*file_path).unwrap();

        let (a, b) = tcp_pair();
        let (a, b) = (Socket::from(a), Socket::from(b));
        a.write_string("grüß").unwrap();
        // A character that is cut off is completed, as on a stream.
        assert_eq!(b.read_string(3).unwrap(), "grü");
        assert_eq!(b.read_string(8).unwrap(), "ß");
        assert_eq!(a.send_file(&file, 2..5).unwrap(), 3);
        let mut bytes = b"got: ".to_vec();
        assert_eq!(b.read_bytes(&mut bytes, 8).unwrap(), 3);
        assert_eq!(bytes, b"got: 234");

        let (a, b) = (
            Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap()),
            Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap()),
        );
        a.connect(b.local_addr().unwrap()).unwrap();
        for text in ["one", "", "three"] {
            a.write_string(text).unwrap();
        }
        assert_eq!(a.send_file(&file, 7..).unwrap(), 3);
        for text in ["one", "", "three", "789"] {
            assert_eq!(b.read_string(64).unwrap(), text);
        }

        for ty in [unix::Type::STREAM, unix::Type::DGRAM, unix::Type::SEQPACKET] {
            let (a, b) = unix::Socket::pair(ty).unwrap();
            a.write_bytes(b"xyz").unwrap();
            assert_eq!(b.read_string(64).unwrap(), "xyz");
            assert_eq!(a.send_file(&file, ..4).unwrap(), 4);
            assert_eq!(b.read_string(64).unwrap(), "0123");
        }
    });
}

/// If we have no method for something, socket2 may have one: it can borrow any socket of ours.
#[test]
fn socket2_borrows_them() {
    both(|| {
        let (a, _b) = tcp_pair();
        let borrowed = socket2::SockRef::from(&a);
        borrowed.set_tcp_nodelay(true).unwrap();
        assert!(a.nodelay().unwrap());
        let udp = UdpBuilder::new().bind("127.0.0.1:0").unwrap();
        let addr: SocketAddr = udp.local_addr().unwrap();
        let theirs = socket2::SockRef::from(&udp).local_addr().unwrap();
        assert_eq!(theirs.as_socket(), Some(addr));
        let (u, _v) = UnixDatagram::pair().unwrap();
        socket2::SockRef::from(&u)
            .set_recv_buffer_size(10_000)
            .unwrap();
        assert_eq!(u.socket().recv_buffer_size().unwrap(), 20_000);
    });
}

/// A receive with flags: the length of a message that stays, one that is cut, one that is not there.
#[test]
fn messages_are_received_with_flags() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = a.local_addr().unwrap();
        let socket = a.socket();
        let error = socket
            .recv_with_flags(&mut [0; 4], RecvFlags::DONT_WAIT)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let sent = socket.send_to_with_flags(b"a message", addr, SendFlags::DONT_WAIT);
        assert_eq!(sent.unwrap(), 9);

        let mut buf = [0; 4];
        let n = socket.recv_with_flags(&mut buf, RecvFlags::PEEK).unwrap();
        assert_eq!(&buf[..n], b"a me");
        #[cfg(target_os = "linux")]
        {
            let flags = RecvFlags::PEEK | RecvFlags::TRUNCATE;
            assert!(flags.contains(RecvFlags::PEEK));
            assert_eq!(socket.recv_with_flags(&mut buf, flags).unwrap(), 9);
        }
        let (n, from) = socket
            .recv_from_with_flags(&mut buf, RecvFlags::default())
            .unwrap();
        assert_eq!((n, from.as_socket()), (4, Some(addr)));
        // The rest of a message that was cut is gone.
        let left = socket.recv_from_with_flags(&mut buf, RecvFlags::DONT_WAIT);
        assert_eq!(left.unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

/// What is sent with `MSG_MORE` goes out with what follows; a call with flags waits like any other.
#[cfg(target_os = "linux")]
#[test]
fn messages_are_sent_with_flags() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        a.connect(b.local_addr().unwrap()).unwrap();
        let reader = process::spawn(move || {
            let mut buf = [0; 64];
            let n = b
                .socket()
                .recv_with_flags(&mut buf, RecvFlags::default())
                .unwrap();
            buf[..n].to_vec()
        });
        process::yield_now();
        a.socket()
            .send_with_flags(b"head ", SendFlags::MORE)
            .unwrap();
        a.socket()
            .send_with_flags(b"body", SendFlags::CONFIRM)
            .unwrap();
        assert_eq!(reader.join().unwrap(), b"head body");

        let (s, t) = tcp_pair();
        let urgent = s.socket().send_with_flags(b"x", SendFlags::OUT_OF_BAND);
        assert_eq!(urgent.unwrap(), 1);
        drop(s);
        t.wait_closed().unwrap();
        let mut buf = [0; 2];
        let n = t.socket().recv_with_flags(&mut buf, RecvFlags::OUT_OF_BAND);
        assert_eq!((n.unwrap(), buf[0]), (1, b'x'));
    });
}

/// The same of Unix sockets.
#[test]
fn unix_messages_with_flags() {
    both(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        let none = b
            .socket()
            .recv_with_flags(&mut [0; 4], RecvFlags::DONT_WAIT);
        assert_eq!(none.unwrap_err().kind(), ErrorKind::WouldBlock);
        let sent = a
            .socket()
            .send_with_flags(b"a message", SendFlags::default());
        assert_eq!(sent.unwrap(), 9);
        let mut buf = [0; 4];
        let peeked = b.socket().recv_with_flags(&mut buf, RecvFlags::PEEK);
        assert_eq!((peeked.unwrap(), &buf), (4, b"a me"));
        #[cfg(target_os = "linux")]
        {
            let (n, from) = b
                .socket()
                .recv_from_with_flags(&mut buf, RecvFlags::TRUNCATE)
                .unwrap();
            assert_eq!(n, 9);
            assert!(from.is_unnamed());
        }
    });
}
