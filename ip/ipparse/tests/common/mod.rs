//! Code that the tests share: the built program, files, and the tools with which it is compared.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::PathBuf;
use std::process::Command as Process;

use assert_cmd::Command;
use tempfile::TempDir;

/// Returns the built program. It must not hang.
pub(crate) fn ipparse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipparse"));
    command.timeout(std::time::Duration::from_secs(60));
    command
}

/// The result of a run: status, standard output, standard error.
pub(crate) type Ran = (i32, String, String);

/// Runs the program with arguments and standard input.
pub(crate) fn run(args: &[&str], input: impl AsRef<[u8]>) -> Ran {
    let output = ipparse()
        .args(args)
        .write_stdin(input.as_ref().to_vec())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("no signal ended it");
    (code, text(&output.stdout), text(&output.stderr))
}

/// Returns the standard output of a run that must succeed without messages.
#[track_caller]
pub(crate) fn good(args: &[&str], input: impl AsRef<[u8]>) -> String {
    let (code, out, err) = run(args, input);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
    out
}

/// A folder of files. It is removed at the end.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        for (name, text) in files {
            std::fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// Returns another tool. If there is none, it prints that the comparison is skipped, and returns
/// `None`.
pub(crate) fn tool(name: &str) -> Option<Process> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    if !found {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found.then(|| Process::new(name))
}

/// Random numbers that are the same each time (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn v4(&mut self) -> std::net::Ipv4Addr {
        std::net::Ipv4Addr::from_bits(self.next() as u32)
    }

    pub(crate) fn v6(&mut self) -> std::net::Ipv6Addr {
        let [a, b, c] = [
            self.below(4) as u16,
            self.next() as u16,
            self.below(9) as u16,
        ];
        std::net::Ipv6Addr::new(0x2001, 0xdb8 + a, b, 0, 0, 0, c, self.next() as u16)
    }
}
