//! A room: each line of a client goes to all clients. The first line of a client is its name.

use std::io;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

/// The longest line in bytes, and how many lines a slow client may be behind.
const LINE: usize = 1024;
const BEHIND: usize = 256;

type Room = broadcast::Sender<Arc<str>>;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: chat ADDRESS");
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let (room, _) = broadcast::channel(BEHIND);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(client(stream, room.clone()));
    }
}

async fn client(stream: TcpStream, room: Room) -> Result<(), LinesCodecError> {
    stream.set_nodelay(true)?;
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(LINE));
    let Some(name) = lines.next().await.transpose()? else {
        return Ok(());
    };
    let mut heard = room.subscribe();
    let _ = room.send(format!("* {name} joined").into());
    loop {
        tokio::select! {
            said = lines.next() => match said {
                Some(Ok(line)) => _ = room.send(format!("{name}: {line}").into()),
                _ => break,
            },
            line = heard.recv() => match line {
                Ok(line) => if lines.send(&line).await.is_err() { break },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
        }
    }
    let _ = room.send(format!("* {name} left").into());
    Ok(())
}
