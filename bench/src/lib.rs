//! Measures std_net beside a hand-written epoll loop and other runtimes. `bench/README.md` says what the
//! results mean and how they were measured.

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

/// Measures std_net beside a hand-written epoll loop and other runtimes.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures all rows, or only those that are named, and prints the table.
    Table {
        /// Rows (`echo-64-1`) or families of rows (`echo-64`). Without any, all rows are measured.
        rows: Vec<String>,
        #[command(flatten)]
        settings: Settings,
        /// The file that keeps the results. Only the rows that were measured are replaced.
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
    /// Runs one server and prints its address.
    Serve(serve::Service),
    /// Runs the load alone. Prints requests, nanoseconds, CPU nanoseconds of the server, p50, p99 and
    /// maximum in nanoseconds, and bytes per idle connection.
    Load(load::Plan),
    /// Runs one measurement within one OS process: spawning, switching, timers or ping-pong.
    Micro(micro::Job),
    /// Measures a service that uses Redis by the crate `redis`: in threadlike processes, on std's threads and on tokio.
    Redis,
}

/// Runs the command that the arguments name.
///
/// # Errors
///
/// Returns the error of the measurement.
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

/// Runs the example of `tests/ecosystem`. It stays there because this crate should not need its many dependencies.
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

/// Returns a cargo command that runs in the folder of this workspace.
fn cargo() -> std::process::Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}
