//! Do `copy` and `copy_bidirectional` copy every byte and every end, between all kinds of connection,
//! and do they end when either side fails?

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::time::Duration;

use std_net::process;
use std_net::unix::UnixStream;
use std_net::{Connection, copy, copy_bidirectional};
use std_net_tests::{both, tcp_pair};

/// More bytes than pipes and buffers hold.
const LARGE: usize = 5_000_000;

fn bytes(salt: usize) -> Vec<u8> {
    // They begin anew after so many. A debug build would take long to compute each.
    let first: Vec<u8> = (0..3 * 253).map(|i| (i / 3 * salt % 253) as u8).collect();
    let mut all = first.repeat(LARGE.div_ceil(first.len()));
    all.truncate(LARGE);
    all
}

fn unix_pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

/// Makes a client, a server, and the two connections of a proxy between them.
fn both_ways<A, B>((client, a): (A, A), (b, server): (B, B))
where
    A: Connection + Send + 'static,
    B: Connection + Send + 'static,
    for<'a> &'a A: Read + Write,
    for<'a> &'a B: Read + Write,
{
    let client = process::spawn(move || {
        let mut got = Vec::new();
        process::scope(|s| {
            s.spawn(|| {
                (&client).write_all(&bytes(1)).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
            });
            (&client).read_to_end(&mut got).unwrap();
        });
        got
    });
    let server = process::spawn(move || {
        // The server answers only after the client's end has arrived.
        let mut got = Vec::new();
        (&server).read_to_end(&mut got).unwrap();
        (&server).write_all(&bytes(2)).unwrap();
        got
    });
    let (there, back) = copy_bidirectional(&a, &b).unwrap();
    drop((a, b));
    assert_eq!((there, back), (LARGE as u64, LARGE as u64));
    assert!(server.join().unwrap() == bytes(1));
    assert!(client.join().unwrap() == bytes(2));
}

#[test]
fn between_every_two_kinds() {
    both(|| {
        both_ways(tcp_pair(), tcp_pair());
        both_ways(tcp_pair(), unix_pair());
        both_ways(unix_pair(), tcp_pair());
        both_ways(unix_pair(), unix_pair());
    });
}

#[test]
fn one_way_until_the_end() {
    both(|| {
        let (client, a) = tcp_pair();
        let (b, server) = unix_pair();
        let sender = process::spawn(move || (&client).write_all(&bytes(3)).unwrap());
        let reader = process::spawn(move || {
            let mut got = vec![0; LARGE];
            (&server).read_exact(&mut got).unwrap();
            // The end was not passed on.
            server.set_deadline(Duration::from_millis(5));
            let error = (&server).read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            got
        });
        assert_eq!(copy(&a, &b).unwrap(), LARGE as u64);
        assert!(reader.join().unwrap() == bytes(3));
        sender.join().unwrap();
        assert_eq!(copy(&a, &b).unwrap(), 0, "at the end");
    });
}

#[test]
fn an_error_of_one_side_ends_both_directions() {
    both(|| {
        let (client, a) = unix_pair();
        let (b, server) = unix_pair();
        let proxy = process::spawn(move || copy_bidirectional(&a, &b));
        drop(server);
        // The client neither ends its stream nor closes it.
        let mut rest = Vec::new();
        (&client).read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
        let _ = (&client).write_all(b"for nobody");
        drop(client);
        let _ = proxy.join().unwrap();
    });
}

#[test]
fn a_deadline_ends_it() {
    both(|| {
        let (_client, a) = tcp_pair();
        let (b, _server) = tcp_pair();
        a.set_deadline(Duration::from_millis(10));
        let error = copy(&a, &b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = copy_bidirectional(&a, &b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_slow_reader_holds_the_sender_back_and_loses_nothing() {
    both(|| {
        let (client, a) = tcp_pair();
        let (b, server) = unix_pair();
        let sender = process::spawn(move || (&client).write_all(&bytes(4)).unwrap());
        let reader = process::spawn(move || {
            let mut got = Vec::new();
            let mut buf = [0; 1500];
            loop {
                process::yield_now();
                match (&server).read(&mut buf).unwrap() {
                    0 => return got,
                    n => got.extend_from_slice(&buf[..n]),
                }
            }
        });
        copy(&a, &b).unwrap();
        drop(b);
        assert!(reader.join().unwrap() == bytes(4));
        sender.join().unwrap();
    });
}

#[test]
fn who_waits_holds_no_pipe() {
    both(|| {
        let before = std_net_tests::descriptors();
        let mut waiting = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..50 {
            let (client, a) = unix_pair();
            let (b, server) = unix_pair();
            (&client).write_all(b"x").unwrap();
            waiting.push(process::spawn(move || copy(&a, &b).unwrap()));
            let mut buf = [0; 10];
            assert_eq!((&server).read(&mut buf).unwrap(), 1);
            clients.push((client, server));
        }
        // Each copy has four sockets, and there may be as many pipes as a worker keeps.
        let now = std_net_tests::descriptors();
        assert!(now - before <= 50 * 4 + 2 * 16 * 4, "{before} to {now}");
        drop(clients);
        for one in waiting {
            assert_eq!(one.join().unwrap(), 1);
        }
    });
}

/// Sends one byte out of band.
fn send_urgent(to: &impl AsRawFd) {
    // SAFETY: the pointer is to one live byte.
    let sent = unsafe { libc::send(to.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "{}", std::io::Error::last_os_error());
}

/// `splice(2)` stops at an urgent mark, and returns 0 or "would block" for ever.
fn past_an_urgent_mark<S>((client, a): (S, S))
where
    S: Connection + AsRawFd + Send + 'static,
    for<'a> &'a S: Read + Write,
{
    let (b, server) = unix_pair();
    let (begun, begins) = process::channel::bounded::<()>(1);
    let copied = process::spawn(move || {
        begun.send(()).unwrap();
        copy(&a, &b)
    });
    begins.recv().unwrap();
    (&client).write_all(b"before").unwrap();
    let mut got = [0; 6];
    (&server).read_exact(&mut got).unwrap();
    assert_eq!(&got, b"before");
    // For a while the queue has nothing but the mark.
    send_urgent(&client);
    process::sleep(Duration::from_millis(5));
    (&client).write_all(b"after").unwrap();
    let mut got = [0; 5];
    (&server).read_exact(&mut got).unwrap();
    assert_eq!(&got, b"after", "and the end has not come yet");
    send_urgent(&client);
    (&client).write_all(b" and then").unwrap();
    drop(client);
    assert_eq!(copied.join().unwrap().unwrap(), 20);
    let mut rest = String::new();
    (&server).read_to_string(&mut rest).unwrap();
    assert_eq!(rest, " and then");
}

#[test]
fn an_urgent_mark_is_no_end() {
    both(|| {
        past_an_urgent_mark(tcp_pair());
        past_an_urgent_mark(unix_pair());
        // With a deadline, a thread waits in another way.
        let (tcp, unix) = (tcp_pair(), unix_pair());
        tcp.1.set_deadline(Duration::from_secs(3600));
        unix.1.set_deadline(Duration::from_secs(3600));
        past_an_urgent_mark(tcp);
        past_an_urgent_mark(unix);
    });
}

/// All data and the end have arrived before the copy begins.
#[test]
fn a_copy_that_comes_late_takes_what_is_behind_an_urgent_mark() {
    both(|| {
        let (client, a) = tcp_pair();
        let (b, server) = unix_pair();
        (&client).write_all(b"before").unwrap();
        send_urgent(&client);
        (&client).write_all(b"after").unwrap();
        drop(client);
        assert_eq!(copy(&a, &b).unwrap(), 11);
        drop(b);
        let mut got = String::new();
        (&server).read_to_string(&mut got).unwrap();
        assert_eq!(got, "beforeafter");
    });
}

/// Reads between the two connections must not take a mark for the end either.
#[test]
fn reads_go_past_an_urgent_mark() {
    both(|| {
        for (client, server) in [unix_pair(), unix_pair()] {
            (&client).write_all(b"before").unwrap();
            send_urgent(&client);
            (&client).write_all(b"after").unwrap();
            let mut got = [0; 11];
            (&server).read_exact(&mut got).unwrap();
            assert_eq!(&got, b"beforeafter");
            let reader = process::spawn(move || {
                let mut got = Vec::new();
                (&server).read_to_end(&mut got).unwrap();
                got
            });
            process::sleep(Duration::from_millis(5));
            (&client).write_all(b"x").unwrap();
            send_urgent(&client);
            (&client).write_all(b"y").unwrap();
            drop(client);
            assert_eq!(reader.join().unwrap(), b"xy");
        }
        let (client, server) = tcp_pair();
        (&client).write_all(b"before").unwrap();
        send_urgent(&client);
        (&client).write_all(b"after").unwrap();
        drop(client);
        let mut got = String::new();
        (&server).read_to_string(&mut got).unwrap();
        assert_eq!(got, "beforeafter");
    });
}
