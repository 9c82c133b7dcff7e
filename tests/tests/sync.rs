//! Locks, events, channels and process-local values between processes and threads, and the list of
//! processes.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use std_net::process::channel::{self, RecvError, SendError};
use std_net::process::{self, Builder, Event, Local, Mutex, RwLock, Semaphore, State};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, both, within};

#[test]
fn a_mutex_held_across_waits_excludes_processes_and_threads() {
    both(|| {
        let count = Mutex::new((0, false));
        let add = || {
            for _ in 0..20 {
                let mut count = count.lock();
                assert!(!count.1, "two hold the lock");
                count.1 = true;
                process::yield_now();
                count.0 += 1;
                count.1 = false;
            }
        };
        process::scope(|s| {
            for _ in 0..8 {
                s.spawn(add);
            }
            let threads = [
                s.spawn(|| process::blocking(add)),
                s.spawn(|| process::blocking(add)),
            ];
            for one in threads {
                one.join().unwrap();
            }
        });
        assert!(count.try_lock().is_some());
        assert_eq!(count.into_inner().0, 200);
    });
}

#[test]
fn a_lock_is_free_after_a_panic_under_it() {
    both(|| {
        let lock = Arc::new(Mutex::new(1));
        let held = Arc::clone(&lock);
        let panicked = process::spawn(move || {
            let _guard = held.lock();
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.join().is_err());
        assert_eq!(*lock.lock(), 1);
    });
}

#[test]
fn many_read_or_one_writes() {
    both(|| {
        let lock = RwLock::new((0u64, 0u64));
        process::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..20 {
                        let mut both = lock.write();
                        both.0 += 1;
                        process::yield_now();
                        both.1 += 1;
                    }
                });
                s.spawn(|| {
                    for _ in 0..20 {
                        let both = lock.read();
                        process::yield_now();
                        assert_eq!(both.0, both.1);
                    }
                });
            }
        });
        let (one, other) = (lock.try_read().unwrap(), lock.try_read().unwrap());
        assert!(lock.try_write().is_none());
        assert_eq!(one.0 + other.1, 160);
    });
}

#[test]
fn a_semaphore_lets_so_many_in() {
    both(|| {
        let (gate, inside, most) = (Semaphore::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        process::scope(|s| {
            for _ in 0..20 {
                s.spawn(|| {
                    let _permit = gate.acquire();
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    process::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        let most = most.load(Ordering::SeqCst);
        assert!((1..=3).contains(&most), "{most} at once");
        gate.add_permits(1);
        let all: Vec<_> = std::iter::from_fn(|| gate.try_acquire()).collect();
        assert_eq!(all.len(), 4);
    });
}

#[test]
fn an_event_is_not_missed_and_can_time_out() {
    both(|| {
        for _ in 0..100 {
            let (flag, event) = (AtomicBool::new(false), Event::new());
            let set = || flag.load(Ordering::SeqCst).then_some(7);
            process::scope(|s| {
                let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| event.wait_until(set))).collect();
                flag.store(true, Ordering::SeqCst);
                event.notify_all();
                for waiter in waiters {
                    assert_eq!(waiter.join().unwrap(), 7);
                }
            });
        }
        let event = Event::new();
        assert_eq!(
            event.wait_deadline(|| None::<()>, Duration::from_millis(3)),
            None
        );
        let mut looks = 0;
        event.notify_one();
        let seen = event.wait_deadline(
            || {
                looks += 1;
                (looks == 2).then_some(())
            },
            Duration::from_secs(30),
        );
        assert_eq!(seen, Some(()));
    });
}

#[test]
fn each_value_of_a_channel_goes_to_one_receiver() {
    both(|| {
        for capacity in [Some(1), Some(16), None] {
            let (sender, receiver) =
                capacity.map_or_else(channel::unbounded, channel::bounded::<u32>);
            let senders: Vec<_> = (0..4u32)
                .map(|i| {
                    let sender = sender.clone();
                    process::spawn(move || (0..50).for_each(|n| sender.send(i * 50 + n).unwrap()))
                })
                .collect();
            drop(sender);
            let of_thread = receiver.clone();
            let thread = thread::spawn(move || of_thread.into_iter().collect::<Vec<_>>());
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let receiver = receiver.clone();
                    process::spawn(move || receiver.iter().collect::<Vec<_>>())
                })
                .collect();
            let mut all = process::blocking(|| thread.join().unwrap());
            for one in receivers {
                all.extend(one.join().unwrap());
            }
            assert_eq!(all.len(), 200);
            assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 200);
            for sender in senders {
                sender.join().unwrap();
            }
            assert_eq!(receiver.recv(), Err(RecvError::Closed));
        }
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(receiver.try_recv(), Err(RecvError::Empty));
        sender.try_send(1).unwrap();
        assert_eq!(sender.try_send(2), Err(SendError::Full(2)));
        assert!(receiver.close());
        assert_eq!(sender.send(3), Err(SendError::Closed(3)));
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Err(RecvError::Closed));
    });
}

#[test]
fn locals_are_each_processs_own_and_are_dropped_inside_it() {
    static MINE: Local<Cell<u32>> = Local::new(|| Cell::new(0));
    static LAST_WORDS: Local<Says> = Local::new(|| Says(Cell::new(None)));
    struct Says(Cell<Option<UnixStream>>);
    impl Drop for Says {
        fn drop(&mut self) {
            if let Some(stream) = self.0.take() {
                // This is still a process, so a wait parks it.
                process::sleep(Duration::from_millis(1));
                let inside = process::current().is_some();
                stream
                    .write_string(if inside { "inside" } else { "outside" })
                    .unwrap();
            }
        }
    }
    within(LIMIT, || {
        MINE.with(|n| n.set(99));
        let all: Vec<_> = (0..50)
            .map(|i| {
                process::spawn(move || {
                    MINE.with(|n| assert_eq!(n.replace(i), 0));
                    process::yield_now();
                    MINE.with(Cell::get)
                })
            })
            .collect();
        for (i, one) in (0..).zip(all) {
            assert_eq!(one.join().unwrap(), i);
        }
        MINE.with(|n| assert_eq!(n.get(), 99));

        let (ours, theirs) = UnixStream::pair().unwrap();
        process::spawn(move || LAST_WORDS.with(|s| s.0.set(Some(theirs))))
            .join()
            .unwrap();
        assert_eq!(ours.read_string(16).unwrap(), "inside");
    });
}

#[test]
fn the_listing_says_who_waits_for_what() {
    within(LIMIT, || {
        let (stream, peer) = UnixStream::pair().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&stream);
        let reader = Builder::new()
            .name("the reader")
            .spawn(move || stream.read_string(8));
        let reader = reader.unwrap();
        let sleeper = Builder::new()
            .name("the sleeper")
            .spawn(|| process::sleep(Duration::MAX));
        let sleeper = sleeper.unwrap();
        let find = |name: &str| {
            process::list()
                .into_iter()
                .find(|p| p.name.as_deref() == Some(name))
        };
        // A process that begins at this moment may be missing.
        let is = |name: &str, state: State| find(name).is_some_and(|p| p.state == state);
        while !is("the reader", State::Readable(fd)) || !is("the sleeper", State::Sleeping) {
            thread::yield_now();
        }
        let listed = find("the reader").expect("it waits");
        assert_eq!(listed.id, reader.process().id());
        assert!(listed.spawned_at.file().ends_with("sync.rs"));
        assert!(listed.since.is_some() && !listed.cancelled);
        assert!(listed.to_string().contains("the reader"));
        peer.write_string("go").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), "go");
        sleeper.cancel();
        sleeper.join().unwrap();
        assert!(
            process::list()
                .iter()
                .all(|p| p.name.as_deref() != Some("the reader"))
        );
    });
}

#[test]
fn blocking_code_borrows_and_panics_through() {
    both(|| {
        let text = String::from("borrowed");
        assert_eq!(process::blocking(|| text.len()), 8);
        let caught = std::panic::catch_unwind(|| {
            process::blocking(|| std::panic::resume_unwind(Box::new("through")))
        });
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "through");
    });
}
