//! Does `select!` take what comes first, of any kind, and lose nothing of the rest?

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, Builder, Stopped, channel};
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::UnixStream;
use std_net_tests::{both, tcp_pair};

const NEVER: Duration = Duration::MAX;
const SOON: Duration = Duration::from_millis(10);

#[derive(Debug, PartialEq)]
enum Came {
    Value(u32),
    Closed,
    Joined,
    Readable,
    Writable,
    Time,
    Future(u8),
}

#[test]
fn each_kind_comes_alone() {
    both(|| {
        let (sender, receiver) = channel::bounded(1);
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let full = {
            let (stream, peer) = UnixStream::pair().unwrap();
            while stream.try_write(&[0; 4096]).is_ok() {}
            (stream, peer)
        };
        let (end, ends) = channel::bounded::<()>(1);
        let process = process::spawn(move || ends.recv().is_ok());
        let wait = |deadline: Duration| {
            process::select! {
                recv(receiver) -> value => value.map_or(Came::Closed, Came::Value),
                join(process) => Came::Joined,
                readable(ours) -> ready => {
                    ready.unwrap();
                    Came::Readable
                },
                writable(full.0) -> ready => {
                    ready.unwrap();
                    Came::Writable
                },
                after(deadline) => Came::Time,
                future(std::future::pending::<u8>()) -> n => Came::Future(n),
            }
            .unwrap()
        };
        assert_eq!(wait(SOON), Came::Time);
        sender.send(7).unwrap();
        assert_eq!(wait(NEVER), Came::Value(7));
        theirs.write_all(b"x").unwrap();
        assert_eq!(wait(NEVER), Came::Readable);
        // The first `select!` saw the data, but did not take them.
        assert_eq!(wait(NEVER), Came::Readable);
        (&ours).read_exact(&mut [0]).unwrap();
        assert_eq!(wait(SOON), Came::Time);
        while full.1.try_read(&mut [0; 4096]).is_ok() {}
        assert_eq!(wait(NEVER), Came::Writable);
        while full.0.try_write(&[0; 4096]).is_ok() {}
        assert_eq!(wait(SOON), Came::Time);
        end.send(()).unwrap();
        assert_eq!(wait(NEVER), Came::Joined);
        drop(sender);
        assert_eq!(wait(NEVER), Came::Closed);
        assert!(process.join().unwrap());
    });
}

#[test]
fn what_comes_during_the_wait_ends_it() {
    both(|| {
        let (sender, receiver) = channel::bounded(1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addrs = (listener.local_addr().unwrap(), udp.local_addr().unwrap());
        for round in 0..30 {
            let sender = sender.clone();
            let other = thread::spawn(move || match round % 3 {
                0 => sender.send(round).unwrap(),
                1 => drop(TcpStream::connect(addrs.0).unwrap()),
                _ => {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket.send_to(b"x", addrs.1).unwrap();
                }
            });
            let came = process::select! {
                recv(receiver) -> value => {
                    assert_eq!(value, Ok(round));
                    0
                },
                readable(listener) => {
                    listener.accept().unwrap();
                    1
                },
                readable(udp) => {
                    udp.recv_from(&mut [0]).unwrap();
                    2
                },
            };
            assert_eq!(came, Ok(round % 3));
            process::blocking(|| other.join().unwrap());
        }
    });
}

#[test]
fn the_first_of_several_is_taken_and_the_rest_is_there_still() {
    both(|| {
        let (a, from_a) = channel::unbounded();
        let (b, from_b) = channel::unbounded();
        a.send('a').unwrap();
        b.send('b').unwrap();
        let mut got = String::new();
        for _ in 0..2 {
            process::select! {
                recv(from_a) -> c => got.push(c.unwrap()),
                recv(from_b) -> c => got.push(c.unwrap()),
            }
            .unwrap();
        }
        assert_eq!(got, "ab");
        // This has only one arm, and a value is moved into it.
        let process = process::spawn(|| 5);
        let five = process::select! { join(process) => process.join().unwrap() };
        assert_eq!(five, Ok(5));
        // A future that is ready stands behind arms that are not.
        let came = process::select! {
            recv(from_a) => 0,
            future(async { 1 }) -> n => n,
        };
        assert_eq!(came, Ok(1));
    });
}

#[test]
fn many_values_through_many_selects_are_all_there_once() {
    both(|| {
        let (a, from_a) = channel::bounded(2);
        let (b, from_b) = channel::bounded(2);
        let senders: Vec<_> = [a, b]
            .into_iter()
            .map(|sender| process::spawn(move || (0..500u64).for_each(|n| sender.send(n).unwrap())))
            .collect();
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let (from_a, from_b) = (from_a.clone(), from_b.clone());
                process::spawn(move || {
                    let (mut sum, mut count, mut open) = (0, 0, [true, true]);
                    while open != [false, false] {
                        let (which, value) = if open == [true, true] {
                            process::select! {
                                recv(from_a) -> n => (0, n),
                                recv(from_b) -> n => (1, n),
                            }
                            .unwrap()
                        } else if open[0] {
                            (0, from_a.recv())
                        } else {
                            (1, from_b.recv())
                        };
                        match value {
                            Ok(n) => (sum, count) = (sum + n, count + 1),
                            Err(_) => open[which] = false,
                        }
                    }
                    (sum, count)
                })
            })
            .collect();
        for sender in senders {
            sender.join().unwrap();
        }
        let all: Vec<(u64, u32)> = receivers.into_iter().map(|r| r.join().unwrap()).collect();
        assert_eq!(all.iter().map(|r| r.1).sum::<u32>(), 1000);
        assert_eq!(
            all.iter().map(|r| r.0).sum::<u64>(),
            2 * (0..500).sum::<u64>()
        );
    });
}

#[test]
fn a_cancel_and_a_deadline_end_it() {
    both(|| {
        // Made before the deadline counts: on a slow machine this takes longer than `SOON`.
        let (client, _server) = tcp_pair();
        let wait = move || -> io::Result<()> {
            let (_sender, receiver) = channel::bounded::<()>(1);
            process::select! {
                recv(receiver) => {},
                readable(client) => {},
                after(NEVER) => {},
            }?;
            Ok(())
        };
        let late = Builder::new().deadline(SOON).spawn(wait).unwrap();
        let error = late.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (told, tells) = channel::bounded(1);
        let cancelled = process::spawn(move || {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            told.send(()).unwrap();
            process::select! { readable(ours) => 0, after(NEVER) => 1 }
        });
        tells.recv().unwrap();
        cancelled.cancel();
        assert_eq!(cancelled.join().unwrap(), Err(Stopped::Cancelled));
    });
}

#[test]
fn no_waiter_is_left_behind() {
    both(|| {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        for _ in 0..100 {
            let came = process::select! {
                readable(ours) => 0,
                after(Duration::ZERO) => 1,
            };
            assert_eq!(came, Ok(1));
        }
        let start = Instant::now();
        let writer = process::spawn(move || theirs.write_all(b"ping").map(|()| theirs));
        ours.read_exact(&mut [0; 4]).unwrap();
        writer.join().unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_secs(30));
    });
}
