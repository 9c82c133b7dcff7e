//! Prints the list of processes on a signal, to examine a stuck server.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use crate::process::list;
use crate::runtime::Builder;

impl Builder {
    /// Writes the list of all processes to standard error whenever this signal comes. The list shows what each process
    /// waits for, since when, and where it was spawned, as in [`process::list`](crate::process::list). Go and Java use
    /// `SIGQUIT` (Ctrl-\) for this. The signal then no longer ends the program. This needs the feature `signals` and
    /// one more thread.
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

/// Writes the list with one call. An error cannot be reported anywhere.
fn dump() {
    let processes = list();
    let mut text = format!("std_net: {} processes\n", processes.len());
    for process in processes {
        let _ = writeln!(text, "  {process}");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}
