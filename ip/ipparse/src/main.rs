//! `ipparse`: reads addresses, networks and ranges, and does something with each or with all of them.
//!
//! # Map
//!
//! | file | what |
//! |---|---|
//! | `cli` | the command line, and the settings that come of it |
//! | `settings` | what the verbs are told |
//! | `verbs` | what each sub-command does, a file for each |
//! | `job` | what all verbs that read items have in common |
//! | `stream`, `lazy` | items one by one; `lazy` for verbs that write far more than they read |
//! | `lines` | lines that hold an address of a set, or none |
//! | `set` | how a set is read and written |
//! | `input` | arguments, files and standard input as blocks of whole lines; the threads that work on them |
//! | `standard` | standard input and output as files |
//! | `output` | raw standard output; the exit status; complaints |
//! | `scan` | addresses in free text |
//! | `item` | what a line is: address, network, range and so on |
//! | `field` | what is said of an item: columns and JSON |
//! | `read` | items out of blocks, lines that hold none |

#![forbid(unsafe_code)]

mod cli;
mod field;
mod input;
mod item;
mod job;
mod lazy;
mod lines;
mod output;
mod read;
mod scan;
mod set;
mod settings;
mod standard;
mod stream;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    output::finish(cli::run())
}
