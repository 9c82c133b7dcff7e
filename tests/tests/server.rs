//! Does a server that is shut down stop accepting, let connections finish, and cancel what is late?

use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::{SocketAddr, UnixListener, UnixSeqpacket, UnixSeqpacketListener, UnixStream};
use std_net_tests::{LIMIT, TempPath, both, within};

const LONG: Duration = Duration::from_secs(30);

/// One line to and fro.
fn echo<S: Read + Write>(mut stream: S) -> std::io::Result<()> {
    let mut buf = [0; 64];
    loop {
        match stream.read(&mut buf)? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n])?,
        }
    }
}

fn round_trip<S: Read + Write>(stream: &mut S) {
    let mut back = [0; 4];
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
}

#[test]
fn what_is_under_way_finishes_and_nothing_new_is_accepted() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let clients = process::spawn(move || {
            let mut clients: Vec<TcpStream> = (0..3)
                .map(|_| {
                    let mut client = TcpStream::connect(addr).unwrap();
                    round_trip(&mut client);
                    client
                })
                .collect();
            assert_eq!(handle.running(), 3);
            handle.shutdown(LONG);
            // The listener is closed as soon as its accept has returned.
            while TcpStream::connect(addr).is_ok() {
                process::yield_now();
            }
            for client in &mut clients {
                round_trip(client);
            }
            drop(clients);
            handle
        });
        let end = server.run(echo).unwrap();
        assert!(end.served >= 3);
        assert_eq!((end.cancelled, end.left), (0, 0));
        assert_eq!(clients.join().unwrap().running(), 0);
    });
}

#[test]
fn what_is_late_is_cancelled() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let client = process::spawn(move || {
            let mut client = TcpStream::connect(addr).unwrap();
            round_trip(&mut client);
            handle.shutdown(Duration::from_millis(20));
            // It is closed from the other side.
            client.read(&mut [0; 4]).unwrap()
        });
        let told = Arc::new(AtomicUsize::new(0));
        let errors = Arc::clone(&told);
        let end = server
            .run(move |stream| {
                let error = echo(stream).unwrap_err();
                assert!(process::is_cancelled(&error));
                errors.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (1, 1, 0));
        assert_eq!(told.load(Ordering::SeqCst), 1);
        assert_eq!(client.join().unwrap(), 0);
    });
}

#[test]
fn the_nearer_of_two_deadlines_holds() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let client = process::spawn(move || {
            let mut client = TcpStream::connect(addr).unwrap();
            round_trip(&mut client);
            handle.shutdown(LONG);
            handle.shutdown(Duration::ZERO);
            handle.shutdown(LONG);
            client.read(&mut [0; 4]).unwrap()
        });
        let start = Instant::now();
        let end = server.run(echo).unwrap();
        assert_eq!((end.cancelled, end.left), (1, 0));
        assert!(start.elapsed() < LONG);
        client.join().unwrap();
    });
}

#[test]
fn a_shutdown_before_the_run_and_a_panic_of_one_connection() {
    both(|| {
        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap()).unwrap();
        server.handle().shutdown(LONG);
        let end = server.run(echo).unwrap();
        assert_eq!((end.served, end.cancelled), (0, 0));

        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap()).unwrap();
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            let mut first = UnixStream::connect(&address).unwrap();
            assert_eq!(first.read(&mut [0]).unwrap(), 0, "its process has panicked");
            let mut second = UnixStream::connect(&address).unwrap();
            round_trip(&mut second);
            handle.shutdown(LONG);
        });
        let count = AtomicUsize::new(0);
        let end = server
            .run(move |stream| {
                assert!(
                    count.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first one panics"
                );
                echo(stream)
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (2, 0, 0));
        client.join().unwrap();
    });
}

#[test]
fn seqpacket_listeners_are_served_too() {
    both(|| {
        let path = TempPath::new();
        let address = SocketAddr::from_pathname(&*path).unwrap();
        let server = Server::new(UnixSeqpacketListener::bind_addr(&address).unwrap()).unwrap();
        let handle = server.handle();
        let client = process::spawn(move || {
            let client = UnixSeqpacket::connect_addr(&address).unwrap();
            client.write_string("one").unwrap();
            assert_eq!(client.read_string(10).unwrap(), "one");
            handle.shutdown(LONG);
        });
        let end = server
            .run(|socket: UnixSeqpacket| {
                let text = socket.read_string(10).unwrap();
                socket.write_string(&text).unwrap();
            })
            .unwrap();
        assert_eq!(end.served, 1);
        client.join().unwrap();
    });
}

#[test]
fn who_computes_on_is_left_and_told_of() {
    within(LIMIT, || {
        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap()).unwrap();
        let handle = server.handle();
        let _client = UnixStream::connect(&*path).unwrap();
        let shutter = thread::spawn(move || {
            while handle.running() == 0 {
                thread::yield_now();
            }
            handle.shutdown(Duration::ZERO);
            handle
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let end = server
            .run(move |_stream| {
                while !stops.load(Ordering::SeqCst) {
                    process::yield_now();
                }
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (1, 1, 1));
        stop.store(true, Ordering::SeqCst);
        let handle = shutter.join().unwrap();
        while handle.running() > 0 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_listener_that_was_shut_down_is_an_error() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener
            .socket()
            .shutdown(std::net::Shutdown::Both)
            .unwrap();
        let error = Server::new(listener).unwrap().run(echo).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// Ctrl-C, and what `kill` sends: the connection under way is answered, and then it ends by itself.
#[test]
fn the_examples_end_gracefully_on_a_signal() {
    for signal in ["INT", "TERM"] {
        within(LIMIT, || {
            let mut server = std_net_tests::Server::start("echo_server", &["127.0.0.1:0"]);
            let mut client = std::net::TcpStream::connect(server.address).unwrap();
            round_trip(&mut client);
            let status = Command::new("kill")
                .args(["-s", signal, &server.id().to_string()])
                .status()
                .unwrap();
            assert!(status.success());
            while std::net::TcpStream::connect(server.address).is_ok() {
                thread::yield_now();
            }
            round_trip(&mut client);
            drop(client);
            let mut rest = String::new();
            server.output.read_to_string(&mut rest).unwrap();
            assert!(rest.ends_with("served, 0 cut off\n"), "{rest:?}");
        });
    }
}
