//! Shows `activation::adopt`: a server that any program replaces without losing a connection, if that program may connect
//! to its Unix socket. The new server asks for the listener and gets its descriptor (`SCM_RIGHTS`). The old one ends when
//! what it has under way is done. `restart` does it as a parent and its child.
//!
//! Usage: `handover CONTROL_PATH [ADDRESS]`: takes the listener from whoever serves CONTROL_PATH, or
//! binds ADDRESS, 127.0.0.1:7778 by default. Tells each client the number of its process.

use std::env;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{self, exit};
use std::time::Duration;

use std_net::activation;
use std_net::server::{Handle, Server};
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::{Ancillary, UnixBuilder, UnixListener, UnixStream};

const GRACE: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let Some(control) = args.next() else {
        eprintln!("usage: handover CONTROL_PATH [ADDRESS]");
        exit(2);
    };
    let listener = match take_over(Path::new(&control)) {
        Ok(listener) => listener,
        Err(error) if nobody_there(&error) => {
            let address = args.next();
            TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7778"))?
        }
        Err(error) => return Err(error),
    };
    let (ours, address) = (listener.try_clone()?, listener.local_addr()?);
    let server = Server::new(listener)?;
    let handle = server.handle();
    handle.shutdown_on_signals(GRACE)?;
    // The one before has let go of the path before it gave the listener away.
    let successors = UnixBuilder::new()
        .mode(0o600)
        .rebind_stale(true)
        .listen(&control)?;
    std_net::process::spawn(move || hand_over(&successors, &control, &ours, &handle));
    println!("listening on {address}");
    server.run(answer).map(drop)
}

fn nobody_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// Gets the listener of the server that is running.
fn take_over(control: &Path) -> io::Result<TcpListener> {
    let predecessor = UnixStream::connect(control)?;
    let mut received = predecessor.recv_ancillary(&mut [0; 1], 1)?;
    let fd = received.descriptors.pop();
    let fd = fd.ok_or_else(|| io::Error::other("the server gave no listener"))?;
    Ok(activation::adopt(fd).tcp_listener()?)
}

/// Gives the listener to the first who asks, and ends.
fn hand_over(
    successors: &UnixListener,
    control: &str,
    listener: &TcpListener,
    handle: &Handle,
) -> io::Result<()> {
    loop {
        let (successor, _) = successors.accept()?;
        // Its place is free before the successor looks for it.
        std::fs::remove_file(control)?;
        let fds = Ancillary::new().descriptors([listener.as_fd()]);
        match successor.send_ancillary(b"L", &fds) {
            Ok(_) => {
                handle.shutdown(GRACE);
                return Ok(());
            }
            // It has gone: this one stays, without a path. A signal ends it.
            Err(error) => eprintln!("no successor: {error}"),
        }
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    writeln!(stream, "{}", process::id())
}
