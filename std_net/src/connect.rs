//! Connecting to an address or a name. This module decides which of several addresses to try and in
//! which order, and makes the error when none answers (RFC 8305, "Happy Eyeballs"). Of its part about
//! name lookups it does this: IPv4 goes ahead if the answer about IPv6 is still missing after 50
//! milliseconds. An early answer about IPv6 waits for the answer about IPv4.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use std_net_runtime::process::channel::{self, Receiver, RecvError, Sender};
use std_net_runtime::process::{self, JoinHandle};
use std_net_runtime::{AddressError, Deadline};

use crate::dns::{Late, Resolver};
use crate::socket::{Domain, Socket, ToSocketAddrs};

/// How long an attempt may stay silent before the next one begins beside it: the Connection Attempt
/// Delay that RFC 8305, section 5, recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The reasons why none of several addresses could be connected. It is found inside the
/// [`io::Error`](std::io::Error) of a connect if its attempts failed in different ways.
///
/// The kind of the error is that of the last address, as in std. If all attempts failed in the same
/// way, the error holds an [`AddressError`] with all addresses instead.
///
/// # Examples
///
/// ```
/// use std_net::socket::{ConnectErrors, SocketAddr, TcpListener, TcpStream};
///
/// // No program listens on the first address, and the second cannot be reached.
/// let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let no_network: SocketAddr = "255.255.255.255:9".parse().unwrap();
/// let error = TcpStream::connect(&[closed, no_network][..]).unwrap_err();
/// if let Some(errors) = error.get_ref().and_then(|e| e.downcast_ref::<ConnectErrors>()) {
///     for (address, error) in errors.attempts() {
///         println!("{address}: {error}");
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ConnectErrors(Vec<(SocketAddr, io::Error)>);

impl ConnectErrors {
    /// Returns the addresses that were tried, in this order, each with its error.
    pub fn attempts(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &io::Error)> {
        self.0.iter().map(|(addr, error)| (*addr, error))
    }
}

impl fmt::Display for ConnectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address answered")?;
        for (position, (addr, error)) in self.0.iter().enumerate() {
            let mark = if position == 0 { ": " } else { "; " };
            write!(f, "{mark}{addr}: {error}")?;
        }
        Ok(())
    }
}

impl Error for ConnectErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.last().map(|(_, error)| error as _)
    }
}

/// Makes a TCP socket and connects it to one of the addresses, within `deadline`.
pub(crate) fn tcp(addrs: impl ToSocketAddrs, deadline: Deadline) -> io::Result<Socket> {
    race(addrs, deadline, |addr, _| {
        Socket::stream(Domain::for_address(addr))
    })
}

/// Makes a TCP socket and connects it to `addr`.
pub(crate) fn tcp_one(addr: SocketAddr, deadline: Deadline) -> io::Result<Socket> {
    let socket = Socket::stream(Domain::for_address(addr)).map_err(|e| named(addr, e))?;
    finish(socket, addr, deadline).map_err(|failed| named(addr, failed.1))
}

/// Connects a socket to the first address that answers. `open` makes the socket. It gets the address,
/// and whether this is the only one.
///
/// As long as each attempt succeeds or fails before the next one is due, this is a plain loop. Only
/// when an attempt stays silent, processes race, one for each attempt.
pub(crate) fn race(
    addrs: impl ToSocketAddrs,
    deadline: Deadline,
    open: impl Fn(SocketAddr, bool) -> io::Result<Socket> + Clone + Send + 'static,
) -> io::Result<Socket> {
    let (found, late) = match addrs.host() {
        Some((host, port)) => Resolver::new().lookup_early(host, port, deadline)?,
        None => {
            let mut found = addrs.to_socket_addrs_deadline(deadline)?;
            // A type that names one address has no race to be won, and a program with such types alone does not contain
            // the race nor the runtime that it needs.
            if let (_, Some(..=1)) = found.size_hint() {
                return alone(found.next(), deadline, open);
            }
            (found.collect(), None)
        }
    };
    let v6_first = if addrs.is_name() {
        true
    } else {
        // Keep the caller's order.
        found.first().is_some_and(SocketAddr::is_ipv6)
    };
    match late {
        None => race_found(found, v6_first, deadline, open),
        Some(late) => race_late(found, late, deadline, open),
    }
}

/// Connects to the only address.
fn alone(
    found: Option<SocketAddr>,
    deadline: Deadline,
    open: impl Fn(SocketAddr, bool) -> io::Result<Socket>,
) -> io::Result<Socket> {
    let Some(addr) = found else {
        return Err(failed(Vec::new()));
    };
    let connected = open(addr, true)
        .and_then(|socket| finish(socket, addr, deadline).map_err(|(_, error)| error));
    connected.map_err(|error| match process::is_cancelled(&error) {
        true => error,
        false => named(addr, error),
    })
}

/// Races addresses that are all known.
fn race_found(
    found: Vec<SocketAddr>,
    v6_first: bool,
    deadline: Deadline,
    open: impl Fn(SocketAddr, bool) -> io::Result<Socket> + Clone + Send + 'static,
) -> io::Result<Socket> {
    let alone = found.len() == 1;
    let mut rest = in_turn(found, v6_first).into_iter();
    let mut failures = Vec::new();
    while let Some(addr) = rest.next() {
        let patience = if rest.len() == 0 {
            deadline
        } else {
            deadline.min((Instant::now() + ATTEMPT_DELAY).into())
        };
        match open(addr, alone).map_err(|e| (None, e)).and_then(|socket| {
            finish(socket, addr, patience).map_err(|(socket, error)| (Some(socket), error))
        }) {
            Ok(socket) => return Ok(socket),
            Err((_, error)) if process::is_cancelled(&error) => return Err(error),
            Err((Some(silent), error)) if is_deadline(&error) && !is_past(deadline) => {
                let mut race = Race::new(deadline, failures);
                race.start(addr, move || Ok(silent));
                return race.run(rest, open);
            }
            Err((_, error)) => failures.push((addr, error)),
        }
        if is_past(deadline) {
            break;
        }
    }
    Err(failed(failures))
}

/// Races the IPv4 addresses. The IPv6 addresses join as soon as they are known.
fn race_late(
    found: Vec<SocketAddr>,
    late: Late,
    deadline: Deadline,
    open: impl Fn(SocketAddr, bool) -> io::Result<Socket> + Clone + Send + 'static,
) -> io::Result<Socket> {
    let (reporter, reports) = channel::unbounded();
    let late_reporter = reporter.clone();
    let late_open = open.clone();
    let early = process::Builder::new().name("connect").spawn(move || {
        let _ = reporter.send((true, race_found(found, false, deadline, open)));
    })?;
    let mut racers = Racers(vec![early]);
    let mut failure = None;
    // The IPv4 addresses get the time that any attempt gets before the next one begins.
    let mut late = Some((late, late_reporter, late_open));
    let mut until = deadline.min((Instant::now() + ATTEMPT_DELAY).into());
    loop {
        match reports.recv_deadline(until) {
            Ok((_, Ok(socket))) => return Ok(socket),
            // If there is no IPv6 address, report the error of the IPv4 addresses.
            Ok((is_early, Err(error))) => {
                if is_early || failure.is_none() {
                    failure = Some(error);
                }
            }
            Err(RecvError::Closed) => break,
            Err(_) => {
                process::check_cancelled()?;
                if is_past(deadline) {
                    break;
                }
            }
        }
        if let Some((late, reporter, open)) = late.take() {
            until = deadline;
            let racer = process::Builder::new().name("connect").spawn(move || {
                let answer = late.wait(deadline).map_err(io::Error::from);
                let result = answer.and_then(|found| race_found(found, true, deadline, open));
                let _ = reporter.send((false, result));
            })?;
            racers.0.push(racer);
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "deadline has passed")))
}

/// Processes that are cancelled when their race ends.
struct Racers(Vec<JoinHandle<()>>);

impl Drop for Racers {
    fn drop(&mut self) {
        for racer in &self.0 {
            racer.cancel();
        }
    }
}

/// Attempts that run at the same time, each in its own process.
struct Race {
    deadline: Deadline,
    reports: Receiver<Report>,
    reporter: Option<Sender<Report>>,
    started: usize,
    running: Vec<Racer>,
    failures: Vec<(SocketAddr, io::Error)>,
}

struct Racer {
    /// A racer is known by its number and not by its address, because a list may have an address twice.
    number: usize,
    addr: SocketAddr,
    process: JoinHandle<()>,
}

/// The number of a racer and the result of its attempt.
type Report = (usize, io::Result<Socket>);

impl Race {
    fn new(deadline: Deadline, failures: Vec<(SocketAddr, io::Error)>) -> Race {
        let (reporter, reports) = channel::unbounded();
        Race {
            deadline,
            reports,
            reporter: Some(reporter),
            started: 0,
            running: Vec::new(),
            failures,
        }
    }

    /// Begins an attempt, or goes on with one that has begun.
    fn start(
        &mut self,
        addr: SocketAddr,
        open: impl FnOnce() -> io::Result<Socket> + Send + 'static,
    ) {
        let Some(reporter) = self.reporter.clone() else {
            return;
        };
        let number = self.started;
        self.started += 1;
        let deadline = self.deadline;
        let racer = process::Builder::new().name("connect").spawn(move || {
            let result =
                open().and_then(|socket| finish(socket, addr, deadline).map_err(|failed| failed.1));
            // This fails if another attempt was faster: the receiver is gone, and the socket is closed
            // here.
            let _ = reporter.send((number, result));
        });
        match racer {
            Ok(process) => self.running.push(Racer {
                number,
                addr,
                process,
            }),
            Err(error) => self.failures.push((addr, error)),
        }
    }

    /// Starts the rest one after another, and returns the first socket that connects.
    fn run(
        mut self,
        mut rest: impl ExactSizeIterator<Item = SocketAddr>,
        open: impl Fn(SocketAddr, bool) -> io::Result<Socket> + Clone + Send + 'static,
    ) -> io::Result<Socket> {
        // The silent attempt has had its time, so the next one starts now.
        let mut next_start = Instant::now();
        loop {
            let due = self.running.is_empty() || next_start <= Instant::now();
            if let Some(addr) = due.then(|| rest.next()).flatten() {
                let open = open.clone();
                self.start(addr, move || open(addr, false));
                next_start = Instant::now() + ATTEMPT_DELAY;
            }
            let until = if rest.len() == 0 {
                // From now on only the racers keep the channel open, so it closes when all have ended.
                self.reporter = None;
                self.deadline
            } else {
                self.deadline.min(next_start.into())
            };
            match self.reports.recv_deadline(until) {
                Ok((_, Ok(socket))) => return Ok(socket),
                Ok((number, Err(error))) => {
                    if let Some(at) = self.running.iter().position(|r| r.number == number) {
                        let racer = self.running.swap_remove(at);
                        self.failures.push((racer.addr, error));
                    }
                    next_start = Instant::now();
                }
                Err(RecvError::Cancelled) => process::check_cancelled()?,
                Err(RecvError::Closed) => break,
                Err(_) if is_past(self.deadline) => break,
                // The wait ended, but not for the next attempt. It may be the deadline of the process.
                Err(_) => process::check_cancelled()?,
            }
        }
        for racer in &self.running {
            let error = io::Error::new(io::ErrorKind::TimedOut, "deadline has passed");
            self.failures.push((racer.addr, error));
        }
        Err(failed(std::mem::take(&mut self.failures)))
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        for racer in &self.running {
            racer.process.cancel();
        }
    }
}

/// Connects `socket`, or goes on with a connect that ran into an earlier deadline. On an error it gives
/// the socket back too.
fn finish(
    socket: Socket,
    addr: SocketAddr,
    deadline: Deadline,
) -> Result<Socket, (Socket, io::Error)> {
    socket.set_deadline(deadline);
    match socket.connect(addr) {
        Ok(()) if is_self(&socket, addr) => {
            // Close it with a reset: otherwise a program that wants to listen on that port has to wait
            // for a minute.
            let _ = socket.set_linger(Some(Duration::ZERO));
            let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
            Err((socket, refused))
        }
        Ok(()) => {
            socket.reset_deadline();
            Ok(socket)
        }
        Err(error) => Err((socket, error)),
    }
}

/// Returns true if the kernel has connected the socket to itself. This happens if the kernel chooses,
/// as the socket's own port, the port that the socket connects to and on which no program listens (RFC
/// 9293, section 3.5: simultaneous open). The caller wants another program, so this counts as refused.
fn is_self(socket: &Socket, addr: SocketAddr) -> bool {
    // If the kernel never chooses this port by itself, there is no need to ask for the socket's own
    // address.
    if !chosen_ports().contains(&addr.port()) {
        return false;
    }
    let own = socket.local_addr().ok().and_then(|own| own.as_socket());
    own.is_some_and(|own| (own.ip(), own.port()) == (addr.ip(), addr.port()))
}

/// Returns the ports that the kernel chooses from, as they were at the first call.
fn chosen_ports() -> &'static RangeInclusive<u16> {
    static PORTS: OnceLock<RangeInclusive<u16>> = OnceLock::new();
    PORTS.get_or_init(|| {
        let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        let text = text.unwrap_or_default();
        let mut numbers = text.split_whitespace().map_while(|n| n.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(first), Some(last)) => first..=last,
            _ => 1..=u16::MAX,
        }
    })
}

/// Puts the addresses in the order of attempts (RFC 8305, section 4). The resolver's order, which
/// follows RFC 6724, stays within each family, but the two families take turns. The first address is
/// IPv6 if `v6_first` is set.
fn in_turn(addrs: Vec<SocketAddr>, v6_first: bool) -> Vec<SocketAddr> {
    let total = addrs.len();
    let (ours, theirs): (Vec<_>, Vec<_>) = addrs.into_iter().partition(|a| a.is_ipv6() == v6_first);
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    let mut ordered = Vec::with_capacity(total);
    while ordered.len() < total {
        ordered.extend(ours.next());
        ordered.extend(theirs.next());
    }
    ordered
}

/// Makes one error of all failed attempts.
fn failed(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let Some((_, last)) = failures.last() else {
        return io::Error::new(
            io::ErrorKind::InvalidInput,
            "could not resolve to any addresses",
        );
    };
    let (kind, code) = (last.kind(), last.raw_os_error());
    let alike = |error: &io::Error| error.kind() == kind && error.raw_os_error() == code;
    if failures.iter().all(|(_, error)| alike(error)) {
        let all: Vec<String> = failures.iter().map(|(addr, _)| addr.to_string()).collect();
        return named(all.join(", "), failures.swap_remove(0).1);
    }
    io::Error::new(kind, ConnectErrors(failures))
}

fn named(addr: impl fmt::Display, error: io::Error) -> io::Error {
    AddressError::wrap("connect to", addr, error)
}

/// Returns true if `error` comes from our deadline, and not from the kernel's own timeout for a peer.
fn is_deadline(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

fn is_past(deadline: Deadline) -> bool {
    deadline.instant().is_some_and(|at| at <= Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let texts = ["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"];
        let order = in_turn(addrs(&texts), true);
        let expected = addrs(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(order, expected);
        let texts = ["1.0.0.1:1", "[::1]:1", "[::2]:1", "[::3]:1"];
        assert_eq!(in_turn(addrs(&texts), false), addrs(&texts));
        let expected = addrs(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(in_turn(addrs(&texts), true), expected);
        let alone = addrs(&["1.0.0.1:1", "1.0.0.2:1"]);
        assert_eq!(in_turn(alone.clone(), true), alone);
        assert!(in_turn(Vec::new(), true).is_empty());
    }

    #[test]
    fn errors_alike_stay_one_with_its_code() {
        let addr = addrs(&["1.0.0.1:1"])[0];
        let os = |code| (addr, io::Error::from_raw_os_error(code));
        // The texts are the C library's.
        let [refused, unreachable] = [111, 113].map(|code| os(code).1.to_string());
        let error = failed(vec![os(111), os(111)]);
        assert_eq!(std_net_runtime::os_code(&error), Some(111));
        assert_eq!(
            error.to_string(),
            format!("connect to 1.0.0.1:1, 1.0.0.1:1: {refused}")
        );
        let error = failed(vec![os(113), os(111)]);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            error.to_string(),
            format!("no address answered: 1.0.0.1:1: {unreachable}; 1.0.0.1:1: {refused}")
        );
        assert_eq!(failed(Vec::new()).kind(), io::ErrorKind::InvalidInput);
    }
}
