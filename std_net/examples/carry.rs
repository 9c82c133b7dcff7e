//! Shows what `std_net::copy` saves a proxy: copies a gigabyte from one connection to another, in turn
//! by `copy` and by a loop that reads into 16 KiB and writes. Prints the CPU time of each.
//!
//! Usage: `carry [MEGABYTES [BYTES_A_WRITE]]`, 1000 and 65536 by default.

use std::io::{self, Read, Write};
use std::time::Instant;
use std::{env, fs};

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let mut args = env::args()
        .skip(1)
        .map(|arg| arg.parse().expect("a number"));
    let total = args.next().unwrap_or(1000) << 20;
    let piece = args.next().unwrap_or(64 << 10);
    for round in 1..=5 {
        let copy = carry(total, piece, |a, b| std_net::copy(a, b).map(drop))?;
        let by_hand = carry(total, piece, by_hand)?;
        println!(
            "round {round}: copy {:.0} MB/s, loop {:.0} MB/s; CPU copy/loop {:.2}",
            copy.rate,
            by_hand.rate,
            copy.cpu / by_hand.cpu
        );
    }
    Ok(())
}

struct Cost {
    /// In megabytes per second.
    rate: f64,
    /// The CPU time of sender, proxy and receiver together, in nanoseconds.
    cpu: f64,
}

/// Runs a sender, a proxy and a receiver, each in its own process.
fn carry(
    total: usize,
    piece: usize,
    proxy: impl FnOnce(&TcpStream, &TcpStream) -> io::Result<()> + Send + 'static,
) -> io::Result<Cost> {
    let (client, a) = pair()?;
    let (b, server) = pair()?;
    let start = Instant::now();
    let before = cpu()?;
    let sender = process::spawn(move || {
        let piece = vec![7; piece];
        let mut left = total;
        while left > 0 {
            left -= (&client).write(&piece[..piece.len().min(left)])?;
        }
        io::Result::Ok(())
    });
    let proxy = process::spawn(move || proxy(&a, &b));
    let receiver = process::spawn(move || {
        let mut buf = vec![0; 256 << 10];
        let mut got = 0;
        while got < total {
            got += (&server).read(&mut buf)?;
        }
        io::Result::Ok(())
    });
    for one in [sender, proxy, receiver] {
        one.join().expect("it does not panic")?;
    }
    Ok(Cost {
        rate: (total >> 20) as f64 / start.elapsed().as_secs_f64(),
        cpu: cpu()? - before,
    })
}

fn by_hand(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buf = [0; 16 << 10];
    loop {
        match from.read(&mut buf)? {
            0 => return Ok(()),
            n => to.write_all(&buf[..n])?,
        }
    }
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

/// Returns the CPU time of this program in nanoseconds.
fn cpu() -> io::Result<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0.0);
    }
    Ok(sum)
}
