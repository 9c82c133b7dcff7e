//! How many system calls an operation costs on a plain thread: as many as std's. Counted by strace.

use std::collections::BTreeMap;
use std::process::Command;

use std_net_tests::{LIMIT, TempPath, tool, within};

/// The calls that `matrix MODE OPERATION` makes between its two marks.
fn count(mode: &str, operation: &str) -> Option<BTreeMap<String, usize>> {
    let strace = tool("strace")?;
    let trace = TempPath::new();
    let status = Command::new(strace)
        .args(["-f", "-qq", "-o"])
        .arg(&*trace)
        .args([
            "-e",
            "trace=network,poll,ppoll,fcntl,ioctl,epoll_ctl,read,write,readv,writev",
        ])
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
