//! Do many sleeping processes wake in the order of their deadlines? Does a deadline that does not pass
//! cost a system call?

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use std_net::process::{self, channel, scope};
use std_net_tests::{LIMIT, within};

const SLEEPERS: usize = if cfg!(debug_assertions) {
    10_000
} else {
    100_000
};

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    within(LIMIT, || {
        let (go, wait) = channel::unbounded::<()>();
        let begun = AtomicUsize::new(0);
        // The order is checked for each worker, because each runs its own processes one after another.
        let woken: Mutex<HashMap<ThreadId, Vec<Instant>>> = Mutex::default();
        let late = AtomicUsize::new(0);
        let start = OnceLock::new();
        scope(|s| {
            for i in 0..SLEEPERS {
                let (wait, begun, woken, late, start) = (&wait, &begun, &woken, &late, &start);
                s.spawn(move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    // The channel is closed when all have begun.
                    wait.recv().unwrap_err();
                    // All deadlines differ, and their order is not that in which the processes begin.
                    let at = *start.get().unwrap()
                        + Duration::from_micros(((i * 7919) % SLEEPERS) as u64 * 3);
                    if Instant::now() >= at {
                        // The machine was too slow to have put all processes to sleep by then.
                        late.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    process::sleep(at);
                    assert!(Instant::now() >= at, "woken too early");
                    let mut woken = woken.lock().unwrap();
                    woken.entry(thread::current().id()).or_default().push(at);
                });
            }
            while begun.load(Ordering::SeqCst) < SLEEPERS {
                process::yield_now();
            }
            // The time in which all go to sleep.
            start
                .set(Instant::now() + Duration::from_millis(300))
                .unwrap();
            drop(go);
        });
        let woken = woken.into_inner().unwrap();
        let slept: usize = woken.values().map(Vec::len).sum();
        assert_eq!(slept + late.into_inner(), SLEEPERS);
        for order in woken.values() {
            assert!(order.is_sorted(), "woken in another order");
        }
    });
}

#[test]
fn a_sleep_that_was_cut_short_does_not_wake_the_next_process_in_its_place() {
    within(LIMIT, || {
        for _ in 0..100 {
            let sleeper = process::spawn(|| process::sleep(Duration::from_millis(3)));
            sleeper.cancel();
            sleeper.join().unwrap();
            // This process is probably in the same slot, with a later deadline.
            let start = Instant::now();
            let next = process::spawn(move || {
                process::sleep(Duration::from_millis(5));
                start.elapsed()
            });
            assert!(next.join().unwrap() >= Duration::from_millis(5));
        }
    });
}
