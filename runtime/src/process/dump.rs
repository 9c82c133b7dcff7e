//! The list of processes on a signal, for the person who looks into a stuck server.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use crate::process::list;
use crate::runtime::Builder;

impl Builder {
    /// Writes the list of all processes to standard error whenever this signal comes: what each waits for and
    /// since when, and where it was spawned, as [`process::list`](crate::process::list) has it. `SIGQUIT` (Ctrl-\) is
    /// what Go and Java take. It ends the program no more. With the feature `signals`; one thread more.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::runtime::Builder;
    ///
    /// const SIGQUIT: i32 = 3;
    /// Builder::new().dump_on(SIGQUIT).start()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump_on(mut self, signal: i32) -> Builder {
        self.dump_on = Some((signal, dump));
        self
    }
}

/// Writes the list, in one piece. There is nobody to tell of an error.
fn dump() {
    let processes = list();
    let mut text = format!("std_net: {} processes\n", processes.len());
    for process in processes {
        let _ = writeln!(text, "  {process}");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}
