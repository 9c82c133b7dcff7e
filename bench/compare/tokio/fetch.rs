//! Prints a page of a web server, within a time limit.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: u64 = 1 << 20;

#[tokio::main]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, path, millis] = &args[..] else {
        panic!("usage: fetch ADDRESS PATH MILLIS");
    };
    let patience = Duration::from_millis(millis.parse().unwrap());
    print!("{}", timeout(patience, fetch(address, path)).await??);
    Ok(())
}

async fn fetch(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LIMIT).read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::other("not found")),
    }
}
