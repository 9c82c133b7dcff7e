//! Programs in threadlike processes that use std and C in rarer ways than a client of a server does. Each program has
//! only one worker. So if a call blocks the worker, the test ends by its time limit.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use std_net_interpose as _;
use std_net_tests::threadlike::{pair, run, spawn, until_it_waits};

const NAP: Duration = Duration::from_millis(1);

#[test]
fn scoped_threads_in_a_process_are_joined_without_blocking_the_worker() {
    run(|| {
        let mut numbers: Vec<u64> = (0..4000).collect();
        let (theirs, own) = mpsc::channel();
        // Another process of the worker lets the threads end.
        let helper = spawn(move || {
            for _ in 0..4 {
                let go: mpsc::Sender<()> = own.recv().unwrap();
                go.send(()).unwrap();
            }
        });
        thread::scope(|scope| {
            for part in numbers.chunks_mut(1000) {
                let theirs = theirs.clone();
                scope.spawn(move || {
                    let (go, goes) = mpsc::channel();
                    theirs.send(go).unwrap();
                    goes.recv().unwrap();
                    part.iter_mut().for_each(|n| *n += 1);
                });
            }
        });
        helper.join().unwrap();
        assert_eq!(numbers.iter().sum::<u64>(), (1..=4000_u64).sum::<u64>());
    });
}

#[test]
fn a_child_with_three_pipes_is_fed_and_read() {
    run(|| {
        // More than a pipe holds, so both sides wait many times.
        let input: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
        let mut child = Command::new("sh")
            .args(["-c", "tee /dev/stderr"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feed = input.clone();
        let feeder = spawn(move || stdin.write_all(&feed).unwrap());
        // It waits for both outputs by poll(2), with both in O_NONBLOCK.
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == input && output.stderr == input);
    });
}

#[test]
fn twenty_children_are_waited_for_at_once() {
    run(|| {
        // Each child says that it lives, and ends when the input of all ends. So all must live at the same time.
        let (input, hold) = io::pipe().unwrap();
        let (mut all_live, says) = io::pipe().unwrap();
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (input, says) = (input.try_clone().unwrap(), says.try_clone().unwrap());
                spawn(move || {
                    let mut child = Command::new("sh");
                    child.args(["-c", "printf x; cat"]);
                    child.stdin(input).stdout(says).status().unwrap()
                })
            })
            .collect();
        all_live.read_exact(&mut [0; 20]).unwrap();
        drop(hold);
        for one in all {
            assert!(one.join().unwrap().success());
        }
    });
}

#[test]
fn the_stream_of_popen_is_read() {
    run(|| {
        let command = c"echo one; sleep 0.05; echo two";
        let mut line = [0_u8; 64];
        // SAFETY: both strings end with a zero byte, there is room for a line, and the stream is closed once.
        let (text, status) = unsafe {
            let stream = libc::popen(command.as_ptr(), c"r".as_ptr());
            assert!(!stream.is_null());
            let mut text = Vec::new();
            while !libc::fgets(line.as_mut_ptr().cast(), 64, stream).is_null() {
                let end = line.iter().position(|&b| b == 0).unwrap();
                text.extend_from_slice(&line[..end]);
            }
            (text, libc::pclose(stream))
        };
        assert_eq!((text.as_slice(), status), (&b"one\ntwo\n"[..], 0));
    });
}

#[test]
fn lines_come_one_by_one_through_a_pipe() {
    run(|| {
        let (reader, mut writer) = io::pipe().unwrap();
        let lines = spawn(move || {
            let lines = BufReader::new(reader).lines();
            lines.collect::<io::Result<Vec<_>>>().unwrap()
        });
        for part in ["fir", "st\nsec", "ond\n", "no end"] {
            until_it_waits(&lines);
            writer.write_all(part.as_bytes()).unwrap();
        }
        drop(writer);
        assert_eq!(lines.join().unwrap(), ["first", "second", "no end"]);
    });
}

#[test]
fn a_server_of_incoming_connections_and_its_clients_share_the_worker() {
    run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(move || {
            let all: Vec<_> = listener
                .incoming()
                .take(50)
                .map(|stream| {
                    let mut stream = stream.unwrap();
                    spawn(move || {
                        let mut reader = stream.try_clone().unwrap();
                        io::copy(&mut reader, &mut stream).unwrap()
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).sum::<u64>()
        });
        let clients: Vec<_> = (0..50_u32)
            .map(|i| {
                spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    let sent: Vec<u8> = (0..100_000_u32).map(|k| (k * i) as u8).collect();
                    // One handle is shared by a reader and a writer.
                    let mut writer = stream.try_clone().unwrap();
                    let to_send = sent.clone();
                    let writer = spawn(move || {
                        writer.write_all(&to_send).unwrap();
                        writer.shutdown(std::net::Shutdown::Write).unwrap();
                    });
                    let mut back = Vec::new();
                    stream.read_to_end(&mut back).unwrap();
                    writer.join().unwrap();
                    assert!(back == sent);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(server.join().unwrap(), 50 * 100_000);
    });
}

#[test]
fn a_multicast_group_is_heard() {
    run(|| {
        let receiver = UdpSocket::bind("0.0.0.0:0").unwrap();
        let group = Ipv4Addr::new(239, 255, 77, 7);
        if let Err(error) = receiver.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST) {
            eprintln!("SKIPPED: no multicast here ({error})");
            return;
        }
        let port = receiver.local_addr().unwrap().port();
        let hears = spawn(move || {
            let mut buf = [0; 16];
            let (n, _) = receiver.recv_from(&mut buf).unwrap();
            buf[..n].to_vec()
        });
        until_it_waits(&hears);
        let sender =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        sender.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let to = std::net::SocketAddr::from((group, port));
        sender.send_to(b"all", &to.into()).unwrap();
        assert_eq!(hears.join().unwrap(), b"all");
    });
}

#[test]
fn a_panic_poisons_a_lock_for_those_that_wait_for_it() {
    run(|| {
        let lock = Arc::new(Mutex::new(0));
        let (held, is_held) = mpsc::channel();
        let holder = {
            let lock = Arc::clone(&lock);
            spawn(move || {
                let _guard = lock.lock().unwrap();
                held.send(()).unwrap();
                thread::sleep(NAP * 20);
                panic!("for the test");
            })
        };
        is_held.recv().unwrap();
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let lock = Arc::clone(&lock);
                spawn(move || (lock.lock().is_err(), thread::panicking()))
            })
            .collect();
        assert!(holder.join().is_err());
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), (true, false));
        }
    });
}

#[test]
fn waits_of_no_time_and_of_little_time_end() {
    run(|| {
        thread::sleep(Duration::ZERO);
        thread::sleep(Duration::from_nanos(1));
        thread::yield_now();
        thread::park_timeout(Duration::ZERO);
        thread::park_timeout(Duration::from_micros(1));
        let (own, _other) = UnixStream::pair().unwrap();
        for micros in [1, 10, 900] {
            own.set_read_timeout(Some(Duration::from_micros(micros)))
                .unwrap();
            let kind = (&own).read(&mut [0]).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::WouldBlock);
        }
        let (sender, receiver) = mpsc::channel::<()>();
        for micros in [0, 1, 500] {
            let result = receiver.recv_timeout(Duration::from_micros(micros));
            assert_eq!(result, Err(RecvTimeoutError::Timeout));
        }
        drop(sender);
        let (lock, told) = (Mutex::new(()), Condvar::new());
        let guard = lock.lock().unwrap();
        let (_guard, result) = told.wait_timeout(guard, Duration::from_micros(50)).unwrap();
        assert!(result.timed_out());
    });
}

#[test]
fn poll_and_select_without_descriptors_are_sleeps() {
    run(|| {
        let begin = Instant::now();
        let (own, _other) = UnixStream::pair().unwrap();
        let other_runs = spawn(|| thread::sleep(NAP));
        let mut ignored = libc::pollfd {
            fd: -1,
            events: libc::POLLIN,
            revents: 7,
        };
        let mut time = libc::timeval {
            tv_sec: 0,
            tv_usec: 5000,
        };
        // SAFETY: the arguments are live, or null with a count of 0.
        unsafe {
            assert_eq!(libc::poll(std::ptr::null_mut(), 0, 5), 0);
            assert_eq!(libc::poll(std::ptr::null_mut(), 0, 0), 0);
            assert_eq!(libc::poll(&raw mut ignored, 1, 5), 0);
            assert_eq!(ignored.revents, 0);
            let null = std::ptr::null_mut();
            assert_eq!(libc::select(0, null, null, null, &raw mut time), 0);
        }
        assert!(begin.elapsed() >= Duration::from_millis(15));
        other_runs.join().unwrap();
        drop(own);
    });
}

#[test]
fn select_and_poll_wait_for_one_of_hundreds() {
    run(|| {
        let mut pairs: Vec<_> = (0..150).map(|_| UnixStream::pair().unwrap()).collect();
        let fds: Vec<_> = pairs.iter().map(|(own, _)| own.as_raw_fd()).collect();
        let highest = fds.iter().copied().max().unwrap();
        assert!(highest < 1024, "select(2) cannot name {highest}");
        let selects = spawn({
            let fds = fds.clone();
            move || {
                // SAFETY: all-zero is an empty set, and every number is below FD_SETSIZE.
                unsafe {
                    let mut set: libc::fd_set = std::mem::zeroed();
                    fds.iter().for_each(|&fd| libc::FD_SET(fd, &raw mut set));
                    let null = std::ptr::null_mut();
                    let n =
                        libc::select(highest + 1, &raw mut set, null, null, std::ptr::null_mut());
                    let ready = fds.iter().filter(|&&fd| libc::FD_ISSET(fd, &raw const set));
                    (n, ready.count())
                }
            }
        });
        let polls = spawn({
            let fds = fds.clone();
            move || {
                let mut all: Vec<_> = fds
                    .iter()
                    .map(|&fd| libc::pollfd {
                        fd,
                        events: libc::POLLIN,
                        revents: 0,
                    })
                    .collect();
                // SAFETY: the array has this many entries.
                let n = unsafe { libc::poll(all.as_mut_ptr(), all.len() as _, -1) };
                (n, all.iter().filter(|one| one.revents != 0).count())
            }
        });
        until_it_waits(&selects);
        until_it_waits(&polls);
        pairs[117].1.write_all(b"x").unwrap();
        assert_eq!(selects.join().unwrap(), (1, 1));
        assert_eq!(polls.join().unwrap(), (1, 1));
    });
}

#[test]
fn one_socket_is_read_by_two_and_written_by_two() {
    run(|| {
        const EACH: usize = 2000;
        let (a, b) = UnixDatagram::pair().unwrap();
        let (a, b) = (Arc::new(a), Arc::new(b));
        let read = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (b, read) = (Arc::clone(&b), Arc::clone(&read));
                spawn(move || {
                    let mut sum = 0;
                    // Each takes what it gets, until all have come.
                    b.set_read_timeout(Some(NAP * 50)).unwrap();
                    while read.load(Ordering::SeqCst) < 2 * EACH {
                        let mut buf = [0; 8];
                        match b.recv(&mut buf) {
                            Ok(8) => {
                                sum += u64::from_le_bytes(buf);
                                read.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                            other => panic!("{other:?}"),
                        }
                    }
                    sum
                })
            })
            .collect();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let a = Arc::clone(&a);
                spawn(move || {
                    for i in 0..EACH as u64 {
                        a.send(&i.to_le_bytes()).unwrap();
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|one| one.join().unwrap());
        let sum: u64 = readers.into_iter().map(|one| one.join().unwrap()).sum();
        assert_eq!(sum, 2 * (0..EACH as u64).sum::<u64>());
    });
}

#[test]
fn a_closed_duplicate_does_not_disturb_the_other() {
    run(|| {
        let (own, mut other) = UnixStream::pair().unwrap();
        let duplicate = own.try_clone().unwrap();
        let reads = spawn(move || {
            let mut buf = [0; 8];
            let n = (&own).read(&mut buf).unwrap();
            (n, own)
        });
        until_it_waits(&reads);
        // It waits with the duplicate too, so that both numbers are registered.
        duplicate.set_read_timeout(Some(NAP)).unwrap();
        assert_eq!(
            (&duplicate).read(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        duplicate.set_read_timeout(None).unwrap();
        drop(duplicate);
        other.write_all(b"abc").unwrap();
        let (n, own) = reads.join().unwrap();
        assert_eq!(n, 3);
        // The other order: the one that was registered first is closed.
        let duplicate = own.try_clone().unwrap();
        drop(own);
        let reads = spawn(move || (&duplicate).read(&mut [0; 8]).unwrap());
        until_it_waits(&reads);
        other.write_all(b"de").unwrap();
        assert_eq!(reads.join().unwrap(), 2);
    });
}

#[test]
fn numbers_that_are_used_again_at_once_lead_to_the_right_socket() {
    run(|| {
        // Plain threads open and close meanwhile, so that numbers change hands often.
        let stop = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    while stop.load(Ordering::SeqCst) == 0 {
                        let (a, mut b) = UnixStream::pair().unwrap();
                        b.write_all(b"wrong").unwrap();
                        (&a).read_exact(&mut [0; 5]).unwrap();
                    }
                })
            })
            .collect();
        let all: Vec<_> = (0..20_u8)
            .map(|i| {
                spawn(move || {
                    for round in 0..100_u8 {
                        let (mut a, mut b) = UnixStream::pair().unwrap();
                        let reads = spawn(move || {
                            let mut buf = [0; 2];
                            a.read_exact(&mut buf).unwrap();
                            buf
                        });
                        if round % 2 == 0 {
                            thread::yield_now();
                        }
                        b.write_all(&[i, round]).unwrap();
                        assert_eq!(reads.join().unwrap(), [i, round]);
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|one| one.join().unwrap());
        stop.store(1, Ordering::SeqCst);
        // A join of a thread parks too.
        threads.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn a_lazy_value_whose_making_waits_is_made_once() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static VALUE: LazyLock<u32> = LazyLock::new(|| {
        thread::sleep(NAP * 5);
        MADE.fetch_add(1, Ordering::SeqCst);
        7
    });
    run(|| {
        let barrier = Arc::new(Barrier::new(10));
        let all: Vec<_> = (0..10)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                spawn(move || {
                    barrier.wait();
                    *VALUE
                })
            })
            .collect();
        all.into_iter()
            .for_each(|one| assert_eq!(one.join().unwrap(), 7));
        assert_eq!(MADE.load(Ordering::SeqCst), 1);
    });
}

/// A descriptor that a C function has made.
fn owned(fd: i32) -> File {
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the caller has just made it, and no other code owns it.
    File::from(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[test]
fn descriptors_of_other_kinds_park() {
    run(|| {
        // SAFETY: the call passes no memory.
        let event = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) });
        let mut tells = event.try_clone().unwrap();
        let reads = spawn(move || {
            let mut buf = [0; 8];
            (&event).read_exact(&mut buf).unwrap();
            u64::from_ne_bytes(buf)
        });
        until_it_waits(&reads);
        tells.write_all(&5_u64.to_ne_bytes()).unwrap();
        assert_eq!(reads.join().unwrap(), 5);

        // SAFETY: the call passes no memory.
        let timer =
            owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) });
        let time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 2_000_000,
        };
        let spec = libc::itimerspec {
            it_interval: time,
            it_value: time,
        };
        // SAFETY: the timer is open, and the specification is live.
        let set = unsafe {
            libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const spec, std::ptr::null_mut())
        };
        assert_eq!(set, 0);
        for _ in 0..3 {
            let mut buf = [0; 8];
            (&timer).read_exact(&mut buf).unwrap();
            assert!(u64::from_ne_bytes(buf) >= 1);
        }

        let dir = std::env::temp_dir().join(format!("std_net_programs_{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = CString::new(dir.to_str().unwrap()).unwrap();
        // SAFETY: the calls pass a string that ends with a zero byte.
        let changes = unsafe {
            let changes = libc::inotify_init1(libc::IN_CLOEXEC);
            assert!(libc::inotify_add_watch(changes, path.as_ptr(), libc::IN_CREATE) >= 0);
            owned(changes)
        };
        let reads = spawn(move || (&changes).read(&mut [0; 1024]).unwrap());
        until_it_waits(&reads);
        File::create(dir.join("new")).unwrap();
        assert!(reads.join().unwrap() > 0);
        std::fs::remove_dir_all(&dir).unwrap();
    });
}

#[test]
fn a_terminal_parks() {
    run(|| {
        let (mut master, mut slave) = (0, 0);
        // SAFETY: there is room for both descriptors, and the other arguments may be null.
        let opened = unsafe {
            libc::openpty(
                &raw mut master,
                &raw mut slave,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        if opened != 0 {
            eprintln!(
                "SKIPPED: no terminals here ({})",
                io::Error::last_os_error()
            );
            return;
        }
        let (mut master, slave) = (owned(master), owned(slave));
        let reads = spawn(move || {
            let mut line = String::new();
            BufReader::new(slave).read_line(&mut line).unwrap();
            line
        });
        until_it_waits(&reads);
        master.write_all(b"typed\n").unwrap();
        assert_eq!(reads.join().unwrap(), "typed\n");
    });
}

#[test]
fn a_thread_and_a_process_read_the_same_socket() {
    run(|| {
        let (own, mut other) = pair();
        let own = Arc::new(own);
        let on_thread = {
            let own = Arc::clone(&own);
            thread::spawn(move || (&*own).read(&mut [0]).unwrap())
        };
        let in_process = {
            let own = Arc::clone(&own);
            spawn(move || (&*own).read(&mut [0]).unwrap())
        };
        until_it_waits(&in_process);
        other.write_all(b"x").unwrap();
        other.write_all(b"y").unwrap();
        assert_eq!(in_process.join().unwrap() + on_thread.join().unwrap(), 2);
    });
}

#[test]
fn wake_ups_by_a_thread_are_not_lost() {
    run(|| {
        let (tell, told) = mpsc::channel::<thread::Thread>();
        let parks = spawn(move || {
            tell.send(thread::current()).unwrap();
            for _ in 0..1000 {
                thread::park();
            }
        });
        let unparks = thread::spawn(move || {
            let parked = told.recv().unwrap();
            while !parks.is_finished() {
                parked.unpark();
                thread::yield_now();
            }
            parks.join().unwrap();
        });
        unparks.join().unwrap();
    });
}
