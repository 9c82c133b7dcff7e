//! Do the errors of other servers, channels and locks, as reported in public, not occur here, on a thread and
//! in a process? Each test names the report. Those of sockets are in `bugs_of_others.rs`, and those of
//! hyper's shutdown in `tests/async/tests/shutdown.rs`.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::channel::{self, RecvError, broadcast, oneshot, watch};
use std_net::process::{self, Semaphore};
use std_net::runtime::Builder;
use std_net::server::{Listener, Peer, Server};
use std_net::signals::SIGQUIT;
use std_net::socket::{Notifier, TcpListener, TcpStream};
use std_net::unix::{UnixListener, UnixStream};
use std_net_tests::{LIMIT, TempPath, both, in_time, is_again, within};

const FAR: Duration = Duration::from_secs(3600);

/// Sends a signal to this OS process or to another one.
fn kill(pid: u32, signal: i32) {
    let pid = libc::pid_t::try_from(pid).unwrap();
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Starts the test of this name in an OS process of its own, with pipes.
fn child(name: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("STD_NET_AGAIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the rest of the first line that begins with `what`.
fn line_with(output: &mut impl BufRead, what: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "no line {what:?}");
        // The test harness writes its own text before it, without an end of line.
        if let Some((_, rest)) = line.split_once(what) {
            return rest.trim().to_owned();
        }
    }
}

fn hello<S: Write>(mut stream: S) -> io::Result<()> {
    stream.write_all(b"hello")
}

/// actix-net 951 and 219 (github.com/actix/actix-net/issues/951): with a limit of connections over
/// several listeners, some clients were never served. Here an acceptor held a place while it waited.
#[test]
fn a_limit_of_one_serves_clients_of_every_listener() {
    both(|| {
        let path = TempPath::new();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let server = Server::new(tcp)
            .unwrap()
            .max_connections(1)
            .acceptors(2)
            .also(UnixListener::bind(&*path).unwrap(), |s: UnixStream, _| {
                hello(s)
            })
            .unwrap();
        let handle = server.handle();
        let near = path.to_path_buf();
        let client = process::spawn(move || {
            for _ in 0..10 {
                let far = TcpStream::connect(address).unwrap();
                assert_eq!(far.read_string(9).unwrap(), "hello");
                let near = UnixStream::connect(&near).unwrap();
                assert_eq!(near.read_string(9).unwrap(), "hello");
            }
            handle.shutdown(FAR);
        });
        let end = server.run(hello::<TcpStream>).unwrap();
        assert_eq!((end.served, end.cancelled), (20, 0));
        client.join().unwrap();
    });
}

/// A listener whose first accepts fail.
struct Failing {
    listener: UnixListener,
    error: i32,
    times: AtomicUsize,
}

impl Failing {
    fn fails(&self) -> io::Result<()> {
        let left = self
            .times
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => Err(io::Error::from_raw_os_error(self.error)),
            Err(_) => Ok(()),
        }
    }
}

impl Listener for Failing {
    type Connection = UnixStream;

    fn accept(&self) -> io::Result<UnixStream> {
        self.fails()?;
        Listener::accept(&self.listener)
    }

    fn accept_from(&self) -> io::Result<(UnixStream, Peer)> {
        self.fails()?;
        self.listener.accept_from()
    }

    fn wait_acceptable(&self) -> io::Result<()> {
        self.listener.wait_acceptable()
    }

    fn try_accept_from(&self) -> io::Result<(UnixStream, Peer)> {
        self.fails()?;
        self.listener.try_accept_from()
    }

    fn notifier(&self) -> io::Result<Notifier> {
        self.listener.notifier()
    }

    fn set_idle_timeout(stream: &UnixStream, timeout: Duration) -> io::Result<()> {
        stream.set_read_timeout(Some(timeout))
    }
}

/// trafficserver 8453 (github.com/apache/trafficserver/pull/8453) paused after each client that had gone
/// before the accept, and tiny-http 283 (github.com/tiny-http/tiny-http/issues/283) ended. With a pause of
/// 50 ms this test would take eight minutes.
#[test]
fn clients_that_go_before_the_accept_delay_nobody() {
    both(|| {
        for limit in [None, Some(5)] {
            let path = TempPath::new();
            let listener = Failing {
                listener: UnixListener::bind(&*path).unwrap(),
                error: libc::ECONNABORTED,
                times: AtomicUsize::new(10_000),
            };
            let problems = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&problems);
            let mut server = Server::new(listener).unwrap().on_error(move |problem| {
                assert!(problem.to_string().starts_with("accept: "));
                count.fetch_add(1, Ordering::SeqCst);
            });
            if let Some(limit) = limit {
                server = server.max_connections(limit);
            }
            let handle = server.handle();
            let address = path.to_path_buf();
            let client = process::spawn(move || {
                let client = UnixStream::connect(&address).unwrap();
                assert_eq!(client.read_string(9).unwrap(), "hello");
                handle.shutdown(FAR);
            });
            assert_eq!(server.run(hello::<UnixStream>).unwrap().served, 1);
            assert_eq!(problems.load(Ordering::SeqCst), 10_000);
            client.join().unwrap();
        }
    });
}

/// rust 25977 (github.com/rust-lang/rust/issues/25977): `eprintln!` panics when the standard error is a
/// pipe without a reader, and with it a server that only wants to report an error.
#[test]
fn a_report_that_panics_ends_neither_the_accepts_nor_a_connection() {
    both(|| {
        let path = TempPath::new();
        let listener = Failing {
            listener: UnixListener::bind(&*path).unwrap(),
            error: libc::EMFILE,
            times: AtomicUsize::new(1),
        };
        let server = Server::new(listener)
            .unwrap()
            .on_error(|_| panic!("nobody reads this"));
        let handle = server.handle();
        let address = path.to_path_buf();
        let client = process::spawn(move || {
            for _ in 0..3 {
                let client = UnixStream::connect(&address).unwrap();
                assert_eq!(client.read_string(9).unwrap(), "hello");
            }
            handle.shutdown(FAR);
        });
        let end = server
            .run(|stream: UnixStream| -> io::Result<()> {
                hello(stream)?;
                Err(io::Error::other("it is reported"))
            })
            .unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (3, 0, 0));
        client.join().unwrap();
    });
}

#[test]
fn a_server_goes_on_when_nobody_reads_its_output_any_more() {
    if is_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        println!("listening on {}", listener.local_addr().unwrap());
        let server = Server::new(listener)
            .unwrap()
            .on_error(|problem| eprintln!("{problem}"));
        let handle = server.handle();
        handle.shutdown_on_signals(FAR).unwrap();
        // The other side closes its ends of the pipes now. This waits for that of the input.
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        let end = server.run(|stream: TcpStream| {
            hello(stream)?;
            Err::<(), _>(io::Error::other("nobody reads this"))
        });
        let as_it_should = end.unwrap().served == 3;
        // SAFETY: it ends this OS process, without the test harness, which would print.
        unsafe { libc::_exit(if as_it_should { 0 } else { 7 }) };
    }
    within(LIMIT, || {
        let mut child = child("a_server_goes_on_when_nobody_reads_its_output_any_more");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = line_with(&mut output, "listening on ");
        drop((output, child.stderr.take(), child.stdin.take()));
        for _ in 0..3 {
            let client = TcpStream::connect(&*address).unwrap();
            assert_eq!(client.read_string(9).unwrap(), "hello");
        }
        kill(child.id(), libc::SIGTERM);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    });
}

/// async-channel 23 (github.com/smol-rs/async-channel/issues/23): values that nobody could receive any more
/// stayed in the channel, and the one that waited for the reply to such a value waited for ever.
#[test]
fn a_question_to_a_receiver_that_is_gone_is_answered_by_an_error() {
    both(|| {
        for bounded in [true, false] {
            let (questions, receiver) = match bounded {
                true => channel::bounded(4),
                false => channel::unbounded(),
            };
            let (reply, answer) = oneshot::channel::<u32>();
            questions.send(reply).unwrap();
            let clone = receiver.clone();
            drop(receiver);
            assert_eq!(answer.try_recv(), Err(RecvError::Empty));
            drop(clone);
            assert_eq!(answer.recv(), Err(RecvError::Closed));
            // The questions can still be asked, to no effect.
            let (reply, _answer) = oneshot::channel();
            questions.send(reply).unwrap_err();
        }
        let value = Arc::new(());
        let (sender, receiver) = oneshot::channel();
        sender.send(Arc::clone(&value)).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
        let (sender, receiver) = broadcast::channel(4);
        sender.send(Arc::clone(&value)).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// As above, while other processes and threads send. Each value that a send has taken is dropped.
#[test]
fn receivers_that_go_while_others_send_leave_no_value() {
    both(|| {
        for round in 0..50 {
            let value = Arc::new(());
            let (sender, receiver) = channel::bounded(3);
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    let (sender, value) = (sender.clone(), Arc::clone(&value));
                    process::spawn(move || while sender.send(Arc::clone(&value)).is_ok() {})
                })
                .collect();
            let receivers: Vec<_> = (0..2)
                .map(|_| {
                    let receiver = receiver.clone();
                    process::spawn(move || (0..round).for_each(|_| drop(receiver.recv())))
                })
                .collect();
            drop(receiver);
            receivers.into_iter().for_each(|r| r.join().unwrap());
            senders.into_iter().for_each(|s| s.join().unwrap());
            assert_eq!(Arc::strong_count(&value), 1);
            drop(sender);
        }
    });
}

/// tokio 6855 (github.com/tokio-rs/tokio/issues/6855): a task that always finds a value let no other task
/// of its thread run.
#[test]
fn a_process_that_always_finds_a_value_lets_others_run() {
    /// Receives until another process of the same worker has run.
    fn receive(name: &str, mut receive: impl FnMut()) {
        let done = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&done);
        process::spawn(move || other.store(true, Ordering::SeqCst));
        // A worker runs the ready ones 64 times before it begins a new one, and each may do 64 operations.
        for _ in 0..10_000 {
            if done.load(Ordering::SeqCst) {
                return;
            }
            receive();
        }
        panic!("{name}: nothing else has run");
    }

    if !is_again() {
        // It must be the only test on its worker.
        let name = "a_process_that_always_finds_a_value_lets_others_run";
        let output = child(name).wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    Builder::new().workers(1).start().unwrap();
    let body = || {
        let (sender, values) = channel::unbounded();
        let (broadcaster, mut listener) = broadcast::channel(10_000);
        let (changer, current) = watch::channel(0);
        for n in 0..30_000 {
            sender.send(n).unwrap();
            broadcaster.send(n).unwrap();
        }
        // It is behind, and begins with the oldest value that is left.
        listener.recv().unwrap_err();
        receive("recv", || assert!(values.recv().is_ok()));
        receive("iter", || assert!(values.iter().next().is_some()));
        receive("broadcast", || assert!(listener.recv().is_ok()));
        receive("watch", || {
            changer.send(1);
            current.changed().unwrap();
            current.get();
        });
        receive("select!", || {
            process::select! { recv(values) -> value => assert!(value.is_ok()) }.unwrap();
        });
        receive("future", || process::block_on(std::future::ready(())));
    };
    within(LIMIT, || process::spawn(body).join().unwrap());
}

/// asyncio 270 (github.com/python/asyncio/issues/270) and embassy 6964
/// (github.com/embassy-rs/embassy/pull/6964): the waiter that had been woken was cancelled before it ran,
/// and the next one was not woken instead.
#[test]
fn a_cancel_of_the_one_that_was_woken_wakes_the_next() {
    both(|| {
        for _ in 0..100 {
            let permits = Arc::new(Semaphore::new(1));
            let held = permits.acquire_owned();
            let (values, receiver) = channel::bounded(1);
            let waiting: Vec<_> = (0..3)
                .map(|_| {
                    let permits = Arc::clone(&permits);
                    process::spawn(move || permits.acquire_owned_deadline(FAR).is_ok())
                })
                .collect();
            let receiving: Vec<_> = (0..3)
                .map(|_| {
                    let receiver = receiver.clone();
                    process::spawn(move || receiver.recv().is_ok())
                })
                .collect();
            // One wake-up and one cancel at the same time. Whichever of them the first waiter sees, one
            // permit and one value are left for the others, or it has got them itself.
            let cancels = {
                let (a, b) = (waiting[0].process().clone(), receiving[0].process().clone());
                thread::spawn(move || {
                    a.cancel();
                    b.cancel();
                })
            };
            drop(held);
            values.send(()).unwrap();
            process::blocking(|| cancels.join().unwrap());
            let got: Vec<bool> = waiting.into_iter().map(|w| w.join().unwrap()).collect();
            assert!(got[1] && got[2], "a permit is lost: {got:?}");
            assert!(permits.try_acquire().is_some());
            // There is one value for three receivers. The last two get an error when the channel ends.
            drop(values);
            let got = receiving.into_iter().map(|r| r.join().unwrap());
            assert_eq!(got.filter(|got| *got).count(), 1, "a value is lost");
        }
    });
}

/// envoy 22390 (github.com/envoyproxy/envoy/issues/22390) and sozu 447
/// (github.com/sozu-proxy/sozu/issues/447): a count of connections went below zero.
#[test]
fn counts_never_go_below_zero() {
    both(|| {
        let path = TempPath::new();
        let server = Server::new(UnixListener::bind(&*path).unwrap())
            .unwrap()
            .max_connections(8)
            .acceptors(2);
        let handle = server.handle();
        let address = path.to_path_buf();
        let stop = Arc::new(AtomicBool::new(false));
        let (watched, stops) = (handle.clone(), Arc::clone(&stop));
        let watcher = thread::spawn(move || {
            while !stops.load(Ordering::SeqCst) {
                assert!(watched.running() <= 8);
                let metrics = process::metrics();
                assert!(metrics.ended <= metrics.spawned, "{metrics:?}");
                assert!(metrics.processes.readable < 1 << 32, "{metrics:?}");
            }
        });
        let clients = process::spawn(move || {
            for n in 0..300 {
                let client = UnixStream::connect(&address).unwrap();
                // Some end before they are accepted, and some are left by a handler that panics.
                if n % 3 == 0 {
                    let _ = client.read_string(9);
                }
            }
            handle.shutdown(Duration::ZERO);
            handle
        });
        let count = AtomicUsize::new(0);
        let end = server
            .run(move |stream: UnixStream| -> io::Result<()> {
                if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(5) {
                    // A panic without its message.
                    std::panic::resume_unwind(Box::new("each fifth panics"));
                }
                hello(stream)
            })
            .unwrap();
        assert_eq!(end.left, 0);
        let handle = clients.join().unwrap();
        stop.store(true, Ordering::SeqCst);
        process::blocking(|| watcher.join().unwrap());
        assert_eq!(handle.running(), 0);
    });
}

/// redux-saga 78 (github.com/redux-saga/redux-saga/issues/78) and elasticsearch 50990
/// (github.com/elastic/elasticsearch/issues/50990): what stops a task did not reach the tasks two steps below.
/// Here the processes between have ended already.
#[test]
fn a_deadline_outlives_the_process_that_had_it() {
    both(|| {
        let (tell, told) = channel::unbounded();
        let parent = process::Builder::new()
            .deadline(Duration::from_millis(50))
            .spawn(move || {
                process::spawn(move || {
                    process::spawn(move || {
                        process::sleep(FAR);
                        tell.send(process::check_cancelled()).unwrap();
                    });
                });
            })
            .unwrap();
        parent.join().unwrap();
        let error = told.recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

/// cockroach 48070 (github.com/cockroachdb/cockroach/issues/48070) and uvicorn 280
/// (github.com/Kludex/uvicorn/pull/280): what a second signal does. Here it ends the connections at once,
/// also when two servers of the program, or the same server twice, ask for signals.
#[test]
fn two_servers_end_on_one_signal_and_at_once_on_two() {
    if is_again() {
        let mut handles = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = Server::new(listener).unwrap();
            server.handle().shutdown_on_signals(FAR).unwrap();
            server.handle().shutdown_on_signals(FAR).unwrap();
            println!("listening on {address}");
            handles.push(server.handle());
            ends.push(process::spawn(move || {
                server.run(|stream: TcpStream| stream.read_string(9).map(drop))
            }));
        }
        while handles.iter().any(|handle| handle.running() == 0) {
            process::sleep(Duration::from_millis(1));
        }
        println!("running");
        while !handles.iter().all(|handle| handle.is_shutdown_begun()) {
            process::sleep(Duration::from_millis(1));
        }
        println!("begun");
        for end in ends {
            assert_eq!(end.join().unwrap().unwrap().cancelled, 1);
        }
        return;
    }
    within(LIMIT, || {
        let mut child = child("two_servers_end_on_one_signal_and_at_once_on_two");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let clients = [0, 1].map(|_| {
            let address = line_with(&mut output, "listening on ");
            TcpStream::connect(&*address).unwrap()
        });
        line_with(&mut output, "running");
        kill(child.id(), libc::SIGTERM);
        line_with(&mut output, "begun");
        kill(child.id(), libc::SIGTERM);
        for client in clients {
            assert_eq!(client.read_string(1).unwrap(), "");
        }
        assert!(child.wait().unwrap().success());
    });
}

/// cockroach 35476 (github.com/cockroachdb/cockroach/issues/35476): a list of a server in production is long.
/// The server goes on while the list is written, and ends although nobody reads the list.
#[test]
fn a_server_goes_on_and_ends_while_a_list_of_ten_thousand_is_written() {
    const PROCESSES: usize = 10_000;
    if is_again() {
        Builder::new().dump_on(SIGQUIT).start().unwrap();
        for _ in 0..PROCESSES {
            process::spawn(|| process::sleep(Duration::MAX));
        }
        while process::metrics().processes.sleeping < PROCESSES {
            thread::sleep(Duration::from_millis(1));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        server.handle().shutdown_on_signals(FAR).unwrap();
        println!("listening on {address}");
        let end = server.run(hello::<TcpStream>).unwrap();
        println!("served {}", end.served);
        // The writer of the list still holds the standard error.
        // SAFETY: it ends this OS process.
        unsafe { libc::_exit(0) };
    }
    within(LIMIT, || {
        let mut child = child("a_server_goes_on_and_ends_while_a_list_of_ten_thousand_is_written");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let address = line_with(&mut output, "listening on ");
        let ask = || {
            let client = TcpStream::connect(&*address).unwrap();
            assert_eq!(client.read_string(9).unwrap(), "hello");
        };
        kill(child.id(), libc::SIGQUIT);
        ask();
        let count = line_with(&mut errors, "std_net: ");
        // The process of the connection may still be there.
        let count = count.strip_suffix(" processes").unwrap().parse::<usize>();
        assert!((PROCESSES..=PROCESSES + 1).contains(&count.unwrap()));
        ask();
        line_with(&mut errors, "and no backtraces of the others");
        // The pipe holds less than this list.
        kill(child.id(), libc::SIGQUIT);
        line_with(&mut errors, "std_net: ");
        ask();
        kill(child.id(), libc::SIGTERM);
        assert_eq!(line_with(&mut output, "served "), "3");
        assert!(child.wait().unwrap().success());
    });
}

/// noms 1414 (github.com/attic-labs/noms/issues/1414) and grizzly 1121
/// (github.com/eclipse-ee4j/glassfish-grizzly/issues/1121): a limit for silence ended an upload that was only
/// slow. Each byte of this one comes in time, and all of them take longer than the limit. On a slow machine a
/// byte may be late, so the test tries again with a longer limit.
#[test]
fn an_idle_timeout_lets_a_slow_upload_end() {
    both(|| {
        let ends = |idle: Duration| {
            let path = TempPath::new();
            let server = Server::new(UnixListener::bind(&*path).unwrap())
                .unwrap()
                .idle_timeout(idle);
            let handle = server.handle();
            let address = path.to_path_buf();
            let client = process::spawn(move || {
                let client = UnixStream::connect(&address).unwrap();
                let begin = Instant::now();
                while begin.elapsed() < idle * 2 && client.write_string("x").is_ok() {
                    process::sleep(idle / 10);
                }
                let _ = client.write_string("\n");
                let answer = client.read_string(9);
                handle.shutdown(FAR);
                answer.is_ok_and(|answer| answer == "hello")
            });
            let end = server.run(|stream: UnixStream| {
                let mut line = Vec::new();
                BufReader::new(&stream).read_until(b'\n', &mut line)?;
                hello(stream)
            });
            assert_eq!(end.unwrap().served, 1);
            client.join().unwrap()
        };
        in_time(Duration::from_millis(100), |idle| ends(idle).then_some(()));
    });
}
