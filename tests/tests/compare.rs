//! `docs/compare.md` shows the programs of `bench/compare`. Has it their sources as they are, and their numbers of lines?
//! `bench/compare/run page` writes both into it.

use std::fs;
use std::path::PathBuf;

use std_net_tests::tree::root;

const WAYS: [&str; 7] = ["std_net", "std", "tokio", "may", "go", "kotlin", "inko"];
const TASKS: [&str; 5] = ["echo", "proxy", "scan", "chat", "fetch"];

/// Returns the sources in the folder of one way: the name of the task, the path from the root, and the text.
fn sources(way: &str) -> Vec<(String, String, String)> {
    let folder = root().join("bench/compare").join(way);
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let one = |path: PathBuf| {
        let task = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        (task, name.to_owned(), fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(one).collect()
}

/// Counts the lines without blank ones and comments.
fn lines(text: &str) -> usize {
    let comment =
        |line: &str| line.starts_with("//") || line.starts_with('#') && !line.starts_with("#[");
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !comment(line))
        .count()
}

/// Returns the block of code behind the line that names its file.
fn block<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("\n`{name}`\n\n```"))?;
    let (_, code) = rest.split_once('\n')?;
    Some(code.split_once("```\n")?.0)
}

/// Returns the number of lines in the row of this way in the table of this task.
fn row(page: &str, task: &str, way: &str) -> Option<usize> {
    let (_, table) = page.split_once(&format!("<!-- table {task} -->"))?;
    let (table, _) = table.split_once("<!-- end -->")?;
    let row = table
        .lines()
        .find_map(|line| line.strip_prefix(&format!("| {way} | ")))?;
    row.split(" | ").next()?.parse().ok()
}

#[test]
fn the_page_has_the_sources_and_their_lines() {
    let page = fs::read_to_string(root().join("docs/compare.md")).unwrap();
    let mut faults = Vec::new();
    for way in WAYS {
        let sources = sources(way);
        let mut tasks: Vec<&str> = sources.iter().map(|(task, ..)| task.as_str()).collect();
        tasks.sort_by_key(|task| TASKS.iter().position(|other| other == task));
        assert_eq!(tasks, TASKS, "the programs of {way}");
        for (task, name, text) in &sources {
            if block(&page, name) != Some(text) {
                faults.push(format!("{name} is not on the page as it is"));
            }
            let count = lines(text);
            if row(&page, task, way) != Some(count) {
                faults.push(format!(
                    "{name} has {count} lines, and the table says another number"
                ));
            }
            let summary = format!("<summary>{way}: {count} lines</summary>\n\n`{name}`");
            if way != "std_net" && !page.contains(&summary) {
                faults.push(format!(
                    "{name} has {count} lines, and its summary says another number"
                ));
            }
        }
    }
    let text = faults.join("\n");
    assert!(
        faults.is_empty(),
        "{text}\nbench/compare/run page writes the page anew"
    );
}

#[test]
fn a_changed_source_would_be_found() {
    let page = "text\n\n`a.rs`\n\n```rust,ignore\nfn f() {}\n```\n\n<!-- table echo -->\n| std | 7 | 1 |\n<!-- end -->";
    assert_eq!(block(page, "a.rs"), Some("fn f() {}\n"));
    assert_eq!(block(page, "b.rs"), None);
    assert_eq!(
        (
            row(page, "echo", "std"),
            row(page, "echo", "tokio"),
            row(page, "chat", "std")
        ),
        (Some(7), None, None)
    );
    assert_eq!(
        lines("//! What.\n\n# no\n#[yes]\n  // no\nyes // with a comment\n"),
        2
    );
}
