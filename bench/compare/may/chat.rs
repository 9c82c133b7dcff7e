//! A room: each line of a client goes to all clients. The first line of a client is its name.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use may::net::{TcpListener, TcpStream};
use may::sync::Mutex;
use may::sync::mpsc::{self, Sender};
use may::{coroutine, go};

/// The longest line in bytes. How far a slow client may be behind has no limit: there is no bounded channel.
const LINE: u64 = 1024;

type Room = Mutex<HashMap<u64, Sender<Arc<str>>>>;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: chat ADDRESS");
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let room = Arc::new(Room::default());
    for (id, stream) in (0..).zip(listener.incoming()) {
        let (stream, room) = (stream?, Arc::clone(&room));
        go!(move || client(id, stream, &room));
    }
    Ok(())
}

fn client(id: u64, mut stream: TcpStream, room: &Room) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut receive = BufReader::new(stream.try_clone()?);
    let Some(name) = line(&mut receive)? else {
        return Ok(());
    };
    let (send, heard) = mpsc::channel::<Arc<str>>();
    room.lock().unwrap().insert(id, send);
    coroutine::scope(|scope| {
        go!(scope, move || -> io::Result<()> {
            for line in heard {
                stream.write_all(format!("{line}\n").as_bytes())?;
            }
            Ok(())
        });
        tell(room, &format!("* {name} joined"));
        while let Ok(Some(line)) = line(&mut receive) {
            tell(room, &format!("{name}: {line}"));
        }
        // The writer ends when its channel is closed.
        room.lock().unwrap().remove(&id);
        tell(room, &format!("* {name} left"));
    });
    Ok(())
}

fn tell(room: &Room, text: &str) {
    let text: Arc<str> = text.into();
    let mut room = room.lock().unwrap();
    room.retain(|_, send| send.send(Arc::clone(&text)).is_ok());
}

/// Reads a line of limited length. `BufRead::lines` has no limit.
fn line(receive: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    match receive.take(LINE).read_line(&mut line)? {
        0 => Ok(None),
        _ if line.ends_with('\n') => Ok(Some(line.trim_end().to_owned())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
