//! The test that all allocators share. For an allocator, each threadlike process is a thread that ends.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::in_processes;

/// Returns the resident memory of this OS process in KiB.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

/// Processes allocate, free each other's memory and end. Afterwards nothing of their memory may be
/// left.
pub fn allocate_and_end() {
    let mut after_two = 0;
    for round in 0..8 {
        for _ in 0..5 {
            in_processes(500, move |i| {
                let texts: Vec<String> = (0..20).map(|k| "x".repeat(k * 30 + i % 11)).collect();
                thread::sleep(Duration::from_micros(100));
                // A plain thread frees this memory.
                let freed = thread::Builder::new().stack_size(64 << 10);
                if i % 50 == 0 {
                    freed.spawn(move || drop(texts)).unwrap().join().unwrap();
                }
            });
        }
        let now = resident();
        println!("{} processes, {now} KiB resident", (round + 1) * 2500);
        if round == 1 {
            after_two = now;
        }
        assert!(
            round < 2 || now < after_two * 3 / 2 + 8192,
            "{now} KiB after {after_two} KiB"
        );
    }
}
