//! Are all chapters of the guide in the documentation tests and in the table of contents?

use std::fs;

use std_net_tests::documents::FILES;
use std_net_tests::tree::root;

#[test]
fn every_chapter_is_compiled_and_listed() {
    let summary = fs::read_to_string(root().join("docs/guide/src/SUMMARY.md")).unwrap();
    for entry in fs::read_dir(root().join("docs/guide/src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "SUMMARY.md" || !name.ends_with(".md") {
            continue;
        }
        let path = format!("docs/guide/src/{name}");
        assert!(
            FILES.contains(&path.as_str()),
            "{path} is not in tests/src/documents.rs"
        );
        assert!(
            summary.contains(&format!("({name})")),
            "{name} is not in SUMMARY.md"
        );
    }
}
