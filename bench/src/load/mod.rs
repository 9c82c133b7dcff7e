//! The load: an OS process of its own that opens connections, keeps one request in flight on each, and
//! checks every byte that comes back. It uses raw epoll, because it shares a core with the server and
//! should cost as little as possible.

mod churn;
mod echo;
mod http;

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::str::FromStr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

pub(crate) use self::http::HELLO;
use crate::place;

/// The transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Net {
    Tcp,
    Unix,
    Udp,
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Net::Tcp => "tcp",
            Net::Unix => "unix",
            Net::Udp => "udp",
        })
    }
}

/// The arguments of the load.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    #[arg(long, default_value = "tcp")]
    pub(crate) net: Net,
    /// The address of the server: IP:PORT or a path.
    #[arg(long)]
    pub(crate) addr: String,
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Bytes of a request and of its answer.
    #[arg(long, default_value_t = 64)]
    pub(crate) size: usize,
    /// How long it measures, in milliseconds. A warm-up of a quarter of this time comes first.
    #[arg(long, default_value_t = 800)]
    pub(crate) millis: u64,
    /// Reconnects for every request, and ends each connection by a reset.
    #[arg(long)]
    pub(crate) churn: bool,
    /// Asks over HTTP/1.1, and checks every answer.
    #[arg(long, conflicts_with_all = ["churn", "idle", "hogs"])]
    pub(crate) http: bool,
    /// The OS process of the server. Its CPU time is read at the beginning and at the end.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// The core it runs on. Without it, the load runs on all cores.
    #[arg(long)]
    pub(crate) cpu: Option<usize>,
    /// Never sleeps but polls for answers all the time. Use it only if the load has a core of its own.
    #[arg(long)]
    pub(crate) spin: bool,
    /// This many of the connections never pause. Only the others are measured. Each of them pauses for
    /// a millisecond after each answer.
    #[arg(long, default_value_t = 0)]
    pub(crate) hogs: usize,
    /// Makes one request on each connection, then prints the server's memory per connection and stops.
    #[arg(long)]
    pub(crate) idle: bool,
}

/// The results of a load. They are printed as one line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) nanos: u64,
    /// The server's CPU time.
    pub(crate) cpu_nanos: u64,
    pub(crate) p50_nanos: u64,
    pub(crate) p99_nanos: u64,
    pub(crate) max_nanos: u64,
    /// Bytes of resident memory that each connection cost the server (`--idle`).
    pub(crate) idle_bytes: f64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let o = self;
        write!(
            f,
            "{} {} {} {} {} {} {}",
            o.requests, o.nanos, o.cpu_nanos, o.p50_nanos, o.p99_nanos, o.max_nanos, o.idle_bytes
        )
    }
}

impl FromStr for Outcome {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Outcome> {
        let bad = || io::Error::other(format!("not the outcome of a load: {line:?}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        let [requests, nanos, cpu, p50, p99, max, idle] = words[..] else {
            return Err(bad());
        };
        let number = |word: &str| word.parse::<u64>().map_err(|_| bad());
        Ok(Outcome {
            requests: number(requests)?,
            nanos: number(nanos)?,
            cpu_nanos: number(cpu)?,
            p50_nanos: number(p50)?,
            p99_nanos: number(p99)?,
            max_nanos: number(max)?,
            idle_bytes: idle.parse().map_err(|_| bad())?,
        })
    }
}

/// Runs the load and prints its outcome.
pub(crate) fn run(plan: &Plan) -> io::Result<()> {
    place::take(plan.cpu, true)?;
    let outcome = if plan.churn {
        churn::run(plan)?
    } else if plan.http {
        http::run(plan)?
    } else {
        echo::run(plan)?
    };
    println!("{outcome}");
    Ok(())
}

/// The time in which requests count: from the end of the warm-up to the end of the run.
struct Window {
    start: Instant,
    end: Instant,
    pid: Option<u32>,
    begun: Option<(Instant, u64)>,
    requests: u64,
    latency: Histogram<u64>,
}

impl Window {
    fn new(plan: &Plan) -> Window {
        let length = Duration::from_millis(plan.millis);
        let start = Instant::now() + length / 4;
        Window {
            start,
            end: start + length,
            pid: plan.pid,
            begun: None,
            requests: 0,
            latency: Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds"),
        }
    }

    /// Counts a request that has ended, if the warm-up is over.
    fn request(&mut self, began: Instant, now: Instant) {
        if self.begun.is_some() {
            self.requests += 1;
            self.latency
                .saturating_record((now - began).as_nanos() as u64);
        }
    }

    /// Returns false when the time is over. Begins to measure when the warm-up is over.
    fn goes_on(&mut self, now: Instant) -> io::Result<bool> {
        if self.begun.is_none() && now >= self.start {
            self.begun = Some((Instant::now(), self.cpu()?));
        }
        Ok(now < self.end)
    }

    fn cpu(&self) -> io::Result<u64> {
        self.pid.map_or(Ok(0), cpu_nanos)
    }

    fn outcome(&self) -> io::Result<Outcome> {
        let (begun, cpu) = self
            .begun
            .ok_or_else(|| io::Error::other("the warm-up never ended"))?;
        Ok(Outcome {
            requests: self.requests,
            nanos: begun.elapsed().as_nanos() as u64,
            cpu_nanos: self.cpu()? - cpu,
            p50_nanos: self.latency.value_at_quantile(0.5),
            p99_nanos: self.latency.value_at_quantile(0.99),
            max_nanos: self.latency.max(),
            idle_bytes: 0.0,
        })
    }
}

/// Returns the CPU time of all threads of an OS process in nanoseconds. It comes from schedstat, because
/// other files of `/proc` count in ticks.
pub(crate) fn cpu_nanos(pid: u32) -> io::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended since the folder was read.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            let first = text.split_whitespace().next();
            sum += first.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Returns the resident memory of an OS process in bytes.
pub(crate) fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kb| kb.trim().parse::<u64>().ok())
        .map(|kb| kb * 1024)
        .ok_or_else(|| io::Error::other("no VmRSS"))
}

/// The bytes that are sent. Two requests in a row on one connection always differ.
struct Pattern(Vec<u8>);

impl Pattern {
    const SHIFTS: usize = 251;

    fn new(size: usize) -> Pattern {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes = (0..size + Self::SHIFTS).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        });
        Pattern(bytes.collect())
    }

    fn request(&self, connection: usize, sequence: u64, size: usize) -> &[u8] {
        let shift = (connection * 7 + sequence as usize) % Self::SHIFTS;
        &self.0[shift..shift + size]
    }
}

fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// An edge-triggered epoll instance.
struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
    spin: bool,
}

impl Poll {
    fn new(spin: bool) -> io::Result<Poll> {
        // SAFETY: the call has no preconditions; the descriptor is ours.
        let epoll = unsafe { OwnedFd::from_raw_fd(cvt(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; 1024];
        Ok(Poll {
            epoll,
            events,
            spin,
        })
    }

    fn add(&self, fd: i32, key: usize) -> io::Result<()> {
        let flags = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: flags.cast_unsigned(),
            u64: key as u64,
        };
        // SAFETY: open descriptors and a live event.
        cvt(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd,
                &raw mut event,
            )
        })
        .map(drop)
    }

    /// Waits for events, for `millis` at most, and puts their keys into `keys`. Without an event `keys`
    /// is empty.
    fn wait(&mut self, millis: i32, keys: &mut Vec<usize>) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            let timeout = if self.spin { 0 } else { millis };
            // SAFETY: a live buffer of that many events.
            let count = unsafe {
                libc::epoll_wait(
                    self.epoll.as_raw_fd(),
                    self.events.as_mut_ptr(),
                    self.events.len() as i32,
                    timeout,
                )
            };
            keys.clear();
            let count = match cvt(count) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other? as usize,
            };
            keys.extend(self.events[..count].iter().map(|e| e.u64 as usize));
            if count > 0 || begun.elapsed() >= Duration::from_millis(millis as u64) {
                return Ok(());
            }
        }
    }
}

/// Let the server accept after this many connections. The queue of a listener of std is much longer.
const BACKLOG: usize = 32;

/// Waits a moment after every [`BACKLOG`] connections, so that the server can accept them. If its queue
/// were full, the kernel would try again only after a second.
fn let_accept(connection: usize) {
    if connection % BACKLOG == BACKLOG - 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Makes one attempt to send. Returns `None` if it would block.
fn send(fd: i32, bytes: &[u8]) -> io::Result<Option<usize>> {
    // SAFETY: a live buffer and its length.
    maybe(len(unsafe {
        libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL)
    }))
}

/// Makes one attempt to receive. Returns `None` if it would block.
fn recv(fd: i32, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: a live, writable buffer and its length.
    maybe(len(unsafe {
        libc::recv(fd, bytes.as_mut_ptr().cast(), bytes.len(), 0)
    }))
}

fn maybe(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(n) => Ok(Some(n)),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(e) => Err(e),
    }
}
