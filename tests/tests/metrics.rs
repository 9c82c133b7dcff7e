//! What `process::metrics` counts, and the example that exports it.
//!
//! The counts concern the whole program, so each of these tests is a program of its own.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use std_net::process::{self, Metrics, channel};
use std_net::unix::{RecvBatch, SendBatch, UnixDatagram};
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

/// Reads the metrics until `found` returns true. If that takes long, it prints them once.
fn look(found: impl Fn(&Metrics) -> bool) -> Metrics {
    let mut rounds = 0;
    loop {
        let metrics = process::metrics();
        if found(&metrics) {
            return metrics;
        }
        rounds += 1;
        if rounds == 5000 {
            eprintln!("still looking at {metrics:?}");
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
        // The numbers are read one after the other, so they agree only when nothing moves any more.
        look(|m| {
            let now = m.processes;
            let placed: usize = m.workers.iter().map(|w| w.processes).sum();
            (now.future, now.readable, now.sleeping) == (3, 1, 1)
                && (m.spawned, m.ended, placed) == (5, 0, 5)
                && m.stacks >= 5
                && m.stacks_claimed == 5
                && m.workers.len() == 2
        });
        drop((client, keep));
        sleeps.cancel();
        sleeps.join().unwrap();
        assert_eq!(reads.join().unwrap(), "");
        for process in receives {
            assert!(process.join().unwrap());
        }
        // A process that ends is first taken off its worker, and then it gives its stack back.
        look(|m| m.ended == 5 && m.processes == Default::default() && m.stacks_claimed == 0);
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
        let mut sent = 0;
        while sum(|w| w.turns) < before.0 + 100 || sum(|w| w.remote_wakes) < before.1 + 100 {
            // This thread sends while the process waits. If the process is only about to wait, that costs no turn.
            send.send(sent).unwrap();
            assert_eq!(answers.recv().unwrap(), sent);
            look(|m| m.processes.future == 1);
            sent += 1;
        }
        assert!(sent >= 50, "{sent} messages took so many turns");
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

/// The accepted connections, and the bytes received and sent.
fn traffic() -> [u64; 3] {
    let all = process::metrics();
    [all.accepted, all.received_bytes, all.sent_bytes]
}

#[test]
fn connections_and_bytes_are_counted_on_a_thread_and_in_a_process() {
    alone(
        "connections_and_bytes_are_counted_on_a_thread_and_in_a_process",
        || {
            // Before the start of the runtime.
            let measure = || {
                let before = traffic();
                let (client, server) = tcp_pair();
                client.write_string("hello").unwrap();
                let mut buf = [0; 8];
                assert_eq!(server.peek(&mut buf).unwrap(), 5);
                assert_eq!(server.read_string(5).unwrap(), "hello");
                let parts = [IoSlice::new(b"a"), IoSlice::new(b"bc")];
                assert_eq!((&server).write_vectored(&parts).unwrap(), 3);
                assert_eq!((&client).read(&mut buf).unwrap(), 3);
                let (one, other) = UnixDatagram::pair().unwrap();
                one.send(b"datagram").unwrap();
                assert_eq!(other.recv(&mut buf).unwrap(), 8);
                // A refused one counts for nothing.
                assert!(server.try_read(&mut buf).is_err());
                let after = traffic();
                [0, 1, 2].map(|i| after[i] - before[i])
            };
            assert_eq!(measure(), [1, 16, 16]);
            assert_eq!(process::spawn(measure).join().unwrap(), [1, 16, 16]);
            assert_eq!(traffic(), [2, 32, 32]);
        },
    );
}

#[test]
fn all_ways_of_moving_bytes_are_counted() {
    alone("all_ways_of_moving_bytes_are_counted", || {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let body = move || {
            let (client, server) = tcp_pair();
            let before = traffic();
            let mut moved = [0, 0];
            // Batches of messages.
            let (one, other) = UnixDatagram::pair().unwrap();
            let mut batch = SendBatch::new();
            batch.push(b"four");
            batch.push(b"six666");
            assert_eq!(one.send_many(&mut batch).unwrap(), 2);
            let mut came = RecvBatch::new(4, 64);
            let mut left = 2;
            while left > 0 {
                left -= other.recv_many(&mut came).unwrap();
            }
            moved[1] += 10;
            moved[0] += 10;
            // A file.
            let len = 1000;
            assert_eq!(client.send_file(&file, 0..len).unwrap(), len);
            client.shutdown(Shutdown::Write).unwrap();
            let mut all = Vec::new();
            (&server).read_to_end(&mut all).unwrap();
            moved[1] += len;
            moved[0] += len;
            let after = traffic();
            assert_eq!([after[1] - before[1], after[2] - before[2]], moved);
        };
        process::spawn(body).join().unwrap();
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
        for name in ["accepted", "received_bytes", "sent_bytes"] {
            let sample = |line: &&str| line.starts_with(&format!("std_net_{name}_total "));
            // The example may have been built without the feature `metrics`.
            if name == "accepted" || body.contains("_bytes_total") {
                assert!(body.lines().any(|line| sample(&line)), "{name}: {body}");
            }
        }
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
