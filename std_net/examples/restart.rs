//! Shows `activation::pass`: a server that is replaced without losing a connection. At SIGHUP it starts
//! a new server and passes the listening socket to it. Then it finishes its own connections and ends.
//! SIGTERM and SIGINT end it without a new server.
//!
//! It can also take its socket from a service manager: `systemd-socket-activate -l 7777 restart`.
//!
//! Usage: `restart [ADDRESS]`, 127.0.0.1:7777 by default. It sends each client its process id.

use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;
use std::{env, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std_net::activation;
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

const GRACE: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let listener = match activation::inherited()?.pop() {
        Some(inherited) => inherited.tcp_listener()?,
        None => {
            let address = env::args().nth(1);
            TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7777"))?
        }
    };
    let ours = listener.try_clone()?;
    let server = Server::new(listener)?;
    let handle = server.handle();
    // Do this before the server reports that it runs: until then SIGHUP ends it.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    println!("listening on {}", ours.local_addr()?);
    thread::spawn(move || {
        for signal in &mut signals {
            if signal == SIGHUP
                && let Err(error) = start_successor(&ours)
            {
                eprintln!("no successor: {error}");
                continue;
            }
            handle.shutdown(GRACE);
        }
    });
    server.run(answer).map(drop)
}

fn start_successor(listener: &TcpListener) -> io::Result<()> {
    let mut successor = Command::new(env::current_exe()?);
    successor.args(env::args_os().skip(1));
    activation::pass(&mut successor, &[("main", listener)])?;
    successor.spawn().map(drop)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    writeln!(stream, "{}", process::id())
}
