//! Threadlike processes: crates for threads that are no clients. All processes are on one worker, so a test hangs if a call
//! blocks it.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use std_net::process::{self, JoinHandle};
use std_net::runtime;
use std_net_interpose as _;

const NAP: Duration = Duration::from_millis(1);

fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| runtime::Builder::new().workers(1).start().unwrap());
    process::Builder::new().threadlike(true).spawn(f).unwrap()
}

/// Runs this in ten processes of the one worker.
fn in_ten<T: Send + 'static>(f: impl Fn(u64) -> T + Send + Sync + 'static) -> Vec<T> {
    let f = Arc::new(f);
    let all: Vec<_> = (0..10)
        .map(|i| {
            let f = Arc::clone(&f);
            spawn(move || f(i))
        })
        .collect();
    all.into_iter().map(|one| one.join().unwrap()).collect()
}

#[test]
fn rayon_computes_for_processes_that_park() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let begun = Arc::new(AtomicU32::new(0));
    let sums = in_ten(move |i| {
        begun.fetch_add(1, Ordering::SeqCst);
        let begun = &begun;
        let own = pool.install(|| {
            // All ten are there before the first of them is done: so those that wait have parked.
            while begun.load(Ordering::SeqCst) < 10 {
                thread::yield_now();
            }
            (0..1000_u64).into_par_iter().map(|n| n * i).sum::<u64>()
        });
        // The global pool, and a fork and join of its own.
        let (a, b) = rayon::join(
            || (0..100_u64).into_par_iter().sum::<u64>(),
            || vec![3, 1, 2].into_par_iter().max().unwrap(),
        );
        own + a + b
    });
    let expected: Vec<_> = (0..10).map(|i| 499_500 * i + 4950 + 3).collect();
    assert_eq!(sums, expected);
}

#[test]
fn channels_of_crossbeam_park() {
    let (ask, asked) = crossbeam_channel::bounded::<u64>(0);
    let (tell, told) = crossbeam_channel::unbounded::<u64>();
    // A thread answers.
    let answers = thread::spawn(move || {
        for n in asked {
            tell.send(n).unwrap();
        }
    });
    let seen = in_ten(move |i| {
        ask.send(i).unwrap();
        let never = crossbeam_channel::never::<()>();
        crossbeam_channel::select! {
            recv(told) -> n => n.unwrap(),
            recv(never) -> _ => unreachable!(),
        }
    });
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), (0..10).collect());
    answers.join().unwrap();

    let (_sender, receiver) = crossbeam_channel::unbounded::<()>();
    let waited = in_ten(move |_| {
        let timeout = receiver.recv_timeout(NAP).unwrap_err().is_timeout();
        let ticks = crossbeam_channel::tick(NAP).iter().take(2).count();
        crossbeam_channel::after(NAP).recv().unwrap();
        timeout && ticks == 2
    });
    assert!(waited.into_iter().all(|waited| waited));
}

#[test]
fn locks_of_parking_lot_are_held_across_waits() {
    let shared = Arc::new((
        parking_lot::FairMutex::new(0_u32),
        parking_lot::RwLock::new(0_u32),
        parking_lot::ReentrantMutex::new(()),
    ));
    let counted = Arc::clone(&shared);
    in_ten(move |_| {
        let (fair, rw, reentrant) = &*shared;
        for _ in 0..3 {
            let mut held = fair.lock();
            thread::sleep(Duration::from_micros(100));
            *held += 1;
            parking_lot::FairMutexGuard::unlock_fair(held);
            let seen = rw.upgradable_read();
            thread::sleep(Duration::from_micros(100));
            *parking_lot::RwLockUpgradableReadGuard::upgrade(seen) += 1;
            // Its owner is a thread by its thread-locals, so each process is one.
            let outer = reentrant.lock();
            thread::sleep(Duration::from_micros(100));
            drop((reentrant.lock(), outer));
        }
    });
    assert_eq!((*counted.0.lock(), *counted.1.read()), (30, 30));

    let (lock, told) = (parking_lot::Mutex::new(false), parking_lot::Condvar::new());
    let shared = Arc::new((lock, told));
    let waits = {
        let shared = Arc::clone(&shared);
        spawn(move || {
            let mut ready = shared.0.lock();
            while !*ready {
                shared.1.wait(&mut ready);
            }
            shared.1.wait_for(&mut ready, NAP).timed_out()
        })
    };
    spawn(move || {
        *shared.0.lock() = true;
        shared.1.notify_all();
    })
    .join()
    .unwrap();
    assert!(waits.join().unwrap());
}
