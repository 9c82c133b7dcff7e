//! Do a cancel and a deadline reach all processes that belong together, in every kind of wait, and no
//! others?

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, Builder, Event, Group, Mutex, RwLock, Semaphore, Stopped, channel};
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, both, tcp_pair, within};

const NEVER: Duration = Duration::MAX;
const SOON: Duration = Duration::from_millis(30);

/// Waits until it is stopped. Returns the kind of the error.
fn wait_to_be_stopped() -> ErrorKind {
    process::sleep(NEVER);
    process::check_cancelled().unwrap_err().kind()
}

fn is_cancelled() -> bool {
    process::sleep(NEVER);
    process::is_cancelled(&process::check_cancelled().unwrap_err())
}

/// The name of a wait, and a function that returns the error with which it ends.
type Waiting = (&'static str, fn() -> io::Error);

/// Every kind of wait that can fail. Each waits until it fails.
fn waits() -> Vec<Waiting> {
    vec![
        ("read", || {
            // A pair can be made without a wait.
            let (mut stream, _peer) = UnixStream::pair().unwrap();
            stream.read(&mut [0; 4]).unwrap_err()
        }),
        ("write", || {
            let (mut stream, _peer) = UnixStream::pair().unwrap();
            loop {
                if let Err(error) = stream.write(&[0; 65536]) {
                    return error;
                }
            }
        }),
        ("accept", || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.accept().unwrap_err()
        }),
        ("recv_from", || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.recv_from(&mut [0; 4]).unwrap_err()
        }),
        ("sleep", || {
            process::sleep(NEVER);
            process::check_cancelled().unwrap_err()
        }),
        ("channel recv", || {
            let (_sender, receiver) = channel::bounded::<()>(1);
            receiver.recv().unwrap_err().into()
        }),
        ("channel send", || {
            let (sender, _receiver) = channel::bounded(1);
            sender.send(1).unwrap();
            let error = sender.send(2).unwrap_err();
            error.into()
        }),
        ("join", || {
            let sleeper = Builder::new()
                .detached()
                .spawn(|| process::sleep(NEVER))
                .unwrap();
            let (sleeper, stopped) = sleeper.join_deadline(NEVER).unwrap_err();
            sleeper.cancel();
            sleeper.join().unwrap();
            stopped.into()
        }),
        ("mutex", || {
            let mutex = Mutex::new(());
            let _held = mutex.lock();
            mutex.lock_deadline(NEVER).unwrap_err().into()
        }),
        ("read lock", || {
            let lock = RwLock::new(());
            let _held = lock.write();
            lock.read_deadline(NEVER).unwrap_err().into()
        }),
        ("write lock", || {
            let lock = RwLock::new(());
            let _held = lock.read();
            lock.write_deadline(NEVER).unwrap_err().into()
        }),
        ("semaphore", || {
            let semaphore = Arc::new(Semaphore::new(1));
            let _held = semaphore.acquire_owned();
            semaphore.acquire_owned_deadline(NEVER).unwrap_err().into()
        }),
        ("event", || {
            let event = Event::new();
            assert_eq!(event.wait_deadline(|| None::<()>, NEVER), None);
            process::check_cancelled().unwrap_err()
        }),
        ("future", || {
            let never = std::future::pending::<()>();
            process::block_on_deadline(never, NEVER).unwrap_err().into()
        }),
    ]
}

#[test]
fn every_wait_of_a_tree_fails_when_it_is_cancelled() {
    both(|| {
        for (name, wait) in waits() {
            let group = Group::new();
            let (told, tells) = channel::bounded(2);
            // One process waits itself, one runs in its scope, and that one spawns another.
            let top = group.spawn(move || {
                process::scope(|scope| {
                    let lower = scope.spawn(|| {
                        let spawned = process::spawn(wait);
                        told.send(()).unwrap();
                        (spawned.join().unwrap(), wait())
                    });
                    (wait(), lower.join().unwrap())
                })
            });
            tells.recv().unwrap();
            group.cancel();
            let (own, (spawned, scoped)) = top.join().unwrap();
            for error in [own, spawned, scoped] {
                assert!(process::is_cancelled(&error), "{name}: {error}");
            }
        }
    });
}

#[test]
fn every_wait_of_a_tree_fails_at_its_deadline() {
    both(|| {
        for (name, wait) in waits() {
            let start = Instant::now();
            let top = Builder::new().deadline(SOON).spawn(move || {
                process::scope(|scope| {
                    let scoped = scope.spawn(wait);
                    let spawned = process::spawn(wait);
                    (wait(), scoped.join().unwrap(), spawned.join().unwrap())
                })
            });
            let (own, scoped, spawned) = top.unwrap().join().unwrap();
            assert!(start.elapsed() >= SOON, "{name}");
            for error in [own, scoped, spawned] {
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{name}: {error}");
                assert!(!process::is_cancelled(&error), "{name}");
            }
        }
    });
}

#[test]
fn what_is_spawned_plainly_is_nobodys() {
    both(|| {
        let (sender, receiver) = channel::bounded::<()>(1);
        let parent = process::spawn(move || {
            let child = process::spawn(move || {
                let received = receiver.recv();
                process::check_cancelled().unwrap();
                received
            });
            process::sleep(NEVER);
            child
        });
        parent.cancel();
        let child = parent.join().unwrap();
        sender.send(()).unwrap();
        assert_eq!(child.join().unwrap(), Ok(()));

        // A detached process is not stopped either.
        let group = Group::new();
        let member = group.spawn(|| {
            let free = Builder::new().detached().spawn(|| {
                process::sleep(NEVER);
            });
            process::sleep(NEVER);
            free.unwrap()
        });
        group.cancel();
        let free = member.join().unwrap();
        let (free, why) = free.join_deadline(SOON).unwrap_err();
        assert_eq!(why, Stopped::TimedOut);
        free.cancel();
        free.join().unwrap();
    });
}

#[test]
fn who_comes_later_is_stopped_too() {
    both(|| {
        let group = Group::new();
        group.cancel();
        assert!(group.is_cancelled());
        assert!(group.spawn(is_cancelled).join().unwrap());

        let cancelled = process::spawn(|| {
            process::sleep(NEVER);
            process::scope(|scope| scope.spawn(is_cancelled).join().unwrap())
        });
        cancelled.cancel();
        assert!(cancelled.join().unwrap());

        let late = Group::with_deadline(Duration::ZERO);
        assert_eq!(
            late.spawn(wait_to_be_stopped).join().unwrap(),
            ErrorKind::TimedOut
        );
        assert_eq!(late.check().unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn the_nearest_deadline_counts() {
    both(|| {
        let far = Duration::from_secs(3600);
        let outer = Builder::new().deadline(far).spawn(move || {
            let near = Builder::new().deadline(SOON).spawn(wait_to_be_stopped);
            assert_eq!(near.unwrap().join().unwrap(), ErrorKind::TimedOut);
            // That deadline belonged only to the inner process.
            process::check_cancelled().unwrap();
            let farther = Builder::new()
                .deadline(2 * far)
                .spawn(|| process::current().unwrap().deadline());
            let own = process::current().unwrap().deadline();
            assert_eq!(farther.unwrap().join().unwrap(), own);
            own
        });
        let own = outer.unwrap().join().unwrap().instant().unwrap();
        assert!(own <= Instant::now() + far);
    });
}

#[test]
fn children_of_one_that_has_ended_are_its_parents() {
    both(|| {
        let group = Group::new();
        // Each process spawns the next one and ends at once.
        fn line(length: usize, end: channel::Sender<bool>) {
            if length > 0 {
                process::spawn(move || line(length - 1, end));
            } else {
                end.send(is_cancelled()).unwrap();
            }
        }
        let (end, ends) = channel::bounded(1);
        group.spawn(move || line(1000, end)).join().unwrap();
        group.cancel();
        assert_eq!(ends.recv(), Ok(true));

        // They still have the deadline.
        let (end, ends) = channel::bounded(1);
        let first = Builder::new().deadline(SOON).spawn(move || {
            process::spawn(move || end.send(wait_to_be_stopped()));
        });
        first.unwrap().join().unwrap();
        assert_eq!(ends.recv(), Ok(ErrorKind::TimedOut));
    });
}

#[test]
fn deadlines_of_waits_and_of_the_process_do_not_disturb_each_other() {
    both(|| {
        // A slow machine may need more time for the short waits. Then it gets twice as much.
        let mut time = Duration::from_millis(100);
        let ended = loop {
            let pair = tcp_pair();
            let process = Builder::new().deadline(time);
            let process = process.spawn(|| short_waits_and_a_long_one(pair));
            match process.unwrap().join().unwrap() {
                Some(kind) => break kind,
                None => time *= 2,
            }
        };
        assert_eq!(ended, ErrorKind::TimedOut);
        // The next process in that slot has no deadline.
        let next = process::spawn(move || {
            process::sleep(time + Duration::from_millis(20));
            process::check_cancelled()
        });
        next.join().unwrap().unwrap();
    });
}

/// Meets some short deadlines of a socket, and then waits until the process is stopped. Returns the kind of the last
/// error, or `None` if the process was stopped too early.
fn short_waits_and_a_long_one(
    (mut client, mut server): (TcpStream, TcpStream),
) -> Option<ErrorKind> {
    // Earlier deadlines pass one after another, in the same slot of the timer.
    for _ in 0..5 {
        client.set_deadline(Duration::from_millis(2));
        let error = client.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        process::check_cancelled().ok()?;
    }
    client.reset_deadline();
    server.write_all(b"ping").unwrap();
    client.read_exact(&mut [0; 4]).ok()?;
    let error = client.read(&mut [0; 4]).unwrap_err();
    let stopped = process::check_cancelled().unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::TimedOut);
    Some(error.kind())
}

#[test]
fn a_deadline_that_no_wait_hears_lets_the_process_be() {
    both(|| {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.lock();
        let wanted = Arc::clone(&mutex);
        let waiter = Builder::new().deadline(SOON).spawn(move || {
            drop(wanted.lock());
            // The worker looks at its timers between processes, so the process may be told a little later.
            loop {
                match process::check_cancelled() {
                    Ok(()) => process::yield_now(),
                    Err(error) => break error.kind(),
                }
            }
        });
        process::sleep(2 * SOON);
        drop(held);
        assert_eq!(waiter.unwrap().join().unwrap(), ErrorKind::TimedOut);
    });
}

/// Many processes begin and end in one group while it is cancelled, from many threads.
#[test]
fn a_cancel_misses_nobody() {
    within(LIMIT, || {
        for round in 0..50 {
            let group = Group::new();
            let spawners: Vec<_> = (0..4)
                .map(|_| {
                    let group = group.clone();
                    thread::spawn(move || {
                        let waiting: Vec<_> = (0..50)
                            .map(|_| {
                                group.spawn(|| {
                                    let child = process::spawn(is_cancelled);
                                    is_cancelled() && child.join().unwrap()
                                })
                            })
                            .collect();
                        waiting.into_iter().all(|one| one.join().unwrap())
                    })
                })
                .collect();
            if round % 2 == 0 {
                thread::yield_now();
            }
            group.cancel();
            for spawner in spawners {
                assert!(spawner.join().unwrap());
            }
        }
    });
}
