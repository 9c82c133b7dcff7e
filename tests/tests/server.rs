//! Does a server that is shut down stop accepting, let connections finish, and cancel those that are
//! late?

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, channel};
use std_net::server::{Handle, Peer, Readable, Server, Session};
use std_net::socket::{TcpListener, TcpStream};
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor};
use std_net::unix::{SocketAddr, UnixListener, UnixSeqpacket, UnixSeqpacketListener, UnixStream};
use std_net_tests::certificates::Authority;
use std_net_tests::{LIMIT, TempPath, both, in_time, within};

/// A deadline that is never reached.
const LONG: Duration = Duration::from_secs(3600);

/// Reads one line and sends it back.
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

/// A cancelled process has a second to end. On a slow machine it may end later than the server.
fn until_all_have_ended(server: &Handle) {
    while server.running() > 0 {
        process::yield_now();
    }
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
        let running = server.handle();
        let client = process::spawn(move || {
            let mut client = TcpStream::connect(addr).unwrap();
            round_trip(&mut client);
            handle.shutdown(Duration::from_millis(20));
            // The other side closes the connection.
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
        assert_eq!((end.served, end.cancelled), (1, 1));
        until_all_have_ended(&running);
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
        let end = server.run(echo).unwrap();
        assert_eq!(end.cancelled, 1);
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

/// The server waits for its connections with a late deadline. A cancel must end this wait.
#[test]
fn a_cancel_ends_the_wait_for_the_connections() {
    within(LIMIT, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let running = process::spawn(move || server.run(|mut stream| stream.read(&mut [0; 8])));
        let _client = TcpStream::connect(addr).unwrap();
        while handle.running() == 0 {
            process::sleep(std::time::Duration::from_millis(1));
        }
        handle.shutdown(std::time::Duration::from_secs(3600));
        // When connects fail, the server waits for the connection, or will do so soon.
        while TcpStream::connect(addr).is_ok() {
            process::sleep(std::time::Duration::from_millis(1));
        }
        running.cancel();
        let end = running.join().unwrap().unwrap();
        assert_eq!((end.served, end.cancelled), (1, 1));
        while handle.running() > 0 {
            process::sleep(std::time::Duration::from_millis(1));
        }
    });
}

/// After Ctrl-C, or the signal of `kill`, the connection that is being served gets its answer, and then
/// the program ends.
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

/// Sends lines back. Between two lines, the end of the server ends the connection.
fn echo_lines<S: Readable>(stream: S, session: &Session) -> std::io::Result<()>
where
    for<'a> &'a S: Read + Write,
{
    echo_lines_and_count(stream, session, &AtomicUsize::new(0))
}

/// A reader that counts the bytes that it has read.
struct Counted<'a, R>(R, &'a AtomicUsize);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1.fetch_add(n, Ordering::SeqCst);
        Ok(n)
    }
}

/// Like [`echo_lines`]. Also counts the bytes that it has read.
fn echo_lines_and_count<S: Readable>(
    stream: S,
    session: &Session,
    count: &AtomicUsize,
) -> std::io::Result<()>
where
    for<'a> &'a S: Read + Write,
{
    let mut reader = BufReader::new(Counted(&stream, count));
    let mut line = String::new();
    while !reader.buffer().is_empty() || session.wait_readable(&stream)? {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            break;
        }
        (&stream).write_all(line.as_bytes())?;
    }
    Ok(())
}

fn line_trip<S: Read + Write>(stream: &mut S) {
    try_line_trip(stream).unwrap();
}

fn try_line_trip<S: Read + Write>(stream: &mut S) -> std::io::Result<()> {
    let mut back = [0; 5];
    stream.write_all(b"ping\n")?;
    stream.read_exact(&mut back)?;
    assert_eq!(&back, b"ping\n");
    Ok(())
}

#[test]
fn idle_connections_hold_no_shutdown_up_and_a_request_is_finished() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let clients = process::spawn(move || {
            let mut idle: Vec<TcpStream> = (0..50)
                .map(|_| {
                    let mut client = TcpStream::connect(addr).unwrap();
                    line_trip(&mut client);
                    client
                })
                .collect();
            // One connection has never sent anything, and one is in the middle of a request.
            let mut silent = TcpStream::connect(addr).unwrap();
            let mut busy = TcpStream::connect(addr).unwrap();
            line_trip(&mut busy);
            busy.write_all(b"half").unwrap();
            while handle.running() < 52 {
                process::yield_now();
            }
            // The server has read the first half of the request, and waits for the rest.
            while read.load(Ordering::SeqCst) < 51 * "ping\n".len() + "half".len() {
                process::yield_now();
            }
            handle.shutdown(LONG);
            for client in idle.iter_mut().chain([&mut silent]) {
                assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
            }
            while handle.running() > 1 {
                process::yield_now();
            }
            busy.write_all(b"\n").unwrap();
            assert_eq!(busy.read_string(5).unwrap(), "half\n");
            assert_eq!(busy.read(&mut [0; 8]).unwrap(), 0);
        });
        let end = server
            .run_with(move |stream, session| echo_lines_and_count(stream, session, &count))
            .unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (52, 0, 0));
        clients.join().unwrap();
    });
}

#[test]
fn a_shutdown_and_the_first_byte_of_a_request_at_once() {
    both(|| {
        // A request and the shutdown race. The request is answered or the connection ends, but nothing
        // hangs.
        for _ in 0..30 {
            let path = TempPath::new();
            let server = Server::new(UnixListener::bind(&*path).unwrap()).unwrap();
            let handle = server.handle();
            let address = path.to_path_buf();
            let client = process::spawn(move || {
                let mut client = UnixStream::connect(&address).unwrap();
                line_trip(&mut client);
                let shutter = thread::spawn(move || handle.shutdown(LONG));
                let _ = client.write_all(b"ping\n");
                // The connection ends, perhaps after an answer.
                let text = client.read_string(64).unwrap_or_default();
                process::blocking(|| shutter.join().unwrap());
                text
            });
            let end = server.run_with(echo_lines).unwrap();
            assert_eq!((end.cancelled, end.left), (0, 0));
            let text = client.join().unwrap();
            assert!(["", "ping\n"].contains(&&*text), "{text:?}");
        }
    });
}

#[test]
fn an_idle_timeout_ends_what_is_idle_and_nothing_else() {
    /// Sends a line from time to time, for longer than `idle` in all, and then nothing. Returns whether the connection
    /// ended only then. It may end earlier only if this machine was idle between two lines for so long.
    fn ends_when_idle(addr: std::net::SocketAddr, idle: Duration) -> bool {
        let start = Instant::now();
        let mut client = TcpStream::connect(addr).unwrap();
        let mut last = start;
        for _ in 0..8 {
            let now = Instant::now();
            if let Err(error) = try_line_trip(&mut client) {
                assert!(last.elapsed() >= idle, "{error} after {:?}", last.elapsed());
                return false;
            }
            last = now;
            process::sleep(idle / 6);
        }
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        assert!(start.elapsed() >= idle * 2);
        true
    }

    both(|| {
        in_time(Duration::from_millis(60), |idle| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let server = Server::new(listener).unwrap().idle_timeout(idle);
            let handle = server.handle();
            let client = process::spawn(move || {
                let result = ends_when_idle(addr, idle);
                handle.shutdown(LONG);
                result
            });
            let end = server.run_with(echo_lines).unwrap();
            assert_eq!((end.served, end.cancelled), (1, 0));
            client.join().unwrap().then_some(())
        });

        // A handler that does not use sessions learns it from its read.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener)
            .unwrap()
            .idle_timeout(Duration::from_millis(20));
        let handle = server.handle();
        let client = process::spawn(move || {
            let mut client = TcpStream::connect(addr).unwrap();
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
            handle.shutdown(LONG);
        });
        server.run(echo).unwrap();
        client.join().unwrap();
    });
}

#[test]
fn at_most_so_many_at_a_time_and_the_rest_waits() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener)
            .unwrap()
            .max_connections(3)
            .acceptors(2);
        let handle = server.handle();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        let clients = process::spawn(move || {
            process::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| {
                        let mut client = TcpStream::connect(addr).unwrap();
                        round_trip(&mut client);
                    });
                }
            });
            handle.shutdown(LONG);
        });
        let end = server
            .run(move |stream| {
                seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let result = echo(stream);
                now.fetch_sub(1, Ordering::SeqCst);
                result
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled), (20, 0));
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
        clients.join().unwrap();

        // Shut down while nothing is accepted, because the limit of connections is reached.
        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap())
            .unwrap()
            .max_connections(1);
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            let mut first = UnixStream::connect(&address).unwrap();
            round_trip(&mut first);
            let _second = UnixStream::connect(&address).unwrap();
            handle.shutdown(LONG);
            round_trip(&mut first);
        });
        let end = server.run(echo).unwrap();
        assert_eq!((end.served, end.cancelled), (1, 0));
        client.join().unwrap();
    });
}

#[test]
fn problems_are_told_with_the_peer() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let server = Server::new(listener)
            .unwrap()
            .on_error(move |problem| tell.lock().unwrap().push(problem.to_string()));
        let handle = server.handle();
        let client = process::spawn(move || {
            let mut peers = Vec::new();
            for what in [b"fail", b"fall", b"ping"] {
                let mut client = TcpStream::connect(addr).unwrap();
                client.write_all(what).unwrap();
                let mut back = Vec::new();
                client.shutdown(std::net::Shutdown::Write).unwrap();
                client.read_to_end(&mut back).unwrap();
                peers.push(client.local_addr().unwrap());
            }
            handle.shutdown(LONG);
            peers
        });
        let end = server
            .run(|mut stream: TcpStream| {
                let mut what = [0; 4];
                stream.read_exact(&mut what)?;
                match &what {
                    b"fail" => Err(std::io::Error::other("as it was asked to")),
                    b"fall" => panic!("as it was told"),
                    _ => stream.write_all(&what),
                }
            })
            .unwrap();
        assert_eq!(end.served, 3);
        let peers = client.join().unwrap();
        let mut expected = [
            format!("{}: as it was asked to", peers[0]),
            format!("{}: panicked: as it was told", peers[1]),
        ];
        // Each problem is reported when its process ends, so the order may differ.
        expected.sort();
        let mut told = told.lock().unwrap().clone();
        told.sort();
        assert_eq!(told, expected);
    });
}

#[test]
fn several_listeners_are_one_server() {
    both(|| {
        let (tcp, path, packets) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            TempPath::new(),
            TempPath::new(),
        );
        let addr = tcp.local_addr().unwrap();
        let packets_address = SocketAddr::from_pathname(&*packets).unwrap();
        let server = Server::new(tcp)
            .unwrap()
            .also(UnixListener::bind(&*path).unwrap(), |stream, session| {
                assert!(matches!(session.peer(), Peer::Unix(_)));
                echo_lines(stream, session)
            })
            .unwrap()
            .also(
                UnixSeqpacketListener::bind_addr(&packets_address).unwrap(),
                |socket: UnixSeqpacket, session| -> std::io::Result<()> {
                    while session.wait_readable(&socket)? {
                        let text = socket.read_string(10)?;
                        if text.is_empty() {
                            break;
                        }
                        socket.write_string(&text)?;
                    }
                    Ok(())
                },
            )
            .unwrap();
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            let mut near = UnixStream::connect(&address).unwrap();
            line_trip(&mut near);
            let mut far = TcpStream::connect(addr).unwrap();
            line_trip(&mut far);
            let packet = UnixSeqpacket::connect_addr(&packets_address).unwrap();
            packet.write_string("one").unwrap();
            assert_eq!(packet.read_string(10).unwrap(), "one");
            assert_eq!(handle.running(), 3);
            handle.shutdown(LONG);
            assert_eq!(near.read(&mut [0; 1]).unwrap(), 0);
            assert_eq!(far.read(&mut [0; 1]).unwrap(), 0);
        });
        let end = server
            .run_with(|stream, session| {
                let Peer::Ip(peer) = session.peer() else {
                    panic!("{:?}", session.peer());
                };
                assert_eq!(stream.peer_addr()?, *peer);
                echo_lines(stream, session)
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled), (3, 0));
        client.join().unwrap();
        assert!(UnixStream::connect(&*path).is_err());
    });
}

#[test]
fn a_listener_beside_that_fails_ends_the_server_with_its_error() {
    both(|| {
        let path = TempPath::new();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.socket().shutdown(std::net::Shutdown::Both).unwrap();
        let server = Server::new(UnixListener::bind(&*path).unwrap())
            .unwrap()
            .also(tcp, |stream, _| echo(stream))
            .unwrap();
        assert_eq!(
            server.run(echo).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn what_a_handler_spawns_is_cancelled_with_it() {
    both(|| {
        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap()).unwrap();
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            let mut client = UnixStream::connect(&address).unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
            handle.shutdown(Duration::ZERO);
            assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        });
        let (told, tells) = channel::unbounded();
        let end = server
            .run(move |mut stream: UnixStream| {
                let wait = |told: &channel::Sender<bool>| {
                    process::sleep(Duration::MAX);
                    told.send(process::check_cancelled().is_err()).unwrap();
                };
                let other = told.clone();
                process::spawn(move || wait(&other));
                process::scope(|scope| {
                    scope.spawn(|| wait(&told));
                    stream.write_all(b"!").unwrap();
                    wait(&told);
                });
            })
            .unwrap();
        assert_eq!(end.cancelled, 1);
        for _ in 0..3 {
            assert_eq!(tells.recv(), Ok(true));
        }
        client.join().unwrap();
    });
}

/// Data that TLS has decrypted ahead can be read, although the connection below is empty.
#[test]
fn a_session_over_tls_sees_what_is_decrypted_already() {
    both(|| {
        let ca = Authority::new();
        let identity = ca.issue(&["localhost"]);
        let config = ServerConfig::builder(identity.chain, identity.key);
        let acceptor = TlsAcceptor::new(config.build().unwrap());
        let trust = ClientConfig::builder().root_pem(ca.pem).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let client = process::spawn(move || {
            let stream = TcpStream::connect(addr).unwrap();
            let mut stream = stream.tls_with("localhost", &trust).unwrap();
            // This sends two requests in one record.
            stream.write_all(b"onetwo").unwrap();
            let mut back = [0; 6];
            stream.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"onetwo");
            handle.shutdown(LONG);
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
        });
        let end = server
            .run_with(move |stream, session| -> std::io::Result<()> {
                let mut stream = acceptor.accept(stream)?;
                while session.wait_readable(&stream)? {
                    let mut request = [0; 3];
                    stream.read_exact(&mut request)?;
                    stream.write_all(&request)?;
                }
                stream.close()
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled), (1, 0));
        client.join().unwrap();
    });
}

/// Listings and panics show the place in the user's program, and not one in the library.
#[test]
fn the_process_of_a_connection_is_spawned_where_the_server_is_run() {
    both(|| {
        let path = TempPath::new();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = tcp.local_addr().unwrap();
        let (tell, told) = channel::unbounded();
        let tell_near = tell.clone();
        let place = || {
            let id = process::current().unwrap().id();
            let list = process::list();
            let place = list.iter().find(|p| p.id == id).unwrap().spawned_at;
            (place.file(), place.line())
        };
        let server = Server::new(tcp).unwrap();
        let near = UnixListener::bind(&*path).unwrap();
        let line = line!() + 1;
        let server = server.also(near, move |_, _| tell_near.send(place()));
        let server = server.unwrap();
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            UnixStream::connect(&address).unwrap();
            assert_eq!(told.recv().unwrap(), (file!(), line));
            TcpStream::connect(addr).unwrap();
            let run_at = told.recv().unwrap();
            handle.shutdown(LONG);
            run_at
        });
        let run_line = line!() + 1;
        let end = server.run(move |_| tell.send(place()));
        assert_eq!(end.unwrap().served, 2);
        assert_eq!(client.join().unwrap(), (file!(), run_line));
    });
}
