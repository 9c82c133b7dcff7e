//! `ipparse`: reads addresses, networks and ranges, and does something with each or with all of them.
//!
//! # Map
//!
//! | file | what |
//! |---|---|
//! | `cli` | the command line |
//! | `input` | arguments, files and standard input as blocks of whole lines; the threads that work on them |
//! | `output` | raw standard output; the exit status; complaints |
//! | `scan` | addresses in free text |
//! | `item` | what a line is: address, network, range and so on |
//! | `field` | what is said of an item: columns and JSON |
//! | `read` | items out of blocks, lines that hold none |
//! | `verbs` | what each sub-command does |

#![forbid(unsafe_code)]

mod cli;
mod field;
mod input;
mod item;
mod output;
mod read;
mod scan;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    output::finish(verbs::run(cli))
}
