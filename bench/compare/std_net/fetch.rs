//! Prints a page of a web server, within a time limit.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use std_net::socket::TcpStream;

const LIMIT: u64 = 1 << 20;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, path, millis] = &args[..] else {
        panic!("usage: fetch ADDRESS PATH MILLIS");
    };
    let deadline = Instant::now() + Duration::from_millis(millis.parse().unwrap());
    print!("{}", fetch(address, path, deadline)?);
    Ok(())
}

fn fetch(address: &str, path: &str, deadline: Instant) -> io::Result<String> {
    let stream = TcpStream::connect_deadline(address, deadline)?;
    stream.set_deadline(deadline);
    stream.write_string(&format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"))?;
    let mut answer = String::new();
    stream.take(LIMIT).read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::other("not found")),
    }
}
