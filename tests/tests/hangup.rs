//! Does a wait for the end of the peer return at once, read nothing, and not disturb readers?

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use std_net::channel::Connected;
use std_net::process::{self, channel};
use std_net::socket::{Socket, TcpListener, TcpStream, UdpSocket};
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor};
use std_net::unix::{UnixSeqpacket, UnixStream};
use std_net_tests::certificates::Authority;
use std_net_tests::{LIMIT, both, tcp_pair};

/// A connection of any kind.
trait Ends: Send + 'static {
    fn wait(&self) -> io::Result<()>;
    fn closed(&self) -> bool;
    fn put(&self, bytes: &[u8]);
    fn get(&self) -> Vec<u8>;
    fn end(&self, how: Shutdown);
}

macro_rules! ends {
    ($($type:ty: $put:ident, $get:expr;)*) => {$(
        impl Ends for $type {
            fn wait(&self) -> io::Result<()> {
                self.wait_closed()
            }
            fn closed(&self) -> bool {
                self.is_closed().unwrap()
            }
            fn put(&self, bytes: &[u8]) {
                self.$put(bytes).unwrap();
            }
            fn get(&self) -> Vec<u8> {
                let mut buf = [0; 64];
                let get: fn(&$type, &mut [u8]) -> io::Result<usize> = $get;
                let n = get(self, &mut buf).unwrap();
                buf[..n].to_vec()
            }
            fn end(&self, how: Shutdown) {
                self.shutdown(how).unwrap();
            }
        }
    )*};
}

ends! {
    TcpStream: write_bytes, |s, buf| { let mut s = s; s.read(buf) };
    UnixStream: write_bytes, |s, buf| { let mut s = s; s.read(buf) };
    UnixSeqpacket: send, |s, buf| s.recv(buf);
    Socket: send, |s, buf| s.recv(buf);
}

fn low() -> (Socket, Socket) {
    let (a, b) = tcp_pair();
    (a.into(), b.into())
}

fn check<S: Ends>(pair: impl Fn() -> (S, S)) {
    // The peer has left already. Its data stay in the queue.
    let (a, b) = pair();
    assert!(!a.closed());
    b.put(b"a question");
    assert!(!a.closed());
    drop(b);
    a.wait().unwrap();
    a.wait().unwrap();
    assert!(a.closed());
    assert_eq!(a.get(), b"a question");
    assert_eq!(a.get(), b"");

    // The peer leaves during the wait, after data that are not read.
    let (a, b) = pair();
    let (begun, begins) = channel::bounded(1);
    let waiter = process::spawn(move || {
        begun.send(()).unwrap();
        a.wait().unwrap();
        a.get()
    });
    begins.recv().unwrap();
    for piece in [&b"one"[..], b"two"] {
        process::yield_now();
        b.put(piece);
    }
    drop(b);
    assert!(waiter.join().unwrap().starts_with(b"one"));

    // The end of one half counts too, and the other half goes on.
    let (a, b) = pair();
    b.end(Shutdown::Write);
    a.wait().unwrap();
    a.put(b"an answer");
    assert_eq!(b.get(), b"an answer");
    assert!(!b.closed());
    drop(a);
    b.wait().unwrap();
}

#[test]
fn of_every_kind_of_connection() {
    both(|| {
        check(tcp_pair);
        check(|| UnixStream::pair().unwrap());
        check(|| UnixSeqpacket::pair().unwrap());
        check(low);
    });
}

/// One process reads all data, and another waits for the end. Neither takes the wake-ups of the other.
#[test]
fn readers_are_left_alone() {
    fn check<S: Ends + Sync>((a, b): (S, S), hear: impl Fn(&S, &S)) {
        process::scope(|scope| {
            let watch = scope.spawn(|| a.wait().unwrap());
            for _ in 0..100 {
                hear(&b, &a);
                assert!(!watch.is_finished());
            }
            let reader = scope.spawn(|| a.get());
            process::yield_now();
            b.end(Shutdown::Both);
            assert_eq!(reader.join().unwrap(), b"");
            watch.join().unwrap();
        });
    }
    fn ping<S: Ends>(from: &S, to: &S) {
        from.put(b"ping");
        assert_eq!(to.get(), b"ping");
    }
    both(|| {
        check(tcp_pair(), ping);
        check(UnixStream::pair().unwrap(), ping);
        // First the data come while no process reads. Then they are read.
        check(tcp_pair(), |from, to| {
            from.put(b"early");
            process::sleep(Duration::from_micros(50));
            assert_eq!(to.get(), b"early");
        });
    });
}

#[test]
fn many_wait_for_the_same_end() {
    both(|| {
        let (a, b) = tcp_pair();
        process::scope(|scope| {
            let waiters: Vec<_> = (0..5).map(|_| scope.spawn(|| a.wait_closed())).collect();
            let thread = std::thread::scope(|threads| {
                let waits = threads.spawn(|| a.wait_closed());
                b.write_string("x").unwrap();
                drop(b);
                waits.join().unwrap()
            });
            thread.unwrap();
            for waiter in waiters {
                waiter.join().unwrap().unwrap();
            }
        });
    });
}

#[test]
fn it_ends_as_every_wait_does() {
    both(|| {
        let (a, b) = tcp_pair();
        b.write_string("unread").unwrap();
        a.set_deadline(Duration::from_millis(10));
        assert_eq!(a.wait_closed().unwrap_err().kind(), ErrorKind::TimedOut);
        a.reset_deadline();
        a.set_nonblocking(true).unwrap();
        assert_eq!(a.wait_closed().unwrap_err().kind(), ErrorKind::WouldBlock);
        a.set_nonblocking(false).unwrap();
        // A deadline is set during the wait.
        let (begun, begins) = channel::bounded(1);
        let clone = a.try_clone().unwrap();
        drop(a);
        let a = std::sync::Arc::new(clone);
        let theirs = std::sync::Arc::clone(&a);
        a.set_deadline(LIMIT);
        let waiter = process::spawn(move || {
            begun.send(()).unwrap();
            theirs.wait_closed()
        });
        begins.recv().unwrap();
        process::yield_now();
        a.set_deadline(Duration::ZERO);
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // A cancel ends the wait.
        a.reset_deadline();
        let waiter = process::spawn(move || a.wait_closed());
        process::yield_now();
        waiter.cancel();
        let error = waiter.join().unwrap().unwrap_err();
        assert!(process::is_cancelled(&error), "{error}");
        drop(b);
    });
}

/// A reset is an end too, even if there are unread data.
#[test]
fn a_reset_is_an_end() {
    both(|| {
        let (a, b) = tcp_pair();
        b.write_string("unread").unwrap();
        b.set_linger(Some(Duration::ZERO)).unwrap();
        drop(b);
        a.wait_closed().unwrap();
        assert!(a.is_closed().unwrap());
        let (a, _b) = tcp_pair();
        a.shutdown(Shutdown::Read).unwrap();
        a.wait_closed().unwrap();
        // A socket without a peer has no end.
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(!udp.socket().is_closed().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!listener.socket().is_closed().unwrap());
    });
}

#[test]
fn of_tls_and_of_channels() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (a, b) = tcp_pair();
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let acceptor =
            TlsAcceptor::new(ServerConfig::builder(&*me.chain, &*me.key).build().unwrap());
        let client = process::spawn(move || {
            let mut stream = config.connect(a, "localhost").unwrap();
            stream.write_all(b"work for me").unwrap();
            // The client leaves without waiting for the answer.
        });
        let server = acceptor.accept(b).unwrap();
        client.join().unwrap();
        server.wait_closed().unwrap();
        assert!(server.is_closed().unwrap());
        let mut buf = [0; 64];
        assert_eq!((&server).read(&mut buf).unwrap(), 11);

        let (a, b) = UnixStream::pair().unwrap();
        let (read, mut write) = a.into_channels(false).unwrap();
        write.write_str("late").unwrap();
        assert!(!write.is_closed_for_write().unwrap());
        b.shutdown(Shutdown::Write).unwrap();
        assert!(!write.is_closed_for_write().unwrap(), "it may still read");
        drop(b);
        assert!(write.is_closed_for_write().unwrap());
        assert!(write.flush().is_err());
        drop(read);
        let (a, _b) = UnixStream::pair().unwrap();
        let mut write = a.open_write_channel(false).unwrap();
        write.flush_and_close().unwrap();
        assert!(write.is_closed_for_write().unwrap());
    });
}

/// A server stops its work when the client has left.
#[test]
fn work_for_nobody_is_stopped() {
    both(|| {
        let (client, server) = tcp_pair();
        let (started, starts) = channel::bounded(1);
        let serving = process::spawn(move || {
            process::scope(|scope| {
                let work = scope.spawn(|| {
                    started.send(()).unwrap();
                    process::sleep(LIMIT * 10);
                    process::check_cancelled().is_err()
                });
                server.wait_closed().unwrap();
                work.cancel();
                work.join().unwrap()
            })
        });
        starts.recv().unwrap();
        drop(client);
        assert!(serving.join().unwrap(), "it was not told");
    });
}
