//! Does a shutdown end all waits, even where the kernel does not report it?

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use std_net::process;
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::{
    SocketAddr, UnixDatagram, UnixListener, UnixSeqpacket, UnixSeqpacketListener, UnixStream,
};
use std_net_tests::{TempPath, both};

/// If the read side is shut down, the kernel does not report this to a call that does not block.
#[test]
fn a_shutdown_of_a_datagram_socket_ends_its_receives() {
    both(|| {
        let (_a, b) = UnixDatagram::pair().unwrap();
        let b = Arc::new(b);
        let waiting = {
            let b = Arc::clone(&b);
            process::spawn(move || b.recv(&mut [0; 8]))
        };
        // By now the process waits, or it will begin to wait. Both must end.
        process::sleep(Duration::from_millis(5));
        b.shutdown(Shutdown::Read).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), 0);
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        b.set_deadline(Duration::from_secs(3600));
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        b.set_nonblocking(true).unwrap();
        let error = b.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "as std's");
    });
}

#[test]
fn a_shutdown_of_a_stream_ends_its_reads() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let a = Arc::new(a);
        let _b = listener.accept().unwrap();
        let waiting = {
            let a = Arc::clone(&a);
            process::spawn(move || a.read_string(8))
        };
        process::sleep(Duration::from_millis(5));
        a.shutdown(Shutdown::Read).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), "");
        assert_eq!(a.read_string(8).unwrap(), "");
    });
}

/// Writes until there is no room, and then once more. Returns the result of the last write.
fn until_it_waits(mut write: impl FnMut() -> std::io::Result<usize>) -> ErrorKind {
    loop {
        if let Err(error) = write() {
            return error.kind();
        }
    }
}

/// The kernel wakes a call that blocks, but reports nothing to pollers.
#[test]
fn a_shutdown_of_the_write_side_ends_its_writes() {
    both(|| {
        for deadline in [None, Some(Duration::from_secs(3600))] {
            for clone in [false, true] {
                let (a, _b) = UnixStream::pair().unwrap();
                let a = Arc::new(a);
                // The caller of the shutdown may have another handle.
                let other = if clone {
                    Arc::new(a.try_clone().unwrap())
                } else {
                    Arc::clone(&a)
                };
                if let Some(deadline) = deadline {
                    a.set_deadline(deadline);
                }
                let shutter = process::spawn(move || {
                    process::sleep(Duration::from_millis(5));
                    other.shutdown(Shutdown::Write).unwrap();
                });
                let kind = until_it_waits(|| (&*a).write(&[0; 4096]));
                assert_eq!(kind, ErrorKind::BrokenPipe);
                shutter.join().unwrap();

                let (a, _b) = UnixSeqpacket::pair().unwrap();
                let a = Arc::new(a);
                let other = Arc::clone(&a);
                if let Some(deadline) = deadline {
                    a.set_deadline(deadline);
                }
                let shutter = process::spawn(move || {
                    process::sleep(Duration::from_millis(5));
                    other.shutdown(Shutdown::Write).unwrap();
                });
                assert_eq!(until_it_waits(|| a.send(&[0; 4096])), ErrorKind::BrokenPipe);
                shutter.join().unwrap();
            }
        }
    });
}

#[test]
fn a_shutdown_of_a_datagram_socket_ends_its_sends() {
    both(|| {
        let at = TempPath::new();
        let _full = UnixDatagram::bind(&at).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&at).unwrap();
        sender.set_deadline(Duration::from_secs(3600));
        let sender = Arc::new(sender);
        let other = Arc::clone(&sender);
        let shutter = process::spawn(move || {
            process::sleep(Duration::from_millis(5));
            other.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(until_it_waits(|| sender.send(b"x")), ErrorKind::BrokenPipe);
        shutter.join().unwrap();
    });
}

/// The shutdown comes at about the time when the sender begins to wait: before its attempt, after the attempt, or
/// during the wait. The kernel reports no event, but the sender must end.
#[test]
fn a_shutdown_at_any_moment_ends_a_send() {
    both(|| {
        let at = TempPath::new();
        let _full = UnixDatagram::bind(&at).unwrap();
        let filler = UnixDatagram::unbound().unwrap();
        filler.connect(&at).unwrap();
        while filler.try_send(b"x").is_ok() {}
        for round in 0..300 {
            let sender = UnixDatagram::unbound().unwrap();
            sender.connect(&at).unwrap();
            sender.set_deadline(Duration::from_secs(3600));
            let sender = Arc::new(sender);
            let other = Arc::clone(&sender);
            let begun = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&begun);
            let shutter = thread::spawn(move || {
                while !seen.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
                for _ in 0..round * 10 {
                    std::hint::spin_loop();
                }
                other.shutdown(Shutdown::Write).unwrap();
            });
            begun.store(true, Ordering::SeqCst);
            let error = sender.send(b"x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            shutter.join().unwrap();
        }
    });
}

/// Here a thread waits in the kernel. A process has sent a file over the socket before.
#[test]
fn a_shutdown_ends_the_writes_of_a_thread_on_a_socket_that_a_process_has_used() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let a = Arc::new(a);
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let sender = Arc::clone(&a);
        process::spawn(move || sender.send_file(&file, 0..100).unwrap())
            .join()
            .unwrap();
        let other = Arc::clone(&a);
        let shutter = process::spawn(move || {
            process::sleep(Duration::from_millis(5));
            other.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(
            until_it_waits(|| (&*a).write(&[0; 4096])),
            ErrorKind::BrokenPipe
        );
        shutter.join().unwrap();
        drop(b);
    });
}

/// A server that goes on after every error that may pass would go on for ever.
#[test]
fn a_listener_that_is_shut_down_says_so() {
    both(|| {
        for early in [false, true] {
            let at = TempPath::new();
            let unix = Arc::new(UnixListener::bind(&at).unwrap());
            let at = TempPath::new();
            let addr = SocketAddr::from_pathname(&at).unwrap();
            let seqpacket = Arc::new(UnixSeqpacketListener::bind_addr(&addr).unwrap());
            let tcp = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
            let shut = {
                let (unix, seqpacket, tcp) = (unix.clone(), seqpacket.clone(), tcp.clone());
                move || {
                    unix.socket().shutdown(Shutdown::Both).unwrap();
                    seqpacket.socket().shutdown(Shutdown::Both).unwrap();
                    tcp.socket().shutdown(Shutdown::Both).unwrap();
                }
            };
            let shutter = process::spawn(move || {
                if !early {
                    process::sleep(Duration::from_millis(5));
                }
                shut();
            });
            for _ in 0..2 {
                let error = unix.accept().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                let error = unix.incoming().next().unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                let error = seqpacket.accept().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                let error = tcp.accept().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            }
            shutter.join().unwrap();
            let server = Server::new(Arc::into_inner(unix).unwrap()).unwrap();
            let error = server.run(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    });
}
