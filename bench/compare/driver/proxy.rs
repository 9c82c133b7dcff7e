//! `proxy ADDRESS TARGET`: passes each connection on to the target, both ways. The end of one direction is passed on, and
//! the other may go on. A target that cannot be reached ends the client and is told on standard error.

use std::io::{self, Read, Write};
use std::process::Stdio;

use std_net::process;
use std_net::server::{Handle, Server};
use std_net::socket::{TcpListener, TcpStream};

use crate::echo;
use crate::program::{LIMIT, Program, ensure, loaded};
use crate::results::Figures;

/// The load: this many connections at the same time, with this many round trips each.
const CONNECTIONS: usize = 100;
const EACH: usize = 300;
const SIZE: usize = 4096;

/// A server of the driver's own, which ends with this value.
struct Target {
    address: String,
    handle: Handle,
}

impl Target {
    fn start(handler: fn(TcpStream) -> io::Result<()>) -> io::Result<Target> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let server = Server::new(listener)?;
        let handle = server.handle();
        process::spawn(move || {
            server.run(move |stream| {
                stream.set_deadline(LIMIT);
                handler(stream)
            })
        });
        Ok(Target { address, handle })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.handle.shutdown(LIMIT);
    }
}

pub(crate) fn check(program: Program) -> io::Result<()> {
    // The target answers only after the end of what it gets, so the end must be passed on.
    let target = Target::start(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        stream.write_all(&all)
    })?;
    let proxy = program.serve(&["127.0.0.1:0", &target.address])?;
    let silent = proxy.connect()?;
    echo::whole(&proxy.connect()?)?;
    drop(silent);
    echo::whole(&proxy.connect()?)?;
    proxy.end()?;

    // Nobody listens at this address any more.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let proxy = program.serve_with(&["127.0.0.1:0", &nobody], Stdio::piped())?;
    for _ in 0..2 {
        let mut nothing = Vec::new();
        // The end of the stream or a reset.
        let _ = proxy.connect()?.read_to_end(&mut nothing);
        ensure(nothing.is_empty(), "bytes came from nowhere")?;
    }
    let said = proxy.end()?.to_lowercase();
    ensure(said.contains("refused"), "it does not tell of an error")
}

pub(crate) fn load(program: Program) -> io::Result<Figures> {
    let target = Target::start(|mut stream| {
        let mut buf = [0; SIZE];
        loop {
            match stream.read(&mut buf)? {
                0 => return Ok(()),
                n => stream.write_all(&buf[..n])?,
            }
        }
    })?;
    let units = (CONNECTIONS * EACH) as u64;
    loaded(program, &["127.0.0.1:0", &target.address], units, |proxy| {
        let streams = echo::connect(proxy, CONNECTIONS)?;
        echo::round_trips(&streams, SIZE, EACH)?;
        proxy.peak()
    })
}
