//! Measures the peers of a row, round after round. Ratios are taken within a round. The order of the
//! peers alternates from round to round.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::{env, fs};

use crate::load::Outcome;
use crate::place;
use crate::row::{Exchange, Place, Row, What};
use crate::serve::Kind;

/// How the rows are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Settings {
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// The length of one measurement in milliseconds. A warm-up of a quarter of this time comes first.
    #[arg(long, default_value_t = 700)]
    pub(crate) millis: u64,
    /// Measures only these peers, in the rows that have them.
    #[arg(long, value_delimiter = ',')]
    pub(crate) peers: Vec<Kind>,
    /// The core for the rows that use only one.
    #[arg(long, default_value_t = 1)]
    pub(crate) cpu: usize,
}

/// The results of one peer, one for each round.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) kind: Kind,
    pub(crate) rounds: Vec<Outcome>,
}

/// Measures all peers of the row that can run here.
pub(crate) fn row(row: &Row, settings: &Settings) -> io::Result<Vec<Series>> {
    let wanted = |kind: &Kind| settings.peers.is_empty() || settings.peers.contains(kind);
    let mut series: Vec<Series> = row
        .peers
        .iter()
        .copied()
        .filter(wanted)
        .filter(|kind| *kind != Kind::Go || go().is_some())
        .filter(|kind| *kind != Kind::HttpGo || go_http().is_some())
        .map(|kind| Series {
            kind,
            rounds: Vec::new(),
        })
        .collect();
    for round in 0..settings.rounds {
        // Every second round has the peers in reverse order.
        let mut order: Vec<usize> = (0..series.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for i in order {
            let kind = series[i].kind;
            let outcome = match &row.what {
                What::Serve(exchange) => serve(kind, exchange, settings),
                What::Micro(task) => task.measure(kind, settings),
            };
            match outcome {
                Ok(outcome) => series[i].rounds.push(outcome),
                Err(e) => eprintln!("{} {}: {e}", row.name, kind.name()),
            }
        }
        eprint!(".");
    }
    eprintln!();
    series.retain(|s| !s.rounds.is_empty());
    Ok(series)
}

fn serve(kind: Kind, exchange: &Exchange, settings: &Settings) -> io::Result<Outcome> {
    let (server_cpu, load_cpu, workers) = match exchange.place {
        Place::OneCore => (Some(settings.cpu), Some(settings.cpu), 1),
        Place::Apart => (Some(0), Some(1), 1),
        Place::TwoWorkers => (None, None, 2),
    };
    let path = env::temp_dir().join(format!("std_net-bench-{}", std::process::id()));
    remove(&path);
    let buffer = if exchange.size <= 4096 {
        4096
    } else {
        exchange.size
    };
    let net = exchange.net;
    let mut command = if kind == Kind::Go {
        let mut go = Command::new(go().expect("looked for before"));
        go.arg(net.to_string()).arg(&path).arg(buffer.to_string());
        go.env("GOMAXPROCS", workers.to_string());
        go
    } else if kind == Kind::HttpGo {
        let mut go = Command::new(go_http().expect("looked for before"));
        go.env("GOMAXPROCS", workers.to_string());
        go
    } else {
        let mut own = Command::new(env::current_exe()?);
        own.arg("serve").args(["--kind", kind.name()]);
        own.args(["--net", &net.to_string(), "--buffer", &buffer.to_string()]);
        own.args(["--workers", &workers.to_string(), "--path"])
            .arg(&path);
        if let Some(cpu) = server_cpu {
            own.args(["--cpu", &cpu.to_string()]);
        }
        own
    };
    // The server inherits core and policy from this thread. Go's server cannot set them itself.
    place::take(server_cpu, true)?;
    let child = command.stdout(Stdio::piped()).spawn();
    place::take(None, false)?;
    let mut server = Running(child?);
    let mut addr = String::new();
    let stdout = server.0.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut addr)?;
    if addr.is_empty() {
        return Err(io::Error::other("the server did not start"));
    }
    let mut load = Command::new(env::current_exe()?);
    load.args(["load", "--addr", addr.trim(), "--net", &net.to_string()]);
    load.args(["--connections", &exchange.connections.to_string()]);
    load.args(["--size", &exchange.size.to_string()]);
    load.args(["--millis", &settings.millis.to_string()]);
    if exchange.hogs > 0 {
        load.args(["--hogs", &exchange.hogs.to_string()]);
    }
    load.args(["--pid", &server.0.id().to_string()]);
    if let Some(cpu) = load_cpu {
        load.args(["--cpu", &cpu.to_string()]);
    }
    if exchange.churn {
        load.arg("--churn");
    }
    if exchange.http {
        load.arg("--http");
    }
    if exchange.idle {
        load.arg("--idle");
    }
    if exchange.place == Place::Apart {
        load.arg("--spin");
    }
    let output = load.stderr(Stdio::inherit()).output()?;
    drop(server);
    remove(&path);
    if !output.status.success() {
        return Err(io::Error::other("the load failed"));
    }
    String::from_utf8_lossy(&output.stdout).trim().parse()
}

/// Removes what a server has left: a socket, or nginx's folder.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
}

/// An OS process that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the path of the Go echo server, which is built on the first call. Returns `None` without a Go compiler.
pub(crate) fn go() -> Option<&'static Path> {
    static GO: OnceLock<Option<PathBuf>> = OnceLock::new();
    GO.get_or_init(|| build_go("echo")).as_deref()
}

/// Returns the path of the Go server for HTTP, in the same way.
fn go_http() -> Option<&'static Path> {
    static GO: OnceLock<Option<PathBuf>> = OnceLock::new();
    GO.get_or_init(|| build_go("http")).as_deref()
}

/// Returns the path of the Go program for the micro-measurements, in the same way.
pub(crate) fn go_micro() -> Option<&'static Path> {
    static GO: OnceLock<Option<PathBuf>> = OnceLock::new();
    GO.get_or_init(|| build_go("micro")).as_deref()
}

fn build_go(name: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("go/{name}.go"));
    let binary = env::current_exe()
        .ok()?
        .with_file_name(format!("go-{name}"));
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(source)
        .status();
    if built.is_ok_and(|status| status.success()) {
        Some(binary)
    } else {
        eprintln!("no Go here: its rows are left out");
        None
    }
}
