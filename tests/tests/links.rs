//! Does every relative link of the README, the documents and the guide lead to a file that exists, and
//! every anchor to one of its headings? Links to other hosts are not followed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use std_net_tests::tree::root;

fn markdown(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    files.sort();
    files
}

/// Returns the text without its code.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block && !line.starts_with("    ") {
            // The text between two backticks is code.
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

/// Returns the targets: the text in the parentheses of `[text](target)`.
fn targets(prose: &str) -> Vec<String> {
    let rest = prose.split("](").skip(1);
    rest.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// Returns the anchors of the headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut in_block = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        }
        let title = line.trim_start_matches('#');
        if in_block || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let mut anchor = String::new();
        for c in title.trim().chars() {
            match c {
                ' ' => anchor.push('-'),
                '-' | '_' => anchor.push(c),
                _ if c.is_alphanumeric() => anchor.extend(c.to_lowercase()),
                _ => {}
            }
        }
        let times = seen.entry(anchor.clone()).or_default();
        if *times > 0 {
            anchors.push(format!("{anchor}-{times}"));
        } else {
            anchors.push(anchor);
        }
        *times += 1;
    }
    anchors
}

/// Returns the faults of the links of `file`, one on each line.
fn broken(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let mut broken = Vec::new();
    for target in targets(&prose(&text)) {
        // A chapter that is only announced in the table of contents has no target.
        if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = target
            .split_once('#')
            .map_or((&*target, None), |(p, a)| (p, Some(a)));
        let leads_to = if path.is_empty() {
            file.to_owned()
        } else {
            file.parent().unwrap().join(path)
        };
        if !leads_to.exists() {
            broken.push(format!("{}: {target} does not exist", file.display()));
        } else if let Some(anchor) = anchor
            && !anchors(&fs::read_to_string(&leads_to).unwrap())
                .iter()
                .any(|a| a == anchor)
        {
            broken.push(format!("{}: {target}: no such heading", file.display()));
        }
    }
    broken
}

#[test]
fn every_link_leads_somewhere() {
    let mut files = markdown("");
    for folder in ["docs", "docs/guide/src", "bench"] {
        files.extend(markdown(folder));
    }
    assert!(files.len() > 20, "{files:?}");
    let broken: Vec<String> = files.iter().flat_map(|file| broken(file)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn chapters_of_the_guide_link_to_nothing_outside_it() {
    // The book does not contain such a file.
    for file in markdown("docs/guide/src") {
        for target in targets(&prose(&fs::read_to_string(&file).unwrap())) {
            assert!(
                target.contains("://") || !target.contains('/'),
                "{}: {target} is outside the book",
                file.display()
            );
        }
    }
}

#[test]
fn the_readme_links_to_every_chapter() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for file in markdown("docs/guide/src") {
        let name = file.file_name().unwrap().to_str().unwrap();
        // This chapter only includes a page, which a reader of the repository sees without mdBook.
        let link = match name {
            "compare.md" => "(docs/compare.md".to_owned(),
            name => format!("(docs/guide/src/{name}"),
        };
        assert!(
            name == "SUMMARY.md" || readme.contains(&link),
            "README.md has no link to {name}"
        );
    }
}

#[test]
fn a_broken_link_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.md");
    let text = "# One two\n\n[a](#one-two) [b](page.md#one-two) [c](#three) [d](none.md) `[e](f.md)` [g](http://h/)\n";
    fs::write(&file, text).unwrap();
    let found = broken(&file);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].ends_with("#three: no such heading")
            && found[1].ends_with("none.md does not exist")
    );
}
