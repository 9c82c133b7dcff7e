//! Shows `activation::adopt`: another program can replace this server, and no connection is lost. It
//! needs access to the Unix socket of this server. The new server asks for the listener and gets its
//! descriptor (`SCM_RIGHTS`). The old server ends when its connections have finished. `restart` does
//! the same as a parent and its child.
//!
//! Usage: `handover CONTROL_PATH [ADDRESS]`. If a server listens at CONTROL_PATH, it takes the listener
//! from that server. Otherwise it binds ADDRESS, 127.0.0.1:7778 by default. It sends each client its
//! process id.

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
    // The old server has removed the path before it sent the listener.
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

/// Gets the listener of the running server.
fn take_over(control: &Path) -> io::Result<TcpListener> {
    let predecessor = UnixStream::connect(control)?;
    let mut received = predecessor.recv_ancillary(&mut [0; 1], 1)?;
    let fd = received.descriptors.pop();
    let fd = fd.ok_or_else(|| io::Error::other("the server sent no listener"))?;
    Ok(activation::adopt(fd).tcp_listener()?)
}

/// Gives the listener to the first program that asks for it, and shuts this server down.
fn hand_over(
    successors: &UnixListener,
    control: &str,
    listener: &TcpListener,
    handle: &Handle,
) -> io::Result<()> {
    loop {
        let (successor, _) = successors.accept()?;
        // Remove the path first, so that the new server can bind it.
        std::fs::remove_file(control)?;
        let fds = Ancillary::new().descriptors([listener.as_fd()]);
        match successor.send_ancillary(b"L", &fds) {
            Ok(_) => {
                handle.shutdown(GRACE);
                return Ok(());
            }
            // The other program has gone, so this server goes on, but without a path. A signal ends it.
            Err(error) => eprintln!("cannot hand over: {error}"),
        }
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    writeln!(stream, "{}", process::id())
}
