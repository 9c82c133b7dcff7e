//! Does a listener that other programs share work on both sides, whatever the others do to the shared
//! mode? Do calls that must not block never block?

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use std_net::activation;
use std_net::process::{self, channel};
use std_net::socket::TcpListener;
use std_net::unix::{Ancillary, UnixStream};
use std_net_tests::both;

/// Returns the same socket as another program has it: both share `O_NONBLOCK`.
fn of_another(listener: &TcpListener) -> std::net::TcpListener {
    listener.as_fd().try_clone_to_owned().unwrap().into()
}

#[test]
fn a_listener_whose_flag_another_takes_away_blocks_nobody() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // From now on the listener is treated as non-blocking.
        listener.set_deadline(Duration::from_millis(1));
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
        let other = of_another(&listener);
        for _ in 0..3 {
            other.set_nonblocking(false).unwrap();
            listener.reset_deadline();
            assert_eq!(
                listener.try_accept().unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            other.set_nonblocking(false).unwrap();
            listener.set_deadline(Duration::from_millis(1));
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn both_programs_accept_from_a_shared_listener() {
    // Without a ring, an accept in a process has to set `O_NONBLOCK` for both programs.
    let ring = std_net_tests::has_io_uring();
    both(move || {
        let ours = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = ours.local_addr().unwrap();
        let theirs = of_another(&ours);
        // The listener must stay open while a client connects.
        let _open = of_another(&ours);
        let adopted = activation::adopt(ours.as_fd().try_clone_to_owned().unwrap());
        let adopted = adopted.tcp_listener().unwrap();
        // A program that got it with the flag set would do this.
        theirs.set_nonblocking(false).unwrap();
        let (accepted, count) = channel::unbounded();
        let serve = |who: &'static str, accept: fn(&TcpListener) -> bool, from: TcpListener| {
            let accepted = accepted.clone();
            process::spawn(move || {
                while accept(&from) {
                    accepted.send(who).unwrap();
                }
            })
        };
        let once = |from: &TcpListener| from.accept().is_ok();
        let servers = [serve("ours", once, ours), serve("adopted", once, adopted)];
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let std = thread::spawn(move || {
            loop {
                match theirs.accept() {
                    Ok(_) if stopped.load(Ordering::SeqCst) => return,
                    Ok(_) => {}
                    // With a ring the socket blocks, as it was made.
                    Err(error) if ring || error.kind() != ErrorKind::WouldBlock => {
                        panic!("the flag has been set: {error}")
                    }
                    Err(_) => thread::yield_now(),
                }
            }
        });
        let clients: Vec<_> = (0..100)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        // It does not matter which side gets them, but all must be accepted.
        stop.store(true, Ordering::SeqCst);
        for server in &servers {
            server.cancel();
        }
        for server in servers {
            server.join().unwrap();
        }
        // The thread with std gets the connections that the others have not taken, and one that ends it.
        let mut last = Vec::new();
        while !std.is_finished() {
            last.push(TcpStream::connect(address).unwrap());
            thread::yield_now();
        }
        std.join().unwrap();
        assert!(count.len() <= clients.len() + last.len());
    });
}

#[test]
fn what_came_over_a_unix_socket_is_adopted() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let sender = process::spawn(move || {
            // A process accepts, which sets the flag, and then the listener is given away.
            listener.set_deadline(Duration::from_millis(1));
            listener.accept().unwrap_err();
            listener.reset_deadline();
            let fds = Ancillary::new().descriptors([listener.as_fd()]);
            ours.send_ancillary(b"x", &fds).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"first").unwrap();
            ours
        });
        let mut got = theirs.recv_ancillary(&mut [0; 1], 1).unwrap();
        let adopted = activation::adopt(got.descriptors.remove(0));
        let adopted = adopted.tcp_listener().unwrap();
        let read = move || {
            process::blocking(|| {
                let mut text = String::new();
                let mut stream = TcpStream::connect(address).unwrap();
                stream.read_to_string(&mut text).unwrap();
                text
            })
        };
        // No process accepts here any more, so the connection is for the other program.
        assert_eq!(read(), "first");
        sender.join().unwrap();
        let client = process::spawn(read);
        let (mut stream, _) = adopted.accept().unwrap();
        stream.write_all(b"second").unwrap();
        drop(stream);
        assert_eq!(client.join().unwrap(), "second");
    });
}

#[test]
fn an_adopted_socket_of_another_kind_is_given_back() {
    both(|| {
        let (a, _b) = UnixStream::pair().unwrap();
        let wrong = activation::adopt(a.into()).tcp_listener().unwrap_err();
        assert!(wrong.to_string().contains("TcpListener"), "{wrong}");
        let fd = std::os::fd::OwnedFd::from(wrong.into_inherited());
        assert!(UnixStream::from(fd).peer_addr().is_ok());
    });
}
