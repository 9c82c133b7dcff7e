//! A room: each line of a client goes to all clients. The first line of a client is its name.

use std::io;
use std::sync::Arc;

use std_net::process::{self, channel::broadcast};
use std_net::socket::{TcpListener, TcpStream};

/// The longest line in bytes, and how many lines a slow client may be behind.
const LINE: usize = 1024;
const BEHIND: usize = 256;

type Room = broadcast::Sender<Arc<str>>;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: chat ADDRESS");
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let (room, _) = broadcast::channel(BEHIND);
    for stream in listener.incoming() {
        let (stream, room) = (stream?, room.clone());
        process::spawn(move || client(stream, &room));
    }
    Ok(())
}

fn client(stream: TcpStream, room: &Room) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut receive, mut send) = stream.into_channels(true)?;
    let mut said = receive.lines(LINE);
    let Some(name) = said.next().transpose()? else {
        return Ok(());
    };
    let mut heard = room.subscribe();
    let writer = process::spawn(move || -> io::Result<()> {
        loop {
            match heard.recv() {
                Ok(line) => send.write_line(&line)?,
                Err(broadcast::RecvError::Lagged(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    });
    let _ = room.send(format!("* {name} joined").into());
    for line in said.map_while(Result::ok) {
        let _ = room.send(format!("{name}: {line}").into());
    }
    let _ = room.send(format!("* {name} left").into());
    writer.cancel();
    Ok(())
}
