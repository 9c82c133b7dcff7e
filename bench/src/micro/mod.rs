//! What is measured within one OS process: spawning, switching and waking. Each peer gets a new OS
//! process, which is started on its core.

mod ours;
mod peers;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::load::{Outcome, resident};
use crate::measure::{Settings, go_micro};
use crate::place;
use crate::serve::Kind;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Task {
    /// Spawns many, then joins all.
    SpawnAll,
    /// Spawns one and joins it, again and again.
    SpawnOne,
    /// Lets two yield to each other.
    Switch,
    /// Lets many sleep until different times.
    Timers,
    /// Sends a byte string to and fro between two plain threads.
    PingPong,
    /// Lets many wait for a message.
    Parked,
    /// Makes a write and a read of std on a plain thread.
    Calls,
}

impl Task {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Task::SpawnAll => "spawn-all",
            Task::SpawnOne => "spawn-one",
            Task::Switch => "switch",
            Task::Timers => "timers",
            Task::PingPong => "ping-pong",
            Task::Parked => "parked",
            Task::Calls => "calls",
        }
    }

    /// Returns how often the task is done. Threads do it less often, because they would take too long.
    fn count(self, kind: Kind) -> usize {
        let threads = kind == Kind::Threads;
        match self {
            // Each stack of may takes two mappings, and an OS process may have 65,530 of them.
            Task::SpawnAll | Task::Timers | Task::Parked if kind == Kind::May => 10_000,
            Task::SpawnAll if threads => 10_000,
            Task::SpawnOne if threads => 5_000,
            Task::Switch if threads => 100_000,
            Task::SpawnAll | Task::SpawnOne | Task::Timers | Task::Parked => 100_000,
            Task::Switch => 1_000_000,
            Task::Calls => 200_000,
            Task::PingPong => 50_000,
        }
    }

    fn workers(self) -> usize {
        if self == Task::SpawnOne { 2 } else { 1 }
    }

    /// Runs the task in an OS process of its own.
    pub(crate) fn measure(self, kind: Kind, settings: &Settings) -> io::Result<Outcome> {
        let count = self.count(kind).to_string();
        let workers = self.workers();
        let mut command = if kind == Kind::Go {
            let mut go = Command::new(go_micro().ok_or(io::ErrorKind::NotFound)?);
            go.args([self.name(), &count]);
            go.env("GOMAXPROCS", workers.to_string());
            go
        } else {
            let (mut own, what) = match kind {
                Kind::Threadlike => {
                    let mut own = Command::new(interposed()?);
                    own.env("STD_NET_THREADLIKE", "1");
                    (own, Kind::Ours)
                }
                Kind::Interposed => (Command::new(interposed()?), Kind::Threads),
                kind => (Command::new(env::current_exe()?), kind),
            };
            own.args(["micro", "--task", self.name(), "--kind", what.name()]);
            own.args(["--count", &count, "--workers", &workers.to_string()]);
            own
        };
        place::take((workers == 1).then_some(settings.cpu), false)?;
        let output = command.stderr(Stdio::inherit()).output();
        place::take(None, false)?;
        let output = output?;
        if !output.status.success() {
            return Err(io::Error::other("it failed"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let total: f64 = text.trim().parse().map_err(io::Error::other)?;
        Ok(Outcome {
            requests: count.parse().expect("a number"),
            nanos: total as u64,
            ..Outcome::default()
        })
    }
}

/// Returns the path of the program with `std_net_interpose` linked in. It is built on the first call.
fn interposed() -> io::Result<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let arguments = [
                "build",
                "--quiet",
                "--release",
                "--package",
                "std_net_bench",
            ];
            let built = crate::cargo()
                .args(arguments)
                .args(["--bin", "interposed"])
                .status();
            let program = env::current_exe().ok()?.with_file_name("interposed");
            (built.is_ok_and(|status| status.success()) && program.exists()).then_some(program)
        })
        .as_deref()
        .ok_or_else(|| io::Error::other("the program `interposed` cannot be built"))
}

/// The arguments of one such measurement.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Job {
    #[arg(long)]
    pub(crate) task: Task,
    #[arg(long)]
    pub(crate) kind: Kind,
    #[arg(long, default_value_t = 100_000)]
    pub(crate) count: usize,
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: usize,
}

/// Runs the measurement and prints the sum over all, in nanoseconds or bytes.
pub(crate) fn run(job: &Job) -> io::Result<()> {
    let total = match job.kind {
        Kind::Ours => ours::run(job)?,
        Kind::Tokio => peers::tokio(job)?,
        Kind::May => peers::may(job)?,
        Kind::Threads => peers::threads(job)?,
        other => return Err(io::Error::other(format!("not with {}", other.name()))),
    };
    println!("{total}");
    Ok(())
}

/// Returns the CPU time of this OS process in nanoseconds.
fn own_cpu() -> io::Result<u64> {
    crate::load::cpu_nanos(std::process::id())
}

fn own_memory() -> io::Result<u64> {
    resident(std::process::id())
}

/// Returns how long sleeper `i` sleeps: between 200 ms and 700 ms. They wake in another order than they begin.
fn wake_after(i: usize) -> std::time::Duration {
    std::time::Duration::from_micros(200_000 + (i as u64 * 7919) % 500_000)
}
