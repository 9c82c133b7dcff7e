//! Tests of what makes processes sound, and of the errors that they survive. Crashes run in an OS
//! process of their own, which is this test binary started again.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use std_net::process::{self, Builder, channel};
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, again, both, is_again, tcp_pair, within};

#[test]
fn values_that_are_not_send_live_across_waits_and_thread_locals_stay() {
    thread_local!(static MINE: Cell<usize> = const { Cell::new(0) });
    within(LIMIT, || {
        let all: Vec<_> = (0..200)
            .map(|_| {
                process::spawn(|| {
                    let shared = Rc::new(RefCell::new(0));
                    let thread = thread::current().id();
                    let local = MINE.with(|m| std::ptr::from_ref(m) as usize);
                    for _ in 0..10 {
                        let (mut a, mut b) = UnixStream::pair().unwrap();
                        let other = Rc::clone(&shared);
                        process::sleep(Duration::from_micros(300));
                        *other.borrow_mut() += 1;
                        a.write_all(b"x").unwrap();
                        b.read_exact(&mut [0]).unwrap();
                        process::yield_now();
                        assert_eq!(thread::current().id(), thread);
                        assert_eq!(MINE.with(|m| std::ptr::from_ref(m) as usize), local);
                    }
                    *shared.borrow()
                })
            })
            .collect();
        for one in all {
            assert_eq!(one.join().unwrap(), 10);
        }
    });
}

#[test]
fn panics_end_their_process_only() {
    both(|| {
        let panicked = process::spawn(|| {
            let _writes = WritesWhenDropped(tcp_pair());
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        // A panic that is caught has no such effect.
        let caught = process::spawn(|| {
            let result = catch_unwind(|| {
                process::sleep(Duration::from_millis(1));
                panic!("caught");
            });
            process::sleep(Duration::from_millis(1));
            (result.is_err(), thread::panicking())
        });
        assert_eq!(caught.join().unwrap(), (true, false));
        // This panics in a drop without any unwinding.
        struct PanicsWhenDropped;
        impl Drop for PanicsWhenDropped {
            fn drop(&mut self) {
                panic!("in a drop");
            }
        }
        assert!(process::spawn(|| drop(PanicsWhenDropped)).join().is_err());
    });

    struct WritesWhenDropped((TcpStream, TcpStream));
    impl Drop for WritesWhenDropped {
        fn drop(&mut self) {
            let (a, b) = &mut self.0;
            assert!(thread::panicking());
            b.set_deadline(Duration::from_secs(30));
            // This waits during an unwind. It blocks its thread, and other processes must not see that
            // it panics.
            let reader = thread::scope(|s| {
                let reader = s.spawn(|| b.read_string(16));
                a.write_all(b"goodbye").unwrap();
                reader.join().unwrap()
            });
            assert_eq!(reader.unwrap(), "goodbye");
        }
    }
}

#[test]
fn nobody_sees_another_process_panic() {
    within(LIMIT, || {
        let stop = Arc::new(AtomicBool::new(false));
        let watchers: Vec<_> = (0..8)
            .map(|_| {
                let stop = Arc::clone(&stop);
                process::spawn(move || {
                    let mut seen = false;
                    while !stop.load(Ordering::Relaxed) {
                        seen |= thread::panicking();
                        process::yield_now();
                    }
                    seen
                })
            })
            .collect();
        struct Sleeps;
        impl Drop for Sleeps {
            fn drop(&mut self) {
                process::sleep(Duration::from_millis(2));
            }
        }
        for _ in 0..8 {
            let _ = process::spawn(|| {
                let _sleeps = Sleeps;
                panic!("on purpose");
            })
            .join();
        }
        stop.store(true, Ordering::Relaxed);
        for watcher in watchers {
            assert!(!watcher.join().unwrap());
        }
    });
}

#[test]
fn a_scope_waits_for_all_even_when_it_panics() {
    both(|| {
        let ended = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            process::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| {
                        process::sleep(Duration::from_millis(3));
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                }
                panic!("on purpose");
            })
        }));
        assert!(result.is_err());
        assert_eq!(ended.load(Ordering::SeqCst), 20);
        // If a child panics and was not joined, the scope panics.
        let result = catch_unwind(|| process::scope(|s| drop(s.spawn(|| panic!("child")))));
        assert!(result.is_err());
        // If the child was joined, the scope does not panic.
        process::scope(|s| assert!(s.spawn(|| panic!("child")).join().is_err()));
    });
}

#[test]
fn a_scope_in_a_drop_while_unwinding_does_not_need_the_worker() {
    within(LIMIT, || {
        struct Scopes(Arc<AtomicUsize>);
        impl Drop for Scopes {
            fn drop(&mut self) {
                let ended = &self.0;
                process::scope(|s| {
                    for _ in 0..3 {
                        s.spawn(|| ended.fetch_add(1, Ordering::SeqCst));
                    }
                });
            }
        }
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ended);
        let result = process::spawn(move || {
            let _scopes = Scopes(count);
            panic!("on purpose");
        })
        .join();
        assert!(result.is_err());
        assert_eq!(ended.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn one_reads_while_another_writes_from_anywhere() {
    within(LIMIT, || {
        let (a, b) = tcp_pair();
        let (a, b) = (Arc::new(a), Arc::new(b));
        const N: usize = 3 << 20;
        let pattern = |i: usize| (i % 251) as u8;
        let mut all = Vec::new();
        for (from, to) in [
            (Arc::clone(&a), Arc::clone(&b)),
            (Arc::clone(&b), Arc::clone(&a)),
        ] {
            // In one direction both ends are processes. In the other the writer is a thread.
            all.push(process::spawn(move || {
                let data: Vec<u8> = (0..N).map(pattern).collect();
                (&*from).write_all(&data).unwrap();
            }));
            all.push(process::spawn(move || {
                let mut data = vec![0; N];
                (&*to).read_exact(&mut data).unwrap();
                assert!(data.iter().enumerate().all(|(i, byte)| *byte == pattern(i)));
            }));
        }
        for one in all {
            one.join().unwrap();
        }
        let reader = {
            let b = Arc::clone(&b);
            thread::spawn(move || b.read_string(64))
        };
        process::spawn(move || a.write_string("to a thread").unwrap())
            .join()
            .unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), "to a thread");
    });
}

#[test]
fn several_accept_on_one_listener_and_receive_on_one_socket() {
    within(LIMIT, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        const N: usize = 60;
        let accepted = AtomicUsize::new(0);
        process::scope(|scope| {
            let accept = || {
                for _ in 0..N / 6 {
                    drop(listener.accept().unwrap());
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            };
            for _ in 0..4 {
                scope.spawn(accept);
            }
            // Threads use the same descriptor too.
            thread::scope(|threads| {
                threads.spawn(accept);
                threads.spawn(accept);
                for _ in 0..N {
                    TcpStream::connect(address).unwrap();
                }
            });
        });
        assert_eq!(accepted.load(Ordering::SeqCst), N);

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let seen = process::Mutex::new(HashSet::new());
        process::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let mut buf = [0; 8];
                        socket.recv_from(&mut buf).unwrap();
                        seen.lock().insert(u64::from_be_bytes(buf));
                    }
                });
            }
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            for i in 0..40u64 {
                sender.send_to(&i.to_be_bytes(), address).unwrap();
            }
        });
        assert_eq!(seen.into_inner().len(), 40);
    });
}

#[test]
fn a_connection_moves_between_processes_mid_life() {
    both(|| {
        let (a, b) = tcp_pair();
        let (sender, receiver) = channel::unbounded::<TcpStream>();
        sender.send(b).unwrap();
        // Many processes, on any worker, take the socket in turn, serve one round, and pass it on.
        let servers: Vec<_> = (0..50)
            .map(|_| {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                process::spawn(move || {
                    let mut stream = receiver.recv().unwrap();
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    stream.write_all(&byte).unwrap();
                    sender.send(stream).unwrap();
                })
            })
            .collect();
        for i in 0..50u8 {
            (&a).write_all(&[i]).unwrap();
            let mut byte = [0];
            (&a).read_exact(&mut byte).unwrap();
            assert_eq!(byte, [i]);
        }
        for server in servers {
            server.join().unwrap();
        }
    });
}

#[test]
fn who_has_waited_for_a_socket_leaves_it_to_another() {
    /// Sends a byte and reads it.
    fn one(mut stream: &TcpStream, sent: &mut impl Write) {
        let mut byte = [0];
        sent.write_all(b"1").unwrap();
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"1");
    }

    // What the first process does after it has waited for the socket, while it still has it.
    let ways: [fn(&AtomicBool, &channel::Receiver<()>); 4] = [
        |_, end| end.recv().unwrap(),
        |done, _| {
            while !done.load(Ordering::Relaxed) {
                process::yield_now();
            }
        },
        |done, _| {
            while !done.load(Ordering::Relaxed) {
                process::sleep(Duration::from_millis(1));
            }
        },
        |_, end| {
            // It waits on another socket.
            let (mut a, b) = tcp_pair();
            let end = end.clone();
            let other = process::spawn(move || {
                end.recv().unwrap();
                (&b).write_all(b"2").unwrap();
            });
            a.read_exact(&mut [0]).unwrap();
            other.join().unwrap();
        },
    ];
    both(move || {
        for round in 0..20 {
            for way in ways {
                let (mut peer, stream) = tcp_pair();
                let stream = Arc::new(stream);
                let done = Arc::new(AtomicBool::new(false));
                let (end, ended) = channel::unbounded();
                let (begun, begin) = channel::unbounded();
                let first = {
                    let (stream, done) = (Arc::clone(&stream), Arc::clone(&done));
                    let mut peer = peer.try_clone().unwrap();
                    process::spawn(move || {
                        one(&stream, &mut peer);
                        begun.send(()).unwrap();
                        way(&done, &ended);
                        // The socket can come back.
                        one(&stream, &mut peer);
                    })
                };
                begin.recv().unwrap();
                let three = |peer: &mut TcpStream| {
                    let stream = Arc::clone(&stream);
                    let reader = process::spawn(move || {
                        (&*stream).read_exact(&mut [0; 3]).unwrap();
                    });
                    for _ in 0..3 {
                        if round % 2 == 0 {
                            process::sleep(Duration::from_micros(100));
                        }
                        peer.write_all(b"0").unwrap();
                    }
                    reader.join().unwrap();
                };
                three(&mut peer);
                done.store(true, Ordering::Relaxed);
                // If the flag was enough, the receiver is gone already.
                let _ = end.send(());
                first.join().unwrap();
                // The first process has ended.
                three(&mut peer);
            }
        }
    });
}

#[test]
fn a_descriptor_number_is_reused_while_events_are_under_way() {
    within(LIMIT, || {
        process::scope(|scope| {
            for worker in 0..4u8 {
                scope.spawn(move || {
                    for round in 0..200u8 {
                        // The peer's last bytes and its end arrive while the socket is closed, and the
                        // next pair gets the same numbers at once.
                        let (mut a, mut b) = tcp_pair();
                        let token = [worker, round];
                        a.write_all(&token).unwrap();
                        let mut got = [0; 2];
                        b.read_exact(&mut got).unwrap();
                        assert_eq!(got, token);
                        a.write_all(b"unread").unwrap();
                        if round % 2 == 0 {
                            drop(a);
                            drop(b);
                        } else {
                            drop(b);
                            drop(a);
                        }
                    }
                });
            }
        });
    });
}

#[test]
fn the_end_of_a_stream_is_never_lost_after_a_short_read() {
    within(LIMIT, || {
        process::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let (mut a, mut b) = tcp_pair();
                        let reader = process::spawn(move || {
                            let mut all = Vec::new();
                            let mut buf = [0; 64];
                            loop {
                                match b.read(&mut buf).unwrap() {
                                    0 => return all,
                                    n => all.extend_from_slice(&buf[..n]),
                                }
                            }
                        });
                        process::yield_now();
                        // The data and the end come together, as one edge.
                        a.write_all(b"last words").unwrap();
                        drop(a);
                        assert_eq!(reader.join().unwrap(), b"last words");
                    }
                });
            }
        });
    });
}

#[test]
fn cancel_races_with_readiness_and_deadlines_with_data() {
    within(LIMIT, || {
        for i in 0..300u64 {
            let (a, b) = tcp_pair();
            let reader = process::spawn(move || {
                b.set_deadline(Duration::from_micros(i * 3));
                let result = b.read_string(8);
                b.reset_deadline();
                // Whatever happened, nothing is lost.
                match result {
                    Ok(text) => text,
                    Err(error) if error.kind() == ErrorKind::TimedOut => b.read_string(8).unwrap(),
                    Err(error) => panic!("{error}"),
                }
            });
            process::sleep(Duration::from_micros(i));
            a.write_string("data").unwrap();
            assert_eq!(reader.join().unwrap(), "data");

            let (a, b) = tcp_pair();
            let reader = process::spawn(move || (b.read_string(8), b));
            process::sleep(Duration::from_micros(i % 50));
            let handle = reader.process().clone();
            thread::scope(|s| {
                s.spawn(|| handle.cancel());
                a.write_string("data").unwrap();
            });
            let (result, b) = reader.join().unwrap();
            match result {
                Ok(text) => assert_eq!(text, "data"),
                Err(error) => {
                    assert!(process::is_cancelled(&error), "{error}");
                    assert_eq!(b.read_string(8).unwrap(), "data");
                }
            }
        }
    });
}

#[test]
fn a_cancelled_process_ends_at_its_next_wait() {
    within(LIMIT, || {
        let (sender, receiver) = channel::bounded::<()>(1);
        let (_a, b) = tcp_pair();
        let handle = process::spawn(move || {
            let receive = receiver.recv();
            let read = b.read_string(1);
            process::sleep(Duration::MAX);
            (receive, read, process::check_cancelled())
        });
        handle.cancel();
        let (receive, read, check) = handle.join().unwrap();
        assert_eq!(receive, Err(channel::RecvError::Cancelled));
        assert!(process::is_cancelled(&read.unwrap_err()));
        assert!(process::is_cancelled(&check.unwrap_err()));
        drop(sender);
    });
}

#[test]
fn a_future_that_waits_inside_does_not_lose_its_waker() {
    both(|| {
        let (sender, receiver) = async_like_channel();
        let (a, b) = tcp_pair();
        let woken = process::spawn(move || {
            process::block_on(async move {
                std::future::poll_fn(|context| {
                    // The future registers, and then waits in the middle of its poll. A wake-up that
                    // comes meanwhile must not be taken for that of the socket.
                    let ready = receiver.poll(context.waker());
                    if !ready && b.read_string(1).is_ok() {
                        return std::task::Poll::Pending;
                    }
                    std::task::Poll::Ready(())
                })
                .await;
            })
        });
        process::sleep(Duration::from_millis(2));
        sender.set();
        a.write_string("x").unwrap();
        woken.join().unwrap();
    });

    #[derive(Clone)]
    struct Flag(Arc<(AtomicBool, std::sync::Mutex<Option<std::task::Waker>>)>);
    impl Flag {
        fn set(&self) {
            self.0.0.store(true, Ordering::SeqCst);
            if let Some(waker) = self.0.1.lock().unwrap().take() {
                waker.wake();
            }
        }
        fn poll(&self, waker: &std::task::Waker) -> bool {
            *self.0.1.lock().unwrap() = Some(waker.clone());
            self.0.0.load(Ordering::SeqCst)
        }
    }
    fn async_like_channel() -> (Flag, Flag) {
        let flag = Flag(Arc::default());
        (flag.clone(), flag)
    }
}

#[test]
fn an_icmp_error_does_not_make_a_udp_wait_spin() {
    both(|| {
        let closed = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(closed).unwrap();
        for _ in 0..3 {
            socket.set_deadline(Duration::from_secs(30));
            socket.send(b"to nobody").unwrap();
            let error = socket.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            // The error was taken, so from here on the socket is like any other.
            socket.set_deadline(Duration::from_millis(5));
            let error = socket.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn bad_sizes_are_an_error() {
    let error = Builder::new().stack_size(1).spawn(|| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = Builder::new().stack_size(1 << 40).spawn(|| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

// Tests in OS processes of their own

#[test]
fn an_overflow_names_the_process_and_aborts() {
    #[allow(unconditional_recursion, reason = "it is the point")]
    #[inline(never)]
    fn deeper(n: usize) -> usize {
        let frame = std::hint::black_box([n; 64]);
        deeper(n + 1) + frame[n % 64]
    }
    if is_again() {
        let deep = Builder::new()
            .name("the deep one")
            .spawn(|| deeper(0))
            .unwrap();
        let _ = deep.join();
        return;
    }
    let output = again("an_overflow_names_the_process_and_aborts", &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        text.contains("'the deep one' has overflowed its stack"),
        "{text}"
    );
}

#[test]
fn exit_leaves_parked_processes_behind() {
    if is_again() {
        let (_sender, receiver) = channel::unbounded::<()>();
        for _ in 0..5000 {
            let receiver = receiver.clone();
            process::spawn(move || receiver.recv());
        }
        process::spawn(|| ()).join().unwrap();
        std::process::exit(7);
    }
    let output = within(LIMIT, || again("exit_leaves_parked_processes_behind", &[]));
    assert_eq!(
        output.status.code(),
        Some(7),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_return_from_main_leaves_parked_processes_behind() {
    let output = within(LIMIT, || {
        Command::new(env!("CARGO_BIN_EXE_leave")).output().unwrap()
    });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"leaving 5000\n");
}

#[test]
fn the_watchdog_names_who_keeps_its_worker() {
    const NAME: &str = "the_watchdog_names_who_keeps_its_worker";
    if is_again() {
        static NAMED: AtomicBool = AtomicBool::new(false);
        thread::spawn(|| {
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            NAMED.store(true, Ordering::Relaxed);
        });
        // A threadlike process would park in every call that blocks, so this one computes.
        let stuck = Builder::new().name("stuck").spawn(|| {
            while !NAMED.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        stuck.unwrap().join().unwrap();
        return;
    }
    within(LIMIT, || {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .envs([("STD_NET_AGAIN", "1"), ("STD_NET_WATCHDOG", "50")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let named = said.find(|line| {
            let line = line.as_ref().unwrap();
            line.contains("'stuck'") && line.contains("kept its worker")
        });
        assert!(named.is_some(), "the watchdog says nothing");
        // The end of its input ends the process.
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn bad_settings_in_the_environment_are_an_error() {
    if is_again() {
        let error = Builder::new().spawn(|| ()).unwrap_err();
        println!("{:?} {error}", error.kind());
        return;
    }
    for (name, value) in [
        ("STD_NET_WORKERS", "many"),
        ("STD_NET_WORKERS", "0"),
        ("STD_NET_STACK_SIZE", "12"),
    ] {
        let output = again(
            "bad_settings_in_the_environment_are_an_error",
            &[(name, value)],
        );
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("InvalidInput"),
            "{name}={value}: {text}"
        );
    }
}

#[test]
fn no_memory_for_a_stack_is_an_error_of_spawn() {
    if is_again() {
        // The runtime's threads and some mappings of stacks exist now. From here on mmap fails.
        process::spawn(|| ()).join().unwrap();
        let limit = libc::rlimit {
            rlim_cur: 600 << 20,
            rlim_max: 600 << 20,
        };
        // SAFETY: the pointer is to a live rlimit.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
        assert_eq!(set, 0);
        let (sender, receiver) = channel::unbounded::<()>();
        let mut parked = Vec::new();
        let error = loop {
            let receiver = receiver.clone();
            match Builder::new().spawn(move || receiver.recv()) {
                Ok(handle) => parked.push(handle),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM), "{error}");
        drop(sender);
        for one in parked {
            one.join().unwrap().unwrap_err();
        }
        // There is room again.
        assert_eq!(process::spawn(|| 3).join().unwrap(), 3);
        println!("recovered");
        return;
    }
    let output = within(LIMIT, || {
        again("no_memory_for_a_stack_is_an_error_of_spawn", &[])
    });
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("recovered"),
        "{text}{errors}"
    );
}

#[test]
fn at_the_descriptor_limit_accept_fails_and_recovers_without_a_new_edge() {
    if is_again() {
        let body = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            listener.set_deadline(Duration::from_millis(5));
            // From here on the reactor watches the listener.
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
            listener.set_deadline(Duration::from_secs(30));
            let client = TcpStream::connect(address).unwrap();
            let mut hoard = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                hoard.push(file);
            }
            let error = listener.accept().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
            drop(hoard);
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        };
        body();
        process::spawn(body).join().unwrap();
        println!("recovered");
        return;
    }
    let output = within(LIMIT, || {
        again(
            "at_the_descriptor_limit_accept_fails_and_recovers_without_a_new_edge",
            &[],
        )
    });
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("recovered"),
        "{text}{errors}"
    );
}
