//! Shows what a server in production has: a limit of connections, an idle timeout, errors that name the peer, a Ctrl-C
//! that waits for no idle client. It is a store of keys and values in memory, over a protocol of lines: `SET key value`,
//! `GET key`, `DEL key`.
//!
//! Usage: `kv_server [ADDRESS]`, 127.0.0.1:6380 by default. Try `socat - TCP:127.0.0.1:6380`.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use std_net::process::RwLock;
use std_net::server::{Server, Session};
use std_net::socket::{TcpListener, TcpStream};

/// The longest line in bytes.
const LINE: u64 = 64 << 10;

type Store = RwLock<HashMap<String, String>>;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:6380"))?;
    let address = listener.local_addr()?;
    let server = Server::new(listener)?
        .max_connections(10_000)
        .idle_timeout(Duration::from_secs(300))
        .on_error(|problem| eprintln!("{problem}"));
    server
        .handle()
        .shutdown_on_signals(Duration::from_secs(10))?;
    println!("listening on {address}");
    let store = Arc::new(Store::default());
    let end = server.run_with(move |stream, session| serve(&stream, session, &store))?;
    println!("{} served, {} cut off", end.served, end.cancelled);
    Ok(())
}

fn serve(stream: &TcpStream, session: &Session, store: &Store) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    let mut line = String::new();
    // A shutdown may end the loop between two requests, but not within one.
    while !requests.buffer().is_empty() || session.wait_readable(stream)? {
        line.clear();
        if requests.by_ref().take(LINE).read_line(&mut line)? == 0 {
            break;
        }
        if !line.ends_with('\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a line too long, or cut off",
            ));
        }
        let answer = answer(line.trim_end(), store);
        (&*stream).write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn answer(line: &str, store: &Store) -> String {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("GET"), Some(key), None) => match store.read().get(key) {
            Some(value) => format!("VALUE {value}\n"),
            None => "NONE\n".into(),
        },
        (Some("SET"), Some(key), Some(value)) => {
            store.write().insert(key.into(), value.into());
            "OK\n".into()
        }
        (Some("DEL"), Some(key), None) => match store.write().remove(key) {
            Some(_) => "OK\n".into(),
            None => "NONE\n".into(),
        },
        _ => "ERROR: SET key value, GET key or DEL key\n".into(),
    }
}
