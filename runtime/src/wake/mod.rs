//! The core of the wake-up protocol, in three small parts without system calls. So loom can try all their
//! interleavings: `RUSTFLAGS='--cfg std_net_loom' cargo test --release -p std_net_runtime --lib wake`. `docs/design.md`
//! explains how the parts work together.

mod readiness;
mod sleeping;
mod token;

#[allow(unused_imports, reason = "not every reactor can tell urgent data")]
pub(crate) use readiness::{ALL, READ_CLOSED, READABLE, Readiness, Seen, URGENT, WRITABLE, bit};
pub(crate) use sleeping::Sleeping;
pub(crate) use token::Token;

/// Atomics: loom's in its models, and std's otherwise.
mod atomic {
    #[cfg(std_net_loom)]
    pub(super) use loom::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    };
    #[cfg(not(std_net_loom))]
    pub(super) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    };
}

#[cfg(all(test, std_net_loom))]
mod model {
    use super::*;
    use crate::interest::Interest;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::thread;

    /// loom treats SeqCst accesses as AcqRel. This fence replaces the single total order of all SeqCst accesses.
    fn total_order() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    /// One waiter and one event. The waiter tries, clears, registers, looks again and parks, as `Io::run` and
    /// `Io::wait` do. In every interleaving, the waiter is queued again or does not park.
    #[test]
    fn no_event_is_lost_between_the_attempt_and_the_wait() {
        loom::model(|| {
            struct Shared {
                /// The kernel's state: whether there are data.
                data: AtomicBool,
                readiness: Readiness,
                /// The slot of the source. It is 1 while the waiter is registered.
                slot: AtomicUsize,
                token: Token,
                /// How often the waiter was put into a queue.
                queued: AtomicUsize,
            }
            let shared = Arc::new(Shared {
                data: AtomicBool::new(false),
                readiness: Readiness::new(),
                slot: AtomicUsize::new(0),
                token: Token::new(),
                queued: AtomicUsize::new(0),
            });
            // This is readiness from before, which is outdated.
            shared.readiness.notify(READABLE);
            let reactor = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.data.store(true, Ordering::SeqCst);
                    shared.readiness.notify(READABLE);
                    total_order();
                    if shared.slot.load(Ordering::SeqCst) == 1 && shared.token.send() {
                        shared.queued.fetch_add(1, Ordering::SeqCst);
                    }
                })
            };
            let mut parked = false;
            for _ in 0..3 {
                let seen = shared.readiness.seen(Interest::Read);
                if seen.allows() {
                    if shared.data.load(Ordering::SeqCst) {
                        break;
                    }
                    if !shared.readiness.clear(Interest::Read, seen) {
                        continue;
                    }
                }
                shared.slot.store(1, Ordering::SeqCst);
                total_order();
                if shared.readiness.seen(Interest::Read).allows() {
                    continue;
                }
                if shared.token.begin_park() {
                    parked = true;
                    break;
                }
                shared.token.end_park();
            }
            reactor.join().unwrap();
            if parked {
                assert_eq!(shared.queued.load(Ordering::SeqCst), 1, "parked for ever");
            }
        });
    }

    /// Two threads send a task at once. It enters the inbox only once, and it can be sent again after it has arrived.
    #[test]
    fn a_task_is_sent_by_one_waker_only() {
        loom::model(|| {
            let token = Arc::new(Token::new());
            assert!(token.begin_park());
            let other = {
                let token = Arc::clone(&token);
                thread::spawn(move || token.send())
            };
            let here = token.send();
            let there = other.join().unwrap();
            assert!(here ^ there);
            token.arrive();
            assert!(token.give(), "it was parked");
            token.end_park();
            assert!(token.begin_park(), "the token was used up");
            assert!(token.send());
        });
    }

    /// What a thread writes before it sends a task is visible when the task arrives. This holds even if another thread
    /// put the task into the inbox.
    #[test]
    fn the_token_carries_what_was_written_before() {
        loom::model(|| {
            let shared = Arc::new((
                Token::new(),
                [AtomicUsize::new(0), AtomicUsize::new(0)],
                AtomicUsize::new(0),
            ));
            let wakers = [0, 1].map(|i| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1[i].store(1, Ordering::Relaxed);
                    if shared.0.send() {
                        shared.2.fetch_add(1, Ordering::Release);
                    }
                })
            });
            // This is the worker's look at its inbox, and then the task's look at what it waits for.
            let sum = || -> usize { shared.1.iter().map(|v| v.load(Ordering::Relaxed)).sum() };
            let mut arrived = 0;
            if shared.2.load(Ordering::Acquire) > arrived {
                arrived += 1;
                shared.0.arrive();
            }
            let seen = sum();
            for waker in wakers {
                waker.join().unwrap();
            }
            let sent = shared.2.load(Ordering::Relaxed);
            assert!(sent > arrived || seen == 2, "a wake-up was lost");
        });
    }

    /// A worker goes to sleep while work comes. Either the worker sees the work, or it is woken.
    #[test]
    fn work_is_seen_or_wakes_the_worker() {
        loom::model(|| {
            let shared = Arc::new((Sleeping::new(), AtomicUsize::new(0), AtomicBool::new(false)));
            let giver = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.store(1, Ordering::Relaxed);
                    if shared.0.wake() {
                        shared.2.store(true, Ordering::SeqCst);
                    }
                })
            };
            shared.0.announce();
            let sleeps = shared.1.load(Ordering::Relaxed) == 0;
            if !sleeps {
                shared.0.end();
            }
            giver.join().unwrap();
            if sleeps {
                assert!(shared.2.load(Ordering::SeqCst), "asleep with work to do");
            }
        });
    }

    /// Two threads wake a worker at once. Only one of them makes the system call.
    #[test]
    fn one_wake_up_is_enough() {
        loom::model(|| {
            let sleeping = Arc::new(Sleeping::new());
            sleeping.announce();
            let other = {
                let sleeping = Arc::clone(&sleeping);
                thread::spawn(move || sleeping.wake())
            };
            let here = sleeping.wake();
            assert!(here ^ other.join().unwrap());
        });
    }

    /// The end of the stream and a short read come at the same time. The bit READ_CLOSED is never lost.
    #[test]
    fn the_end_of_a_stream_survives_a_short_read() {
        loom::model(|| {
            let readiness = Arc::new(Readiness::new());
            readiness.notify(READABLE);
            let reactor = {
                let readiness = Arc::clone(&readiness);
                thread::spawn(move || readiness.notify(READABLE | READ_CLOSED))
            };
            let seen = readiness.seen(Interest::Read);
            if seen.is_open() {
                readiness.clear(Interest::Read, seen);
            }
            // The other direction is cleared by its own operations.
            readiness.clear(Interest::Write, readiness.seen(Interest::Write));
            reactor.join().unwrap();
            let end = readiness.seen(Interest::Read);
            assert!(end.allows() && !end.is_open());
        });
    }
}
