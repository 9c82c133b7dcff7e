//! The driver of the comparison: starts each program of this folder, looks whether it answers right, loads all of them in
//! the same way, and writes the figures and the sources into `docs/compare.md`. `bench/compare/run` builds the programs and
//! calls it. The load is itself a program with std_net, in one thread.
//!
//! | file | what is in it |
//! |---|---|
//! | `program` | the programs, and how one of them is started and ended |
//! | `echo`, `proxy`, `scan`, `chat`, `fetch` | for each task: what is right, and the load |
//! | `results` | the figures that are kept |
//! | `page` | what is written into the page |

mod chat;
mod echo;
mod fetch;
mod page;
mod program;
mod proxy;
mod results;
mod scan;

use std::io;

use clap::{Parser, Subcommand};

use program::{Program, TASKS, Task, WAYS};
use results::{Figures, Results};

/// The same five programs, with std_net and beside it.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Looks whether each program answers right. Fails if one does not.
    Check {
        /// Only these tasks (echo, proxy, scan, chat, fetch).
        tasks: Vec<Task>,
    },
    /// Checks and then loads each program, prints the tables, and keeps the figures.
    Measure {
        /// Only these tasks (echo, proxy, scan, chat, fetch).
        tasks: Vec<Task>,
        /// How often each program is measured; the median counts.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Writes the sources and the kept figures into docs/compare.md.
    Page,
}

fn main() -> io::Result<()> {
    match Cli::parse().command {
        Command::Check { tasks } => check(&chosen(tasks)),
        Command::Measure { tasks, rounds } => {
            let tasks = chosen(tasks);
            check(&tasks)?;
            measure(&tasks, rounds.max(1))
        }
        Command::Page => page::write(),
    }
}

fn chosen(tasks: Vec<Task>) -> Vec<Task> {
    if tasks.is_empty() {
        TASKS.to_vec()
    } else {
        tasks
    }
}

fn check(tasks: &[Task]) -> io::Result<()> {
    let mut wrong = 0;
    for &task in tasks {
        for way in WAYS {
            let program = Program { way, task };
            if program.executable().is_none() {
                println!("{program}: not run here");
                continue;
            }
            let result = match task {
                Task::Echo => echo::check(program),
                Task::Proxy => proxy::check(program),
                Task::Scan => scan::check(program),
                Task::Chat => chat::check(program),
                Task::Fetch => fetch::check(program),
            };
            match result {
                Ok(()) => println!("{program}: right"),
                Err(error) => {
                    wrong += 1;
                    println!("{program}: WRONG: {error}");
                }
            }
        }
    }
    if wrong > 0 {
        return Err(io::Error::other(format!("{wrong} programs are wrong")));
    }
    Ok(())
}

fn measure(tasks: &[Task], rounds: usize) -> io::Result<()> {
    let mut results = Results::read()?;
    for &task in tasks {
        let mut ran: Vec<(Program, Vec<Figures>)> = WAYS
            .into_iter()
            .map(|way| Program { way, task })
            .filter(|program| program.executable().is_some())
            .map(|program| (program, Vec::new()))
            .collect();
        for round in 0..rounds {
            // Every other round in the other order.
            if round > 0 {
                ran.reverse();
            }
            for (program, figures) in &mut ran {
                figures.push(match task {
                    Task::Echo => echo::load(*program)?,
                    Task::Proxy => proxy::load(*program)?,
                    Task::Scan => scan::load(*program)?,
                    Task::Chat => chat::load(*program)?,
                    Task::Fetch => fetch::load(*program)?,
                });
            }
        }
        for (program, figures) in ran {
            results.keep(program, results::median(&figures));
        }
        println!("\n{task}\n\n{}", results.table(task)?);
    }
    results.write()
}
