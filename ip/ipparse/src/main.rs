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
//! | `list` | the entries of a list as they are written, and the most specific one for an address |
//! | `input` | arguments, files and standard input as blocks of whole lines; the threads that work on them |
//! | `standard` | standard input and output as files |
//! | `decode` | compressed files and UTF-16, told by their first bytes |
//! | `output` | raw standard output; the exit status; complaints |
//! | `scan` | addresses in free text |
//! | `find` | items in free text: an address with what belongs to it |
//! | `place` | where in a line items are looked for |
//! | `item` | what a line is: address, network, range and so on |
//! | `field` | what is said of an item: columns and JSON |
//! | `read` | items out of blocks, lines that hold none |

#![forbid(unsafe_code)]

mod cli;
mod decode;
mod field;
mod find;
mod input;
mod item;
mod job;
mod lazy;
mod lines;
mod list;
mod output;
mod place;
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
