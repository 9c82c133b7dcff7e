//! Shows all of it, step by step: TCP, UDP and Unix servers on free ports and temporary paths, data
//! over each of them within deadlines, errors as a user sees them, and 5,000 connections that
//! lightweight processes serve. Prints one line for each step and a summary at the end. The exit status
//! is 0 only if all steps held.
//!
//! Usage: `cargo run --release --example tour`

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use std_net::ip::{self, IpAddress};
use std_net::process;
use std_net::socket::{TcpBuilder, TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixBuilder, UnixDatagram, UnixStream};

/// A step returns what it saw, for its line.
type Step = fn() -> io::Result<String>;

fn main() -> ExitCode {
    let steps: [(&str, Step); 10] = [
        ("TCP echo with a deadline", tcp),
        ("UDP there and back", udp),
        ("Unix stream by path", unix_stream),
        ("Unix datagrams", unix_datagram),
        ("connection refused", refused),
        ("deadline missed", timeout),
        ("text that is not an address", parse_error),
        ("address and its purpose", addresses),
        ("connection handed to another process", hand_over),
        ("many connections at once", many),
    ];
    let mut held = 0;
    for (name, step) in &steps {
        let start = Instant::now();
        match step() {
            Ok(said) => {
                held += 1;
                println!("ok    {name}: {said} ({:.1?})", start.elapsed());
            }
            Err(error) => println!("FAIL  {name}: {error}"),
        }
    }
    println!("{held} of {} steps held", steps.len());
    if held == steps.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns an error if `got` is not `wanted`.
fn expect<T: PartialEq + Display>(got: T, wanted: T) -> io::Result<T> {
    if got == wanted {
        Ok(got)
    } else {
        Err(io::Error::other(format!("got {got}, expected {wanted}")))
    }
}

fn tcp() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = process::spawn(move || -> io::Result<()> {
        let (stream, _) = listener.accept()?;
        stream.set_deadline(Duration::from_secs(10));
        stream.write_string(&stream.read_string(64)?)
    });
    let client = TcpStream::connect(address)?;
    client.set_deadline(Duration::from_secs(10));
    client.write_string("ping")?;
    let answer = expect(client.read_string(64)?, "ping".into())?;
    server
        .join()
        .map_err(|_| io::Error::other("the server panicked"))??;
    Ok(format!("{address} answered '{answer}'"))
}

fn udp() -> io::Result<String> {
    let (a, b) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    b.set_deadline(Duration::from_secs(10));
    a.send_to(b"datagram", b.local_addr()?)?;
    let mut buf = [0; 64];
    let (n, from) = b.recv_from(&mut buf)?;
    expect(from, a.local_addr()?)?;
    Ok(format!("{n} bytes from {from}"))
}

fn unix_stream() -> io::Result<String> {
    let path = std::env::temp_dir().join(format!("std_net-tour-{}.sock", std::process::id()));
    let listener = UnixBuilder::new()
        .mode(0o600)
        .unlink_on_drop(true)
        .listen(&path)?;
    let client = UnixStream::connect(&path)?;
    client.write_string("over a path")?;
    let (server, _) = listener.accept()?;
    server.set_deadline(Duration::from_secs(10));
    expect(server.read_string(64)?, "over a path".into())?;
    let peer = server.peer_cred()?;
    Ok(format!(
        "{} from pid {}",
        path.display(),
        peer.pid.unwrap_or(0)
    ))
}

fn unix_datagram() -> io::Result<String> {
    let (a, b) = UnixDatagram::pair()?;
    b.set_deadline(Duration::from_secs(10));
    a.write_string("one")?;
    a.write_string("two")?;
    expect(b.read_string(64)?, "one".into())?;
    expect(b.read_string(64)?, "two".into())?;
    Ok("two messages, kept apart".into())
}

fn refused() -> io::Result<String> {
    // This port was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    match TcpStream::connect(address) {
        Ok(_) => Err(io::Error::other("a program listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(error.to_string()),
        Err(error) => Err(error),
    }
}

fn timeout() -> io::Result<String> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_deadline(Duration::from_millis(20));
    match socket.recv_from(&mut [0; 8]) {
        Ok(_) => Err(io::Error::other("there should be no data")),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(error.to_string()),
        Err(error) => Err(error),
    }
}

fn parse_error() -> io::Result<String> {
    match ip::parse("192.0.2.256") {
        Ok(addr) => Err(io::Error::other(format!("taken for {addr}"))),
        Err(error) => Ok(error.to_string()),
    }
}

fn addresses() -> io::Result<String> {
    let addr = ip::parse("2001:0DB8:0:0:0:0:0:1")?;
    expect(addr.canonical().to_string(), "2001:db8::1".into())?;
    let block = ip::classify(addr).map_or("nothing special", |block| block.name());
    Ok(format!("{} is for {block}", addr.canonical()))
}

fn hand_over() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, receiver) = process::channel::bounded::<TcpStream>(1);
    let answering = process::spawn(move || -> io::Result<()> {
        for stream in receiver {
            stream.write_string("from another process")?;
        }
        Ok(())
    });
    let accepting = process::spawn(move || -> io::Result<()> {
        let (stream, _) = listener.accept()?;
        sender
            .send(stream)
            .map_err(|_| io::Error::other("no process takes the connection"))
    });
    let client = TcpStream::connect(address)?;
    client.set_deadline(Duration::from_secs(10));
    let said = client.read_string(64)?;
    for process in [accepting, answering] {
        process
            .join()
            .map_err(|_| io::Error::other("a process panicked"))??;
    }
    Ok(format!("'{said}'"))
}

/// Opens 5,000 connections to an echo server in this program, or fewer if the limit of descriptors is
/// lower.
fn many() -> io::Result<String> {
    const ROUNDS: usize = 4;
    let connections = 5000.min(descriptor_limit().saturating_sub(64) / 2);
    // All connect at once, so the queue must be longer than usual.
    let listener = TcpBuilder::new().backlog(4096).listen("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let before = resident_bytes();

    let server = process::spawn(move || -> io::Result<()> {
        let mut echoes = Vec::new();
        for _ in 0..connections {
            let (mut stream, _) = listener.accept()?;
            echoes.push(process::spawn(move || -> io::Result<()> {
                let mut buf = [0; 1024];
                loop {
                    match stream.read(&mut buf)? {
                        0 => return Ok(()),
                        n => stream.write_all(&buf[..n])?,
                    }
                }
            }));
        }
        for echo in echoes {
            echo.join()
                .map_err(|_| io::Error::other("an echo panicked"))??;
        }
        Ok(())
    });

    let start = Instant::now();
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(TcpStream::connect(address)?);
    }
    // All connections are open now. A process serves each of them several times.
    let clients: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut stream)| {
            process::spawn(move || -> io::Result<TcpStream> {
                stream.set_deadline(Duration::from_secs(60));
                for round in 0..ROUNDS {
                    let message = (number * ROUNDS + round).to_be_bytes();
                    stream.write_all(&message)?;
                    let mut answer = [0; 8];
                    stream.read_exact(&mut answer)?;
                    expect(usize::from_be_bytes(answer), usize::from_be_bytes(message))?;
                }
                Ok(stream)
            })
        })
        .collect();
    let mut open = Vec::with_capacity(connections);
    for client in clients {
        open.push(
            client
                .join()
                .map_err(|_| io::Error::other("a client panicked"))??,
        );
    }
    let took = start.elapsed();
    let memory = resident_bytes().saturating_sub(before);
    drop(open);
    server
        .join()
        .map_err(|_| io::Error::other("the server panicked"))??;
    let requests = connections * ROUNDS;
    Ok(format!(
        "{connections} connections, {:.0} requests/s with connecting, {} bytes of memory for each \
         (both ends)",
        requests as f64 / took.as_secs_f64(),
        memory / connections,
    ))
}

/// Returns the soft limit of open descriptors, or 1024 if it cannot be read.
fn descriptor_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(1024)
}

/// Returns the resident memory of this OS process in bytes, or 0 if it cannot be read.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<usize>().ok())
        .unwrap_or(0)
        * 1024
}
