//! Notes of two runs of the same calls, through std and through our types, which are then compared.

use std::fmt::Debug;
use std::io;
use std::path::Path;

/// The results of the calls, one on each line. Ports and descriptor numbers differ from run to run, so
/// they are replaced by numbers in the order in which they first appear.
#[derive(Debug, Default)]
pub struct Log {
    lines: Vec<String>,
    ports: Vec<u16>,
    directory: Option<String>,
}

impl Log {
    /// Gives a port the next number.
    pub fn port(&mut self, port: u16) {
        if !self.ports.contains(&port) {
            self.ports.push(port);
        }
    }

    /// Writes `DIR` for this directory from now on.
    pub fn directory(&mut self, path: &Path) {
        self.directory = path.to_str().map(str::to_owned);
    }

    /// Notes a value.
    pub fn say(&mut self, what: &str, value: impl Debug) {
        let mut text = format!("{value:?}");
        for (order, port) in self.ports.iter().enumerate() {
            text = text.replace(&format!(":{port}"), &format!(":port{order}"));
        }
        if let Some(directory) = &self.directory {
            text = text.replace(directory, "DIR");
        }
        // std's Unix types show how their descriptor is wrapped. Ours show only its number.
        if let Some((before, after)) = text.split_once("FileDesc(OwnedFd { fd: ") {
            text = format!("{before}{}", after.replacen(" })", "", 1));
        }
        if let Some((before, after)) = text.split_once("fd: ") {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}fd: N{after}");
        }
        self.lines.push(format!("{what}: {text}"));
    }

    /// Notes a result. An error is noted by its kind and OS code.
    pub fn result<T: Debug>(&mut self, what: &str, value: io::Result<T>) {
        self.say(
            what,
            value.map_err(|e| (e.kind(), std_net::socket::os_code(&e))),
        );
    }

    /// Notes a result whose value cannot be compared.
    pub fn outcome<T>(&mut self, what: &str, value: io::Result<T>) {
        self.result(what, value.map(drop));
    }

    /// Returns the notes.
    #[must_use]
    pub fn lines(self) -> Vec<String> {
        self.lines
    }
}

/// Checks that both runs have the same lines, and more than `least` of them.
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
