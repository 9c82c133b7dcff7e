//! Writes that are made together with those of other processes must give the same results as single
//! writes.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, both, tcp_pair, until_error, within};

/// Runs `body` while its worker always has another process that is ready, so that writes are batched.
fn among_others(body: impl FnOnce()) {
    struct End(Arc<AtomicBool>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let end = End(Arc::default());
    let others: Vec<_> = (0..3)
        .map(|_| {
            let end = Arc::clone(&end.0);
            process::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    process::yield_now();
                }
            })
        })
        .collect();
    body();
    drop(end);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Runs `body` on a thread, in a process, and in a process beside others that are ready.
fn in_each_place(body: fn()) {
    both(body);
    within(LIMIT, || process::spawn(move || among_others(body)).join()).unwrap();
}

fn echo(mut stream: impl Read + Write) {
    let mut buf = [0; 512];
    loop {
        match stream.read(&mut buf).unwrap() {
            0 => return,
            n => stream.write_all(&buf[..n]).unwrap(),
        }
    }
}

/// Runs many clients at once. Each checks every byte that comes back.
fn all_get_back_what_they_sent<S>(pairs: Vec<(S, S)>)
where
    S: Read + Write + Send + 'static,
{
    const ROUNDS: usize = 30;
    let mut ends = Vec::new();
    for (i, (mut client, server)) in pairs.into_iter().enumerate() {
        process::spawn(move || echo(server));
        ends.push(process::spawn(move || {
            for round in 0..ROUNDS {
                let text: Vec<u8> = (0..1 + round * 16).map(|at| (at * 7 + i) as u8).collect();
                client.write_all(&text).unwrap();
                let mut back = vec![0; text.len()];
                client.read_exact(&mut back).unwrap();
                assert_eq!(back, text);
            }
        }));
    }
    for end in ends {
        end.join().unwrap();
    }
}

#[test]
fn many_connections_get_back_what_they_sent() {
    within(LIMIT, || {
        let tcp = |_| {
            let pair = tcp_pair();
            pair.0.set_batched_writes(true);
            pair.1.set_batched_writes(true);
            pair
        };
        all_get_back_what_they_sent::<TcpStream>((0..100).map(tcp).collect());
        let unix = |_| {
            let pair = UnixStream::pair().unwrap();
            pair.0.set_batched_writes(true);
            pair.1.set_batched_writes(true);
            pair
        };
        all_get_back_what_they_sent::<UnixStream>((0..100).map(unix).collect());
    });
}

#[test]
fn small_writes_into_a_full_socket_wait_and_keep_their_order() {
    in_each_place(|| {
        const LEN: usize = 3 << 20;
        let byte = |at: usize| (at / 251 + at) as u8;
        let (mut a, mut b) = tcp_pair();
        a.set_batched_writes(true);
        let reader = process::spawn(move || {
            let mut all = Vec::new();
            b.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), LEN);
            assert!(all.iter().enumerate().all(|(at, b)| *b == byte(at)));
        });
        let all: Vec<u8> = (0..LEN).map(byte).collect();
        // The sizes lie on both sides of the limit for batching.
        let (mut rest, mut size) = (&all[..], 1);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(size.min(rest.len()));
            a.write_all(now).unwrap();
            (rest, size) = (later, (size * 3 + 1) % 40_000);
        }
        a.shutdown(Shutdown::Write).unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_peer_that_is_gone_is_the_error_it_always_is() {
    in_each_place(|| {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.set_batched_writes(true);
        a.write_all(b"x").unwrap();
        drop(b);
        let error = a.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        let error = a.write_all(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    });
}

#[test]
fn a_non_blocking_socket_does_not_wait() {
    in_each_place(|| {
        let (mut a, _b) = UnixStream::pair().unwrap();
        a.set_batched_writes(true);
        a.set_nonblocking(true).unwrap();
        let error = loop {
            match a.write(&[0; 4096]) {
                Ok(n) => assert!(n > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(
            a.try_write(&[0; 4096]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn deadlines_and_timeouts_hold() {
    const SHORT: Duration = Duration::from_millis(5);
    in_each_place(|| {
        let (mut a, _b) = UnixStream::pair().unwrap();
        a.set_batched_writes(true);
        a.set_deadline(Duration::from_secs(60));
        a.write_all(b"in time").unwrap();
        a.set_deadline(SHORT);
        let start = Instant::now();
        let error = until_error(|| a.write(&[0; 4096]));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
        a.reset_deadline();
        a.set_write_timeout(Some(SHORT)).unwrap();
        // As in std, a per-call timeout gives this error.
        let error = until_error(|| a.write(&[0; 4096]));
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn cancelling_loses_nothing_that_was_written() {
    within(LIMIT, || {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        a.set_batched_writes(true);
        let writer = process::spawn(move || {
            let mut written = 0;
            among_others(|| {
                let error = loop {
                    match a.write(&[7; 100]) {
                        Ok(n) => written += n,
                        Err(error) => break error,
                    }
                };
                assert!(process::is_cancelled(&error), "{error}");
            });
            written
        });
        let mut first = [0; 1000];
        b.read_exact(&mut first).unwrap();
        // The writer may be about to write, or in the queue of the batch, or waiting for room.
        writer.cancel();
        // Nothing is read before the writer has ended. A write for which there is room succeeds in a cancelled
        // process too, so beside a reader that keeps up the writer would never end.
        let written = writer.join().unwrap();
        let mut rest = Vec::new();
        b.read_to_end(&mut rest).unwrap();
        assert_eq!(written, first.len() + rest.len());
    });
}

#[test]
fn processes_take_turns_at_one_connection() {
    within(LIMIT, || {
        const EACH: usize = 200;
        let (a, mut b) = UnixStream::pair().unwrap();
        a.set_batched_writes(true);
        let a = Arc::new(process::Mutex::new(a));
        let writers: Vec<_> = (0..8u8)
            .map(|i| {
                let a = Arc::clone(&a);
                process::spawn(move || {
                    for _ in 0..EACH {
                        // Each of them waits while it holds the lock.
                        let mut a = a.lock();
                        a.write_all(&[i; 3]).unwrap();
                        a.write_all(&[i; 5]).unwrap();
                    }
                })
            })
            .collect();
        let mut counts = [0; 8];
        for _ in 0..8 * EACH {
            let mut eight = [0; 8];
            b.read_exact(&mut eight).unwrap();
            assert!(eight.iter().all(|byte| *byte == eight[0]), "{eight:?}");
            counts[usize::from(eight[0])] += 1;
        }
        assert_eq!(counts, [EACH; 8]);
        writers.into_iter().for_each(|w| w.join().unwrap());
    });
}

#[test]
fn a_connection_goes_from_process_to_process() {
    within(LIMIT, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..40)
            .map(|_| {
                process::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(b"0").unwrap();
                    let mut all = String::new();
                    stream.read_to_string(&mut all).unwrap();
                    assert_eq!(all, "0123456789");
                })
            })
            .collect();
        fn hand_on(mut stream: TcpStream, turn: u8) {
            stream.write_all(&[turn]).unwrap();
            if turn < b'9' {
                process::spawn(move || hand_on(stream, turn + 1));
            }
        }
        for stream in listener.incoming().take(40) {
            let mut stream = stream.unwrap();
            stream.set_batched_writes(true);
            process::spawn(move || {
                stream.read_exact(&mut [0]).unwrap();
                hand_on(stream, b'0');
            });
        }
        clients
            .into_iter()
            .for_each(|client| client.join().unwrap());
    });
}

#[test]
fn clones_inherit_it_and_have_their_own() {
    both(|| {
        let (a, _b) = tcp_pair();
        assert!(!a.batched_writes(), "it is asked for");
        a.set_batched_writes(true);
        let clone = a.try_clone().unwrap();
        assert!(clone.batched_writes());
        clone.set_batched_writes(false);
        assert!(a.batched_writes() && !clone.batched_writes());
    });
}
