//! Shows the `try_` methods, for programs with their own event loop: the echo server once more. It has
//! one thread, non-blocking sockets and a `polling::Poller`, which works like Ktor's `SelectorManager`
//! or Java's `Selector`. It has no processes. `echo_server` does the same in half the lines.
//!
//! Usage: `selector_echo [ADDRESS]`, 127.0.0.1:7777 by default.

use std::collections::HashMap;
use std::env;
use std::io::{self, Read, Write};

use polling::{Event, Events, Poller};
use std_net::socket::{TcpListener, TcpStream};

/// The key of the listener. Connections have all other keys.
const LISTENER: usize = 0;

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7777".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    listener.set_nonblocking(true)?;

    let poller = Poller::new()?;
    // SAFETY: both live until the end of the program, and the poller is dropped first.
    unsafe { poller.add(&listener, Event::readable(LISTENER))? };
    let mut clients: HashMap<usize, Client> = HashMap::new();
    let mut next_key = LISTENER + 1;
    let mut events = Events::new();
    loop {
        events.clear();
        poller.wait(&mut events, None)?;
        for event in events.iter() {
            if event.key == LISTENER {
                while let Some(stream) = accept(&listener) {
                    // SAFETY: the stream is deleted from the poller below, before it is dropped.
                    unsafe { poller.add(&stream, Event::readable(next_key))? };
                    clients.insert(next_key, Client::new(stream));
                    next_key += 1;
                }
                // The poller reports one event for each request, so ask for the next one.
                poller.modify(&listener, Event::readable(LISTENER))?;
            } else if let Some(client) = clients.get_mut(&event.key) {
                match client.serve() {
                    Ok(Next::Readable) => {
                        poller.modify(&client.stream, Event::readable(event.key))?;
                    }
                    Ok(Next::Writable) => {
                        poller.modify(&client.stream, Event::writable(event.key))?;
                    }
                    Ok(Next::End) | Err(_) => {
                        poller.delete(&client.stream)?;
                        clients.remove(&event.key);
                    }
                }
            }
        }
    }
}

/// Returns the next connection that waits, if there is one.
fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().and_then(|(stream, _)| {
        stream.set_nonblocking(true)?;
        Ok(stream)
    }) {
        Ok(stream) => Some(stream),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => {
            eprintln!("accept: {error}");
            None
        }
    }
}

/// What the server must wait for at a client.
enum Next {
    Readable,
    Writable,
    End,
}

struct Client {
    stream: TcpStream,
    buf: Box<[u8]>,
    /// The part of `buf` that is still to be sent.
    rest: std::ops::Range<usize>,
}

impl Client {
    fn new(stream: TcpStream) -> Client {
        Client {
            stream,
            buf: vec![0; 4096].into(),
            rest: 0..0,
        }
    }

    /// Does one read and one write only, so that a busy client does not block the others.
    fn serve(&mut self) -> io::Result<Next> {
        if self.rest.is_empty() {
            self.rest = match self.stream.read(&mut self.buf) {
                Ok(0) => return Ok(Next::End),
                Ok(n) => 0..n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Next::Readable);
                }
                Err(error) => return Err(error),
            };
        }
        match self.stream.write(&self.buf[self.rest.clone()]) {
            Ok(n) => self.rest.start += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(if self.rest.is_empty() {
            Next::Readable
        } else {
            Next::Writable
        })
    }
}
