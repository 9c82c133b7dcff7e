//! The notes that two runs of the same calls, through std and through us, are compared by.

use std::fmt::Debug;
use std::io;
use std::path::Path;

/// What the calls gave, one line each; ports and descriptor numbers are replaced by their order of
/// appearance, since they differ from run to run.
#[derive(Debug, Default)]
pub struct Log {
    lines: Vec<String>,
    ports: Vec<u16>,
    directory: Option<String>,
}

impl Log {
    /// Gives a port its place in the order.
    pub fn port(&mut self, port: u16) {
        if !self.ports.contains(&port) {
            self.ports.push(port);
        }
    }

    /// Says `DIR` for this directory in what follows.
    pub fn directory(&mut self, path: &Path) {
        self.directory = path.to_str().map(str::to_owned);
    }

    /// Writes down a value.
    pub fn say(&mut self, what: &str, value: impl Debug) {
        let mut text = format!("{value:?}");
        for (order, port) in self.ports.iter().enumerate() {
            text = text.replace(&format!(":{port}"), &format!(":port{order}"));
        }
        if let Some(directory) = &self.directory {
            text = text.replace(directory, "DIR");
        }
        // std's Unix types show what their descriptor is wrapped in; ours show its number alone.
        if let Some((before, after)) = text.split_once("FileDesc(OwnedFd { fd: ") {
            text = format!("{before}{}", after.replacen(" })", "", 1));
        }
        if let Some((before, after)) = text.split_once("fd: ") {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}fd: N{after}");
        }
        self.lines.push(format!("{what}: {text}"));
    }

    /// Writes down a result; of an error its kind and OS code.
    pub fn result<T: Debug>(&mut self, what: &str, value: io::Result<T>) {
        self.say(
            what,
            value.map_err(|e| (e.kind(), std_net::socket::os_code(&e))),
        );
    }

    /// A result whose value says nothing comparable.
    pub fn outcome<T>(&mut self, what: &str, value: io::Result<T>) {
        self.result(what, value.map(drop));
    }

    /// What was written down.
    #[must_use]
    pub fn lines(self) -> Vec<String> {
        self.lines
    }
}

/// Wants the same lines of both, and at least `least` of them.
pub fn compare(std: &[String], us: &[String], least: usize) {
    assert!(std.len() > least, "only {} calls", std.len());
    let mut differ = 0;
    for (s, u) in std.iter().zip(us) {
        if s != u {
            differ += 1;
            eprintln!("std  {s}\nours {u}\n");
        }
    }
    assert_eq!(std.len(), us.len());
    assert_eq!(differ, 0, "{differ} of {} calls differ", std.len());
}
