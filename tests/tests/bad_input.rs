//! What does a user see after wrong input? Each case must give a clear `io::Error` of the right kind,
//! on a thread and in a process, and leave no descriptor open. The tests cover `unix` too.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use std_net::socket::{
    Domain, Socket, TcpBuilder, TcpListener, TcpStream, ToSocketAddrs, Type, UdpSocket, os_code,
};
use std_net::unix::{self, UnixDatagram, UnixListener, UnixStream};
use std_net_tests::{ALONE, TempPath, both, keeps_the_count_over};

/// Checks that a call fails with this kind, and that the error has a text.
#[track_caller]
fn fails<T>(result: io::Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("it worked"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(error.to_string().len() > 8, "{error}");
        }
    }
}

/// Like `fails`, but checks the OS code.
#[track_caller]
fn fails_with<T>(result: io::Result<T>, code: i32) {
    match result {
        Ok(_) => panic!("it worked"),
        Err(error) => assert_eq!(os_code(&error), Some(code), "{error:?}"),
    }
}

fn text() {
    for bad in [
        "127.0.0.1:65536",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:-1",
        "127.0.0.1:",
        "127.0.0.1",
        "",
        ":",
        "localhost:http",
        "[::1]",
    ] {
        fails(bad.to_socket_addrs(), ErrorKind::InvalidInput);
        fails(TcpListener::bind(bad), ErrorKind::InvalidInput);
        fails(TcpStream::connect(bad), ErrorKind::InvalidInput);
        fails(UdpSocket::bind(bad), ErrorKind::InvalidInput);
        fails(
            TcpStream::connect_deadline(bad, Duration::from_secs(9)),
            ErrorKind::InvalidInput,
        );
        fails(TcpBuilder::new().listen(bad), ErrorKind::InvalidInput);
        fails(TcpBuilder::new().connect(bad), ErrorKind::InvalidInput);
    }
    fails(TcpStream::connect("a\0b:80"), ErrorKind::InvalidInput);
    fails(TcpStream::connect(("a\0b", 80)), ErrorKind::InvalidInput);
    fails(TcpListener::bind(&[][..]), ErrorKind::InvalidInput);
    fails(TcpStream::connect(&[][..]), ErrorKind::InvalidInput);
}

fn addresses() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    fails(TcpListener::bind(addr), ErrorKind::AddrInUse);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    fails(
        UdpSocket::bind(udp.local_addr().unwrap()),
        ErrorKind::AddrInUse,
    );
    // TEST-NET-1 belongs to no host.
    fails(
        TcpListener::bind("192.0.2.1:0"),
        ErrorKind::AddrNotAvailable,
    );
    fails(UdpSocket::bind("192.0.2.1:0"), ErrorKind::AddrNotAvailable);

    // The socket has another family than this address.
    let v6: SocketAddr = "[::1]:9".parse().unwrap();
    let socket = Socket::stream(Domain::IPV4).unwrap();
    fails_with(socket.bind(v6), libc::EAFNOSUPPORT);
    fails_with(socket.connect(v6), libc::EAFNOSUPPORT);
    fails_with(udp.send_to(b"x", v6), libc::EAFNOSUPPORT);
    fails_with(udp.connect(v6), libc::EAFNOSUPPORT);
    let from_v6 = TcpBuilder::new().local_addr("[::1]:0".parse().unwrap());
    fails_with(from_v6.connect(addr), libc::EAFNOSUPPORT);
    fails_with(
        Socket::new(Domain::from(12345), Type::STREAM, None),
        libc::EAFNOSUPPORT,
    );

    // These calls come in the wrong order.
    fails(socket.peer_addr(), ErrorKind::NotConnected);
    fails(
        socket.shutdown(std::net::Shutdown::Both),
        ErrorKind::NotConnected,
    );
    fails(socket.accept(), ErrorKind::InvalidInput);
    fails(socket.send(b"x"), ErrorKind::BrokenPipe);
    let socket = Socket::stream(Domain::IPV4).unwrap();
    fails(socket.recv(&mut [0; 8]), ErrorKind::NotConnected);
    fails_with(udp.send(b"x"), libc::EDESTADDRREQ);
    fails_with(udp.send_to(&vec![0; 1 << 17], addr), libc::EMSGSIZE);
}

fn settings() {
    let addr = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    fails(
        TcpStream::connect_timeout(&addr, Duration::ZERO),
        ErrorKind::InvalidInput,
    );
    let socket = Socket::stream(Domain::IPV4).unwrap();
    fails(
        socket.set_read_timeout(Some(Duration::ZERO)),
        ErrorKind::InvalidInput,
    );
    fails(socket.set_ttl(0), ErrorKind::InvalidInput);
    fails(socket.set_ttl(256), ErrorKind::InvalidInput);
    fails_with(socket.set_bind_device(Some("no-such-device")), libc::ENODEV);
    fails(
        socket.set_keepalive_time(Duration::MAX),
        ErrorKind::InvalidInput,
    );
    fails(
        Socket::datagram(Domain::IPV4)
            .unwrap()
            .join_multicast_v4(&"192.0.2.1".parse().unwrap(), &"0.0.0.0".parse().unwrap()),
        ErrorKind::InvalidInput,
    );
    // A time that the kernel cannot represent becomes the longest that it can.
    socket.set_read_timeout(Some(Duration::MAX)).unwrap();
    fails_with(
        TcpBuilder::new()
            .bind_device("no-such-device")
            .connect(addr),
        libc::ENODEV,
    );
}

fn paths() {
    // `sun_path` holds 108 bytes, and the last one is for the NUL.
    let long = std::env::temp_dir().join("x".repeat(108));
    let nul = Path::new(OsStr::from_bytes(b"/tmp/a\0b"));
    for bad in [long.as_path(), nul] {
        fails(UnixListener::bind(bad), ErrorKind::InvalidInput);
        fails(UnixStream::connect(bad), ErrorKind::InvalidInput);
        fails(UnixDatagram::bind(bad), ErrorKind::InvalidInput);
        fails(
            unix::SocketAddr::from_pathname(bad),
            ErrorKind::InvalidInput,
        );
    }
    let path = TempPath::new();
    fails(UnixStream::connect(&path), ErrorKind::NotFound);
    fails(
        UnixListener::bind(path.join("no/such/directory")),
        ErrorKind::NotFound,
    );
    fs::write(&path, "a file").unwrap();
    fails(UnixListener::bind(&path), ErrorKind::AddrInUse);
    fails(UnixStream::connect(&path), ErrorKind::ConnectionRefused);
    fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    fails(UnixListener::bind(&path), ErrorKind::AddrInUse);
    // A datagram socket cannot connect to a stream listener.
    let datagram = UnixDatagram::unbound().unwrap();
    fails_with(datagram.connect(&path), libc::EPROTOTYPE);
    drop(listener);
    fails(UnixStream::connect(&path), ErrorKind::ConnectionRefused);
    fs::remove_file(&path).unwrap();
}

/// Runs `body` on a thread and in a process a few times, and counts descriptors.
fn check(body: fn()) {
    keeps_the_count_over(10, body);
}

#[test]
fn text_that_is_no_address() {
    check(text);
}

/// This is a test of its own, because a resolver may take long on some machines.
#[test]
fn a_name_that_nobody_has() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    both(|| {
        // RFC 6761: `.invalid` never resolves. std does not define the kind of this error.
        let error = TcpStream::connect("no-such-name.invalid:80").unwrap_err();
        assert!(error.to_string().contains("lookup"), "{error}");
        // No name begins with a bracket.
        fails(TcpStream::connect("[::1"), ErrorKind::InvalidInput);
    });
}

#[test]
fn addresses_that_cannot_be() {
    check(addresses);
}

#[test]
fn settings_out_of_range() {
    check(settings);
}

#[test]
fn paths_that_cannot_be() {
    check(paths);
}
