//! Very many processes at once, in a program of its own. On a kernel where guard pages cost mappings,
//! it uses all the mappings that are allowed.

use std::io::ErrorKind;
use std::time::Duration;

use std_net::process::{self, Builder, State, channel};
use std_net_tests::{LIMIT, resident, within};

#[test]
fn very_many_processes_park_at_once() {
    // Set `STD_NET_PARKED=1000000` for a million. `--nocapture` shows how much memory they take.
    let wanted = std::env::var("STD_NET_PARKED").map_or(200_000, |n| n.parse().unwrap());
    within(LIMIT * 2, || {
        let (sender, receiver) = channel::unbounded::<()>();
        let mut parked = Vec::new();
        let before = resident();
        for _ in 0..wanted {
            let receiver = receiver.clone();
            match Builder::new().spawn(move || receiver.recv()) {
                Ok(one) => parked.push(one),
                // On an older kernel, guard pages cost mappings, and these have a limit.
                Err(error) if error.kind() == ErrorKind::OutOfMemory => {
                    eprintln!("SKIPPED in part: {} processes, then: {error}", parked.len());
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        // The last processes have parked when none is new or ready any more.
        while process::list()
            .iter()
            .any(|p| p.state == State::New || p.state == State::Ready)
        {
            process::sleep(Duration::from_millis(20));
        }
        let (each, mappings) = ((resident() - before) / parked.len(), mappings());
        eprintln!(
            "{} parked, {each} bytes of resident memory each, {mappings} mappings",
            parked.len()
        );
        drop(sender);
        for one in parked {
            assert_eq!(one.join().unwrap(), Err(channel::RecvError::Closed));
        }
    });
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}
