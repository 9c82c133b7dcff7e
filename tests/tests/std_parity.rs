//! Does a program that uses `std_net::socket` instead of `std::net` do the same? Every stable method of
//! std's types is called once through std and once through us. The results (values, error kinds, OS
//! codes, `Debug` text) are noted and compared.

use std::fmt::Debug;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};

use std_net::process;
use std_net_tests::parity::{Log, compare};
use std_net_tests::{LIMIT, within};

macro_rules! transcript {
    ($name:ident, $($net:tt)*) => {
        fn $name() -> Vec<String> {
            #[allow(unused_imports, reason = "that they exist is part of the test")]
            use $($net)*::{
                AddrParseError, Incoming, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr,
                SocketAddrV4, SocketAddrV6, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
            };
            use std::io::{IoSlice, IoSliceMut, Read, Write};
            use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
            use std::time::Duration;

            let mut log = Log::default();

            // Addresses
            let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
            let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0);
            fn all<A: ToSocketAddrs>(addr: A) -> io::Result<Vec<SocketAddr>> {
                addr.to_socket_addrs().map(Iterator::collect)
            }
            log.result("SocketAddr", all(SocketAddr::V4(v4)));
            log.result("SocketAddrV4", all(v4));
            log.result("SocketAddrV6", all(v6));
            log.result("(IpAddr, u16)", all((IpAddr::V6(Ipv6Addr::LOCALHOST), 1)));
            log.result("(Ipv4Addr, u16)", all((Ipv4Addr::LOCALHOST, 1)));
            log.result("(Ipv6Addr, u16)", all((Ipv6Addr::LOCALHOST, 1)));
            log.result("(&str, u16)", all(("127.0.0.1", 1)));
            log.result("(&str, u16) v6", all(("::1", 1)));
            log.result("(String, u16)", all((String::from("127.0.0.1"), 1)));
            log.result("&[SocketAddr]", all(&[SocketAddr::V4(v4), SocketAddr::V6(v6)][..]));
            log.result("&&str", all(&"127.0.0.1:1"));
            log.result("String", all(String::from("127.0.0.1:1")));
            for text in [
                "127.0.0.1:80", "[::1]:80", "[::1%3]:80", "localhost:80", "127.0.0.1", "",
                "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80",
                "[::1]", "127.0.0.1:http", "a\0b:80",
            ] {
                let got = all(text);
                log.say(text, got.map_err(|e| (e.kind(), std_net::socket::os_code(&e))));
            }
            for text in [":80", "no such name.invalid:80"] {
                // If a lookup fails, std's error has a kind that no program can name. Ours has a
                // reason.
                log.say(text, all(text).map_err(|e| std_net::socket::os_code(&e)));
            }

            // TcpListener
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            log.port(addr.port());
            log.result("bind in use", TcpListener::bind(addr));
            log.result("bind nothing", TcpListener::bind(&[][..]));
            log.result("bind bad port", TcpListener::bind("127.0.0.1:80000"));
            log.result("bind no port", TcpListener::bind("127.0.0.1"));
            log.result("bind not ours", TcpListener::bind("192.0.2.1:0"));
            let second = [addr, "127.0.0.1:0".parse().unwrap()];
            log.outcome("bind second", TcpListener::bind(&second[..]));
            log.result("listener local_addr", listener.local_addr());
            log.result("listener set_ttl", listener.set_ttl(33));
            log.result("listener ttl", listener.ttl());
            log.result("listener set_ttl 0", listener.set_ttl(0));
            log.result("listener set_ttl 256", listener.set_ttl(256));
            log.result("listener take_error", listener.take_error().map(|e| e.is_none()));
            log.say("listener debug", &listener);
            log.result("listener clone", listener.try_clone());
            log.result("listener nonblocking", listener.set_nonblocking(true));
            log.outcome("listener accept nonblocking", listener.accept());
            log.result("listener incoming nonblocking", listener.incoming().next().unwrap());
            log.result("listener blocking", listener.set_nonblocking(false));
            let listener = TcpListener::from(OwnedFd::from(listener));
            log.say("listener as_fd", listener.as_fd().as_raw_fd() == listener.as_raw_fd());

            // TcpStream
            log.result("connect port 0", TcpStream::connect("127.0.0.1:0"));
            log.result("connect nothing", TcpStream::connect(&[][..]));
            log.result("connect text", TcpStream::connect("not an address"));
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            log.result("connect refused", TcpStream::connect(free));
            log.result(
                "connect_timeout refused",
                TcpStream::connect_timeout(&free, Duration::from_secs(9)),
            );
            log.result(
                "connect_timeout zero",
                // std begins to connect before it returns the error, so no program may listen there.
                TcpStream::connect_timeout(&free, Duration::ZERO),
            );
            log.outcome(
                "connect_timeout",
                TcpStream::connect_timeout(&addr, Duration::from_secs(9)),
            );
            drop(listener.accept().unwrap());
            let mut client = TcpStream::connect(&[free, addr][..]).unwrap();
            log.port(client.local_addr().unwrap().port());
            let (mut server, from) = listener.accept().unwrap();
            log.say("accept address", from);
            log.result("stream local_addr", client.local_addr());
            log.result("stream peer_addr", client.peer_addr());
            log.say("stream debug", &client);
            log.say("accepted debug", &server);
            log.result("set_nodelay", client.set_nodelay(true));
            log.result("nodelay", client.nodelay());
            log.result("set_ttl", client.set_ttl(44));
            log.result("ttl", client.ttl());
            log.result("take_error", client.take_error().map(|e| e.is_none()));
            log.result("read_timeout", client.read_timeout());
            log.result("write_timeout", client.write_timeout());
            log.result("set_read_timeout 0", client.set_read_timeout(Some(Duration::ZERO)));
            log.result("set_write_timeout 0", client.set_write_timeout(Some(Duration::ZERO)));
            log.result("read_timeout after 0", client.read_timeout());
            // This is less than a tick of the kernel's clock. It must not become "for ever".
            log.result("set_read_timeout 1ns", client.set_read_timeout(Some(Duration::from_nanos(1))));
            log.result("read_timeout 1ns", client.read_timeout().map(|t| t.is_some()));
            log.result("set_read_timeout max", client.set_read_timeout(Some(Duration::MAX)));
            log.result("set_read_timeout", client.set_read_timeout(Some(Duration::from_millis(20))));
            log.result("set_write_timeout", client.set_write_timeout(Some(Duration::from_secs(7))));
            log.result("read_timeout", client.read_timeout());
            log.result("write_timeout", client.write_timeout());
            log.result("read past timeout", client.read(&mut [0; 8]));
            log.result("peek past timeout", client.peek(&mut [0; 8]));
            log.result("set_read_timeout None", client.set_read_timeout(None));
            log.result("read_timeout", client.read_timeout());
            log.result("set_nonblocking", client.set_nonblocking(true));
            log.result("read nonblocking", client.read(&mut [0; 8]));
            log.result("read nothing nonblocking", client.read(&mut []));
            log.result("peek nonblocking", client.peek(&mut [0; 8]));
            log.result("set_blocking", client.set_nonblocking(false));
            log.result("write", client.write(b"hello"));
            log.result("write nothing", client.write(b""));
            log.result("flush", client.flush());
            let mut buf = [0; 4];
            log.result("peek", server.peek(&mut buf));
            log.say("peeked", buf);
            log.result("read", server.read(&mut buf));
            log.result("read rest", server.read(&mut buf));
            log.say("was read", buf);
            log.result(
                "write_vectored",
                client.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd")]),
            );
            log.result("write_vectored none", client.write_vectored(&[]));
            let (mut a, mut b) = ([0; 3], [0; 3]);
            let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            log.result("read_vectored", server.read_vectored(bufs));
            log.say("vectored", (a, b));
            log.result("read_vectored none", server.read_vectored(&mut []));
            log.result("&stream write", (&client).write(b"x"));
            log.result("&stream read", (&server).read(&mut [0; 2]));
            let clone = client.try_clone().unwrap();
            log.say("clone debug", &clone);
            log.result("shutdown write", clone.shutdown(Shutdown::Write));
            log.result("write after shutdown", client.write(b"x"));
            log.result("read at end", server.read(&mut [0; 8]));
            log.result("server write", server.write_all(b"end"));
            drop(server);
            let mut rest = Vec::new();
            log.result("read_to_end", client.read_to_end(&mut rest));
            log.say("rest", rest);
            log.result("shutdown both", client.shutdown(Shutdown::Both));
            log.result("peer_addr after", client.peer_addr());
            log.result("shutdown again", client.shutdown(Shutdown::Read));
            drop((client, clone));

            // A shutdown of reading, a peer that resets, and a peer that is gone
            let mut client = TcpStream::connect(addr).unwrap();
            let server = listener.accept().unwrap().0;
            log.result("shutdown read", client.shutdown(Shutdown::Read));
            log.result("read after shutdown", client.read(&mut [0; 8]));
            client.write_all(b"unread").unwrap();
            server.peek(&mut [0; 8]).unwrap();
            drop(server); // With unread data this is a reset.
            log.result("read after reset", client.read(&mut [0; 8]));
            log.result("write after reset", client.write(b"x"));
            log.result("write after that", client.write(b"x"));
            // SAFETY: the descriptor comes from the line before and has no other owner.
            let client = unsafe { TcpStream::from_raw_fd(client.into_raw_fd()) };
            log.result("local_addr after reset", client.local_addr().map(|a| a.ip()));

            // UdpSocket
            let a = UdpSocket::bind("127.0.0.1:0").unwrap();
            let b = UdpSocket::bind("127.0.0.1:0").unwrap();
            let (to_a, to_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
            log.port(to_a.port());
            log.port(to_b.port());
            log.say("udp debug", &a);
            log.result("udp bind in use", UdpSocket::bind(to_a));
            log.result("udp bind nothing", UdpSocket::bind(&[][..]));
            log.result("udp bind text", UdpSocket::bind("x"));
            log.result("udp local_addr", a.local_addr());
            log.result("udp peer_addr", a.peer_addr());
            log.result("udp send unconnected", a.send(b"x"));
            log.result("udp send_to", a.send_to(b"12345678", to_b));
            log.result("udp send_to nothing", a.send_to(b"x", &[][..]));
            log.result("udp send_to text", a.send_to(b"x", "x"));
            log.result("udp send_to v6", a.send_to(b"x", "[::1]:9"));
            log.result("udp send_to too long", a.send_to(&vec![0; 70_000], to_b));
            let mut buf = [0; 16];
            log.result("udp peek_from", b.peek_from(&mut buf));
            log.result("udp peek", b.peek(&mut buf));
            log.result("udp recv_from short", b.recv_from(&mut buf[..3]));
            log.say("udp buffer", buf);
            log.result("udp send_to empty", a.send_to(b"", to_b));
            log.result("udp recv_from empty", b.recv_from(&mut buf));
            log.result("udp set_read_timeout 0", b.set_read_timeout(Some(Duration::ZERO)));
            log.result("udp set_read_timeout", b.set_read_timeout(Some(Duration::from_millis(20))));
            log.result("udp set_write_timeout", b.set_write_timeout(Some(Duration::from_secs(3))));
            log.result("udp read_timeout", b.read_timeout());
            log.result("udp write_timeout", b.write_timeout());
            log.result("udp recv past timeout", b.recv(&mut buf));
            log.result("udp recv_from past timeout", b.recv_from(&mut buf));
            log.result("udp set_nonblocking", b.set_nonblocking(true));
            log.result("udp recv nonblocking", b.recv(&mut buf));
            log.result("udp peek_from nonblocking", b.peek_from(&mut buf));
            log.result("udp set_blocking", b.set_nonblocking(false));
            log.result("udp connect", a.connect(to_b));
            log.result("udp connect nothing", a.connect(&[][..]));
            log.result("udp peer_addr connected", a.peer_addr());
            log.result("udp send", a.send(b"abc"));
            log.result("udp recv", b.recv(&mut buf));
            log.result("udp send to self", b.try_clone().unwrap().send_to(b"d", to_a));
            log.result("udp recv connected", a.recv(&mut buf));
            drop(b);
            log.result("udp send to nobody", a.send(b"x"));
            log.result("udp refused", a.recv(&mut buf));
            log.result("udp take_error", a.take_error().map(|e| e.is_none()));
            for on in [true, false] {
                log.result("udp set_broadcast", a.set_broadcast(on));
                log.result("udp broadcast", a.broadcast());
                log.result("udp set_multicast_loop_v4", a.set_multicast_loop_v4(on));
                log.result("udp multicast_loop_v4", a.multicast_loop_v4());
                log.result("udp set_multicast_loop_v6", a.set_multicast_loop_v6(on));
                log.result("udp multicast_loop_v6", a.multicast_loop_v6());
            }
            log.result("udp set_multicast_ttl_v4", a.set_multicast_ttl_v4(5));
            log.result("udp multicast_ttl_v4", a.multicast_ttl_v4());
            log.result("udp set_ttl", a.set_ttl(55));
            log.result("udp ttl", a.ttl());
            let (group, local) = (Ipv4Addr::new(224, 0, 0, 123), Ipv4Addr::LOCALHOST);
            log.result("udp leave early", a.leave_multicast_v4(&group, &local));
            log.result("udp join", a.join_multicast_v4(&group, &local));
            log.result("udp join twice", a.join_multicast_v4(&group, &local));
            log.result("udp leave", a.leave_multicast_v4(&group, &local));
            log.result("udp join none", a.join_multicast_v4(&local, &local));
            let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x123);
            log.result("udp v4 join v6", a.join_multicast_v6(&group, 1));
            if let Ok(six) = UdpSocket::bind("[::1]:0") {
                log.port(six.local_addr().unwrap().port());
                log.say("udp v6 debug", &six);
                log.result("udp v6 loop", six.set_multicast_loop_v6(false));
                log.result("udp v6 loop", six.multicast_loop_v6());
                log.result("udp v6 leave early", six.leave_multicast_v6(&group, 1));
                log.result("udp v6 join", six.join_multicast_v6(&group, 1));
                log.result("udp v6 leave", six.leave_multicast_v6(&group, 1));
                log.result("udp v6 ttl", six.ttl());
            }
            log.lines()
        }
    };
}

transcript!(through_std, std::net);
transcript!(through_us, std_net::socket);

#[test]
fn every_call_gives_what_stds_gives_on_a_thread() {
    within(LIMIT, || compare(&through_std(), &through_us(), 170));
}

#[test]
fn every_call_gives_what_stds_gives_in_a_process() {
    within(LIMIT, || {
        let us = process::spawn(through_us).join().unwrap();
        compare(&through_std(), &us, 170);
    });
}

/// The conversions keep the socket and its mode.
#[test]
fn sockets_go_to_std_and_back() {
    let body = || {
        let listener = std_net::socket::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let listener = std::net::TcpListener::from(listener);
        let client = std_net::socket::TcpStream::connect(addr).unwrap();
        let client = std::net::TcpStream::from(client);
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let server = std_net::socket::TcpStream::from(server);
        // The mode that was set through std still counts.
        let error = server.read_string(1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        server.set_nonblocking(false).unwrap();
        io::Write::write_all(&mut &client, b"x").unwrap();
        assert_eq!(server.read_string(8).unwrap(), "x");
        let udp = std_net::socket::UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = udp.local_addr().unwrap();
        let udp = std_net::socket::UdpSocket::from(std::net::UdpSocket::from(udp));
        assert_eq!(udp.local_addr().unwrap(), at);
    };
    within(LIMIT, body);
    within(LIMIT, || process::spawn(body).join().unwrap());
}

/// A listener on which a process has accepted is `O_NONBLOCK` internally. std must get it in blocking
/// mode.
#[test]
fn a_listener_used_by_a_process_leaves_as_its_user_made_it() {
    within(LIMIT, || {
        let listener = process::spawn(|| {
            let listener = std_net::socket::TcpListener::bind("127.0.0.1:0").unwrap();
            let _client = std_net::socket::TcpStream::connect(listener.local_addr().unwrap());
            listener.accept().unwrap();
            listener
        });
        let listener = std::net::TcpListener::from(listener.join().unwrap());
        let addr = listener.local_addr().unwrap();
        let accepting = std::thread::spawn(move || listener.accept().map(drop));
        let _client = std::net::TcpStream::connect(addr).unwrap();
        accepting.join().unwrap().unwrap();
    });
}

/// Auto traits, and everything else that no call shows.
#[test]
fn the_types_have_stds_traits() {
    fn auto<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
    fn stream<T: io::Read + io::Write>() {}
    fn fused<T: std::iter::FusedIterator>() {}
    use std_net::socket::{Incoming, Socket, TcpListener, TcpStream, UdpSocket};
    auto::<TcpListener>();
    auto::<TcpStream>();
    auto::<UdpSocket>();
    auto::<Socket>();
    auto::<Incoming<'static>>();
    stream::<TcpStream>();
    stream::<&'static TcpStream>();
    fused::<Incoming<'static>>();
}
