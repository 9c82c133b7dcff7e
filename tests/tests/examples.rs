//! Does every example say what it shows, and does a test run it? This file runs the examples that no other
//! test file runs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};

use std_net_tests::tree::{root, rust_files};
use std_net_tests::{LIMIT, Server, example, within};

/// Runs an example to its end. It may have to be built first, and the limit of time is not meant for that.
fn run(name: &str, args: &[&str]) -> Output {
    let program = example(name);
    within(LIMIT, || Command::new(program).args(args).output().unwrap())
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn each_says_what_it_shows_and_is_run_by_a_test() {
    let tests: Vec<String> = rust_files(&root().join("tests/tests"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for path in rust_files(&root().join("std_net/examples")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let head = text.lines().next().unwrap();
        let manual = ["Inko manual", "Ktor manual", "ZIO NIO manual"]
            .iter()
            .any(|m| head.contains(m));
        assert!(
            manual || head.starts_with("//! Shows "),
            "{name} begins with neither its manual nor `//! Shows`: {head}"
        );
        let ways = ["run(", "Server::start(", "example(", "start("];
        assert!(
            tests.iter().any(|test| ways
                .iter()
                .any(|way| test.contains(&format!("{way}\"{name}\"")))),
            "no test runs the example {name}"
        );
    }
}

#[test]
fn tour_holds_in_every_step() {
    let output = run("tour", &[]);
    let lines = lines(&output);
    assert!(output.status.success(), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "10 of 10 steps held");
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("ok ")).count(),
        10
    );
}

#[test]
fn carry_measures_both_ways() {
    let output = run("carry", &["4"]);
    assert!(output.status.success(), "{output:?}");
    let lines = lines(&output);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for line in lines {
        assert!(
            line.starts_with("round ") && line.contains("CPU copy/loop"),
            "{line}"
        );
    }
}

#[test]
fn line_speed_reads_all_lines_in_every_way() {
    let output = run("line_speed", &["2", "1"]);
    assert!(output.status.success(), "{output:?}");
    let lines = lines(&output);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(
        lines.iter().all(|line| line.ends_with(" MB/s")),
        "{lines:#?}"
    );
}

#[test]
fn ping_is_answered_or_says_what_the_kernel_must_allow() {
    let output = run("ping", &["127.0.0.1", "2"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ping_group_range") {
        assert_eq!(output.status.code(), Some(1));
        eprintln!("SKIPPED: {}", errors.trim());
        return;
    }
    assert!(output.status.success(), "{output:?}");
    // It succeeds if an answer came. On a slow machine the other one may be late.
    let lines = lines(&output);
    assert!(
        lines.last().unwrap().ends_with(" of 2 answered"),
        "{lines:?}"
    );
}

#[test]
fn hyper_hello_answers_a_request_of_http_1() {
    // It may have to be built first, and the limit of time is not meant for that.
    example("hyper_hello");
    within(LIMIT, || {
        let server = Server::start("hyper_hello", &["127.0.0.1:0"]);
        let mut client = TcpStream::connect(server.address).unwrap();
        let request = "GET /reader HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("Hello, reader!\n"), "{answer}");
    });
}

#[test]
fn hyper_hello_ends_at_once_though_a_client_is_idle() {
    example("hyper_hello");
    within(LIMIT, || {
        let mut server = Server::start("hyper_hello", &["127.0.0.1:0"]);
        let mut idle = TcpStream::connect(server.address).unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"Hello, world!\n") {
            let mut byte = [0];
            idle.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let status = Command::new("kill").arg(server.id().to_string()).status();
        assert!(status.unwrap().success());
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        let mut rest = String::new();
        server.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "1 served, 0 cut off\n");
    });
}
