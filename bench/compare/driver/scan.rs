//! `scan HOST FIRST LAST`: prints the open ports in their order. At most 500 are tried at the same time, and each for a
//! second at most.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpBuilder, TcpListener, TcpStream};

use crate::program::{Program, cpu_of_children, ensure};
use crate::results::Figures;

/// An address of this machine at which nobody else listens, and ports below those that the system gives out.
const HOST: &str = "127.0.0.9";
const FIRST: u16 = 20_000;
/// The load: this many ports.
const PORTS: u16 = 10_000;

/// A host with open, closed and silent ports.
struct Host {
    open: Vec<TcpListener>,
    /// A listener whose queue is full: what comes now is not answered. The connections fill the queue.
    _silent: (TcpListener, Vec<TcpStream>),
}

impl Host {
    fn start(open: &[u16], silent: u16) -> io::Result<Host> {
        let open: io::Result<Vec<_>> = open
            .iter()
            .map(|&port| TcpListener::bind((HOST, port)))
            .collect();
        let listener = TcpBuilder::new().backlog(1).listen((HOST, silent))?;
        let mut fill = Vec::new();
        loop {
            match TcpStream::connect_deadline((HOST, silent), Duration::from_millis(200)) {
                Ok(_) if fill.len() > 100 => {
                    return Err(io::Error::other("the queue is never full"));
                }
                Ok(stream) => fill.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Host {
            open: open?,
            _silent: (listener, fill),
        })
    }

    /// What a scanner must print.
    fn expected(&self) -> io::Result<String> {
        let addresses: io::Result<Vec<SocketAddr>> =
            self.open.iter().map(TcpListener::local_addr).collect();
        Ok(addresses?
            .iter()
            .map(|address| format!("{}\n", address.port()))
            .collect())
    }
}

fn scan(program: Program, host: &Host, last: u16) -> io::Result<(u64, Duration)> {
    let began = Instant::now();
    let mut running = program.start(&[HOST, &FIRST.to_string(), &last.to_string()])?;
    // It waits a second for the silent port at the end, so the last look comes when all else is done.
    let mut peak = 0;
    while !running.has_ended()? {
        peak = running.peak().unwrap_or(peak);
        process::sleep(Duration::from_millis(20));
    }
    let time = began.elapsed();
    let output = running.output()?;
    ensure(
        output.status.success(),
        &String::from_utf8_lossy(&output.stderr),
    )?;
    let found = String::from_utf8_lossy(&output.stdout);
    let expected = host.expected()?;
    ensure(
        found == expected,
        &format!("it found {found:?} instead of {expected:?}"),
    )?;
    Ok((peak, time))
}

pub(crate) fn check(program: Program) -> io::Result<()> {
    let last = FIRST + 40;
    let host = Host::start(&[FIRST, FIRST + 7, last], FIRST + 20)?;
    scan(program, &host, last)?;
    Ok(())
}

pub(crate) fn load(program: Program) -> io::Result<Figures> {
    let last = FIRST + PORTS - 1;
    let host = Host::start(&[FIRST, FIRST + 4321, last - 1], last)?;
    let before = cpu_of_children()?;
    let (peak, time) = scan(program, &host, last)?;
    Ok(Figures::new(
        cpu_of_children()? - before,
        PORTS.into(),
        peak,
        time,
    ))
}
