//! Does "Coming from std" list every method that can hide a method of a user's extension trait?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use std_net_tests::api;
use std_net_tests::tree::root;

const TYPES: [&str; 6] = [
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
];

/// Returns the public methods of these types, read from the source.
fn methods() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut found: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for folder in ["std_net/src/socket", "unix/src"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let mut owner = None;
            for line in text.lines() {
                if let Some(of) = line.strip_prefix("impl ") {
                    let name = of.strip_suffix(" {");
                    owner = TYPES.into_iter().find(|ty| name == Some(ty));
                }
                if let (Some(owner), Some(rest)) = (owner, line.strip_prefix("    pub fn ")) {
                    let name = rest.split(['(', '<']).next().unwrap();
                    found.entry(owner).or_default().insert(name.into());
                }
            }
        }
    }
    found
}

#[test]
fn every_name_that_std_has_not_is_listed() {
    let page = fs::read_to_string(root().join("docs/guide/src/coming-from-std.md")).unwrap();
    let methods = methods();
    for ty in TYPES {
        let std = api::of_std(ty);
        assert!(std.len() > 5, "std's {ty} is not known");
        let ours = &methods[ty];
        let beyond: Vec<String> = ours
            .iter()
            .filter(|name| !std.contains(&name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        assert!(beyond.len() > 5, "the methods of {ty} are not found");
        let line = format!("| `{ty}` | {} |", beyond.join(", "));
        assert!(
            page.lines().any(|there| there == line),
            "coming-from-std.md should say:\n{line}"
        );
    }
}
