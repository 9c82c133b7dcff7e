//! "Socket Channel" of the ZIO NIO manual. The server forks a worker for each connection, reads three
//! bytes at a time and prints them, as characters and as a count. If a worker fails, it prints the
//! error, and the server goes on. Client and server run in one program and are joined at the end.

use std::io::{self, Write};

use std_net::channel::Connected;
use std_net::process;
use std_net::socket::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let messages = ["one, two, three", "bad", "last"];

    let server = process::spawn(move || -> io::Result<()> {
        let mut workers = Vec::new();
        for _ in messages {
            let (stream, _) = listener.accept()?;
            workers.push(process::spawn(move || worker(&stream)));
        }
        for worker in workers {
            match worker.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => println!("worker failed: {error}"),
                Err(_) => println!("worker panicked"),
            }
        }
        Ok(())
    });
    let client = process::spawn(move || -> io::Result<()> {
        for message in messages {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(message.as_bytes())?;
        }
        Ok(())
    });

    client.join().expect("the client does not panic")?;
    server.join().expect("the server does not panic")
}

fn worker(stream: &TcpStream) -> io::Result<()> {
    while let Some(chunk) = stream.read_chunk(3)? {
        if chunk == b"bad" {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a bad message"));
        }
        println!(
            "received: [{}] [{}]",
            String::from_utf8_lossy(&chunk),
            chunk.len()
        );
    }
    Ok(())
}
