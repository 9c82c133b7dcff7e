//! Shows how fast lines are read: a gigabyte of short lines over TCP, in turn by `read_utf8_line` and
//! by std's `BufReader::read_line` with a reused `String`.
//!
//! Usage: `line_speed [MEGABYTES [ROUNDS]]`, 1000 and 3 by default. Build it with `--release`.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::thread;
use std::time::Instant;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

/// Makes lines of 8 to 71 bytes again and again, as in a log or a text protocol.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..4096_usize {
        let len = 8 + i * 37 % 64;
        text.extend((0..len).map(|at| b'a' + ((i + at) % 26) as u8));
        text.extend_from_slice(if i % 2 == 0 { b"\n" } else { b"\r\n" });
    }
    text
}

fn main() -> io::Result<()> {
    let mut numbers = env::args()
        .skip(1)
        .map(|n| n.parse::<usize>().expect("a number"));
    let megabytes = numbers.next().unwrap_or(1000);
    let rounds = numbers.next().unwrap_or(3);

    type Way = fn(TcpStream) -> io::Result<u64>;
    let ways: [(&str, bool, Way); 6] = [
        ("thread,  BufReader, its 8 KiB", false, by_std),
        ("thread,  BufReader, 16 KiB", false, by_larger_std),
        ("thread,  read_utf8_line", false, by_channel),
        ("process, BufReader, its 8 KiB", true, by_std),
        ("process, BufReader, 16 KiB", true, by_larger_std),
        ("process, read_utf8_line", true, by_channel),
    ];
    let mut speeds = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, in_process, way), speeds) in ways.iter().zip(&mut speeds) {
            speeds.push(run(megabytes, *in_process, *way)?);
        }
    }
    for ((name, ..), speeds) in ways.iter().zip(&mut speeds) {
        speeds.sort_by(f64::total_cmp);
        println!("{name:32} {:6.0} MB/s", speeds[rounds / 2]);
    }
    Ok(())
}

fn run(
    megabytes: usize,
    in_process: bool,
    way: fn(TcpStream) -> io::Result<u64>,
) -> io::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut source = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (stream, _) = listener.accept()?;
    let text = text();
    let times = megabytes * 1_000_000 / text.len();
    let total = (times * text.len()) as f64;
    let lines = 4096 * times as u64;
    let writer = thread::spawn(move || (0..times).try_for_each(|_| source.write_all(&text)));
    let begin = Instant::now();
    let got = if in_process {
        process::spawn(move || way(stream))
            .join()
            .expect("no panic")?
    } else {
        way(stream)?
    };
    let seconds = begin.elapsed().as_secs_f64();
    writer.join().expect("no panic")?;
    assert_eq!(got, lines);
    Ok(total / 1e6 / seconds)
}

fn by_channel(stream: TcpStream) -> io::Result<u64> {
    let (mut read, _write) = stream.into_channels(false)?;
    let mut lines = 0;
    while let Some(line) = read.read_utf8_line(1024)? {
        std::hint::black_box(line);
        lines += 1;
    }
    Ok(lines)
}

fn by_std(stream: TcpStream) -> io::Result<u64> {
    count(BufReader::new(&stream))
}

/// Uses std's reader with a buffer as large as that of a channel.
fn by_larger_std(stream: TcpStream) -> io::Result<u64> {
    count(BufReader::with_capacity(16 * 1024, &stream))
}

fn count(mut read: impl BufRead) -> io::Result<u64> {
    let (mut line, mut lines) = (String::new(), 0);
    while read.read_line(&mut line)? > 0 {
        std::hint::black_box(&line);
        line.clear();
        lines += 1;
    }
    Ok(lines)
}
