//! With `std_net_interpose` linked in, a plain thread and an ordinary process make the same system calls as without it,
//! with the same results. strace records the calls.
//!
//! The calls are compared with those of a C program without the crate: `c/calls.c` with its `main`. This test binary
//! links the crate. It loads the same C code and runs it on a thread and in an ordinary process.

// On other systems nothing is interposed.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::fs;
use std::path::Path;
use std::process::Command;

use std_net::process;
use std_net_interpose as _;
use std_net_tests::calls::{Calls, compile};
use std_net_tests::{LIMIT, is_again, tool, within};

/// Returns the system calls between the two marks of this program, each with its result or its error.
fn trace(strace: &Path, folder: &Path, program: &mut Command) -> Option<Vec<String>> {
    let file = folder.join("trace");
    let output = Command::new(strace)
        .args(["-f", "-qq", "-o"])
        .arg(&file)
        .arg(program.get_program())
        .args(program.get_args())
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("ptrace") {
        eprintln!("SKIPPED: strace may not trace here: {said}");
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(file).unwrap();
    let mark = |line: &str, name: &str| line.contains("write(-1, ") && line.contains(name);
    let first = text.lines().find(|line| mark(line, "\"begin\""));
    let thread = first
        .expect("it has a mark")
        .split_whitespace()
        .next()
        .unwrap();
    let own = text
        .lines()
        .filter(|line| line.split_whitespace().next() == Some(thread));
    let between = own
        .skip_while(|line| !mark(line, "\"begin\""))
        .skip(1)
        .take_while(|line| !mark(line, "\"end\""));
    let mut calls: Vec<String> = Vec::new();
    for line in between {
        let (_, call) = line.trim_start().split_once(' ').unwrap();
        let call = call.trim_start();
        // strace prints a call that waited in two halves. Join them.
        let resumed = call.strip_prefix("<... ");
        if resumed.is_some() && calls.is_empty() {
            // This is the second half of the mark.
            continue;
        }
        let name = resumed.unwrap_or(call).split(['(', ' ']).next().unwrap();
        // Leave out signals, and calls for memory, because the allocators of the two programs differ.
        let left_out = [
            "---",
            "brk",
            "mmap",
            "munmap",
            "mprotect",
            "madvise",
            "getrandom",
        ];
        if left_out.contains(&name) || name.starts_with("rt_sig") {
            continue;
        }
        if resumed.is_none() {
            calls.push(name.to_owned());
        }
        let error = call
            .rsplit_once(" = -1 ")
            .and_then(|(_, e)| e.split(' ').next());
        if let Some(error) = error {
            let last = calls.iter_mut().rfind(|call| *call == name).unwrap();
            last.push(' ');
            last.push_str(error);
        }
    }
    Some(calls)
}

#[test]
fn the_system_calls_are_those_of_a_program_without_the_crate() {
    const NAME: &str = "the_system_calls_are_those_of_a_program_without_the_crate";
    if is_again() {
        let folder = std::env::var_os("STD_NET_FOLDER").unwrap();
        let scenario = Calls::load(folder.as_ref(), &["-O1"]).scenario();
        match std::env::var("STD_NET_WHERE").unwrap().as_str() {
            "thread" => std::thread::spawn(move || scenario.run()).join().unwrap(),
            _ => process::spawn(move || scenario.run()).join().unwrap(),
        }
        return;
    }
    let Some(strace) = tool("strace") else { return };
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let without = folder.path().join("without");
        compile(&without, &["-O1", "-DMAIN"]);
        let Some(expected) = trace(&strace, folder.path(), &mut Command::new(&without)) else {
            return;
        };
        assert!(expected.len() > 60, "{expected:#?}");
        for place in ["thread", "process"] {
            let mut program = Command::new(std::env::current_exe().unwrap());
            program
                .args(["--exact", NAME, "--nocapture"])
                .env("STD_NET_AGAIN", "1")
                .env("STD_NET_WORKERS", "1")
                .env("STD_NET_THREADLIKE", "0")
                .env("STD_NET_FOLDER", folder.path())
                .env("STD_NET_WHERE", place);
            let found = trace(&strace, folder.path(), &mut program).unwrap();
            assert_eq!(found, expected, "{place}");
        }
    });
}
