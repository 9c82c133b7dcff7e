//! Tests the resolver of the system in namespaces, where this program is also the server that the
//! resolver asks: a name server on 127.0.0.1 (`names dns`), or `systemd-resolved` at its usual place
//! (`names connect`). The test `names` makes the namespaces.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use std_net::dns::{Error, Family, Resolver};
use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::in_time;

/// This is less than the 30 seconds that the C library waits for a server, and much more than an answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() {
    let role = std::env::args().nth(1).expect("a role");
    let body = match role.as_str() {
        "dns" => {
            serve_dns();
            ask_dns as fn()
        }
        "connect" => {
            serve_varlink();
            connect
        }
        other => panic!("no role {other}"),
    };
    body();
    // Run it once more, with the lookups that the first run has given up still going on.
    process::spawn(body).join().expect("the same in a process");
    println!("all is well");
}

/// Runs a name server that answers by the first label of the name.
fn serve_dns() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("a namespace of its own");
    thread::spawn(move || {
        let mut buf = [0; 1500];
        loop {
            let (n, from) = socket.recv_from(&mut buf).expect("a query");
            if let Some(answer) = answer(&buf[..n]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// Makes an answer as in RFC 1035, section 4.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let label_len = usize::from(query[12]);
    let label = &query[13..13 + label_len];
    let name_len = query[12..].iter().position(|b| *b == 0)? + 1;
    let question = &query[12..12 + name_len + 4];
    let ty = question[name_len + 1];
    let (rcode, data): (u8, Option<Vec<u8>>) = match (label, ty) {
        (b"missing", _) => (3, None),
        (b"broken", _) => (2, None),
        (b"silent", _) => return None,
        (_, 1) => (0, Some(vec![192, 0, 2, 7])),
        (b"both", 28) => (
            0,
            Some(
                "2001:db8::7"
                    .parse::<std::net::Ipv6Addr>()
                    .ok()?
                    .octets()
                    .into(),
            ),
        ),
        (_, 12) => (0, Some(b"\x03ptr\x04test\x00".to_vec())),
        _ => (0, None),
    };
    let mut reply = query[..2].to_vec();
    // This is a response, recursion is desired and available, and it has one question and at most one
    // answer.
    reply.extend([
        0x81,
        0x80 | rcode,
        0,
        1,
        0,
        data.is_some().into(),
        0,
        0,
        0,
        0,
    ]);
    reply.extend(question);
    if let Some(data) = data {
        // The name points to the question's, the class is IN, and the time to live is one second.
        reply.extend([
            0xc0,
            12,
            0,
            ty,
            0,
            1,
            0,
            0,
            0,
            1,
            0,
            u8::try_from(data.len()).ok()?,
        ]);
        reply.extend(data);
    }
    Some(reply)
}

fn ask_dns() {
    // This namespace has no service, so the default resolver must use the C library too.
    for resolver in [Resolver::libc(), Resolver::new()] {
        for resolver in [resolver.clone(), resolver.timeout(PATIENCE)] {
            let mut found = resolver.lookup("both.test").expect("both");
            found.sort();
            let expected: [IpAddr; 2] =
                ["192.0.2.7", "2001:db8::7"].map(|t| t.parse().expect("one"));
            assert_eq!(found, expected);
            let error = resolver.lookup("missing.test").expect_err("NXDOMAIN");
            assert!(matches!(error, Error::NoSuchName(_)), "{error:?}");
            // Musl asks a server that has failed again, until the 30 seconds are over.
            let asks_again = cfg!(target_env = "musl");
            let broken = if asks_again {
                resolver.clone().timeout(Duration::from_secs(1))
            } else {
                resolver.clone()
            };
            match broken.lookup("broken.test").expect_err("SERVFAIL") {
                Error::ServerFailed(..) => {}
                Error::TimedOut(_) if asks_again => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(resolver.lookup("four.test").expect("A").len(), 1);
            let v6 = resolver.clone().family(Family::V6);
            let error = v6.lookup("four.test").expect_err("no AAAA");
            assert!(matches!(error, Error::NoAddress(_)), "{error:?}");
            let names = resolver.reverse("192.0.2.7".parse().expect("one"));
            assert_eq!(names.expect("PTR"), ["ptr.test"]);
        }
        // The server does not answer this name.
        let begin = Instant::now();
        let error = resolver_silence(&Resolver::libc());
        assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
        assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    }
    nobody_waits_behind_what_was_given_up();
    // The deadline also limits the lookup of a connect. A connect that fails has the reason.
    let begin = Instant::now();
    let deadline = Duration::from_millis(100);
    let error = TcpStream::connect_deadline("silent.test:80", deadline).expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    let udp = std_net::socket::UdpSocket::bind("127.0.0.1:0").expect("any port");
    udp.set_deadline(deadline);
    let error = udp.send_to(b"x", "silent.test:80").expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let error = TcpStream::connect("missing.test:80").expect_err("NXDOMAIN");
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    assert!(matches!(inner, Some(Error::NoSuchName(_))), "{error:?}");
}

/// A lookup inside the C library cannot be ended. It goes on for 30 seconds on its thread, and must not
/// delay other work.
fn nobody_waits_behind_what_was_given_up() {
    let begin = Instant::now();
    process::scope(|scope| {
        for _ in 0..300 {
            scope.spawn(|| {
                let error =
                    Resolver::libc().lookup_deadline("silent.test", Duration::from_millis(50));
                assert!(error.is_err());
            });
        }
    });
    process::spawn(|| assert_eq!(process::blocking(|| 1), 1))
        .join()
        .expect("the program's own work");
    process::spawn(|| Resolver::libc().lookup("both.test").expect("both"))
        .join()
        .expect("another lookup");
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}

fn resolver_silence(resolver: &Resolver) -> Error {
    resolver
        .lookup_deadline("silent.test", Duration::from_millis(100))
        .expect_err("silence")
}

/// Answers by the name, on its own threads.
fn serve_varlink() {
    let listener =
        UnixListener::bind("/run/systemd/resolve/io.systemd.Resolve").expect("a fresh /run");
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut call = Vec::new();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap_or(0) == 1 && byte[0] != 0 {
                call.push(byte[0]);
            }
            if call.windows(11).any(|w| w == b"silent.test") {
                silent.push(stream);
                continue;
            }
            let has = |part: &[u8]| call.windows(part.len()).any(|w| w == part);
            if has(b"half.test") && has(b"\"family\":10") {
                silent.push(stream);
                continue;
            }
            if has(b"slow.test") && has(b"\"family\":10") {
                thread::spawn(move || {
                    // This is longer than the resolution delay of a connect.
                    thread::sleep(Duration::from_millis(150));
                    let reply = b"{\"parameters\":{\"addresses\":[{\"family\":10,\
                        \"address\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}]}}\0";
                    let _ = stream.write_all(reply);
                });
                continue;
            }
            // The IPv4 addresses come first and the IPv6 address last.
            let reply = b"{\"parameters\":{\"addresses\":[\
                {\"family\":2,\"address\":[127,0,0,3]},{\"family\":2,\"address\":[127,0,0,4]},\
                {\"family\":10,\"address\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}]}}\0";
            let _ = stream.write_all(reply);
        }
    });
}

/// Whether the first address to which this connects is that of IPv6. IPv4 follows when IPv6 has not answered for a
/// while, which a slow machine may cause. So it may try again.
fn first_is_ipv6(connect: &dyn Fn() -> std::io::Result<TcpStream>) -> bool {
    (0..10).any(|_| {
        let stream = connect().expect("one of three");
        stream.peer_addr().expect("a peer").ip() == std::net::Ipv6Addr::LOCALHOST
    })
}

fn connect() {
    let begin = Instant::now();
    let deadline = Duration::from_millis(100);
    let error = TcpStream::connect_deadline("silent.test:80", deadline).expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());

    // This listener accepts both families. The connect tries IPv6 first, although it came last in the
    // answer.
    let listener = TcpListener::bind("[::]:0").expect("any port");
    let port = listener.local_addr().expect("an address").port();
    assert!(first_is_ipv6(&|| TcpStream::connect(("three.test", port))));
    let text = format!("three.test:{port}");
    for connect in [
        &|| TcpStream::connect(&*text),
        &|| TcpStream::connect(text.clone()),
        &|| TcpStream::connect_deadline(&text, PATIENCE),
    ] as [&dyn Fn() -> std::io::Result<TcpStream>; 3]
    {
        assert!(first_is_ipv6(connect));
    }
    // A missing answer about IPv6 does not delay IPv4.
    let stream = TcpStream::connect(("half.test", port)).expect("by IPv4");
    assert!(stream.peer_addr().expect("a peer").is_ipv4());
    drop((stream, listener));
    // A late IPv6 address is used if no IPv4 address works.
    let listener = TcpListener::bind("[::1]:0").expect("any port");
    let port = listener.local_addr().expect("an address").port();
    let stream = TcpStream::connect(("slow.test", port)).expect("by IPv6");
    assert!(stream.peer_addr().expect("a peer").is_ipv6());
    drop((stream, listener));
    // If no address works, the error is that of IPv4, or a timeout.
    let error = TcpStream::connect(("slow.test", port)).expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    in_time(deadline, |time| {
        let error = TcpStream::connect_deadline(("half.test", port), time).expect_err("nobody");
        let is_late = error.kind() == ErrorKind::TimedOut;
        assert!(
            is_late || error.kind() == ErrorKind::ConnectionRefused,
            "{error}"
        );
        (!is_late).then_some(())
    });
    // No listener uses IPv6 here, so the connect tries the next address.
    let (bound, ready) = mpsc::channel();
    let server = thread::spawn(move || {
        let listener = std::net::TcpListener::bind("127.0.0.3:0").expect("any port");
        bound
            .send(listener.local_addr().expect("an address").port())
            .expect("a reader");
        listener.accept().expect("a connection");
    });
    let port = ready.recv().expect("a port");
    let stream = TcpStream::connect(("three.test", port)).expect("the second");
    let expected = SocketAddr::new("127.0.0.3".parse().expect("one"), port);
    assert_eq!(stream.peer_addr().expect("a peer"), expected);
    server.join().expect("a server");
}
