//! The calls of the low-level Unix socket: bind, connect, listen, accept, messages with addresses,
//! halves, clones, deadlines. Also several sockets on one IP address.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use std_net::process;
use std_net::socket::{Domain, Socket as IpSocket, TcpBuilder, UdpBuilder};
use std_net::unix::{Socket, SocketAddr, Type};
use std_net_tests::{LIMIT, TempPath, both, each_ip};

fn addr(path: &TempPath) -> SocketAddr {
    SocketAddr::from_pathname(path).unwrap()
}

fn listening(path: &TempPath, ty: Type) -> Socket {
    let socket = Socket::new(ty).unwrap();
    socket.bind(&addr(path)).unwrap();
    socket.listen(16).unwrap();
    socket
}

fn connected(ty: Type) -> (Socket, Socket, TempPath) {
    let path = TempPath::new();
    let listener = listening(&path, ty);
    let client = Socket::new(ty).unwrap();
    client.connect(&addr(&path)).unwrap();
    let (server, from) = listener.accept().unwrap();
    assert!(from.is_unnamed());
    (client, server, path)
}

#[test]
fn a_new_socket_has_no_address() {
    both(|| {
        for ty in [Type::STREAM, Type::DGRAM, Type::SEQPACKET] {
            let socket = Socket::new(ty).unwrap();
            assert_eq!(socket.socket_type().unwrap(), ty);
            assert!(socket.local_addr().unwrap().is_unnamed());
            assert_eq!(
                socket.peer_addr().unwrap_err().kind(),
                ErrorKind::NotConnected
            );
            assert!(!socket.is_listener().unwrap());
            assert!(socket.take_error().unwrap().is_none());
        }
    });
}

#[test]
fn a_path_is_bound_once() {
    both(|| {
        let path = TempPath::new();
        for ty in [Type::STREAM, Type::DGRAM, Type::SEQPACKET] {
            let _ = fs::remove_file(&*path);
            let socket = Socket::new(ty).unwrap();
            socket.bind(&addr(&path)).unwrap();
            assert_eq!(socket.local_addr().unwrap().as_pathname(), Some(&*path));
            let again = Socket::new(ty).unwrap().bind(&addr(&path));
            assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
            let other = TempPath::new();
            let second = socket.bind(&addr(&other)).unwrap_err();
            assert_eq!(second.kind(), ErrorKind::InvalidInput, "it has one");
        }
        let nowhere = SocketAddr::from_pathname("/nowhere/at/all.sock").unwrap();
        let error = Socket::stream().unwrap().bind(&nowhere).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // If no name is given, the kernel chooses an abstract name.
        let socket = Socket::datagram().unwrap();
        socket
            .bind(&SocketAddr::from_pathname("").unwrap())
            .unwrap();
        assert!(!socket.local_addr().unwrap().is_unnamed());
    });
}

#[test]
fn who_connects_must_find_who_listens() {
    both(|| {
        let path = TempPath::new();
        let connect = || Socket::stream().unwrap().connect(&addr(&path));
        assert_eq!(connect().unwrap_err().kind(), ErrorKind::NotFound);
        let socket = Socket::stream().unwrap();
        socket.bind(&addr(&path)).unwrap();
        assert_eq!(connect().unwrap_err().kind(), ErrorKind::ConnectionRefused);
        socket.listen(1).unwrap();
        assert!(socket.is_listener().unwrap());
        connect().unwrap();
        let datagram = Socket::datagram().unwrap().connect(&addr(&path));
        assert_eq!(datagram.unwrap_err().raw_os_error(), Some(libc::EPROTOTYPE));
        assert!(Socket::datagram().unwrap().listen(1).is_err());
        drop(socket);
        assert_eq!(connect().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_connection_has_two_ends_with_addresses() {
    both(|| {
        for ty in [Type::STREAM, Type::SEQPACKET] {
            let (client, server, path) = connected(ty);
            assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
            assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
            assert!(server.peer_addr().unwrap().is_unnamed());
            assert_eq!(client.send(b"ping").unwrap(), 4);
            let mut buf = [0; 16];
            assert_eq!(server.peek(&mut buf).unwrap(), 4);
            assert_eq!(server.recv(&mut buf).unwrap(), 4);
            assert_eq!(&buf[..4], b"ping");
            assert_eq!(
                server.peer_cred().unwrap().pid,
                Some(std::process::id() as i32)
            );
        }
    });
}

#[test]
fn messages_have_a_sender() {
    both(|| {
        let (here, there) = (TempPath::new(), TempPath::new());
        let a = Socket::datagram().unwrap();
        a.bind(&addr(&here)).unwrap();
        let b = Socket::datagram().unwrap();
        b.bind(&addr(&there)).unwrap();
        assert_eq!(a.send_to(b"one", &addr(&there)).unwrap(), 3);
        assert_eq!(a.send_to(b"", &addr(&there)).unwrap(), 0);
        let mut buf = [0; 16];
        let (n, from) = b.peek_from(&mut buf).unwrap();
        assert_eq!((n, from.as_pathname()), (3, Some(&*here)));
        assert_eq!(b.recv_from(&mut buf).unwrap().0, 3);
        assert_eq!(b.recv_from(&mut buf).unwrap().0, 0);
        // A connected socket receives only from its peer.
        b.connect(&addr(&here)).unwrap();
        let other = Socket::datagram().unwrap();
        let error = other.send_to(b"x", &addr(&there)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        b.send(b"back").unwrap();
        assert_eq!(a.recv(&mut buf).unwrap(), 4);
        let error = other.send(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn it_reads_and_writes() {
    both(|| {
        let (mut a, mut b, _path) = connected(Type::STREAM);
        a.write_all(b"line\n").unwrap();
        a.flush().unwrap();
        let mut buf = [0; 5];
        b.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"line\n");
        drop(a);
        assert_eq!(b.read_to_end(&mut Vec::new()).unwrap(), 0);
    });
}

#[test]
fn halves_end_one_by_one() {
    both(|| {
        let (a, b, _path) = connected(Type::STREAM);
        a.shutdown(Shutdown::Write).unwrap();
        let mut buf = [0; 8];
        assert_eq!(b.recv(&mut buf).unwrap(), 0);
        assert_eq!(a.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        b.send(b"still").unwrap();
        assert_eq!(a.recv(&mut buf).unwrap(), 5);
        a.shutdown(Shutdown::Read).unwrap();
        assert_eq!(a.recv(&mut buf).unwrap(), 0);
        assert_eq!(b.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let (a, b, _path) = connected(Type::STREAM);
        a.shutdown(Shutdown::Both).unwrap();
        assert_eq!(a.recv(&mut buf).unwrap(), 0);
        assert_eq!(b.recv(&mut buf).unwrap(), 0);
        // For a socket without a connection, the kernel returns nothing, unlike for TCP.
        let fresh = Socket::stream().unwrap();
        fresh.shutdown(Shutdown::Both).unwrap();
        assert_eq!(fresh.recv(&mut buf).unwrap_or(0), 0);
    });
}

#[test]
fn a_clone_is_the_same_socket() {
    both(|| {
        let (a, b, path) = connected(Type::STREAM);
        let clone = a.try_clone().unwrap();
        drop(a);
        assert_eq!(clone.peer_addr().unwrap().as_pathname(), Some(&*path));
        clone.send(b"x").unwrap();
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 1);
        clone.set_recv_buffer_size(20_000).unwrap();
        clone.set_send_buffer_size(20_000).unwrap();
        let again = clone.try_clone().unwrap();
        assert_eq!(again.recv_buffer_size().unwrap(), 40_000);
        assert_eq!(again.send_buffer_size().unwrap(), 40_000);
    });
}

#[test]
fn every_call_that_waits_has_the_deadline() {
    both(|| {
        let (a, b, path) = connected(Type::STREAM);
        let soon = Duration::from_millis(5);
        let timed_out = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::TimedOut);
        a.set_deadline(soon);
        timed_out(a.recv(&mut [0; 8]).unwrap_err());
        // This is true with data in the queue, too.
        b.send(b"x").unwrap();
        timed_out(a.recv(&mut [0; 8]).unwrap_err());
        timed_out(a.send(b"x").unwrap_err());
        a.reset_deadline();
        assert_eq!(a.recv(&mut [0; 8]).unwrap(), 1);
        fs::remove_file(&*path).unwrap();
        let listener = listening(&path, Type::STREAM);
        listener.set_deadline(soon);
        timed_out(listener.accept().unwrap_err());
        let receiver = Socket::datagram().unwrap();
        receiver.set_deadline(soon);
        timed_out(receiver.recv_from(&mut [0; 8]).unwrap_err());
        // Another process sets a deadline during the wait.
        a.set_deadline(LIMIT);
        process::scope(|scope| {
            let waits = scope.spawn(|| a.recv(&mut [0; 8]).unwrap_err());
            process::yield_now();
            a.set_deadline(Duration::ZERO);
            timed_out(waits.join().unwrap());
        });
    });
}

/// A second socket on the same address works if both allow it, and not if one does not.
#[test]
fn several_sockets_share_an_address() {
    both(|| {
        each_ip(|any| {
            let first = TcpBuilder::new().reuse_port(true).listen(any).unwrap();
            let address = first.local_addr().unwrap();
            let second = TcpBuilder::new().reuse_port(true).listen(address).unwrap();
            assert_eq!(second.local_addr().unwrap(), address);
            let third = TcpBuilder::new().listen(address).unwrap_err();
            assert_eq!(third.kind(), ErrorKind::AddrInUse);
            let first = UdpBuilder::new().reuse_port(true).bind(any).unwrap();
            let address = first.local_addr().unwrap();
            UdpBuilder::new().reuse_port(true).bind(address).unwrap();
            let third = UdpBuilder::new().bind(address).unwrap_err();
            assert_eq!(third.kind(), ErrorKind::AddrInUse);
            let domain = Domain::for_address(any);
            let low = IpSocket::datagram(domain).unwrap();
            low.set_reuse_port(true).unwrap();
            low.bind(address).unwrap();
        });
    });
}
