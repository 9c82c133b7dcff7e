//! Does a close that lingers block only its own process? The others of the worker must go on meanwhile.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{LIMIT, again, is_again, within};

const LINGER: Duration = Duration::from_secs(1);

/// Fills a connection whose peer reads nothing, so that a close must wait.
fn fill(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    while (&*stream).write(&[0; 1 << 16]).is_ok() {}
    stream.set_nonblocking(false).unwrap();
}

type Make = fn(&TcpListener, SocketAddr) -> (TcpStream, TcpStream);

/// The ways to get a connection that lingers, with its peer.
const WAYS: [Make; 4] = [
    |listener, addr| {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_linger(Some(LINGER)).unwrap();
        (stream, listener.accept().unwrap().0)
    },
    |listener, addr| {
        let stream = TcpStream::connect(addr).unwrap();
        // Another handle set the option, and is gone by then.
        stream
            .try_clone()
            .unwrap()
            .set_linger(Some(LINGER))
            .unwrap();
        (stream, listener.accept().unwrap().0)
    },
    |listener, addr| {
        let stream = TcpStream::connect(addr).unwrap();
        socket2::SockRef::from(&stream)
            .set_linger(Some(LINGER))
            .unwrap();
        (stream, listener.accept().unwrap().0)
    },
    |listener, addr| {
        // The listener has the option, and the accepted connection inherits it.
        listener.socket().set_linger(Some(LINGER)).unwrap();
        let peer = TcpStream::connect(addr).unwrap();
        (listener.accept().unwrap().0, peer)
    },
];

#[test]
fn a_lingering_close_keeps_no_worker() {
    if !is_again() {
        let output = again(
            "a_lingering_close_keeps_no_worker",
            &[("STD_NET_WORKERS", "1")],
        );
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        return;
    }
    within(LIMIT, || {
        // All ways at once, because each takes as long as it lingers.
        let all = WAYS.map(|make| process::spawn(move || closes_slowly(make)));
        for one in all {
            one.join().unwrap();
        }
    });
}

fn closes_slowly(make: Make) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (stream, _peer) = make(&listener, listener.local_addr().unwrap());
    fill(&stream);
    let closed = Arc::new(AtomicBool::new(false));
    let begin = Instant::now();
    // It begins when this process waits: they share the only worker.
    let other = {
        let closed = Arc::clone(&closed);
        process::spawn(move || closed.load(Ordering::SeqCst))
    };
    drop(stream);
    closed.store(true, Ordering::SeqCst);
    assert!(
        begin.elapsed() >= LINGER,
        "the process itself waits, as a thread does"
    );
    assert!(!other.join().unwrap(), "the other one ran meanwhile");
}

/// A reset takes no time, and neither does a close that does not linger.
#[test]
fn other_closes_take_no_time() {
    std_net_tests::both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        for linger in [None, Some(Duration::ZERO)] {
            let stream = TcpStream::connect(addr).unwrap();
            let (_peer, _) = listener.accept().unwrap();
            stream.set_linger(linger).unwrap();
            fill(&stream);
            drop(stream);
        }
    });
}
