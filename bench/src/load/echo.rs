//! The load of an echo: many connections, with one request in flight on each. The answer must have the same bytes.

use std::io;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{Net, Outcome, Pattern, Plan, Poll, Window, let_accept, recv, resident, send};

/// With `--hogs`: how long a measured connection pauses after each answer.
const PAUSE: Duration = Duration::from_millis(1);
/// The bytes of a request from one of `--hogs`. They are so many that the server finds data whenever it looks.
const HOG_SIZE: usize = 1 << 20;

struct Connection {
    fd: OwnedFd,
    sequence: u64,
    sent: usize,
    received: usize,
    began: Instant,
    /// The end of its pause. `None`: a request is in flight.
    next: Option<Instant>,
}

pub(super) fn run(plan: &Plan) -> io::Result<Outcome> {
    let before = match (plan.idle, plan.pid) {
        (true, Some(pid)) => {
            warm(plan)?;
            resident(pid)?
        }
        _ => 0,
    };
    let size = |key| if key < plan.hogs { HOG_SIZE } else { plan.size };
    let pattern = Pattern::new(size(0).max(plan.size));
    let mut poll = Poll::new(plan.spin)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for i in 0..plan.connections {
        let_accept(i);
        let fd = open(plan)?;
        poll.add(fd.as_raw_fd(), i)?;
        connections.push(Connection {
            fd,
            sequence: 0,
            sent: 0,
            received: 0,
            began: Instant::now(),
            next: None,
        });
    }
    // All begin now. So the time that other connections took to open does not count as latency.
    let now = Instant::now();
    for c in &mut connections {
        c.began = now;
    }
    let mut window = Window::new(plan);
    let mut buf = vec![0; plan.size.max(64 << 10)];
    let mut keys: Vec<usize> = (0..plan.connections).collect();
    let mut served = 0;
    loop {
        for &key in &keys {
            let c = &mut connections[key];
            if c.next.is_some() {
                continue;
            }
            while pump(c, pattern.request(key, c.sequence, size(key)), &mut buf)? {
                let now = Instant::now();
                let measured = key >= plan.hogs;
                if measured {
                    window.request(c.began, now);
                }
                served += usize::from(c.sequence == 0);
                (c.sequence, c.sent, c.received) = (c.sequence + 1, 0, 0);
                c.began = now;
                if plan.idle || (plan.hogs > 0 && measured) {
                    c.next = Some(now + PAUSE);
                    break;
                }
            }
        }
        if plan.idle && served == plan.connections {
            return idle(plan, before);
        }
        let now = Instant::now();
        if !window.goes_on(now)? {
            return window.outcome();
        }
        poll.wait(if plan.hogs > 0 { 1 } else { 1000 }, &mut keys)?;
        if plan.hogs > 0 {
            let now = Instant::now();
            for (key, c) in connections.iter_mut().enumerate().skip(plan.hogs) {
                if c.next.is_some_and(|at| at <= now) {
                    c.next = None;
                    c.began = now;
                    keys.push(key);
                }
            }
        } else if keys.is_empty() {
            return Err(io::Error::other("no answer for a second"));
        }
    }
}

/// Sends and receives as much of a request as possible. Returns true when its answer is complete.
fn pump(c: &mut Connection, request: &[u8], buf: &mut [u8]) -> io::Result<bool> {
    let size = request.len();
    let fd = c.fd.as_raw_fd();
    let mut sent_before = usize::MAX;
    loop {
        while c.sent < size && c.sent != sent_before {
            sent_before = c.sent;
            match send(fd, &request[c.sent..])? {
                Some(n) => c.sent += n,
                None => break,
            }
        }
        if c.received == c.sent && c.sent == size {
            return Ok(true);
        }
        if c.received == 0 && sent_before == 0 && c.sent == size {
            // All of the request was sent just now. Its answer will bring an event.
            return Ok(false);
        }
        let room = buf.len().min(size - c.received);
        match recv(fd, &mut buf[..room])? {
            Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(n) => {
                if buf[..n] != request[c.received..c.received + n] {
                    return Err(io::Error::other("other bytes came back than were sent"));
                }
                c.received += n;
            }
            None => return Ok(false),
        }
    }
}

/// Opens and closes one connection, so that the server has allocated all that it allocates only once.
fn warm(plan: &Plan) -> io::Result<()> {
    let fd = open(plan)?;
    let byte = [1u8; 1];
    while send(fd.as_raw_fd(), &byte)?.is_none() {}
    let mut back = [0];
    while recv(fd.as_raw_fd(), &mut back)?.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(fd);
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// Waits until the server is at rest, and reads its memory.
fn idle(plan: &Plan, before: u64) -> io::Result<Outcome> {
    std::thread::sleep(Duration::from_millis(300));
    let after = plan.pid.map_or(Ok(0), resident)?;
    Ok(Outcome {
        idle_bytes: (after - before) as f64 / plan.connections as f64,
        ..Outcome::default()
    })
}

fn open(plan: &Plan) -> io::Result<OwnedFd> {
    Ok(match plan.net {
        Net::Tcp => {
            let stream = TcpStream::connect(&plan.addr)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            stream.into()
        }
        Net::Unix => {
            let stream = UnixStream::connect(&plan.addr)?;
            stream.set_nonblocking(true)?;
            stream.into()
        }
        Net::Udp => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(&plan.addr)?;
            socket.set_nonblocking(true)?;
            socket.into()
        }
    })
}
