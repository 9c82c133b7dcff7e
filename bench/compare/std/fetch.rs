//! Prints a page of a web server, within a time limit.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const LIMIT: u64 = 1 << 20;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(address), Some(path), Some(millis)) = (args.next(), args.next(), args.next()) else {
        panic!("usage: fetch ADDRESS PATH MILLIS");
    };
    let patience = Duration::from_millis(millis.parse().unwrap());
    // A timeout of std is for one call, and the lookup of a name has none.
    let (send, answer) = mpsc::channel();
    thread::spawn(move || send.send(fetch(&address, &path)));
    match answer.recv_timeout(patience) {
        Ok(body) => print!("{}", body?),
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
    }
    Ok(())
}

fn fetch(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(LIMIT).read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::other("not found")),
    }
}
