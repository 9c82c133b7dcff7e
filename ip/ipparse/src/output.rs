//! Standard output without std's buffer, the exit status, and messages on standard error.
//!
//! std's `Stdout` searches all output for line ends. So blocks of lines are written to the descriptor
//! directly.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::input::swap_line_ends;
use crate::standard;

/// The reason why a verb ends early.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The reader of the output has closed it.
    Closed,
    /// An error of the system or of usage, as text for the user.
    Message(String),
}

pub(crate) type Result<T> = std::result::Result<T, Fail>;

impl Fail {
    pub(crate) fn message(text: impl Into<String>) -> Fail {
        Fail::Message(text.into())
    }

    fn writing(error: &io::Error) -> Fail {
        if error.kind() == ErrorKind::BrokenPipe {
            Fail::Closed
        } else {
            Fail::Message(format!("standard output: {error}"))
        }
    }
}

/// The result of a verb that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Success = 0,
    /// There were invalid lines, or nothing matched, or the input was not valid.
    Negative = 1,
    /// A file could not be read.
    Trouble = 2,
}

/// Returns the exit status of a verb. A closed pipe is not reported: 141 is the status that a shell
/// shows for a program that `SIGPIPE` ended.
pub(crate) fn finish(result: Result<Status>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status as u8),
        Err(Fail::Closed) => ExitCode::from(141),
        Err(Fail::Message(text)) => {
            complain(&text);
            ExitCode::from(2)
        }
    }
}

/// Writes a line to standard error. If this fails, there is no way to report it.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().write_all(format!("ipparse: {text}\n").as_bytes());
}

/// Standard output.
pub(crate) struct Output {
    file: File,
    buffer: Vec<u8>,
    /// Zero bytes end lines: they are exchanged with line ends, as they were in the input.
    zero: bool,
}

/// Output in small pieces is collected up to this many bytes before it is written.
const FULL: usize = 64 * 1024;

impl Output {
    pub(crate) fn stdout() -> Result<Output> {
        match standard::output() {
            Ok(file) => Ok(Output {
                file,
                buffer: Vec::new(),
                zero: false,
            }),
            Err(error) => Err(Fail::writing(&error)),
        }
    }

    /// Returns the same output with zero bytes as the ends of lines.
    pub(crate) fn with_zeros(self) -> Output {
        Output { zero: true, ..self }
    }

    /// Writes a block at once.
    pub(crate) fn block(&mut self, bytes: &[u8]) -> Result<()> {
        self.flush()?;
        if self.zero {
            self.buffer.extend_from_slice(bytes);
            return self.flush();
        }
        self.file
            .write_all(bytes)
            .map_err(|error| Fail::writing(&error))
    }

    /// Returns a buffer for small pieces of output; see [`Output::drain`].
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer if it is full.
    #[inline]
    pub(crate) fn drain(&mut self) -> Result<()> {
        if self.buffer.len() >= FULL {
            self.flush()
        } else {
            Ok(())
        }
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.zero {
            swap_line_ends(&mut self.buffer);
        }
        let result = self.file.write_all(&self.buffer);
        self.buffer.clear();
        result.map_err(|error| Fail::writing(&error))
    }
}
