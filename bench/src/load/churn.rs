//! The load of a churn: each connection makes one round trip and ends by a reset, so that none stays in TIME_WAIT.

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

use super::{Outcome, Pattern, Plan, Poll, Window, cvt, recv, send};

struct Slot {
    fd: OwnedFd,
    sequence: u64,
    sent: bool,
    received: usize,
    began: Instant,
}

pub(super) fn run(plan: &Plan) -> io::Result<Outcome> {
    let addr: SocketAddr = plan.addr.parse().map_err(io::Error::other)?;
    let SocketAddr::V4(addr) = addr else {
        return Err(io::Error::other("only IPv4"));
    };
    let pattern = Pattern::new(plan.size);
    let mut poll = Poll::new(plan.spin)?;
    let mut slots = (0..plan.connections)
        .map(|key| begin(&poll, addr, key, 0))
        .collect::<io::Result<Vec<Slot>>>()?;
    let mut window = Window::new(plan);
    let mut buf = vec![0; plan.size];
    let mut keys = Vec::new();
    loop {
        poll.wait(1000, &mut keys)?;
        if keys.is_empty() {
            return Err(io::Error::other("no answer for a second"));
        }
        for &key in &keys {
            let slot = &mut slots[key];
            let request = pattern.request(key, slot.sequence, plan.size);
            let fd = slot.fd.as_raw_fd();
            if !slot.sent {
                match send(fd, request) {
                    Ok(Some(n)) if n == plan.size => slot.sent = true,
                    Ok(None) => continue,
                    Ok(_) => return Err(io::Error::other("a request too large to churn")),
                    Err(e) => return Err(e),
                }
                // The answer will bring another event.
                continue;
            }
            match recv(fd, &mut buf[slot.received..])? {
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(n) => slot.received += n,
                None => continue,
            }
            if slot.received == plan.size {
                if buf != request {
                    return Err(io::Error::other("other bytes came back than were sent"));
                }
                let now = Instant::now();
                window.request(slot.began, now);
                let next = begin(&poll, addr, key, slot.sequence + 1)?;
                reset(mem::replace(slot, next).fd)?;
            }
        }
        if !window.goes_on(Instant::now())? {
            return window.outcome();
        }
    }
}

fn begin(poll: &Poll, addr: SocketAddrV4, key: usize, sequence: u64) -> io::Result<Slot> {
    let flags = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the call has no preconditions; the descriptor is ours.
    let fd = unsafe { OwnedFd::from_raw_fd(cvt(libc::socket(libc::AF_INET, flags, 0))?) };
    let name = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: addr.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(addr.ip().octets()),
        },
        sin_zero: [0; 8],
    };
    let began = Instant::now();
    // SAFETY: a live address of that length.
    let result = unsafe {
        libc::connect(
            fd.as_raw_fd(),
            (&raw const name).cast(),
            mem::size_of_val(&name) as u32,
        )
    };
    match cvt(result) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => return Err(e),
        _ => {}
    }
    poll.add(fd.as_raw_fd(), key)?;
    Ok(Slot {
        fd,
        sequence,
        sent: false,
        received: 0,
        began,
    })
}

fn reset(fd: OwnedFd) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: a live linger of that length.
    cvt(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            mem::size_of_val(&linger) as u32,
        )
    })
    .map(drop)
}
