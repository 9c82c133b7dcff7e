//! Shows `process::metrics`: the counters of the runtime, as OpenMetrics text for Prometheus and
//! similar tools: `GET /metrics`. In your program your own service runs beside it; here it is an echo
//! server.
//!
//! Usage: `metrics [ADDRESS]`, 127.0.0.1:9100 by default. The echo server has a port of its own. Try
//! `curl http://127.0.0.1:9100/metrics`.

use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use std_net::process::{self, Metrics};
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};

/// The server reads no more of a request than this.
const LIMIT: u64 = 16 << 10;

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9100".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let echo = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {address}");
    println!("echo on {}", echo.local_addr()?);
    Server::new(listener)?
        .idle_timeout(Duration::from_secs(10))
        .max_connections(16)
        .on_error(|problem| eprintln!("{problem}"))
        .also(echo, |stream: TcpStream, _| {
            std_net::copy(&stream, &stream).map(drop)
        })?
        .run(|stream| answer(&stream))
        .map(drop)
}

/// Answers one request.
fn answer(stream: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.take(LIMIT));
    let mut request = String::new();
    lines.read_line(&mut request)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match request.split(' ').nth(1) {
        Some("/metrics") => ("200 OK", text(&process::metrics())),
        _ => ("404 Not Found", "try /metrics\n".into()),
    };
    stream.write_string(&format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// Writes the format of <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
fn text(metrics: &Metrics) -> String {
    let mut out = String::new();
    write_text(&mut out, metrics).expect("a string takes all");
    out
}

fn write_text(out: &mut String, metrics: &Metrics) -> fmt::Result {
    let now = &metrics.processes;
    writeln!(out, "# TYPE std_net_processes gauge")?;
    writeln!(
        out,
        "# HELP std_net_processes Processes that have not ended, by state."
    )?;
    for (state, count) in [
        ("new", now.new),
        ("ready", now.ready),
        ("running", now.running),
        ("readable", now.readable),
        ("writable", now.writable),
        ("sleeping", now.sleeping),
        ("joining", now.joining),
        ("future", now.future),
        ("blocking", now.blocking),
    ] {
        writeln!(out, "std_net_processes{{state=\"{state}\"}} {count}")?;
    }
    for (name, help, count) in [
        ("spawned", "Processes that were spawned.", metrics.spawned),
        ("ended", "Processes that have ended.", metrics.ended),
    ] {
        writeln!(out, "# TYPE std_net_processes_{name} counter")?;
        writeln!(out, "# HELP std_net_processes_{name} {help}")?;
        writeln!(out, "std_net_processes_{name}_total {count}")?;
    }
    // The bytes are counted with the feature `metrics` only.
    let mut traffic = vec![(
        "accepted",
        "Connections that were accepted.",
        metrics.accepted,
    )];
    if cfg!(feature = "metrics") {
        let received = ("received_bytes", "Bytes received.", metrics.received_bytes);
        traffic.extend([received, ("sent_bytes", "Bytes sent.", metrics.sent_bytes)]);
    }
    for (name, help, count) in traffic {
        writeln!(out, "# TYPE std_net_{name} counter")?;
        writeln!(out, "# HELP std_net_{name} {help}")?;
        writeln!(out, "std_net_{name}_total {count}")?;
    }
    for (name, help, count) in [
        ("stacks", "Stacks that exist.", metrics.stacks),
        (
            "stacks_claimed",
            "Stacks that processes have.",
            metrics.stacks_claimed,
        ),
        (
            "stacks_warm",
            "Unused stacks that hold memory.",
            metrics.stacks_warm,
        ),
    ] {
        writeln!(out, "# TYPE std_net_{name} gauge")?;
        writeln!(out, "# HELP std_net_{name} {help}")?;
        writeln!(out, "std_net_{name} {count}")?;
    }
    // All samples of a family must stand together.
    let workers = || metrics.workers.iter().enumerate();
    writeln!(out, "# TYPE std_net_worker_processes gauge")?;
    for (i, worker) in workers() {
        writeln!(
            out,
            "std_net_worker_processes{{worker=\"{i}\"}} {}",
            worker.processes
        )?;
    }
    writeln!(out, "# TYPE std_net_worker_turns counter")?;
    for (i, worker) in workers() {
        writeln!(
            out,
            "std_net_worker_turns_total{{worker=\"{i}\"}} {}",
            worker.turns
        )?;
    }
    writeln!(out, "# TYPE std_net_worker_remote_wakes counter")?;
    for (i, worker) in workers() {
        writeln!(
            out,
            "std_net_worker_remote_wakes_total{{worker=\"{i}\"}} {}",
            worker.remote_wakes
        )?;
    }
    writeln!(out, "# TYPE std_net_worker_reactor_turns counter")?;
    for (i, worker) in workers() {
        writeln!(
            out,
            "std_net_worker_reactor_turns_total{{worker=\"{i}\"}} {}",
            worker.reactor_turns
        )?;
    }
    writeln!(out, "# EOF")
}
