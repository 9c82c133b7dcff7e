//! Do the `try_` methods never wait, on sockets in the usual blocking mode, and leave this mode
//! unchanged?

use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::{
    AddrText, SocketAddr, UnixDatagram, UnixListener, UnixSeqpacket, UnixSeqpacketListener,
    UnixStream,
};
use std_net_tests::{TempPath, both};

#[track_caller]
fn would_block<T: Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[track_caller]
fn timed_out<T: Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Tries again until the action of the other side has arrived.
fn soon<T>(mut attempt: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        process::yield_now();
    }
}

#[test]
fn streams() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        would_block(listener.try_accept());
        let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (b, from) = soon(|| listener.try_accept());
        assert_eq!(from, a.local_addr().unwrap());
        would_block(listener.try_accept());

        would_block(b.try_read(&mut [0; 8]));
        assert_eq!(a.try_write(b"abc").unwrap(), 3);
        let mut buf = [0; 8];
        assert_eq!(soon(|| b.try_read(&mut buf)), 3);
        assert_eq!(&buf[..3], b"abc");
        let full = loop {
            if let Err(error) = a.try_write(&[7; 65536]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);

        // The mode has not changed, so these calls wait.
        let late = {
            let b = b.try_clone().unwrap();
            process::spawn(move || {
                process::sleep(Duration::from_millis(5));
                (&b).write_all(b"late").unwrap();
                drop(b);
            })
        };
        let mut answer = [0; 4];
        (&a).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
        late.join().unwrap();

        b.set_deadline(Instant::now());
        timed_out(b.try_read(&mut buf));
        timed_out(b.try_write(b"x"));
        listener.set_deadline(Instant::now());
        timed_out(listener.try_accept());
        listener.reset_deadline();

        drop(a);
        b.reset_deadline();
        // Read the data, and then the end, or a reset because of unread data.
        loop {
            match b.try_read(&mut [0; 65536]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => process::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    });
}

/// After `try_accept`, `accept` on the same listener still waits, and so does std's.
#[test]
fn a_listener_still_waits_in_accept() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        would_block(listener.try_accept());
        let connect = || {
            process::spawn(move || {
                process::sleep(Duration::from_millis(5));
                TcpStream::connect(addr).unwrap()
            })
        };
        let client = connect();
        listener.accept().unwrap();
        drop(client.join().unwrap());
        let listener = std::net::TcpListener::from(listener);
        let client = connect();
        process::blocking(|| listener.accept().unwrap());
        drop(client.join().unwrap());
    });
}

#[test]
fn unix_streams_and_packets() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        would_block(a.try_read(&mut [0; 8]));
        assert_eq!(b.try_write(b"abc").unwrap(), 3);
        assert_eq!(a.try_read(&mut [0; 8]).unwrap(), 3);
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        would_block(listener.try_accept());
        let _client = UnixStream::connect(&path).unwrap();
        listener.try_accept().unwrap();

        let (a, b) = UnixSeqpacket::pair().unwrap();
        would_block(a.try_recv(&mut [0; 8]));
        assert_eq!(b.try_send(b"abc").unwrap(), 3);
        assert_eq!(a.try_recv(&mut [0; 8]).unwrap(), 3);
        let addr = SocketAddr::from_pathname("").unwrap();
        let listener = UnixSeqpacketListener::bind_addr(&addr).unwrap();
        would_block(listener.try_accept());
        let addr = listener.local_addr().unwrap();
        assert!(addr.is_abstract());
        let _client = UnixSeqpacket::connect_addr(&addr).unwrap();
        listener.try_accept().unwrap();
    });
}

#[test]
fn datagrams() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (to_a, to_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let mut buf = [0; 8];
        would_block(b.try_recv(&mut buf));
        would_block(b.try_recv_from(&mut buf));
        assert_eq!(a.try_send_to(b"abc", &to_b).unwrap(), 3);
        assert_eq!(soon(|| b.try_recv_from(&mut buf)), (3, to_a));
        a.connect(to_b).unwrap();
        assert_eq!(a.try_send(b"de").unwrap(), 2);
        assert_eq!(soon(|| b.try_recv(&mut buf)), 2);
        b.set_deadline(Instant::now());
        timed_out(b.try_recv_from(&mut buf));

        let (a, b) = UnixDatagram::pair().unwrap();
        would_block(b.try_recv(&mut buf));
        let full = loop {
            if let Err(error) = a.try_send(b"abc") {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        assert_eq!(b.try_recv_from(&mut buf).unwrap().0, 3);
        let path = TempPath::new();
        let bound = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let addr = bound.local_addr().unwrap();
        assert_eq!(sender.try_send_to(b"abc", &addr).unwrap(), 3);
        assert_eq!(bound.try_recv(&mut buf).unwrap(), 3);
    });
}
