//! Does a read into a lent buffer return the same bytes as other reads, and hold no buffer while it
//! waits?

use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;

use std_net::process::{self, channel};
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, both, within};

/// More bytes than a buffer holds.
const MANY: usize = 100_000;
/// Far more memory than a process that waits needs, even in a debug build.
const HELD: usize = 32 << 10;

fn bytes() -> Vec<u8> {
    (0..MANY).map(|i| (i * 7 % 251) as u8).collect()
}

#[test]
fn it_gives_all_bytes_and_then_the_end() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let sender = std::thread::spawn(move || {
            let mut peer = std::net::TcpStream::connect(addr).unwrap();
            peer.write_all(&bytes()).unwrap();
        });
        let (stream, _) = listener.accept().unwrap();
        let mut got = Vec::new();
        loop {
            let data = stream.read_lent().unwrap();
            if data.is_empty() {
                break;
            }
            got.extend_from_slice(&data);
        }
        assert!(stream.read_lent().unwrap().is_empty());
        assert_eq!(got, bytes());
        sender.join().unwrap();
    });
}

#[test]
fn what_is_written_at_once_is_read_at_once() {
    both(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        for len in [1, 16 << 10, 64 << 10] {
            b.write_all(&bytes()[..len]).unwrap();
            assert_eq!(*a.read_lent().unwrap(), bytes()[..len]);
        }
    });
}

#[test]
fn two_may_be_held_at_once() {
    both(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        b.write_all(b"one").unwrap();
        let one = a.read_lent().unwrap();
        b.write_all(b"two").unwrap();
        let two = a.read_lent().unwrap();
        assert_eq!((&*one, &*two), (&b"one"[..], &b"two"[..]));
    });
}

#[test]
fn its_errors_are_those_of_a_read() {
    both(|| {
        let (a, _b) = UnixStream::pair().unwrap();
        a.set_deadline(Duration::from_millis(5));
        let error = a.read_lent().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        a.reset_deadline();
        a.set_nonblocking(true).unwrap();
        let error = a.read_lent().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    });
}

/// A thousand connections wait. Otherwise each would hold the buffer of its last read.
#[test]
fn who_waits_holds_no_buffer() {
    within(LIMIT, || {
        let sent = &bytes()[..HELD];
        let (done, ended) = channel::unbounded();
        let mut peers = Vec::new();
        let serve = |stream: UnixStream| {
            let done = done.clone();
            process::spawn(move || {
                let mut stream: UnixStream = stream;
                loop {
                    let data = stream.read_lent().unwrap();
                    if data.is_empty() {
                        break;
                    }
                    stream.write_all(&data).unwrap();
                }
                done.send(()).unwrap();
            });
        };
        // The first round allocates what is allocated only once.
        let before = std::cell::Cell::new(0);
        for i in 0..1001 {
            let (ours, theirs) = StdUnixStream::pair().unwrap();
            serve(ours.into());
            let mut peer = theirs;
            let mut back = vec![0; HELD];
            peer.write_all(sent).unwrap();
            peer.read_exact(&mut back).unwrap();
            assert_eq!(back, sent);
            peers.push(peer);
            if i == 0 {
                before.set(std_net_tests::resident());
            }
        }
        let each = (std_net_tests::resident() - before.get()) / 1000;
        // Debug builds use more of their stacks.
        assert!(each < 16 << 10, "{each} bytes each");
        peers.clear();
        for _ in 0..1001 {
            ended.recv().unwrap();
        }
    });
}

#[test]
fn a_lent_buffer_may_go_to_another_process() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        peer.write_all(b"hand me on").unwrap();
        let data = stream.read_lent().unwrap();
        let len = process::spawn(move || data.len()).join().unwrap();
        assert_eq!(len, 10);
    });
}
