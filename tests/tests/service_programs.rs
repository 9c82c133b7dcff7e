//! Do the example services do what they promise, with clients that know nothing about std_net?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use std_net::process::channel::broadcast;
use std_net::process::{self, channel};
use std_net::server::Server as OurServer;
use std_net::socket;
use std_net_tests::{LIMIT, Server, TempPath, both, descriptor_limit, example, within};

fn signal(name: &str, pid: u32) {
    let pid = pid.to_string();
    let status = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(status.unwrap().success());
}

#[test]
fn port_scan_finds_what_is_open() {
    // The example may have to be built first, and the limit of time is not meant for that.
    example("port_scan");
    within(LIMIT, || {
        // An address that is not that of the other tests: each connection of the scan is one more guest for them.
        const HOST: &str = "127.0.0.77";
        let open: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind((HOST, 0)).unwrap())
            .collect();
        let mut ports: Vec<u16> = open
            .iter()
            .map(|listener| listener.local_addr().unwrap().port())
            .collect();
        ports.sort_unstable();
        let range = format!("{}-{}", ports[0], ports[2]);
        let scan = |host: &str, range: &str| {
            let output = Command::new(example("port_scan"))
                .args([host, range])
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let found = text.lines().filter_map(|line| line.parse().ok());
            found.collect::<Vec<u16>>()
        };
        assert_eq!(scan(HOST, &range), ports);
        // It also takes a name. This port is of the same host, and closed or open there.
        let found = scan("localhost", &format!("{0}-{0}", ports[0]));
        assert!(found.len() <= 1, "{found:?}");
        let bad = Command::new(example("port_scan"))
            .args(["localhost", "9-1"])
            .output();
        assert_eq!(bad.unwrap().status.code(), Some(2));
    });
}

#[test]
fn kv_server_keeps_what_it_is_told_and_ends_though_clients_are_idle() {
    // The example may have to be built first, and the limit of time is not meant for that.
    example("kv_server");
    within(LIMIT, || {
        let mut server = Server::start("kv_server", &["127.0.0.1:0"]);
        let clients: Vec<TcpStream> = (0..20)
            .map(|_| TcpStream::connect(server.address).unwrap())
            .collect();
        let ask = |client: &TcpStream, request: &str| {
            (&*client).write_all(request.as_bytes()).unwrap();
            let mut answers = BufReader::new(client);
            let lines = request.matches('\n').count();
            (0..lines)
                .map(|_| {
                    let mut line = String::new();
                    answers.read_line(&mut line).unwrap();
                    line
                })
                .collect::<String>()
        };
        assert_eq!(ask(&clients[0], "SET color deep blue\n"), "OK\n");
        assert_eq!(ask(&clients[1], "GET color\n"), "VALUE deep blue\n");
        // These are three requests in one packet.
        let text = ask(&clients[2], "GET none\nDEL color\nGET color\n");
        assert_eq!(text, "NONE\nOK\nNONE\n");
        assert!(ask(&clients[3], "what?\n").starts_with("ERROR"));
        signal("TERM", server.id());
        let mut rest = String::new();
        server.output.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("20 served, 0 cut off\n"), "{rest:?}");
        // An idle client that stayed until the deadline of the shutdown would have been cut off.
        for mut client in &clients {
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn load_balancer_takes_turns_and_passes_over_who_is_gone() {
    // The example may have to be built first, and the limit of time is not meant for that.
    example("load_balancer");
    within(LIMIT, || {
        let greeter = |name: &'static str| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            thread::spawn(move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.write_all(name.as_bytes());
                }
            });
            address.to_string()
        };
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let servers = [greeter("a"), gone.to_string(), greeter("b")];
        let mut args = vec!["127.0.0.1:0".to_owned()];
        args.extend(servers);
        let balancer = Server::start("load_balancer", &args);
        let mut counts = [0; 2];
        // A server that seems to be gone is asked again only later.
        while counts.iter().any(|n| *n < 5) {
            let mut text = String::new();
            let mut client = TcpStream::connect(balancer.address).unwrap();
            client.read_to_string(&mut text).unwrap();
            counts[usize::from(text == "b")] += 1;
            assert!(["a", "b"].contains(&&*text), "{text:?}");
        }
    });
}

fn ask(address: SocketAddr) -> std::io::Result<u32> {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(address)?).read_line(&mut line)?;
    line.trim().parse().map_err(std::io::Error::other)
}

#[test]
fn a_listener_that_goes_over_a_unix_socket_loses_no_connection() {
    // The example may have to be built first, and the limit of time is not meant for that.
    example("handover");
    within(LIMIT, || {
        let control = TempPath::new();
        let path = control.display().to_string();
        let first = Server::start("handover", &[&*path, "127.0.0.1:0"]);
        let address = first.address;
        let (stop, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let load: Vec<_> = (0..2)
            .map(|_| {
                let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
                thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        if let Err(error) = ask(address) {
                            eprintln!("a connection is lost: {error}");
                            std::process::abort();
                        }
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let mut servers = vec![first];
        for _ in 0..3 {
            let next = Server::start("handover", &[&*path]);
            assert_eq!(next.address, address);
            let before = servers.pop().unwrap();
            // The old server ends by itself, and the next one answers.
            let gone = format!("/proc/{}/exe", before.id());
            while std::path::Path::new(&gone).exists() {
                thread::yield_now();
            }
            let count = asked.load(Ordering::SeqCst);
            while asked.load(Ordering::SeqCst) < count + 50 {
                thread::yield_now();
            }
            assert_eq!(ask(address).unwrap(), next.id());
            servers.push(next);
        }
        stop.store(true, Ordering::SeqCst);
        for one in load {
            one.join().unwrap();
        }
    });
}

/// All connect at once, and the server sends first. With a short queue, some clients would wait for
/// ever.
#[test]
fn a_chat_of_two_thousand() {
    const GUESTS: usize = 2000;
    if descriptor_limit() < 2 * GUESTS + 200 {
        eprintln!("SKIPPED: {} descriptors are too few", descriptor_limit());
        return;
    }
    both(|| {
        let listener = socket::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = OurServer::new(listener).unwrap().acceptors(2);
        let handle = server.handle();
        let (room, _) = broadcast::channel::<Arc<str>>(64);
        let guests = process::spawn(move || {
            let (told, tells) = channel::unbounded();
            let guests: Vec<_> = (0..GUESTS)
                .map(|n| {
                    let (told, tells) = (told.clone(), tells.clone());
                    process::spawn(move || {
                        let stream = socket::TcpStream::connect(address).unwrap();
                        let mut lines = BufReader::new(&stream);
                        let mut line = String::new();
                        lines.read_line(&mut line).unwrap();
                        assert_eq!(line, "welcome\n");
                        told.send(()).unwrap();
                        if n == 0 {
                            // Wait until all guests are there.
                            (0..GUESTS).for_each(|_| tells.recv().unwrap());
                            (&stream).write_all(b"hello, all\n").unwrap();
                        }
                        line.clear();
                        lines.read_line(&mut line).unwrap();
                        assert_eq!(line, "hello, all\n");
                    })
                })
                .collect();
            for guest in guests {
                guest.join().unwrap();
            }
            handle.shutdown(Duration::from_secs(30));
        });
        let end = server
            .run_with(move |stream, session| -> std::io::Result<()> {
                let mut heard = room.subscribe();
                (&stream).write_all(b"welcome\n")?;
                let mut lines = BufReader::new(&stream);
                while !session.is_shutdown_begun() {
                    let said = process::select! {
                        future(std::pin::pin!(heard.next())) -> said => Some(said?),
                        readable(stream) => None,
                    }?;
                    match said {
                        Some(text) => (&stream).write_all(text.as_bytes())?,
                        None => {
                            let mut line = String::new();
                            if lines.read_line(&mut line)? == 0 {
                                break;
                            }
                            let _ = room.send(line.into());
                        }
                    }
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(end.served, GUESTS as u64);
        assert_eq!(end.cancelled, 0);
        guests.join().unwrap();
    });
}
