//! What `process::metrics` counts, and the example that exports it.
//!
//! The counts concern the whole program, so each of these tests is a program of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use std_net::process::{self, Metrics, channel};
use std_net_tests::{LIMIT, Server, again, example, is_again, tcp_pair, within};

/// Runs `body` in a program of its own, on two workers.
fn alone(name: &str, body: impl FnOnce()) {
    if is_again() {
        return within(LIMIT, body);
    }
    let output = again(name, &[("STD_NET_WORKERS", "2")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

/// Reads the metrics until `found` returns true.
fn look(found: impl Fn(&Metrics) -> bool) -> Metrics {
    loop {
        let metrics = process::metrics();
        if found(&metrics) {
            return metrics;
        }
        // This works on a thread and in a process.
        process::sleep(Duration::from_millis(1));
    }
}

#[test]
fn before_the_start_there_is_nothing() {
    alone("before_the_start_there_is_nothing", || {
        assert_eq!(process::metrics(), Metrics::default());
    });
}

#[test]
fn processes_are_counted_by_what_they_wait_for() {
    alone("processes_are_counted_by_what_they_wait_for", || {
        let (keep, wait) = channel::bounded::<()>(1);
        let (client, server) = tcp_pair();
        let reads = process::spawn(move || server.read_string(1).unwrap());
        let sleeps = process::spawn(|| process::sleep(Duration::MAX));
        let receives: Vec<_> = (0..3)
            .map(|_| {
                let wait = wait.clone();
                process::spawn(move || wait.recv().is_err())
            })
            .collect();
        let now = look(|m| m.processes.future == 3 && m.processes.readable == 1);
        let now = if now.processes.sleeping == 1 {
            now
        } else {
            look(|m| m.processes.sleeping == 1)
        };
        assert_eq!((now.spawned, now.ended), (5, 0));
        assert_eq!(now.workers.len(), 2);
        let placed: usize = now.workers.iter().map(|w| w.processes).sum();
        assert_eq!(placed, 5);
        assert!(now.stacks >= 5 && now.stacks_claimed == 5, "{now:?}");
        drop((client, keep));
        sleeps.cancel();
        sleeps.join().unwrap();
        assert_eq!(reads.join().unwrap(), "");
        for process in receives {
            assert!(process.join().unwrap());
        }
        let end = look(|m| m.ended == 5);
        assert_eq!(end.processes, Default::default());
        assert_eq!(end.stacks_claimed, 0);
    });
}

#[test]
fn turns_and_wake_ups_of_other_threads_are_counted() {
    alone("turns_and_wake_ups_of_other_threads_are_counted", || {
        let (send, receive) = channel::bounded::<u32>(1);
        let (answer, answers) = channel::bounded::<u32>(1);
        let process = process::spawn(move || {
            while let Ok(n) = receive.recv() {
                answer.send(n).unwrap();
            }
        });
        let sum = |f: fn(&process::WorkerMetrics) -> u64| -> u64 {
            process::metrics().workers.iter().map(f).sum()
        };
        look(|m| m.processes.future == 1);
        let before = (
            sum(|w| w.turns),
            sum(|w| w.remote_wakes),
            sum(|w| w.reactor_turns),
        );
        for n in 0..100 {
            // This thread sends, and the process waits each time.
            send.send(n).unwrap();
            assert_eq!(answers.recv().unwrap(), n);
            look(|m| m.processes.future == 1);
        }
        assert!(sum(|w| w.turns) >= before.0 + 100);
        assert!(sum(|w| w.remote_wakes) >= before.1 + 100);
        assert!(sum(|w| w.reactor_turns) > before.2);
        drop(send);
        process.join().unwrap();
    });
}

#[test]
fn a_process_counts_itself() {
    alone("a_process_counts_itself", || {
        let seen = process::spawn(process::metrics).join().unwrap();
        assert_eq!((seen.spawned, seen.ended), (1, 0));
        assert_eq!(seen.processes.running, 1);
        look(|m| m.ended == 1);
    });
}

#[test]
fn the_example_reports_them_as_open_metrics() {
    example("metrics");
    within(LIMIT, || {
        let server = Server::start("metrics", &["127.0.0.1:0"]);
        let get = |path: &str| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.to_owned(), body.to_owned())
        };
        let (head, body) = loop {
            let (head, body) = get("/metrics");
            // The accepting process may not have begun to wait yet.
            if !body.contains("std_net_processes{state=\"running\"} 2") {
                break (head, body);
            }
        };
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("application/openmetrics-text"), "{head}");
        assert!(body.ends_with("\n# EOF\n"), "{body}");
        assert!(
            body.contains("std_net_processes{state=\"running\"} 1"),
            "{body}"
        );
        let mut families = Vec::new();
        for line in body.lines().filter(|line| *line != "# EOF") {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').unwrap();
                families.push((name.to_owned(), kind == "counter"));
            } else if !line.starts_with("# HELP ") {
                // A sample belongs to the family above it. The names of counters end in `_total`.
                let (name, value) = line.rsplit_once(' ').unwrap();
                let name = name.split('{').next().unwrap();
                let (family, counter) = families.last().unwrap();
                let suffix = if *counter { "_total" } else { "" };
                assert_eq!(name, format!("{family}{suffix}"), "{line}");
                value.parse::<u64>().unwrap();
            }
        }
        let count = families.len();
        families.sort();
        families.dedup();
        assert_eq!(families.len(), count, "a family stands twice");
        assert!(get("/").0.starts_with("HTTP/1.1 404"));
    });
}
