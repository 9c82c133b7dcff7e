//! Are all chapters of the guide in the documentation tests and in the table of contents, and can their
//! programs be copied?

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

/// A reader sees these files as they are, for example on a page of the repository. So a line that only
/// rustdoc hides would be in the way, and a part of a program would not compile.
#[test]
fn every_program_of_the_guide_is_whole() {
    for path in FILES {
        let text = fs::read_to_string(root().join(path)).unwrap();
        for (language, program) in blocks(&text) {
            let words: Vec<&str> = language.split(',').collect();
            if words[0] != "rust" || words.contains(&"ignore") {
                continue;
            }
            assert!(
                program.contains("fn main() "),
                "{path}: a program without `main`:\n{program}"
            );
            let hidden = |line: &&str| *line == "#" || line.starts_with("# ");
            assert_eq!(program.lines().find(hidden), None, "{path}: a hidden line");
        }
    }
}

#[test]
fn the_server_of_the_chapter_http_is_the_example() {
    let chapter = fs::read_to_string(root().join("docs/guide/src/http.md")).unwrap();
    let example = root().join("std_net/examples/httparse_server.rs");
    let example = fs::read_to_string(example).unwrap();
    let (_about, program) = example.split_once("\n\n").unwrap();
    assert!(
        blocks(&chapter).any(|block| block == ("rust,no_run", program)),
        "the first program of http.md and httparse_server.rs differ"
    );
}

/// Returns the blocks of code, each with its language.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    // Every other piece between two fences is a block.
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap_or((block, "")))
}
