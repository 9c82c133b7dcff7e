//! Which of several addresses does a connect reach, and what does it say when none answers?
//! RFC 8305, on loopback: a listener whose queue is full is the peer that stays silent.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{ConnectErrors, TcpBuilder, TcpListener, TcpStream};
use std_net_tests::{LIMIT, Silent, both, has_ipv6, within};

fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn attempts(error: &std::io::Error) -> Vec<(SocketAddr, ErrorKind)> {
    let inner = error.get_ref().expect("a list of errors");
    let errors: &ConnectErrors = inner.downcast_ref().expect("a list of errors");
    errors.attempts().map(|(a, e)| (a, e.kind())).collect()
}

#[test]
fn one_that_refuses_is_passed_over() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[closed(), closed(), addr, closed()][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(stream.deadline(), None);
    });
}

#[test]
fn one_that_is_silent_does_not_hold_up_the_next() {
    both(|| {
        let silent = Silent::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let addrs = [silent.addr, closed(), addr];
        // Without a race the kernel would ask the silent one for two minutes.
        let stream = TcpStream::connect(&addrs[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(stream.deadline(), None);
        let stream = TcpBuilder::new()
            .nodelay(true)
            .timeout(LIMIT)
            .connect(&addrs[..])
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.deadline(), None);
        stream.write_string("x").unwrap();
        let (first, _) = listener.accept().unwrap();
        let (second, _) = listener.accept().unwrap();
        assert_eq!(second.read_string(8).unwrap(), "x");
        drop((first, stream));
    });
}

#[test]
fn one_that_was_silent_may_still_win() {
    both(|| {
        let (slow, never) = (Silent::new(), Silent::new());
        let addrs = [slow.addr, never.addr];
        let end = Arc::new(AtomicBool::new(false));
        let drain = {
            let end = Arc::clone(&end);
            thread::spawn(move || {
                // Both attempts are under way by then; the kernel asks again after a second.
                thread::sleep(Duration::from_millis(400));
                while !end.load(Ordering::Relaxed) {
                    slow.listener.timeout_after(Duration::from_millis(20));
                    let _ = slow.listener.accept();
                }
            })
        };
        let stream = TcpStream::connect(&addrs[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addrs[0]);
        end.store(true, Ordering::Relaxed);
        drain.join().unwrap();
    });
}

#[test]
fn all_that_refuse_are_one_error_with_its_code() {
    both(|| {
        let error = TcpStream::connect(&[closed(), closed()][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    });
}

#[test]
fn different_errors_are_all_told() {
    both(|| {
        let (silent, closed) = (Silent::new(), closed());
        let addrs = [closed, silent.addr];
        let error =
            TcpStream::connect_deadline(&addrs[..], Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            attempts(&error),
            [
                (closed, ErrorKind::ConnectionRefused),
                (silent.addr, ErrorKind::TimedOut)
            ]
        );
        let text = error.to_string();
        assert!(
            text.contains("refused") && text.contains("deadline"),
            "{text}"
        );
        // The race itself ends so too, with attempts begun, failed and still silent.
        let addrs = [silent.addr, closed];
        let error =
            TcpStream::connect_deadline(&addrs[..], Duration::from_millis(400)).unwrap_err();
        assert_eq!(attempts(&error).len(), 2, "{error}");
    });
}

#[test]
fn silence_until_the_deadline_is_timed_out() {
    both(|| {
        let (a, b) = (Silent::new(), Silent::new());
        for wait in [0, 1, 100, 600] {
            let deadline = Instant::now() + Duration::from_millis(wait);
            let error = TcpStream::connect_deadline(&[a.addr, b.addr][..], deadline).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_cancel_ends_the_race() {
    within(LIMIT, || {
        let silent = (Silent::new(), Silent::new());
        let addrs = [silent.0.addr, silent.1.addr];
        for wait in [10, 350] {
            let handle = process::spawn(move || TcpStream::connect(&addrs[..]));
            process::sleep(Duration::from_millis(wait));
            handle.cancel();
            let error = handle.join().unwrap().unwrap_err();
            assert!(process::is_cancelled(&error), "{error}");
        }
    });
}

#[test]
fn a_name_of_two_families_reaches_whichever_listens() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(addr).unwrap();
            let addr = listener.local_addr().unwrap();
            let both = [
                SocketAddr::new("::1".parse().unwrap(), addr.port()),
                SocketAddr::new("127.0.0.1".parse().unwrap(), addr.port()),
            ];
            let stream = TcpStream::connect(&both[..]).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), addr);
        }
    });
}
