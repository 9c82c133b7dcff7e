//! Does a process that has gone deep into its stack give the memory back when it waits for long? Are its values
//! unchanged afterwards?

use std::hint::black_box;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process::{self, channel};
use std_net::runtime;
use std_net::unix::UnixStream;
use std_net_tests::resident;

const PROCESSES: usize = 300;
/// Each process uses this many bytes of its stack once.
const DEPTH: usize = 80 << 10;

/// Uses `depth` bytes of the stack and more. The result depends on all of them.
#[inline(never)]
fn go_deep(depth: usize, seed: u64) -> u64 {
    let mut frame = [seed; 128];
    black_box(&mut frame);
    if depth < 1024 {
        return frame.iter().sum();
    }
    let below = go_deep(depth - 1024, seed + 1);
    below + frame.iter().sum::<u64>()
}

#[test]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    ignore = "this processor's stack pointer is not read"
)]
fn memory_of_deep_stacks_is_given_back_after_a_long_wait() {
    runtime::Builder::new().workers(2).start().unwrap();
    let (done, all_done) = channel::bounded::<()>(PROCESSES);
    let mut others = Vec::new();
    let processes: Vec<_> = (0..PROCESSES)
        .map(|i| {
            let (mut own, other) = UnixStream::pair().unwrap();
            others.push(other);
            let done = done.clone();
            process::spawn(move || {
                // These lie above the stack pointer during the wait.
                let values: [u64; 64] = black_box(std::array::from_fn(|k| (i * k) as u64));
                let deep = go_deep(DEPTH, i as u64);
                done.send(()).unwrap();
                let mut byte = [0];
                own.read_exact(&mut byte).unwrap();
                let expected: [u64; 64] = std::array::from_fn(|k| (i * k) as u64);
                assert_eq!(black_box(values), expected);
                assert_eq!(go_deep(DEPTH, i as u64), deep);
                // Wait once more, for a limited time.
                process::sleep(Duration::from_millis(1));
                assert_eq!((black_box(values), byte), (expected, [7]));
            })
        })
        .collect();
    for _ in 0..PROCESSES {
        all_done.recv().unwrap();
    }
    let deep = resident();
    let most = PROCESSES * DEPTH;
    let begin = Instant::now();
    // It takes some 6 s until the memory is given back. The waits of 20 ms only set how often this is checked.
    while resident() + most * 3 / 4 > deep {
        let now = resident();
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{deep} bytes were resident, and {now} still are"
        );
        thread::sleep(Duration::from_millis(20));
    }
    for mut other in others {
        other.write_all(&[7]).unwrap();
    }
    for process in processes {
        process.join().unwrap();
    }
}
