//! Other code can change a descriptor, by `fcntl` or through std's types. Do waits inside the library
//! see this? A timeout that counts on a thread must count in a process.

use std::io::{self, ErrorKind, Read, Write};
use std::net;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixListener, UnixStream};
use std_net_tests::{TempPath, both, tcp_pair};

const SOON: Duration = Duration::from_millis(10);

fn fcntl_nonblocking(fd: &impl AsRawFd, on: bool) {
    let fd = fd.as_raw_fd();
    // SAFETY: this only reads and sets the flags of an open descriptor.
    let set = unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        let flags = if on {
            flags | libc::O_NONBLOCK
        } else {
            flags & !libc::O_NONBLOCK
        };
        libc::fcntl(fd, libc::F_SETFL, flags)
    };
    assert_eq!(set, 0, "{}", io::Error::last_os_error());
}

fn duplicate(fd: &impl AsFd) -> OwnedFd {
    fd.as_fd().try_clone_to_owned().unwrap()
}

fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Calls `set` with the descriptor in every way in which other code can reach it.
fn each_way(set: impl Fn(&net::TcpStream), check: impl Fn(&TcpStream, &TcpStream)) {
    // A clone becomes a type of std. It is dropped, or it stays.
    let (a, b) = tcp_pair();
    let std = net::TcpStream::from(a.try_clone().unwrap());
    set(&std);
    check(&a, &b);
    drop(std);
    let (a, b) = tcp_pair();
    set(&net::TcpStream::from(a.try_clone().unwrap()));
    check(&a, &b);
    // This is a duplicate of the descriptor from `as_fd`.
    let (a, b) = tcp_pair();
    let std = net::TcpStream::from(duplicate(&a));
    set(&std);
    check(&a, &b);
    // The socket has been used before.
    let (a, b) = tcp_pair();
    (&b).write_all(b"x").unwrap();
    (&a).read_exact(&mut [0]).unwrap();
    let clone = a.try_clone().unwrap();
    set(&net::TcpStream::from(clone));
    check(&a, &b);
    // The socket comes from other code, which keeps a duplicate.
    let (a, b) = tcp_pair();
    let theirs = net::TcpStream::from(a);
    let a = TcpStream::from(theirs.try_clone().unwrap());
    (&b).write_all(b"x").unwrap();
    (&a).read_exact(&mut [0]).unwrap();
    set(&theirs);
    check(&a, &b);
}

#[test]
fn a_time_out_set_outside_counts() {
    both(|| {
        each_way(
            |s| s.set_read_timeout(Some(SOON)).unwrap(),
            |mut a, mut b| {
                would_block(a.read(&mut [0; 8]));
                would_block(a.read_lent().map(|l| l.len()));
                b.write_all(b"data").unwrap();
                while a.peek(&mut [0; 8]).is_err() {
                    process::yield_now();
                }
                assert_eq!(a.read(&mut [0; 8]).unwrap(), 4);
                would_block(a.read(&mut [0; 8]));
            },
        );
        each_way(
            |s| s.set_write_timeout(Some(SOON)).unwrap(),
            |mut a, _| loop {
                if let Err(error) = a.write(&[0; 1 << 16]) {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            },
        );
    });
}

#[test]
fn a_mode_set_outside_counts() {
    if cfg!(std_net_portable) {
        eprintln!(
            "SKIPPED: this does not work yet with a reactor that reports only once; see docs/platforms.md"
        );
        return;
    }
    both(|| {
        each_way(
            |s| s.set_nonblocking(true).unwrap(),
            |mut a, mut b| {
                would_block(a.read(&mut [0; 8]));
                would_block(a.read_lent().map(|l| l.len()));
                b.write_all(b"data").unwrap();
                while a.peek(&mut [0; 8]).is_err() {
                    process::yield_now();
                }
                assert_eq!(a.read(&mut [0; 8]).unwrap(), 4);
                would_block(a.read(&mut [0; 8]));
                // Change it back again.
                let std = net::TcpStream::from(a.try_clone().unwrap());
                std.set_nonblocking(false).unwrap();
                a.set_deadline(SOON);
                let error = a.read(&mut [0; 8]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TimedOut, "it waits");
            },
        );
    });
}

#[test]
fn fcntl_counts_on_every_kind() {
    both(|| {
        let (a, _b) = UnixStream::pair().unwrap();
        fcntl_nonblocking(&a, true);
        would_block((&a).read(&mut [0; 8]));
        a.set_deadline(Duration::from_secs(3600));
        would_block((&a).read(&mut [0; 8]));

        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        fcntl_nonblocking(&udp, true);
        would_block(udp.recv_from(&mut [0; 8]));
        fcntl_nonblocking(&udp, false);
        udp.set_read_timeout(Some(SOON)).unwrap();
        would_block(udp.recv_from(&mut [0; 8]));

        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        fcntl_nonblocking(&tcp, true);
        would_block(tcp.accept());
        let at = TempPath::new();
        let unix = UnixListener::bind(&at).unwrap();
        fcntl_nonblocking(&unix, true);
        would_block(unix.accept());
    });
}

/// A process makes a listener non-blocking internally. If other code removes this, the worker must not
/// stop, because another process must go on.
#[test]
fn a_listener_made_blocking_outside_keeps_no_worker() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        process::scope(|scope| {
            for _ in 0..3 {
                let accepting = scope.spawn(|| listener.accept().unwrap());
                process::yield_now();
                fcntl_nonblocking(&listener, false);
                let client = scope.spawn(move || TcpStream::connect(addr).unwrap());
                accepting.join().unwrap();
                client.join().unwrap();
            }
        });
        // A listener that is given away has the mode that its user chose.
        let std = net::TcpListener::from(listener);
        let flags = flags_of(&std);
        assert_eq!(flags & libc::O_NONBLOCK, 0);
    });
}

fn flags_of(fd: &impl AsRawFd) -> i32 {
    // SAFETY: this only reads the flags of an open descriptor.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) }
}

/// A process that begins to accept sets `O_NONBLOCK`. A thread that sees this flag must not take it for
/// the wish of the user.
#[test]
fn what_we_set_ourselves_is_nobodys_wish() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(listener.as_raw_fd() >= 0);
        process::scope(|scope| {
            let thread = std::thread::scope(|threads| {
                let thread = threads.spawn(|| listener.accept().map(drop));
                let accepting = scope.spawn(|| listener.accept().map(drop));
                // They run on threads of their own, because this thread waits for both.
                threads.spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    let clients = [net::TcpStream::connect(addr), net::TcpStream::connect(addr)];
                    std::thread::sleep(Duration::from_millis(20));
                    drop(clients);
                });
                (process::blocking(|| thread.join().unwrap()), accepting)
            });
            thread.0.unwrap();
            thread.1.join().unwrap().unwrap();
        });
    });
}
