//! `fetch ADDRESS PATH MILLIS`: prints a page of a web server. Fails if it is not there, or not whole in this time.

use std::io::{self, Write};
use std::process::Output;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

use crate::program::{LIMIT, Program, Running, cpu_of_children, ensure};
use crate::results::Figures;

/// The load: the program is run this often, one run after the other. The page fits into a pipe.
const RUNS: usize = 100;
const SIZE: usize = 16 << 10;

/// Takes the connection of the program and reads its request.
fn accept(web: &TcpListener, program: &mut Running) -> io::Result<TcpStream> {
    web.set_deadline(LIMIT);
    let (stream, _) = web.accept()?;
    ensure(!program.has_ended()?, "it has ended before an answer")?;
    stream.set_deadline(LIMIT);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        let more = stream.read_string(4096)?;
        ensure(!more.is_empty(), "it has sent no whole request")?;
        request.push_str(&more);
    }
    let first = request.lines().next();
    ensure(
        first == Some("GET /page HTTP/1.0"),
        &format!("it asks {first:?}"),
    )?;
    Ok(stream)
}

/// Runs the program with a server that answers in this way.
fn run(
    program: Program,
    millis: &str,
    answer: impl FnOnce(&TcpStream, &Running) -> io::Result<()>,
) -> io::Result<Output> {
    let web = TcpListener::bind("127.0.0.1:0")?;
    let mut running = program.start(&[&web.local_addr()?.to_string(), "/page", millis])?;
    let stream = accept(&web, &mut running)?;
    answer(&stream, &running)?;
    drop(stream);
    running.output()
}

fn fails(output: &Output, when: &str) -> io::Result<()> {
    ensure(
        !output.status.success(),
        &format!("it does not fail {when}"),
    )?;
    ensure(
        output.stdout.is_empty(),
        &format!("it prints a page {when}"),
    )?;
    ensure(
        !output.stderr.is_empty(),
        &format!("it does not say that it fails {when}"),
    )
}

pub(crate) fn check(program: Program) -> io::Result<()> {
    let output = run(program, "100000", |mut stream, _| {
        stream.write_all(b"HTTP/1.0 200 OK\r\nServer: a test\r\n\r\nhello\n")?;
        stream.write_all(b"world\n")
    })?;
    ensure(
        output.status.success(),
        &String::from_utf8_lossy(&output.stderr),
    )?;
    ensure(
        output.stdout == b"hello\nworld\n",
        "it prints something else",
    )?;
    let missing = run(program, "100000", |mut stream, _| {
        stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\nno such page\n")
    })?;
    fails(&missing, "when there is no page")?;
    let silent = run(program, "200", |stream, _| stream.wait_closed())?;
    fails(&silent, "when the server is silent")?;
    // Each byte comes soon after the last. Only a limit for the whole ends this.
    let slow = run(program, "200", |mut stream, _| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
        let end = Instant::now() + LIMIT;
        while stream.write_all(b".").is_ok() {
            ensure(Instant::now() < end, "it lets a slow server go on for ever")?;
            process::sleep(Duration::from_millis(20));
        }
        Ok(())
    })?;
    fails(&slow, "when the server is slow")
}

pub(crate) fn load(program: Program) -> io::Result<Figures> {
    let page = "x".repeat(SIZE);
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{page}");
    let mut peak = 0;
    run(program, "100000", |mut stream, running| {
        stream.write_all(answer.as_bytes())?;
        // Then it waits for the end of the stream, and only the printing is still to come.
        process::sleep(Duration::from_millis(100));
        peak = running.peak()?;
        Ok(())
    })?;
    let before = cpu_of_children()?;
    let began = Instant::now();
    for _ in 0..RUNS {
        let output = run(program, "100000", |mut stream, _| {
            stream.write_all(answer.as_bytes())
        })?;
        ensure(output.stdout == page.as_bytes(), "it prints something else")?;
    }
    Ok(Figures::new(
        cpu_of_children()? - before,
        RUNS as u64,
        peak,
        began.elapsed(),
    ))
}
