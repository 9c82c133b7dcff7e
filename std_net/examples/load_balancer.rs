//! Shows a `Relay` with a choice of targets: passes each connection on to one of several servers, in
//! turn. If a server does not answer, the next one is used, and the first gets no connections for a
//! while.
//!
//! Usage: `load_balancer LISTEN_ADDRESS SERVER_ADDRESS...`

use std::env;
use std::io;
use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(5);

/// The servers. Each has the time until which it gets no new connections, because it did not answer.
struct Servers {
    next: AtomicUsize,
    all: Vec<(String, Mutex<Option<Instant>>)>,
}

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let listen = args.next();
    let all: Vec<_> = args.map(|server| (server, Mutex::new(None))).collect();
    let Some(listen) = listen.filter(|_| !all.is_empty()) else {
        eprintln!("usage: load_balancer LISTEN_ADDRESS SERVER_ADDRESS...");
        exit(2);
    };
    let servers = Servers {
        next: AtomicUsize::new(0),
        all,
    };
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let balancer = Server::new(listener)?.on_error(|problem| eprintln!("{problem}"));
    balancer
        .handle()
        .shutdown_on_signals(Duration::from_secs(10))?;
    println!("listening on {address}");
    let end = balancer.run(move |client| {
        let server = servers.connect()?;
        std_net::copy_bidirectional(&client, &server).map(drop)
    })?;
    println!("{} carried, {} cut off", end.served, end.cancelled);
    Ok(())
}

impl Servers {
    /// Connects to the next server, or to the first one after it that answers.
    fn connect(&self) -> io::Result<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..self.all.len()).map(|i| &self.all[(first + i) % self.all.len()]);
        let mut last = None;
        // Servers that did not answer come last, because there may be no other.
        let (rested, tired): (Vec<_>, Vec<_>) = in_turn().partition(|(_, rest)| {
            // Nothing waits under this lock.
            let rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
            rest.is_none_or(|until| until <= Instant::now())
        });
        for (server, rest) in rested.into_iter().chain(tired) {
            let connected = TcpStream::connect_deadline(&**server, PATIENCE);
            let until = connected.is_err().then(|| Instant::now() + REST);
            *rest.lock().unwrap_or_else(PoisonError::into_inner) = until;
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }
}
