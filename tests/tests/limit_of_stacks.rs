//! What happens when no more stacks can be mapped? `spawn` must return an error, and every process that
//! was spawned must begin.

use std_net::process::{self, Builder};
use std_net::runtime;
use std_net_tests::{LIMIT, again, is_again, within};

/// The stacks are large, so few of them fill one mapping: fewer than a worker keeps for itself.
const STACK: usize = 1 << 20;
const WORKERS: usize = 2;
/// A mapping of stacks takes up to this many bytes.
const SLAB: u64 = 32 << 20;

/// Waits until every other thread has started, which takes memory, and sleeps.
fn all_threads_sleep() {
    let awake = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has /proc");
        let states =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
        // The state stands behind the name, which is in brackets. This thread is the running one.
        states
            .filter(|stat| {
                !stat
                    .rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.starts_with(" S"))
            })
            .count()
    };
    while awake() > 1 {
        std::thread::yield_now();
    }
}

/// From now on this program cannot map more stacks.
fn map_no_more() {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find_map(|l| l.strip_prefix("VmSize:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    let limit = kib.expect("a number of KiB") * 1024 + SLAB / 2;
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the pointer is to a live limit.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(set, 0);
}

/// Spawns processes that all wait, until there is no stack for another one. Returns how many there are.
fn fill() -> usize {
    let (hold, held) = process::channel::bounded::<()>(1);
    let mut all = Vec::new();
    let error = loop {
        let held = held.clone();
        // All wait at the same time, so each needs its own stack.
        let spawned = Builder::new().spawn(move || {
            let _ = held.recv();
        });
        match spawned {
            Ok(handle) => all.push(handle),
            Err(error) => break error,
        }
        assert!(all.len() < 10_000, "there is always one more");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory, "{error}");
    drop(hold);
    let count = all.len();
    for handle in all {
        handle.join().unwrap();
    }
    count
}

#[test]
fn every_process_begins_where_there_are_no_more_stacks() {
    let name = "every_process_begins_where_there_are_no_more_stacks";
    if !is_again() {
        let output = again(name, &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    within(LIMIT, || {
        runtime::Builder::new()
            .workers(WORKERS)
            .stack_size(STACK)
            .start()
            .unwrap();
        process::spawn(|| {}).join().unwrap();
        all_threads_sleep();
        map_no_more();
        // One worker after another takes stacks that the other one would need.
        let mut most = 0;
        for _ in 0..200 {
            let count = fill();
            // The stack of a joined process may be given back only a little later. So one for each
            // worker may be missing.
            assert!(
                count + WORKERS >= most,
                "{count}, and once there were {most}"
            );
            most = most.max(count);
        }
    });
}
