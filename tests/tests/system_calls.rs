//! How many system calls does an operation need on a plain thread? It must be as many as in std. strace
//! counts them.

use std::collections::BTreeMap;
use std::process::Command;

use std_net_tests::{LIMIT, TempPath, tool, within};

/// Returns the calls that `calls MODE OPERATION` makes between its two marks.
fn count(mode: &str, operation: &str) -> Option<BTreeMap<String, usize>> {
    count_with(mode, operation, &[])
}

/// Like `count`, while these options of strace change the behaviour of the kernel.
fn count_with(mode: &str, operation: &str, options: &[&str]) -> Option<BTreeMap<String, usize>> {
    let strace = tool("strace")?;
    let trace = TempPath::new();
    let status = Command::new(strace)
        .args(["-f", "-qq", "-o"])
        .arg(&*trace)
        .args(options)
        .args([
            "-e",
            "trace=network,poll,ppoll,fcntl,ioctl,epoll_ctl,epoll_wait,epoll_pwait,epoll_pwait2,\
             timerfd_settime,read,write,readv,writev,sendfile,splice,pipe2,rt_sigprocmask,\
             io_uring_setup,io_uring_enter",
        ])
        .env("STD_NET_WORKERS", "1")
        .args([env!("CARGO_BIN_EXE_calls"), mode, operation])
        .output()
        .unwrap();
    if String::from_utf8_lossy(&status.stderr).contains("trace") {
        eprintln!("SKIPPED: strace may not trace here");
        return None;
    }
    assert!(status.status.success(), "{mode} {operation}");
    let text = std::fs::read_to_string(&*trace).unwrap();
    let calls = text
        .lines()
        .skip_while(|l| !l.contains("\"begin\""))
        .skip(1)
        .take_while(|l| !l.contains("\"end\""))
        .filter_map(|l| l.split_whitespace().nth(1)?.split_once('('))
        .fold(BTreeMap::new(), |mut calls, (name, _)| {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
            calls
        });
    Some(calls)
}

#[test]
fn each_operation_costs_what_it_costs_in_std() {
    within(LIMIT, || {
        for (operation, call) in [
            ("read", "recvfrom"),
            ("write", "sendto"),
            ("recv_from", "recvfrom"),
            ("send_to", "sendto"),
            ("recv", "recvfrom"),
            ("send", "sendto"),
            ("accept", "accept4"),
        ] {
            let (Some(std), Some(ours)) = (count("std", operation), count("ours", operation))
            else {
                return;
            };
            assert_eq!(ours, std, "{operation}");
            assert_eq!(ours, BTreeMap::from([(call.to_owned(), 10)]), "{operation}");
        }
        for operation in ["connect", "bind"] {
            let (std, ours) = (
                count("std", operation).unwrap(),
                count("ours", operation).unwrap(),
            );
            let total = |calls: &BTreeMap<String, usize>| calls.values().sum::<usize>();
            let mut ours = ours;
            if operation == "connect" {
                // The kernel could have chosen this port itself, so the library checks whether the
                // socket is connected to itself.
                assert_eq!(ours.remove("getsockname"), Some(10), "{ours:?}");
            }
            assert!(
                total(&ours) <= total(&std),
                "{operation}: {ours:?}, std: {std:?}"
            );
        }
    });
}

#[test]
fn a_batch_of_datagrams_is_one_call() {
    within(LIMIT, || {
        for (operation, call) in [("recv_many", "recvmmsg"), ("send_many", "sendmmsg")] {
            let Some(ours) = count("ours", operation) else {
                return;
            };
            assert_eq!(ours, BTreeMap::from([(call.to_owned(), 10)]), "{operation}");
        }
    });
}

#[test]
fn a_file_and_a_copy_pass_by_without_one() {
    within(LIMIT, || {
        let Some(ours) = count("ours", "send_file") else {
            return;
        };
        // These are four pieces, and the end. A thread of the same program reads them.
        assert_eq!(ours["sendfile"], 5, "{ours:?}");
        for copies in ["sendto", "write", "read", "pread64"] {
            assert!(!ours.contains_key(copies), "{ours:?}");
        }
        let ours = count("ours", "copy").unwrap();
        // The calls move bytes into the pipe, out of it, and try once more, which finds the end.
        assert_eq!(ours["splice"], 3, "{ours:?}");
        assert_eq!(ours["pipe2"], 1, "{ours:?}");
        assert!(!ours.contains_key("sendto"), "{ours:?}");
    });
}

/// Ten times, 16 processes answer at once. Another process asks them, and its writes are not batched.
#[cfg(not(std_net_portable))]
#[test]
fn batched_writes_are_one_call() {
    within(LIMIT, || {
        let Some(calls) = count("ours", "batched_writes") else {
            return;
        };
        if std_net_tests::has_io_uring() {
            assert_eq!(calls["sendto"], 160, "{calls:?}");
            assert_eq!(calls["io_uring_enter"], 10, "{calls:?}");
        }
        // io_uring is switched off, or it is allowed at first and then forbidden.
        for injection in [
            "inject=io_uring_setup:error=EPERM",
            "inject=io_uring_enter:error=EPERM:when=3+",
        ] {
            let calls = count_with("ours", "batched_writes", &["-e", injection]).unwrap();
            // The call that fails is the third one of the ring, if there is one.
            let made = calls
                .get("io_uring_enter")
                .map_or(0, |n| n.saturating_sub(1));
            assert_eq!(calls["sendto"], 320 - 16 * made, "{injection}: {calls:?}");
            assert!(made < 10, "{injection}: {calls:?}");
        }
    });
}

#[cfg(not(std_net_portable))]
#[test]
fn those_who_write_again_and_again_are_batched_too() {
    within(LIMIT, || {
        let Some(calls) = count("ours", "batched_bursts") else {
            return;
        };
        if std_net_tests::has_io_uring() {
            let (rings, alone) = (calls["io_uring_enter"], calls.get("sendto").unwrap_or(&0));
            // There are 2,000 writes, about 32 of them at a time. Only the last processes write alone.
            assert!((55..=70).contains(&rings) && *alone < 100, "{calls:?}");
        }
    });
}

/// The portable reactor sets a timer for a deadline.
#[cfg(not(std_net_portable))]
#[test]
fn a_deadline_that_does_not_pass_costs_no_call() {
    within(LIMIT, || {
        let count = |operation| {
            let mut calls = count("ours", operation)?;
            // The first one takes a timeout in nanoseconds. The second is the only one that some
            // processors have.
            for other in ["epoll_pwait2", "epoll_pwait"] {
                if let Some(waits) = calls.remove(other) {
                    *calls.entry("epoll_wait".to_owned()).or_insert(0) += waits;
                }
            }
            // The check of short reads depends on the clock, not on round trips. The C library masks signals
            // while a thread starts or ends, which may happen meanwhile.
            let depends = ["poll", "timerfd_settime", "rt_sigprocmask"];
            calls.retain(|name, _| !depends.contains(&name.as_str()));
            Some(calls)
        };
        let (Some(without), Some(with)) = (count("trips"), count("trips_by")) else {
            return;
        };
        assert_eq!(with, without);
        assert_eq!(without["sendto"], 20, "{without:?}");
    });
}
