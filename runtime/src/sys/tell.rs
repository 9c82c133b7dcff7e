//! Lines for standard error, from the runtime itself.

use std::fmt;
use std::io::{self, Write};

/// Writes a line to standard error. `eprintln!` panics if standard error is a pipe that nobody reads any more. In a
/// panic hook this would abort the program, and elsewhere it would end the code that only wants to report something.
#[cold]
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    // One write, so that lines of several threads do not mix. An error cannot be reported anywhere.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
