//! Shows processes and channels: a chat with one room. What one client types, all others see. Each client has two
//! processes, one that reads and one that writes, and the room has one; channels connect them. Ctrl-C closes the room.
//!
//! Usage: `chat [ADDRESS]`, 127.0.0.1:6666 by default. Try `socat - TCP:127.0.0.1:6666` twice.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use std_net::process;
use std_net::process::channel::{self, Receiver, Sender};
use std_net::socket::{TcpListener, TcpStream};

/// The longest line in bytes, and how many lines a slow client may be behind.
const LINE: u64 = 4096;
const BEHIND: usize = 64;

/// What happens to the room.
enum Event {
    Joined(u64, Sender<Arc<str>>),
    Said(u64, String),
    Left(u64),
    Closed,
}

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6666".into());
    let listener = TcpListener::bind(address)?;
    let notifier = listener.notifier()?;
    // The feature `signals` has `signals::ctrl_c` for this. This example needs no feature, so that `cargo run
    // --example` starts it as it is.
    ctrlc::set_handler(move || notifier.notify()).map_err(io::Error::other)?;
    println!("listening on {}", listener.local_addr()?);
    let (room, events) = channel::unbounded();
    let running = process::spawn(move || run_room(events));
    for (id, stream) in (1..).zip(listener.incoming()) {
        match stream {
            Ok(stream) => {
                let room = room.clone();
                // Send this here and not in the new process, so that guests join in the order in which
                // they came.
                let (out, lines) = channel::bounded(BEHIND);
                let _ = room.send(Event::Joined(id, out));
                process::spawn(move || client(id, Arc::new(stream), &room, lines));
            }
            Err(error) => {
                eprintln!("accept: {error}");
                process::sleep(Duration::from_millis(50));
            }
        }
    }
    let _ = room.send(Event::Closed);
    drop(room);
    // The room runs until the last client has dropped its sender.
    running
        .join()
        .map_err(|_| io::Error::other("the room panicked"))
}

/// Passes each text on to all other clients. Only this process knows the clients, so no lock is needed.
fn run_room(events: Receiver<Event>) {
    let mut clients: HashMap<u64, Sender<Arc<str>>> = HashMap::new();
    let tell = |clients: &mut HashMap<u64, Sender<Arc<str>>>, from: u64, text: String| {
        let text: Arc<str> = text.into();
        // If a client is too far behind, its channel is dropped, and its writer ends.
        clients.retain(|id, out| *id == from || out.try_send(Arc::clone(&text)).is_ok());
    };
    for event in events {
        match event {
            Event::Joined(id, out) => {
                clients.insert(id, out);
                tell(&mut clients, id, format!("* guest {id} joined\n"));
            }
            Event::Said(id, line) => tell(&mut clients, id, format!("<guest {id}> {line}\n")),
            Event::Left(id) => {
                clients.remove(&id);
                tell(&mut clients, id, format!("* guest {id} left\n"));
            }
            Event::Closed => {
                tell(&mut clients, 0, "* the room closes\n".to_owned());
                // This drops the channels. Each writer ends after it has written this text.
                clients.clear();
            }
        }
    }
}

fn client(id: u64, stream: Arc<TcpStream>, room: &Sender<Event>, lines: Receiver<Arc<str>>) {
    let writer = {
        let stream = Arc::clone(&stream);
        process::spawn(move || {
            for line in lines {
                if stream.write_string(&line).is_err() {
                    break;
                }
            }
            let _ = stream.shutdown(Shutdown::Both);
        })
    };
    let mut reader = BufReader::new(&*stream);
    let mut line = String::new();
    // The limit is per line. A longer line ends the client.
    while let Ok(1..) = reader.by_ref().take(LINE).read_line(&mut line) {
        if !line.ends_with('\n') {
            break;
        }
        let said = line.trim_end().to_owned();
        line.clear();
        let _ = room.send(Event::Said(id, said));
    }
    let _ = room.send(Event::Left(id));
    let _ = writer.join();
}
