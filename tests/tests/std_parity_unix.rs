//! Does a program that uses `std_net::unix` instead of `std::os::unix::net` do the same? This is the
//! twin of `std_parity`: every stable method is called once through std and once through us.

use std::fmt::Debug;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};

use std_net::process;
use std_net_tests::parity::{Log, compare};
use std_net_tests::{LIMIT, within};

macro_rules! transcript {
    ($name:ident, $($net:tt)*) => {
        fn $name() -> Vec<String> {
            use $($net)*::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
            use std::io::{IoSlice, IoSliceMut, Read, Write};
            use std::net::Shutdown;
            use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
            use std::os::linux::net::SocketAddrExt;
            use std::time::Duration;

            let mut log = Log::default();
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            log.directory(dir.path());

            // Addresses
            log.result("pathname", SocketAddr::from_pathname("/a/b"));
            log.result("pathname nul", SocketAddr::from_pathname("a\0b"));
            log.result("pathname long", SocketAddr::from_pathname("a".repeat(108)));
            log.result("abstract", SocketAddr::from_abstract_name(b"x\0y"));
            log.result("abstract long", SocketAddr::from_abstract_name([b'a'; 108]));
            // The name is as unique as the directory.
            let name = dir.path().to_str().unwrap().to_owned();
            let hidden = SocketAddr::from_abstract_name(&name).unwrap();
            log.say("abstract name", hidden.as_abstract_name() == Some(name.as_bytes()));
            log.say("abstract pathname", hidden.as_pathname());
            log.say("abstract unnamed", hidden.is_unnamed());

            // UnixListener
            let path = at("listener");
            let listener = UnixListener::bind(&path).unwrap();
            log.say("listener debug", &listener);
            log.result("listener local_addr", listener.local_addr());
            log.result("bind in use", UnixListener::bind(&path));
            log.result("bind nowhere", UnixListener::bind(at("no/where")));
            log.result("bind long", UnixListener::bind("a".repeat(108)));
            log.result("bind nul", UnixListener::bind("a\0b"));
            log.result("take_error", listener.take_error().map(|e| e.is_none()));
            log.result("listener clone", listener.try_clone());
            log.result("listener nonblocking", listener.set_nonblocking(true));
            log.outcome("accept nonblocking", listener.accept());
            log.result("incoming nonblocking", listener.incoming().next().unwrap());
            log.result("(&listener) nonblocking", (&listener).into_iter().next().unwrap());
            log.result("listener blocking", listener.set_nonblocking(false));
            let listener = UnixListener::from(OwnedFd::from(listener));
            log.say("as_fd", listener.as_fd().as_raw_fd() == listener.as_raw_fd());
            let hidden_listener = UnixListener::bind_addr(&hidden).unwrap();
            log.outcome("bind_addr in use", UnixListener::bind_addr(&hidden));
            log.say(
                "abstract local_addr",
                hidden_listener.local_addr().unwrap().as_abstract_name() == Some(name.as_bytes()),
            );

            // UnixStream
            log.result("connect nowhere", UnixStream::connect(at("nobody")));
            log.result("connect long", UnixStream::connect("a".repeat(108)));
            log.result("connect nul", UnixStream::connect("a\0b"));
            std::fs::write(at("file"), "").unwrap();
            log.result("connect file", UnixStream::connect(at("file")));
            let _at_hidden = UnixStream::connect_addr(&hidden).unwrap();
            log.outcome("accept abstract", hidden_listener.accept());
            let mut client = UnixStream::connect(&path).unwrap();
            let (mut server, from) = listener.accept().unwrap();
            log.say("accept address", from);
            log.say("stream debug", &client);
            log.say("accepted debug", &server);
            log.result("stream local_addr", client.local_addr());
            log.result("stream peer_addr", client.peer_addr());
            log.result("accepted local_addr", server.local_addr());
            log.result("accepted peer_addr", server.peer_addr());
            log.result("stream take_error", client.take_error().map(|e| e.is_none()));
            log.result("read_timeout", client.read_timeout());
            log.result("set_read_timeout 0", client.set_read_timeout(Some(Duration::ZERO)));
            log.result("set_read_timeout", client.set_read_timeout(Some(Duration::from_millis(20))));
            log.result("set_write_timeout", client.set_write_timeout(Some(Duration::from_millis(40))));
            log.result("read_timeout", client.read_timeout());
            log.result("write_timeout", client.write_timeout());
            log.result("read past timeout", client.read(&mut [0; 8]));
            let full = std::iter::repeat_with(|| client.write(&[7; 65536]))
                .find_map(Result::err)
                .unwrap();
            log.result("write past timeout", Err::<(), _>(full));
            server.set_nonblocking(true).unwrap();
            while server.read(&mut [0; 65536]).is_ok() {}
            log.result("read nonblocking", server.read(&mut [0; 8]));
            log.result("read nothing", server.read(&mut []));
            server.set_nonblocking(false).unwrap();
            log.result("set_read_timeout None", client.set_read_timeout(None));
            log.result("write", client.write(b"hello"));
            log.result("write nothing", client.write(b""));
            log.result("flush", client.flush());
            let mut buf = [0; 4];
            log.result("read", server.read(&mut buf));
            log.result("read rest", server.read(&mut buf));
            log.say("was read", buf);
            log.result(
                "write_vectored",
                client.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]),
            );
            log.result("write_vectored none", client.write_vectored(&[]));
            let (mut a, mut b) = ([0; 3], [0; 3]);
            let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            log.result("read_vectored", server.read_vectored(bufs));
            log.say("vectored", (a, b));
            log.result("read_vectored none", server.read_vectored(&mut []));
            log.result("&stream write", (&client).write(b"x"));
            log.result("&stream read", (&server).read(&mut [0; 2]));
            log.result("clone", client.try_clone());
            log.result("shutdown write", client.shutdown(Shutdown::Write));
            log.result("write after shutdown", client.write(b"x"));
            log.result("read at end", server.read(&mut [0; 8]));
            drop(server);
            log.result("read of the gone", client.read(&mut [0; 8]));
            log.result("peer_addr of the gone", client.peer_addr());
            log.result("shutdown both", client.shutdown(Shutdown::Both));
            let (a, mut b) = UnixStream::pair().unwrap();
            log.say("pair debug", &a);
            log.result("pair local_addr", a.local_addr());
            log.result("pair peer_addr", a.peer_addr());
            // SAFETY: the descriptor comes from the same line and has no other owner.
            let mut a = unsafe { UnixStream::from_raw_fd(a.into_raw_fd()) };
            a.write_all(b"unread").unwrap();
            drop(b);
            log.result("write to the gone", a.write(b"x"));
            let (a, c) = UnixStream::pair().unwrap();
            b = c;
            (&b).write_all(b"unread").unwrap();
            drop(a); // With unread data this is a reset.
            log.result("read after reset", b.read(&mut [0; 8]));
            drop(listener);
            log.result("connect to the gone", UnixStream::connect(&path));

            // UnixDatagram
            let (path_a, path_b) = (at("a"), at("b"));
            let a = UnixDatagram::bind(&path_a).unwrap();
            let b = UnixDatagram::bind_addr(&SocketAddr::from_pathname(&path_b).unwrap()).unwrap();
            let unbound = UnixDatagram::unbound().unwrap();
            log.say("datagram debug", &a);
            log.say("unbound debug", &unbound);
            log.result("datagram in use", UnixDatagram::bind(&path_a));
            log.result("datagram long", UnixDatagram::bind("a".repeat(108)));
            log.result("datagram local_addr", a.local_addr());
            log.result("unbound local_addr", unbound.local_addr());
            log.result("datagram peer_addr", a.peer_addr());
            log.result("send unconnected", a.send(b"x"));
            log.result("send_to", a.send_to(b"12345678", &path_b));
            log.result("send_to nowhere", a.send_to(b"x", at("nobody")));
            log.result("send_to long", a.send_to(b"x", "a".repeat(108)));
            log.result("send_to file", a.send_to(b"x", at("file")));
            let mut buf = [0; 16];
            log.result("recv_from short", b.recv_from(&mut buf[..3]));
            log.say("datagram buffer", buf);
            log.result(
                "send_to_addr",
                unbound.send_to_addr(b"abc", &SocketAddr::from_pathname(&path_b).unwrap()),
            );
            log.result("recv_from unbound", b.recv_from(&mut buf));
            log.result("send_to empty", a.send_to(b"", &path_b));
            log.result("recv_from empty", b.recv_from(&mut buf));
            log.result("set_read_timeout 0", b.set_read_timeout(Some(Duration::ZERO)));
            log.result("set_read_timeout", b.set_read_timeout(Some(Duration::from_millis(20))));
            log.result("set_write_timeout", b.set_write_timeout(Some(Duration::from_secs(3))));
            log.result("read_timeout", b.read_timeout());
            log.result("write_timeout", b.write_timeout());
            log.result("recv past timeout", b.recv(&mut buf));
            log.result("recv_from past timeout", b.recv_from(&mut buf));
            log.result("set_nonblocking", b.set_nonblocking(true));
            log.result("recv nonblocking", b.recv(&mut buf));
            log.result("set_blocking", b.set_nonblocking(false));
            log.result("connect", unbound.connect(&path_b));
            log.result("connect nowhere", unbound.connect(at("nobody")));
            log.result("connect_addr", a.connect_addr(&SocketAddr::from_pathname(&path_b).unwrap()));
            log.result("peer_addr connected", a.peer_addr());
            log.result("send", a.send(b"abc"));
            log.result("recv", b.recv(&mut buf));
            log.result("clone", b.try_clone());
            log.result("take_error", a.take_error().map(|e| e.is_none()));
            log.result("send too long", a.send(&vec![0; 1 << 24]));
            drop(b);
            log.result("send to the gone", a.send(b"x"));
            let (c, d) = UnixDatagram::pair().unwrap();
            log.say("datagram pair debug", &c);
            log.result("pair send", c.send(b"pair"));
            log.result("pair recv", d.recv(&mut buf));
            log.result("pair recv_from", c.send(b"x").and_then(|_| d.recv_from(&mut buf)));
            log.result("shutdown read", d.shutdown(Shutdown::Read));
            log.result("recv after shutdown", d.recv(&mut buf));
            log.result("send to the shut", c.send(b"x"));
            log.result("shutdown write", c.shutdown(Shutdown::Write));
            log.result("send after shutdown", c.send(b"x"));
            log.lines()
        }
    };
}

transcript!(through_std, std::os::unix::net);
transcript!(through_us, std_net::unix);

#[test]
fn every_call_gives_what_stds_gives_on_a_thread() {
    within(LIMIT, || compare(&through_std(), &through_us(), 110));
}

#[test]
fn every_call_gives_what_stds_gives_in_a_process() {
    within(LIMIT, || {
        let us = process::spawn(through_us).join().unwrap();
        compare(&through_std(), &us, 110);
    });
}

/// The conversions keep the socket and its mode.
#[test]
fn sockets_go_to_std_and_back() {
    let body = || {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        a.set_nonblocking(true).unwrap();
        let a = std_net::unix::UnixStream::from(a);
        // The mode that was set through std still counts.
        let error = a.read_string(1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        a.set_nonblocking(false).unwrap();
        io::Write::write_all(&mut &b, b"x").unwrap();
        assert_eq!(a.read_string(8).unwrap(), "x");
        let back = std::os::unix::net::UnixStream::from(a);
        drop(b);
        assert_eq!(io::Read::read(&mut &back, &mut [0; 8]).unwrap(), 0);
    };
    within(LIMIT, body);
    within(LIMIT, || process::spawn(body).join().unwrap());
}

/// Auto traits, and everything else that no call shows.
#[test]
fn the_types_have_stds_traits() {
    fn auto<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
    fn stream<T: io::Read + io::Write>() {}
    use std_net::unix::{Incoming, Socket, UnixDatagram, UnixListener, UnixStream};
    auto::<UnixListener>();
    auto::<UnixStream>();
    auto::<UnixDatagram>();
    auto::<Socket>();
    auto::<Incoming<'static>>();
    stream::<UnixStream>();
    stream::<&'static UnixStream>();
}
