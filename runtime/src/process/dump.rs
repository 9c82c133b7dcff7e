//! Prints the list of processes on a signal, to examine a stuck server.

use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::deadline::Nanos;
use crate::process::backtraces::oldest;
use crate::process::{ProcessId, list};
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

/// Writes backtraces, each with the numbers of all processes that have the same one. Without the frames of the runtime
/// itself.
fn write_grouped(backtraces: Vec<(ProcessId, Backtrace)>, text: &mut String) {
    let mut groups: Vec<(String, Vec<ProcessId>)> = Vec::new();
    let mut known = HashMap::new();
    for (id, backtrace) in backtraces {
        let trace = without_runtime(&backtrace.to_string());
        let group = *known.entry(trace.clone()).or_insert(groups.len());
        if group == groups.len() {
            groups.push((trace, Vec::new()));
        }
        groups[group].1.push(id);
    }
    for (trace, ids) in groups {
        let plural = if ids.len() == 1 { "" } else { "es" };
        let _ = write!(text, "process{plural}");
        for id in ids {
            let _ = write!(text, " {id}");
        }
        let _ = write!(text, ":\n{trace}");
    }
}

/// The frames of a backtrace between the capture and the start of the process, numbered from 0.
fn without_runtime(trace: &str) -> String {
    // A frame begins with its number and a colon. The line of its place in the source follows, if it is known.
    let number_of = |line: &str| {
        let (number, _) = line.trim_start().split_once(": ")?;
        number.parse::<usize>().ok()
    };
    let is_capture = |line: &&str| !line.contains("::stopped_or_asked");
    let is_start = |line: &str| {
        line.contains("catch_unwind_at_root") || line.contains(" as std_net_runtime::sched::")
    };
    let has_capture = trace.contains("::stopped_or_asked");
    let mut lines = trace.lines();
    if has_capture {
        lines.by_ref().take_while(is_capture).for_each(drop);
    }
    let mut frames = String::new();
    let mut count = 0;
    for line in lines.skip_while(|line| has_capture && number_of(line).is_none()) {
        if is_start(line) {
            break;
        }
        match line.split_once(": ") {
            Some((_, name)) if number_of(line).is_some() => {
                frames.push_str(&format!("{count:>4}: {name}\n"));
                count += 1;
            }
            _ => {
                frames.push_str(line);
                frames.push('\n');
            }
        }
    }
    frames
}
