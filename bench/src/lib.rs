//! std_net beside a hand-written epoll loop and other runtimes. What the results mean and how they
//! were measured: `README.md` beside this crate.

mod chart;
mod load;
mod measure;
mod micro;
mod place;
mod report;
mod row;
mod serve;

use std::io;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::measure::Settings;

/// std_net beside a hand-written epoll loop and other runtimes.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures every row, or those of a name or family, and prints the table.
    Table {
        /// Rows (`echo-64-1`) or families of them (`echo-64`); all if there are none.
        rows: Vec<String>,
        #[command(flatten)]
        settings: Settings,
        /// Keeps the results of the rows that were measured here.
        #[arg(long, default_value = "bench/results.tsv")]
        results: PathBuf,
    },
    /// Lists the rows.
    Rows,
    /// Prints the kept results as Markdown.
    Markdown {
        #[arg(long, default_value = "bench/results.tsv")]
        results: PathBuf,
    },
    /// Draws the kept results as SVG charts.
    Charts {
        #[arg(long, default_value = "bench/results.tsv")]
        results: PathBuf,
        #[arg(long, default_value = "docs/charts")]
        into: PathBuf,
    },
    /// One server, by itself; prints its address.
    Serve(serve::Service),
    /// The load, by itself; prints requests, nanoseconds, CPU nanoseconds of the server, p50, p99 and
    /// maximum in nanoseconds, bytes per idle connection.
    Load(load::Plan),
    /// One measurement within one process: spawning, switching, timers, ping-pong.
    Micro(micro::Job),
    /// A service that is bound to Redis: threadlike processes beside std's threads and tokio, with the crate `redis`.
    Redis,
}

/// Runs the command of the arguments.
///
/// # Errors
///
/// That of a measurement.
pub fn main() -> io::Result<()> {
    match Cli::parse().command {
        Command::Table {
            rows,
            settings,
            results,
        } => report::table(&rows, &settings, &results),
        Command::Rows => {
            for row in row::all() {
                println!("{:20} {}", row.name, row.title);
            }
            Ok(())
        }
        Command::Markdown { results } => report::markdown(&results),
        Command::Charts { results, into } => chart::draw(&results, &into),
        Command::Serve(service) => serve::run(&service),
        Command::Load(plan) => load::run(&plan),
        Command::Micro(job) => micro::run(&job),
        Command::Redis => redis(),
    }
}

/// Runs the example of `tests/ecosystem`, whose dependencies are too many for everybody who only wants an echo.
fn redis() -> io::Result<()> {
    let status = cargo()
        .args(["run", "--release", "--package", "std_net_ecosystem"])
        .args(["--example", "redis_service"])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("the example failed"))
    }
}

/// cargo, in the folder of this workspace.
fn cargo() -> std::process::Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}
