//! The programs of the guide's chapter "Existing blocking code" that need other crates: what it shows is the text of the
//! examples here, and the examples run.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_guide_shows_the_examples_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = root.join("../../docs/guide/src/existing-code.md");
    let guide = fs::read_to_string(guide).unwrap();
    for name in ["ureq_connector", "imap_client"] {
        let text = fs::read_to_string(root.join(format!("examples/{name}.rs"))).unwrap();
        let (_, text) = text.split_once("// [guide]\n").unwrap();
        let (text, _) = text.split_once("// [/guide]\n").unwrap();
        assert!(guide.contains(text), "the guide shows another {name}");
    }
}

#[test]
fn the_examples_run() {
    let target = std::env::current_exe().unwrap();
    let examples = target.parent().unwrap().parent().unwrap().join("examples");
    for name in ["ureq_connector", "imap_client"] {
        let output = Command::new(examples.join(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
}
