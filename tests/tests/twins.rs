//! `socket` and `unix` are twins: the same files, and in them the same methods in the same order,
//! but for those that only one of them can have. Read from the source, because order is nowhere
//! else.

use std::fs;
use std::path::{Path, PathBuf};

/// Methods (and macros that stand for several) of the first kind of file that the second has not,
/// and the other way round, with why.
const ONLY_SOCKET: &[(&str, &[&str], &str)] = &[
    (
        "socket",
        &["raw"],
        "Unix sockets have no protocols to be raw about",
    ),
    (
        "stream",
        &[
            "connect_timeout",
            "set_nodelay",
            "nodelay",
            "set_quickack",
            "quickack",
            "set_linger",
            "linger",
            "set_ttl",
            "ttl",
            "open_read_channel",
            "open_write_channel",
            "into_channels",
            "tls",
            "tls_with",
        ],
        "options of TCP; std's UnixStream has no connect_timeout; channels and TLS are above `unix`, and \
         come to its streams by a trait",
    ),
    (
        "listener",
        &["into_incoming", "set_ttl", "ttl", "set_only_v6", "only_v6"],
        "options of IP; std's UnixListener has no into_incoming",
    ),
    (
        "datagram",
        &[
            "join_multicast_v4",
            "join_multicast_v6",
            "leave_multicast_v4",
            "leave_multicast_v6",
        ],
        "multicast is of IP",
    ),
];
const ONLY_UNIX: &[(&str, &[&str], &str)] = &[
    (
        "socket",
        &["seqpacket", "pair", "peer_cred", "peer_pidfd"],
        "what Unix sockets have more",
    ),
    (
        "stream",
        &["connect_addr", "pair", "peer_cred", "peer_pidfd"],
        "what Unix sockets have more",
    ),
    ("listener", &["bind_addr"], "an address that is not a path"),
    (
        "datagram",
        &[
            "bind_addr",
            "unbound",
            "pair",
            "connect_addr",
            "send_to_addr",
            "shutdown",
        ],
        "what Unix sockets have more",
    ),
    (
        "batch",
        &["with_descriptors", "iter_mut"],
        "descriptors to take out",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// The public methods of a file in order; a macro of common methods counts as one.
fn methods(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    // What stands in macros of the file itself is not a method of a type.
    text.lines()
        .filter_map(|line| {
            let line = line.strip_prefix("    ")?;
            if let Some(name) = line.strip_prefix("std_net_runtime::") {
                return Some(name.split('!').next()?.to_owned());
            }
            let name = line.strip_prefix("pub fn ")?;
            Some(name.split(['(', '<']).next()?.to_owned())
        })
        .collect()
}

fn without(all: &[String], file: &str, exceptions: &[(&str, &[&str], &str)]) -> Vec<String> {
    let only: Vec<&str> = exceptions
        .iter()
        .filter(|(f, ..)| *f == file)
        .flat_map(|(_, m, _)| m.iter().copied())
        .collect();
    for name in &only {
        assert!(
            all.iter().any(|m| m == name),
            "{file}: the exception {name} is gone"
        );
    }
    all.iter()
        .filter(|m| !only.contains(&m.as_str()))
        .cloned()
        .collect()
}

#[test]
fn the_same_files() {
    for file in [
        "socket",
        "options",
        "stream",
        "listener",
        "datagram",
        "ancillary",
        "batch",
        "addr",
        "builder",
    ] {
        for folder in ["std_net/src/socket", "unix/src"] {
            let path = root().join(folder).join(file).with_extension("rs");
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
}

#[test]
fn the_same_methods_in_the_same_order() {
    for file in ["socket", "stream", "listener", "datagram", "batch"] {
        let name = format!("{file}.rs");
        let socket = methods(&root().join("std_net/src/socket").join(&name));
        let unix = methods(&root().join("unix/src").join(&name));
        assert!(
            socket.len() > 5 && unix.len() > 5,
            "{file}: methods are not found"
        );
        assert_eq!(
            without(&socket, file, ONLY_SOCKET),
            without(&unix, file, ONLY_UNIX),
            "{file}.rs of socket, and of unix"
        );
    }
}
