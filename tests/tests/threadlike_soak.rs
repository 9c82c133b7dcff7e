//! All kinds of std's waits in threadlike processes at once, beside plain threads and ordinary
//! processes, for a while. Bytes are checked. Many processes want the same locks. Processes are
//! cancelled, miss deadlines and panic.
//!
//! `STD_NET_SOAK_SECONDS=600 cargo test --release -p std_net_tests --test threadlike_soak` runs it for
//! ten minutes.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, JoinHandle};
use std_net::runtime;
use std_net_interpose as _;
use std_net_tests::{LIMIT, within};

fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    process::Builder::new().threadlike(true).spawn(f).unwrap()
}

/// Numbers that look random and are the same each time: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Returns the byte at a place of the stream with this number.
fn byte(stream: u64, at: u64) -> u8 {
    (at.wrapping_mul(stream * 2 + 1) >> 3) as u8
}

/// Sends a stream of bytes and reads it back, in pieces of all sizes.
fn echo_client(mut stream: impl Read + Write, number: u64) -> io::Result<u64> {
    let mut random = Random(number + 1);
    let (mut sent, mut got) = (0_u64, 0_u64);
    for _ in 0..20 {
        let len = match random.below(4) {
            0 => 1 + random.below(64),
            1 => 1 + random.below(4096),
            _ => 1 + random.below(60_000),
        };
        let piece: Vec<u8> = (sent..sent + len).map(|at| byte(number, at)).collect();
        stream.write_all(&piece)?;
        sent += len;
        let mut buf = vec![0; len as usize];
        stream.read_exact(&mut buf)?;
        for b in buf {
            assert_eq!(b, byte(number, got), "at {got} of {number}");
            got += 1;
        }
        if random.below(8) == 0 {
            thread::sleep(Duration::from_micros(random.below(500)));
        }
    }
    Ok(got)
}

fn echo_server(mut stream: impl Read + Write) {
    let mut buf = vec![0; 16 << 10];
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        if stream.write_all(&buf[..n]).is_err() {
            return;
        }
    }
}

#[test]
fn all_at_once_for_a_while() {
    let seconds = std::env::var("STD_NET_SOAK_SECONDS").ok();
    let seconds = seconds.map_or(5, |s| s.parse().expect("STD_NET_SOAK_SECONDS is a number"));
    runtime::Builder::new().workers(2).start().unwrap();
    // Half of the processes panic on purpose. Their messages are not useful.
    std::panic::set_hook(Box::new(|info| {
        if !info.payload().is::<&str>() {
            eprintln!("{info}");
        }
    }));
    within(LIMIT + Duration::from_secs(seconds), || {
        soak(Instant::now() + Duration::from_secs(seconds));
    });
}

thread_local!(static MARK: Cell<u64> = const { Cell::new(0) });

fn soak(end: Instant) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let acceptors: Vec<_> = (0..2)
        .map(|_| {
            let listener = listener.try_clone().unwrap();
            let stop = Arc::clone(&stop);
            spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let (stream, _) = listener.accept().unwrap();
                    spawn(move || echo_server(stream));
                }
            })
        })
        .collect();

    let bytes = Arc::new(AtomicU64::new(0));
    let sums = Arc::new((Mutex::new(0_u64), Condvar::new(), RwLock::new(0_u64)));
    let quick_sum = Arc::new(Mutex::new(0_u64));
    let mut rounds = 0_u64;
    while Instant::now() < end {
        rounds += 1;
        let mut all: Vec<JoinHandle<()>> = Vec::new();
        for i in 0..20 {
            let (number, bytes) = (rounds * 100 + i, Arc::clone(&bytes));
            all.push(spawn(move || {
                MARK.set(number);
                let stream = TcpStream::connect(addr).unwrap();
                bytes.fetch_add(echo_client(stream, number).unwrap(), Ordering::Relaxed);
                assert_eq!(MARK.get(), number);
            }));
        }
        // Locks, among processes of both kinds and threads. The goal is set before the first of them counts: later it might
        // be more than what they reach together.
        let goal = *sums.0.lock().unwrap() + 100;
        // Locks, used by both kinds of processes and by threads
        let work = |sums: Arc<(Mutex<u64>, Condvar, RwLock<u64>)>| {
            move || {
                for i in 0..20 {
                    let mut sum = sums.0.lock().unwrap();
                    if i % 5 == 0 {
                        thread::sleep(Duration::from_micros(20));
                    }
                    *sum += 1;
                    sums.1.notify_all();
                    drop(sum);
                    if i % 3 == 0 {
                        *sums.2.write().unwrap() += 1;
                    } else {
                        assert!(*sums.2.read().unwrap() < u64::MAX);
                    }
                }
            }
        };
        for _ in 0..10 {
            all.push(spawn(work(Arc::clone(&sums))));
        }
        // An ordinary process blocks its worker for a lock, so no process may hold this lock during a
        // wait.
        let quick = |sum: Arc<Mutex<u64>>| {
            move || {
                for _ in 0..20 {
                    *sum.lock().unwrap() += 1;
                    process::yield_now();
                }
            }
        };
        for _ in 0..3 {
            all.push(process::spawn(quick(Arc::clone(&quick_sum))));
            all.push(spawn(quick(Arc::clone(&quick_sum))));
            thread::spawn(quick(Arc::clone(&quick_sum)));
        }
        let threads: Vec<_> = (0..2)
            .map(|_| thread::spawn(work(Arc::clone(&sums))))
            .collect();
        // These processes wait until the others have done their work.
        for _ in 0..3 {
            let sums = Arc::clone(&sums);
            all.push(spawn(move || {
                let mut sum = sums.0.lock().unwrap();
                while *sum < goal {
                    let wait = sums.1.wait_timeout(sum, Duration::from_millis(1));
                    sum = wait.unwrap().0;
                }
            }));
        }
        // Messages
        let (sender, receiver) = mpsc::sync_channel(3);
        for i in 0..4 {
            let sender = sender.clone();
            let send = move || (0..25).for_each(|_| sender.send(i).unwrap());
            if i % 2 == 0 {
                all.push(spawn(send));
            } else {
                thread::spawn(send);
            }
        }
        drop(sender);
        all.push(spawn(move || assert_eq!(receiver.iter().count(), 100)));
        // Some are cancelled, some miss a deadline, and some panic while they hold what others use.
        let cancelled: Vec<_> = (0..10)
            .map(|i| {
                let (a, b) = UnixStream::pair().unwrap();
                let process = spawn(move || (&a).read(&mut [0; 1]).map_err(|e| e.kind()));
                (i, process, b)
            })
            .collect();
        let late: Vec<_> = (0..5)
            .map(|i| {
                let deadline = Duration::from_micros(200 * i);
                let (a, b) = UnixStream::pair().unwrap();
                let process = process::Builder::new()
                    .threadlike(true)
                    .deadline(deadline)
                    .spawn(move || (&a).read(&mut [0; 1]).unwrap_err().kind());
                (process.unwrap(), b)
            })
            .collect();
        let panicking: Vec<_> = (0..10)
            .map(|i: u64| {
                spawn(move || {
                    let _slow = Slow;
                    thread::sleep(Duration::from_micros(10 * i));
                    if i.is_multiple_of(2) {
                        panic!("as it must");
                    }
                })
            })
            .collect();
        for (i, process, mut peer) in cancelled {
            if i % 2 == 0 {
                process.cancel();
                let result = process.join().unwrap();
                assert!(result.is_err(), "{result:?}");
            } else {
                peer.write_all(b"x").unwrap();
                assert_eq!(process.join().unwrap(), Ok(1));
            }
        }
        for (process, _peer) in late {
            assert_eq!(process.join().unwrap(), ErrorKind::TimedOut);
        }
        let failed = panicking.into_iter().filter_map(|p| p.join().err()).count();
        assert_eq!(failed, 5);
        for process in all {
            process.join().unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }
    stop.store(true, Ordering::SeqCst);
    for _ in &acceptors {
        drop(TcpStream::connect(addr));
    }
    for acceptor in acceptors {
        acceptor.join().unwrap();
    }
    let sum = *sums.0.lock().unwrap();
    assert_eq!(sum, rounds * 12 * 20);
    assert!(*quick_sum.lock().unwrap() >= rounds * 6 * 20);
    println!(
        "{rounds} rounds, {} MB checked, {} waits",
        bytes.load(Ordering::Relaxed) / 1_000_000,
        std_net_interpose::waits()
    );
}

/// Waits while a panic unwinds.
struct Slow;

impl Drop for Slow {
    fn drop(&mut self) {
        thread::sleep(Duration::from_micros(50));
    }
}
