//! `echo ADDRESS`: sends back what each client sends.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use std_net::process;
use std_net::socket::TcpStream;

use crate::program::{Program, Server, ensure, loaded};
use crate::results::Figures;

/// The load: this many connections at the same time, with this many round trips each.
const CONNECTIONS: usize = 500;
const EACH: usize = 200;
const SIZE: usize = 64;

pub(crate) fn check(program: Program) -> io::Result<()> {
    let server = program.serve(&["127.0.0.1:0"])?;
    let (first, second) = (server.connect()?, server.connect()?);
    // The second is answered while the first is silent.
    exchange(&second, b"two", 1)?;
    exchange(&first, b"one", 1)?;
    // The error of one connection ends no other.
    second.set_linger(Some(Duration::ZERO))?;
    drop(second);
    whole(&first)?;
    exchange(&server.connect()?, b"three", 1)?;
    server.end()?;
    Ok(())
}

pub(crate) fn load(program: Program) -> io::Result<Figures> {
    let units = (CONNECTIONS * EACH) as u64;
    loaded(program, &["127.0.0.1:0"], units, |server| {
        let streams = connect(server, CONNECTIONS)?;
        round_trips(&streams, SIZE, EACH)?;
        server.peak()
    })
}

/// Makes this many connections. Lets the program accept now and then: where it shares the core it does not run meanwhile,
/// and the queues of some hold 128 connections only.
pub(crate) fn connect(server: &Server, connections: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(connections);
    for i in 0..connections {
        let stream = server.connect()?;
        if i % 64 == 0 {
            exchange(&stream, b"accepted", 1)?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// Makes round trips on all streams at the same time.
pub(crate) fn round_trips(streams: &[TcpStream], size: usize, each: usize) -> io::Result<()> {
    let message: Vec<u8> = (0..size).map(|i| i as u8).collect();
    process::scope(|scope| {
        let clients: Vec<_> = streams
            .iter()
            .map(|stream| scope.spawn(|| exchange(stream, &message, each)))
            .collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap())
    })
}

fn exchange(mut stream: &TcpStream, message: &[u8], times: usize) -> io::Result<()> {
    let mut back = vec![0; message.len()];
    for _ in 0..times {
        stream.write_all(message)?;
        stream.read_exact(&mut back)?;
        ensure(back == message, "other bytes came back than were sent")?;
    }
    Ok(())
}

/// Sends more than all buffers hold while it receives, and expects the end after its own.
pub(crate) fn whole(stream: &TcpStream) -> io::Result<()> {
    let much: Vec<u8> = (0..4 << 20).map(|i| (i % 251) as u8).collect();
    let back = process::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut stream = stream;
            stream.write_all(&much)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut back = Vec::new();
        let mut receiving = stream;
        receiving.read_to_end(&mut back)?;
        sending.join().unwrap()?;
        Ok::<_, io::Error>(back)
    })?;
    ensure(back == much, "other bytes came back than were sent")
}
