//! A notifier ends accepts, both those that wait and those that come later, on threads and in
//! processes.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use std_net::process;
use std_net::socket::{self, TcpListener, TcpStream};
use std_net::unix::{SocketAddr, UnixListener, UnixSeqpacketListener};
use std_net_tests::both;

fn any_name() -> SocketAddr {
    SocketAddr::from_pathname("").unwrap()
}

#[test]
fn all_who_wait_are_told_and_all_who_come() {
    both(|| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let notifier = listener.notifier().unwrap();
        let accept = |listener: &Arc<TcpListener>| {
            let listener = Arc::clone(listener);
            move || listener.accept().unwrap_err()
        };
        let processes: Vec<_> = (0..4).map(|_| process::spawn(accept(&listener))).collect();
        let threads: Vec<_> = (0..2).map(|_| thread::spawn(accept(&listener))).collect();
        // It does not matter whether they wait already.
        process::sleep(Duration::from_millis(3));
        notifier.notify();
        notifier.notify();
        for one in processes {
            assert!(socket::is_notified(&one.join().unwrap()));
        }
        process::blocking(|| {
            for one in threads {
                assert!(socket::is_notified(&one.join().unwrap()));
            }
        });
        assert!(notifier.is_notified());
        assert!(socket::is_notified(&listener.accept().unwrap_err()));
        assert!(listener.incoming().next().is_none());
        // Other handles of the same listener end too.
        let clone = listener.try_clone().unwrap();
        assert!(socket::is_notified(&clone.accept().unwrap_err()));
        assert!(clone.into_incoming().next().is_none());
    });
}

/// A waiting accept also ends by a notifier that was made during the wait.
#[test]
fn a_process_that_waits_already_is_told_too() {
    both(|| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let fd = listener.as_raw_fd();
        let accepting = process::spawn({
            let listener = Arc::clone(&listener);
            move || listener.accept().unwrap_err()
        });
        let waits = || {
            process::list()
                .iter()
                .any(|one| one.state == process::State::Readable(fd))
        };
        while !waits() {
            process::yield_now();
        }
        listener.notifier().unwrap().notify();
        assert!(socket::is_notified(&accepting.join().unwrap()));
    });
}

#[test]
fn a_pending_connection_stays_in_the_queue() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let notifier = listener.notifier().unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        notifier.notify();
        let error = listener.accept().unwrap_err();
        assert!(socket::is_notified(&error), "{error}");
        notifier.reset();
        assert!(!notifier.is_notified());
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        // The accept waits again, and can be ended again.
        listener.set_deadline(Duration::from_millis(3));
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        listener.reset_deadline();
        let teller = notifier.clone();
        let told = process::spawn(move || teller.notify());
        assert!(socket::is_notified(&listener.accept().unwrap_err()));
        told.join().unwrap();
    });
}

#[test]
fn unix_listeners_have_one_too_and_it_outlives_them() {
    both(|| {
        let listener = UnixListener::bind_addr(&any_name()).unwrap();
        let notifier = listener.notifier().unwrap();
        let server = process::spawn(move || listener.incoming().count());
        notifier.notify();
        assert_eq!(server.join().unwrap(), 0);
        notifier.notify();

        let listener = UnixSeqpacketListener::bind_addr(&any_name()).unwrap();
        let notifier = listener.notifier().unwrap();
        let server = process::spawn(move || listener.accept().unwrap_err());
        notifier.notify();
        assert!(socket::is_notified(&server.join().unwrap()));
    });
}
