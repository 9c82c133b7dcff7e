//! Threadlike processes: blocking calls of std park, and each process has the thread-locals of a
//! thread.
//!
//! Only this binary and the other `threadlike_*` tests link `std_net_interpose`, unless the feature `interpose` is on.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, JoinHandle};
use std_net::runtime;
use std_net_interpose as _;
use std_net_tests::threadlike::{ordinary, pair, run, spawn, until_it_waits};
use std_net_tests::{LIMIT, again, is_again, within};

#[test]
fn it_is_on_and_the_list_says_so() {
    assert_eq!(std_net_interpose::unsupported(), None);
    run(|| {
        let before = std_net_interpose::waits();
        let (mut a, b) = pair();
        let reader = spawn(move || (&b).read(&mut [0; 8]).unwrap());
        until_it_waits(&reader);
        let listed = process::list();
        let own = listed.iter().find(|p| p.id == reader.process().id());
        assert!(own.unwrap().threadlike);
        assert!(own.unwrap().to_string().contains("threadlike"));
        a.write_all(b"hello").unwrap();
        assert_eq!(reader.join().unwrap(), 5);
        assert!(std_net_interpose::waits() > before);
    });
    ordinary(|| {
        let id = process::current().unwrap().id();
        let listed = process::list();
        assert!(!listed.iter().find(|p| p.id == id).unwrap().threadlike);
    });
}

#[test]
fn a_thousand_std_clients_of_a_slow_server_wait_at_once_on_one_worker() {
    if !is_again() {
        let output = again(
            "a_thousand_std_clients_of_a_slow_server_wait_at_once_on_one_worker",
            &[("STD_NET_WORKERS", "1")],
        );
        assert!(output.status.success(), "{output:?}");
        return;
    }
    // The server side of all connections, on plain threads. It answers when all clients have asked.
    const CLIENTS: usize = 1000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut all: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 5]).unwrap();
                stream
            })
            .collect();
        // So at this moment all of them wait, on one worker.
        for stream in &mut all {
            stream.write_all(b"hello").unwrap();
        }
    });
    within(LIMIT, || {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|i| {
                process::Builder::new()
                    .threadlike(true)
                    .spawn(move || {
                        let mut stream = if i % 2 == 0 {
                            TcpStream::connect(addr).unwrap()
                        } else {
                            TcpStream::connect_timeout(&addr, LIMIT).unwrap()
                        };
                        stream.set_read_timeout(Some(LIMIT)).unwrap();
                        stream.write_all(b"hello").unwrap();
                        let mut answer = [0; 5];
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(&answer, b"hello");
                    })
                    .unwrap()
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
}

// Thread-locals

#[test]
fn scoped_thread_locals_nest_as_on_threads() {
    // This is the program of docs/soundness.md.
    thread_local!(static SCOPE: Cell<u32> = const { Cell::new(0) });

    fn with_scope(value: u32, f: impl FnOnce()) {
        let old = SCOPE.replace(value);
        f();
        SCOPE.set(old);
    }

    run(|| {
        let (first, began) = process::channel::bounded::<()>(1);
        let a = spawn(move || {
            with_scope(1, || {
                first.send(()).unwrap();
                process::yield_now();
            });
            SCOPE.get()
        });
        let b = spawn(move || {
            began.recv().unwrap();
            with_scope(2, process::yield_now);
            SCOPE.get()
        });
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (0, 0));
    });
}

#[test]
fn an_initialiser_that_waits_runs_once_in_each_process() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SLOW: usize = {
        thread::sleep(Duration::from_millis(1));
        RUNS.fetch_add(1, Ordering::Relaxed)
    });
    run(|| {
        let all: Vec<_> = (0..10)
            .map(|_| spawn(|| (SLOW.with(|v| *v), SLOW.with(|v| *v))))
            .collect();
        let values: HashSet<_> = all
            .into_iter()
            .map(|p| {
                let (first, again) = p.join().unwrap();
                assert_eq!(first, again);
                first
            })
            .collect();
        assert_eq!((values.len(), RUNS.load(Ordering::Relaxed)), (10, 10));
    });
}

#[test]
fn a_borrow_of_a_thread_local_may_be_held_across_a_wait() {
    thread_local!(static CELL: RefCell<u32> = const { RefCell::new(0) });
    run(|| {
        let all: Vec<_> = (0..20)
            .map(|_| {
                spawn(|| {
                    CELL.with_borrow_mut(|value| {
                        process::yield_now();
                        *value += 1;
                        *value
                    })
                })
            })
            .collect();
        for process in all {
            assert_eq!(process.join().unwrap(), 1);
        }
    });
}

#[test]
fn each_is_a_thread_to_std() {
    run(|| {
        let id = || thread::current().id();
        let own = id();
        let ids: HashSet<_> = (0..10)
            .map(|_| {
                spawn(move || {
                    let first = id();
                    process::yield_now();
                    assert_eq!(first, id());
                    first
                })
            })
            .collect::<Vec<_>>()
            .into_iter()
            .map(|p| p.join().unwrap())
            .collect();
        assert_eq!(ids.len(), 10);
        assert!(!ids.contains(&own));
    });
}

#[test]
fn destructors_run_before_the_end_is_told_and_may_wait() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(1));
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local!(static VALUE: Waits = const { Waits });
    run(|| {
        let all: Vec<_> = (0..50).map(|_| spawn(|| VALUE.with(|_| ()))).collect();
        for process in all {
            process.join().unwrap();
        }
        assert_eq!(DROPPED.load(Ordering::SeqCst), 50);
    });
}

#[test]
fn panics_are_counted_for_each() {
    run(|| {
        let all: Vec<_> = (0..100)
            .map(|i| {
                spawn(move || {
                    process::yield_now();
                    assert!(!thread::panicking());
                    if i % 2 == 0 {
                        std::panic::resume_unwind(Box::new(i));
                    }
                })
            })
            .collect();
        let failed = all.into_iter().filter_map(|p| p.join().err()).count();
        assert_eq!(failed, 50);
    });
}

#[test]
fn a_process_that_unwinds_still_parks() {
    struct Joins(Option<JoinHandle<()>>);
    impl Drop for Joins {
        fn drop(&mut self) {
            assert!(thread::panicking());
            self.0.take().unwrap().join().unwrap();
        }
    }
    run(|| {
        let (end, ends) = mpsc::channel::<()>();
        let other = spawn(move || assert!(ends.recv().is_err()));
        until_it_waits(&other);
        // An ordinary process would wait for ever, because the other process has begun on this worker.
        let unwinds = spawn(move || {
            let _joins = Joins(Some(other));
            std::panic::resume_unwind(Box::new(7));
        });
        until_it_waits(&unwinds);
        drop(end);
        assert_eq!(*unwinds.join().unwrap_err().downcast::<i32>().unwrap(), 7);
    });
}

// std's locks

/// Runs `f` in this many processes. Returns after all of them.
fn many(n: usize, f: impl Fn(usize) + Send + Sync + 'static) {
    let f = Arc::new(f);
    let all: Vec<_> = (0..n)
        .map(|i| {
            let f = Arc::clone(&f);
            spawn(move || f(i))
        })
        .collect();
    for process in all {
        process.join().unwrap();
    }
}

const NAP: Duration = Duration::from_micros(300);

#[test]
fn a_std_mutex_held_across_a_wait_does_not_stop_the_worker() {
    run(|| {
        static SUM: Mutex<u32> = Mutex::new(0);
        many(20, |_| {
            let mut sum = SUM.lock().unwrap();
            thread::sleep(NAP);
            *sum += 1;
        });
        assert_eq!(*SUM.lock().unwrap(), 20);
    });
}

#[test]
fn rwlock_once_and_barrier_park() {
    run(|| {
        static SHARED: RwLock<u32> = RwLock::new(0);
        many(40, |i| {
            if i % 2 == 0 {
                let mut shared = SHARED.write().unwrap();
                thread::sleep(NAP);
                *shared += 1;
            } else {
                let _shared = SHARED.read().unwrap();
                thread::sleep(NAP);
            }
        });
        assert_eq!(*SHARED.read().unwrap(), 20);
        static ONCE: OnceLock<u32> = OnceLock::new();
        static MADE: AtomicUsize = AtomicUsize::new(0);
        many(20, |_| {
            ONCE.get_or_init(|| {
                thread::sleep(NAP);
                MADE.fetch_add(1, Ordering::Relaxed);
                7
            });
        });
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
        let barrier = Barrier::new(20);
        many(20, move |_| {
            barrier.wait();
        });
    });
}

#[test]
fn a_condvar_is_told_by_threads_and_processes() {
    run(|| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let shared = Arc::clone(&shared);
                spawn(move || {
                    let mut count = shared.0.lock().unwrap();
                    while *count < 10 {
                        count = shared.1.wait(count).unwrap();
                    }
                })
            })
            .collect();
        let half = |shared: Arc<(Mutex<u32>, Condvar)>| {
            move || {
                for _ in 0..5 {
                    thread::sleep(NAP);
                    *shared.0.lock().unwrap() += 1;
                    shared.1.notify_all();
                }
            }
        };
        let by_thread = thread::spawn(half(Arc::clone(&shared)));
        let by_process = spawn(half(shared));
        for waiter in waiters {
            waiter.join().unwrap();
        }
        by_thread.join().unwrap();
        by_process.join().unwrap();
        let (lock, never) = (Mutex::new(()), Condvar::new());
        let begun = Instant::now();
        let timeout = Duration::from_millis(20);
        let (_guard, result) = never.wait_timeout(lock.lock().unwrap(), timeout).unwrap();
        assert!(result.timed_out() && begun.elapsed() >= timeout);
    });
}

#[test]
fn mpsc_and_thread_park_work_between_processes_and_threads() {
    run(|| {
        let (sender, receiver) = mpsc::channel();
        let from_process = sender.clone();
        spawn(move || {
            for i in 0..10 {
                thread::sleep(NAP);
                from_process.send(i).unwrap();
            }
        });
        thread::spawn(move || {
            for i in 10..20 {
                thread::sleep(NAP);
                sender.send(i).unwrap();
            }
        });
        let mut all: Vec<_> = receiver.iter().collect();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
        // This is a rendezvous: both sides wait.
        let (sender, receiver) = mpsc::sync_channel(0);
        let sends = spawn(move || (0..100).for_each(|i| sender.send(i).unwrap()));
        assert_eq!(receiver.iter().sum::<u32>(), 4950);
        sends.join().unwrap();
        // Each process has its own park token.
        let parked: Vec<_> = (0..10)
            .map(|_| {
                let (sender, receiver) = mpsc::channel();
                let process = spawn(move || {
                    sender.send(thread::current()).unwrap();
                    thread::park();
                });
                (receiver.recv().unwrap(), process)
            })
            .collect();
        for (thread, process) in parked {
            thread.unpark();
            process.join().unwrap();
        }
    });
}

#[test]
fn a_spinner_that_yields_lets_the_holder_run() {
    use std::sync::atomic::AtomicBool;
    run(|| {
        let held = Arc::new(AtomicBool::new(true));
        let holder = {
            let held = Arc::clone(&held);
            spawn(move || {
                for _ in 0..3 {
                    thread::yield_now();
                }
                held.store(false, Ordering::Release);
            })
        };
        while held.load(Ordering::Acquire) {
            thread::yield_now();
        }
        holder.join().unwrap();
    });
}

// std's sockets

#[test]
fn udp_accept_and_unix_park() {
    run(|| {
        let (a, b) = (
            UdpSocket::bind("127.0.0.1:0").unwrap(),
            UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        let to = b.local_addr().unwrap();
        let receiver = spawn(move || b.recv_from(&mut [0; 9]).unwrap().0);
        until_it_waits(&receiver);
        a.send_to(b"hello", to).unwrap();
        assert_eq!(receiver.join().unwrap(), 5);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..5)
            .map(|_| {
                let listener = listener.try_clone().unwrap();
                spawn(move || listener.accept().unwrap().1)
            })
            .collect();
        acceptors.iter().for_each(until_it_waits);
        let clients: Vec<_> = (0..5).map(|_| TcpStream::connect(addr).unwrap()).collect();
        let mut seen: HashSet<_> = acceptors.into_iter().map(|a| a.join().unwrap()).collect();
        for client in &clients {
            assert!(seen.remove(&client.local_addr().unwrap()));
        }

        let (mut c, mut d) = UnixStream::pair().unwrap();
        let echo = spawn(move || {
            let mut buf = [0; 4];
            d.read_exact(&mut buf).unwrap();
            d.write_all(&buf).unwrap();
        });
        c.write_all(b"ping").unwrap();
        let mut buf = [0; 4];
        c.read_exact(&mut buf).unwrap();
        echo.join().unwrap();
    });
}

#[test]
fn a_write_waits_for_room_and_takes_all() {
    run(|| {
        const SIZE: usize = 8 << 20;
        let (mut a, mut b) = pair();
        let writer = spawn(move || {
            a.write_all(&vec![7; SIZE]).unwrap();
            a.write_vectored(&[io::IoSlice::new(&vec![8; SIZE]), io::IoSlice::new(&[9; 3])])
                .unwrap()
        });
        until_it_waits(&writer);
        let mut all = Vec::new();
        b.read_to_end(&mut all).unwrap();
        assert_eq!(writer.join().unwrap(), SIZE + 3);
        assert_eq!(all.len(), 2 * SIZE + 3);
        assert!(all[..SIZE].iter().all(|b| *b == 7));
        assert!(all[SIZE..2 * SIZE].iter().all(|b| *b == 8));
        assert_eq!(all[2 * SIZE..], [9, 9, 9]);
    });
}

#[test]
fn a_file_goes_to_a_slow_socket() {
    run(|| {
        const SIZE: usize = 4 << 20;
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..SIZE).map(|i| (i % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let (mut a, mut b) = pair();
        // std uses sendfile(2) here.
        let sender = spawn(move || io::copy(&mut file, &mut a).unwrap());
        until_it_waits(&sender);
        let mut all = Vec::new();
        b.read_to_end(&mut all).unwrap();
        assert_eq!(sender.join().unwrap(), SIZE as u64);
        assert!(all == bytes);
    });
}

#[test]
fn timeouts_and_modes_hold() {
    run(|| {
        let (mut a, _b) = pair();
        let timeout = Duration::from_millis(30);
        a.set_read_timeout(Some(timeout)).unwrap();
        let begun = Instant::now();
        let error = a.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= timeout);
        a.set_read_timeout(None).unwrap();
        a.set_nonblocking(true).unwrap();
        assert_eq!(
            a.read(&mut [0; 1]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        // After the change back, it waits again.
        a.set_nonblocking(false).unwrap();
        a.set_write_timeout(Some(timeout)).unwrap();
        let error = loop {
            if let Err(error) = a.write(&vec![0; 1 << 20]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn refused_and_shut_are_told_as_on_a_thread() {
    run(|| {
        let addr = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let refused = |e: io::Error| assert_eq!(e.kind(), ErrorKind::ConnectionRefused);
        refused(TcpStream::connect(addr).unwrap_err());
        refused(TcpStream::connect_timeout(&addr, LIMIT).unwrap_err());
        let (a, b) = pair();
        let reader = spawn({
            let a = a.try_clone().unwrap();
            move || (&a).read(&mut [0; 1]).unwrap()
        });
        until_it_waits(&reader);
        a.shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        drop(b);
        // A datagram socket reports its end only to a call that would wait.
        use std::os::unix::net::UnixDatagram;
        let (c, _d) = UnixDatagram::pair().unwrap();
        let reader = spawn({
            let c = c.try_clone().unwrap();
            move || c.recv(&mut [0; 1]).unwrap()
        });
        until_it_waits(&reader);
        c.shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn names_children_and_threads_are_waited_for() {
    run(|| {
        // What is waited for ends when another process of the worker drops the writer, probably during the wait. So if
        // a wait kept the worker, it would last for ever.
        let held_until_another_has_run = || {
            let (reader, writer) = io::pipe().unwrap();
            let other = spawn(move || {
                thread::sleep(Duration::from_millis(20));
                drop(writer);
            });
            (reader, other)
        };
        let sh = |script: &str, input: io::PipeReader| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(input);
            command
        };
        let (input, other) = held_until_another_has_run();
        let status = sh("cat", input).status();
        assert!(status.unwrap().success());
        other.join().unwrap();

        let (input, other) = held_until_another_has_run();
        let output = sh("cat; echo out; echo err >&2", input).output().unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
        other.join().unwrap();

        let (mut input, other) = held_until_another_has_run();
        let thread = thread::spawn(move || input.read(&mut [0]).unwrap());
        assert_eq!(thread.join().unwrap(), 0);
        other.join().unwrap();
        use std::net::ToSocketAddrs;
        assert!(
            ("localhost", 80)
                .to_socket_addrs()
                .unwrap()
                .next()
                .is_some()
        );
    });
}

#[test]
fn a_cancel_ends_a_wait_of_std_with_the_error_that_says_so() {
    run(|| {
        let (a, _b) = pair();
        let reader = spawn(move || (&a).read(&mut [0; 1]).unwrap_err());
        until_it_waits(&reader);
        reader.cancel();
        assert!(process::is_cancelled(&reader.join().unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = spawn(move || listener.accept().unwrap_err());
        until_it_waits(&acceptor);
        acceptor.cancel();
        assert!(process::is_cancelled(&acceptor.join().unwrap()));
    });
}

#[test]
fn one_connection_is_used_by_std_and_by_std_net() {
    use std::os::fd::{AsFd, OwnedFd};
    run(|| {
        for std_first in [true, false] {
            let (a, mut b) = pair();
            let std_end: TcpStream = a.try_clone().unwrap();
            let mut own = std_net::socket::TcpStream::from(OwnedFd::from(a));
            // This is the same descriptor and not a duplicate, as a C library would get it.
            let fd = own.as_fd().try_clone_to_owned().unwrap();
            drop(fd);
            let mut rounds = if std_first { [0, 1] } else { [1, 0] };
            for _ in 0..3 {
                for who in rounds {
                    let number = std::os::fd::AsRawFd::as_raw_fd(&own);
                    let wakes = spawn({
                        let mut b = b.try_clone().unwrap();
                        move || {
                            thread::sleep(NAP);
                            b.write_all(b"x").unwrap();
                        }
                    });
                    let mut byte = [0; 1];
                    if who == 0 {
                        // SAFETY: the descriptor is open, and there is memory for a byte.
                        let n = unsafe { libc::recv(number, byte.as_mut_ptr().cast(), 1, 0) };
                        assert_eq!(n, 1);
                    } else {
                        own.read_exact(&mut byte).unwrap();
                    }
                    assert_eq!(&byte, b"x");
                    wakes.join().unwrap();
                }
                rounds.reverse();
            }
            // No duplicate of ours keeps the connection open.
            drop((own, std_end));
            assert_eq!(b.read(&mut [0; 1]).unwrap(), 0);
        }
    });
}

#[test]
fn ordinary_processes_block_as_they_did_and_share_their_thread() {
    thread_local!(static CELL: Cell<u32> = const { Cell::new(0) });
    assert_eq!(ordinary(|| CELL.replace(5)), 0);
    assert_eq!(ordinary(|| CELL.get()), 5);
    assert_eq!(run(|| CELL.get()), 0);
}

#[test]
fn a_file_of_proc_is_read_without_a_thread_of_the_pool() {
    const NAME: &str = "a_file_of_proc_is_read_without_a_thread_of_the_pool";
    if !is_again() {
        // The other tests of this program use the pool too.
        let output = again(NAME, &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    run(move || {
        let before = threads();
        for path in [
            "/proc/self/status",
            "/proc/sys/net/ipv4/ip_local_port_range",
        ] {
            assert!(!fs::read(path).unwrap().is_empty());
            let file = fs::File::open(path).unwrap();
            assert!(file.read_at(&mut [0; 8], 0).unwrap() > 0);
        }
        assert_eq!(threads(), before);
    });
}

#[test]
fn the_environment_makes_all_processes_threadlike() {
    const NAME: &str = "the_environment_makes_all_processes_threadlike";
    if !is_again() {
        let output = again(NAME, &[("STD_NET_THREADLIKE", "1")]);
        assert!(output.status.success(), "{output:?}");
        let output = again(NAME, &[("STD_NET_THREADLIKE", "yes")]);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("STD_NET_THREADLIKE is \"yes\""), "{said}");
        return;
    }
    let ids: HashSet<_> = (0..3)
        .map(|_| process::spawn(|| thread::current().id()).join().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    let opts_out = process::Builder::new().threadlike(false).spawn(|| {
        let own = process::current().unwrap().id();
        process::list().iter().any(|p| p.id == own && !p.threadlike)
    });
    assert!(opts_out.unwrap().join().unwrap());
}

#[test]
fn main_on_the_calling_thread_parks_and_keeps_its_thread_locals() {
    const NAME: &str = "main_on_the_calling_thread_parks_and_keeps_its_thread_locals";
    thread_local!(static CELL: Cell<u32> = const { Cell::new(0) });
    if !is_again() {
        let output = again(NAME, &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    CELL.set(7);
    let rc = std::rc::Rc::new(1);
    let sum = runtime::Builder::new()
        .threadlike(true)
        .run(|| {
            assert_eq!(CELL.get(), 7);
            let (sender, receiver) = mpsc::channel();
            let other = process::spawn(move || {
                assert_eq!(CELL.get(), 0);
                thread::sleep(NAP);
                sender.send(2).unwrap();
            });
            // This waits in std, on the only worker.
            let sum = receiver.recv().unwrap() + *rc;
            other.join().unwrap();
            sum
        })
        .unwrap();
    assert_eq!((sum, CELL.get()), (3, 7));
}
