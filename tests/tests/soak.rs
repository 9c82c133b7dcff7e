//! Connects, closes, resets, half-closes, deadlines, cancels, panics and sockets that change their
//! worker, all at once. Both sides check every byte. At the end every server process must have ended,
//! and the number of descriptors must be as before: so a lost wake-up or a lost end of a stream shows
//! here.
//!
//! It runs for eight seconds by default. `STD_NET_SOAK_SECONDS=600` makes it ten minutes.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use std_net::process::{self, channel};
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{ALONE, descriptors, resident, within};

/// A small random number generator, so that a run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Returns the byte at a place of a stream. Both sides check the data with it.
fn byte(seed: u64, at: usize) -> u8 {
    (seed as usize)
        .wrapping_mul(31)
        .wrapping_add(at)
        .wrapping_mul(0x9E37_79B9) as u8
}

#[derive(Default)]
struct Counts {
    served: AtomicU64,
    ended: AtomicU64,
    bytes: AtomicU64,
    hand_overs: AtomicU64,
}

/// Echoes until the end. Sometimes another process takes the connection over.
fn serve(stream: TcpStream, seed: u64, counts: &Arc<Counts>) {
    counts.served.fetch_add(1, Ordering::SeqCst);
    let mut random = Random(seed | 1);
    let mut buf = [0; 2048];
    loop {
        match (&stream).read(&mut buf) {
            Ok(0) | Err(_) => break,
            Ok(n) => {
                if (&stream).write_all(&buf[..n]).is_err() {
                    break;
                }
            }
        }
        if random.below(8) == 0 {
            counts.hand_overs.fetch_add(1, Ordering::SeqCst);
            let (seed, next) = (random.next(), Arc::clone(counts));
            process::spawn(move || {
                serve(stream, seed, &next);
                next.ended.fetch_add(1, Ordering::SeqCst);
            });
            return;
        }
    }
}

/// Runs one connection of one of several kinds.
fn client(address: std::net::SocketAddr, seed: u64, counts: &Counts) {
    let mut random = Random(seed | 1);
    let Ok(mut stream) = TcpStream::connect_deadline(address, Duration::from_secs(30)) else {
        return;
    };
    stream.set_deadline(Duration::from_secs(120));
    stream.set_batched_writes(random.below(2) == 1);
    let rounds = 1 + random.below(6);
    let mut at = 0;
    for _ in 0..rounds {
        let len = 1 + random.below(6000) as usize;
        let data: Vec<u8> = (at..at + len).map(|i| byte(seed, i)).collect();
        at += len;
        // Another process writes while this one reads, because the echo may fill both buffers.
        let mut back = vec![0; len];
        process::scope(|scope| {
            let writer = scope.spawn(|| (&stream).write_all(&data));
            (&stream).read_exact(&mut back).expect("all comes back");
            writer
                .join()
                .expect("the writer does not panic")
                .expect("all is sent");
        });
        assert!(back == data, "bytes changed under way");
        counts.bytes.fetch_add(len as u64, Ordering::SeqCst);
        // A deadline passes, and nothing is lost.
        if random.below(4) == 0 {
            stream.set_deadline(Duration::from_micros(random.below(300)));
            let error = stream.read(&mut [0; 8]).expect_err("nothing is under way");
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            stream.set_deadline(Duration::from_secs(120));
        }
    }
    match random.below(5) {
        // This is a half-close: the rest is echoed, and then the stream ends.
        0 => {
            stream.write_all(b"the end").expect("it is sent");
            stream.shutdown(Shutdown::Write).expect("it is connected");
            let mut rest = String::new();
            stream.read_to_string(&mut rest).expect("the rest comes");
            assert_eq!(rest, "the end");
        }
        // This is a reset while data are under way.
        1 => {
            stream
                .set_linger(Some(Duration::ZERO))
                .expect("it is a socket");
            let _ = stream.write_all(&[1; 500]);
        }
        // This closes with an unread echo.
        2 => stream.write_all(b"never read").expect("it is sent"),
        // This cancels a reader.
        3 => {
            let stream = Arc::new(stream);
            let reader = {
                let stream = Arc::clone(&stream);
                process::spawn(move || stream.read_string(8))
            };
            process::sleep(Duration::from_micros(random.below(200)));
            reader.cancel();
            let error = reader
                .join()
                .expect("it does not panic")
                .expect_err("nothing comes");
            assert!(process::is_cancelled(&error));
        }
        // This panics with the connection on the stack.
        _ => {
            let panicked = process::spawn(move || {
                let _stream = stream;
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            assert!(panicked.join().is_err());
        }
    }
}

#[test]
fn soak() {
    let seconds = std::env::var("STD_NET_SOAK_SECONDS").map_or(8, |s| s.parse().expect("seconds"));
    let seed = std::env::var("STD_NET_SOAK_SEED").map_or(0x5eed, |s| s.parse().expect("a number"));
    let _alone = ALONE.lock();
    within(Duration::from_secs(seconds + 120), || {
        process::spawn(|| ()).join().expect("the runtime starts");
        let (before, memory) = (descriptors(), resident());
        let counts = Arc::new(Counts::default());
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").expect("a port"));
        let address = listener.local_addr().expect("it is bound");
        let acceptors: Vec<_> = (0..3u64)
            .map(|i| {
                let (listener, counts) = (Arc::clone(&listener), Arc::clone(&counts));
                process::spawn(move || {
                    let mut random = Random(seed + i + 1);
                    while let Ok((stream, _)) = listener.accept() {
                        let (seed, counts) = (random.next(), Arc::clone(&counts));
                        stream.set_batched_writes(random.below(2) == 1);
                        process::spawn(move || {
                            serve(stream, seed, &counts);
                            counts.ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                })
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(seconds);
        let (done, dones) = channel::unbounded::<()>();
        for i in 0..100u64 {
            let (counts, done) = (Arc::clone(&counts), done.clone());
            process::spawn(move || {
                let _done = done;
                let mut random = Random(seed * 1000 + i + 1);
                while Instant::now() < end {
                    client(address, random.next(), &counts);
                }
            });
        }
        drop(done);
        dones.iter().for_each(drop);
        // The queue is empty when an accept has to wait.
        process::sleep(Duration::from_millis(100));
        for acceptor in acceptors {
            acceptor.cancel();
            acceptor.join().expect("an acceptor does not panic");
        }
        // Every server process sees the end of its connection.
        while counts.ended.load(Ordering::SeqCst) < counts.served.load(Ordering::SeqCst) {
            process::sleep(Duration::from_millis(5));
        }
        drop(listener);
        let served = counts.served.load(Ordering::SeqCst);
        eprintln!(
            "{served} processes served {} MB, {} hand-overs",
            counts.bytes.load(Ordering::SeqCst) >> 20,
            counts.hand_overs.load(Ordering::SeqCst),
        );
        assert!(served > 100);
        // Unused stacks give their memory back when the workers are idle. A thousand sockets and tasks
        // leave a few megabytes in the allocator, however long the soak runs.
        while resident() > memory + (48 << 20) {
            process::sleep(Duration::from_millis(5));
        }
        // Threads of the test harness may come and go, but sockets may not.
        while descriptors() > before + 2 {
            process::sleep(Duration::from_millis(5));
        }
    });
}
