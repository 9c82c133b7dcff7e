//! `ipparse` reads addresses, networks and ranges, and does something with each of them or with all of
//! them.
//!
//! # Map
//!
//! | file | what |
//! |---|---|
//! | `cli` | the command line, and the settings that are made of it |
//! | `settings` | the settings of the verbs |
//! | `verbs` | what each sub-command does, a file for each |
//! | `job` | what all verbs that read items share |
//! | `stream`, `lazy` | items one by one; `lazy` for verbs that write far more than they read |
//! | `lines` | lines that hold an address of a set, or none |
//! | `set` | how a set is read and written |
//! | `list` | the entries of a list with their text, and the search for the most specific one |
//! | `input` | arguments, files and standard input as blocks of whole lines; the threads that work on them |
//! | `standard` | standard input and output as files |
//! | `decode` | compressed files and UTF-16, recognised by their first bytes |
//! | `output` | standard output without std's buffer; the exit status; messages |
//! | `scan` | addresses in free text |
//! | `find` | items in free text: an address with what belongs to it |
//! | `place` | the places in a line where items are looked for |
//! | `item` | the item in a line: address, network, range and so on |
//! | `field` | the columns and the JSON of an item |
//! | `read` | the items of a block, and the lines without a valid item |

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
