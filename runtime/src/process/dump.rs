//! Prints the list of processes on a signal, to examine a stuck server.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::deadline::Nanos;
use crate::process::backtraces::{oldest, write_grouped};
use crate::process::list;
use crate::runtime::Builder;

impl Builder {
    /// Writes the list of all processes to standard error whenever this signal comes. The list shows what each process
    /// waits for, since when, and where it was spawned, as in [`process::list`](crate::process::list). Then come the
    /// [backtraces](crate::process::backtraces) of the 1,000 oldest processes that wait, the same ones together. Go and
    /// Java use `SIGQUIT` (Ctrl-\) for this. The signal then no longer ends the program. This needs the feature
    /// `signals` and one more thread.
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

/// Of how many processes the backtraces are written.
const TRACED: usize = 1000;

/// How long the answers of the processes may take. A process that does not answer until then computes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes the list with one call, and then the backtraces. An error cannot be reported anywhere.
fn dump() {
    let processes = list();
    let mut text = format!("std_net: {} processes\n", processes.len());
    for process in &processes {
        let _ = writeln!(text, "  {process}");
    }
    let _ = io::stderr().write_all(text.as_bytes());

    let until = Nanos::now().after(PATIENCE);
    let mut text = String::from("std_net: backtraces of those that wait\n");
    write_grouped(oldest(TRACED, until), &mut text);
    if processes.len() > TRACED {
        let _ = writeln!(text, "and no backtraces of the others");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}
