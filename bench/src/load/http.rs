//! The load of HTTP/1.1: many connections, with one request in flight on each. It parses the head of every answer and
//! compares the body.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Response, Status};

use super::{Outcome, Plan, Poll, Window, let_accept, recv, send};

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";

/// The body of every answer.
pub(crate) const HELLO: &[u8] = b"Hello, HTTP!\n";

/// How long it tries to connect. The server may not listen yet.
const PATIENCE: Duration = Duration::from_secs(3);

struct Connection {
    stream: TcpStream,
    began: Instant,
    /// The bytes of the answer that have come.
    received: Vec<u8>,
}

pub(super) fn run(plan: &Plan) -> io::Result<Outcome> {
    let mut poll = Poll::new(plan.spin)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for key in 0..plan.connections {
        let_accept(key);
        let stream = open(plan)?;
        poll.add(stream.as_raw_fd(), key)?;
        connections.push(Connection {
            stream,
            began: Instant::now(),
            received: Vec::with_capacity(512),
        });
    }
    for c in &mut connections {
        ask(c, Instant::now())?;
    }
    let mut window = Window::new(plan);
    let mut buf = vec![0; 16 << 10];
    let mut keys = Vec::new();
    while window.goes_on(Instant::now())? {
        poll.wait(1000, &mut keys)?;
        if keys.is_empty() {
            return Err(io::Error::other("no answer for a second"));
        }
        for &key in &keys {
            let c = &mut connections[key];
            match recv(c.stream.as_raw_fd(), &mut buf)? {
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(n) => c.received.extend_from_slice(&buf[..n]),
                None => continue,
            }
            if is_complete(&c.received)? {
                let now = Instant::now();
                window.request(c.began, now);
                ask(c, now)?;
            }
        }
    }
    window.outcome()
}

fn ask(c: &mut Connection, now: Instant) -> io::Result<()> {
    c.received.clear();
    c.began = now;
    match send(c.stream.as_raw_fd(), REQUEST)? {
        Some(n) if n == REQUEST.len() => Ok(()),
        _ => Err(io::Error::other("no room for a request")),
    }
}

/// Returns true if the answer is complete. Returns an error if it is not the expected answer.
fn is_complete(received: &[u8]) -> io::Result<bool> {
    let bad = || io::Error::other(format!("a bad answer: {:?}", received.escape_ascii()));
    let mut headers = [EMPTY_HEADER; 16];
    let mut answer = Response::new(&mut headers);
    let Status::Complete(head) = answer.parse(received).map_err(|_| bad())? else {
        return Ok(false);
    };
    let field = |name: &str| {
        let mut fields = answer.headers.iter();
        fields.find(|field| field.name.eq_ignore_ascii_case(name))
    };
    let length = field("content-length").ok_or_else(bad)?.value;
    let length: Option<usize> = str::from_utf8(length).ok().and_then(|n| n.parse().ok());
    let kept = field("connection").is_none_or(|c| c.value.eq_ignore_ascii_case(b"keep-alive"));
    let body = &received[head..];
    let right = answer.code == Some(200)
        && answer.version == Some(1)
        && length == Some(HELLO.len())
        && field("date").is_some()
        && kept
        && HELLO.starts_with(body);
    if right {
        Ok(body.len() == HELLO.len())
    } else {
        Err(bad())
    }
}

fn open(plan: &Plan) -> io::Result<TcpStream> {
    let begun = Instant::now();
    let stream = loop {
        match TcpStream::connect(&plan.addr) {
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionRefused
                    && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => break other?,
        }
    };
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
