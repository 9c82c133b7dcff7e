//! `docs/design.md` has a table of the atomics of the runtime and of the reasons why their orderings are enough. No
//! atomic may be missing in it, and no row may name one that is gone.

use std::collections::BTreeSet;
use std::fs;

use std_net_tests::tree::{root, sources};

/// The name of the field, static or struct that a line declares with an atomic type. `None` for other lines.
fn declared(line: &str) -> Option<&str> {
    let code = line.split("//").next()?.trim_start();
    let is_type = |text: &str| {
        let text = text.trim_start_matches(['[', ' ']);
        text.starts_with("Atomic") && text[6..].starts_with(char::is_uppercase)
    };
    let words = code.trim_start_matches("pub(crate) ");
    let words = words
        .trim_start_matches("pub(super) ")
        .trim_start_matches("pub ");
    if let Some(rest) = words.strip_prefix("struct ") {
        let (name, fields) = rest.split_once('(')?;
        return is_type(fields).then_some(name);
    }
    let words = words.strip_prefix("static ").unwrap_or(words);
    let (name, kind) = words.split_once(": ")?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    // A value in a struct literal is no declaration.
    let is_value = kind.split([' ', ',', ';', '=']).next()?.contains("::");
    (is_name && is_type(kind) && !is_value).then_some(name)
}

/// All atomics in the runtime, as `file: name`.
fn of_the_code() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let base = root().join("runtime/src");
    for path in sources(&["runtime"]) {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let text = text.split("#[cfg(all(test").next().unwrap();
        let file = path.strip_prefix(&base).unwrap().with_extension("");
        for name in text.lines().filter_map(declared) {
            found.insert(format!("{}: {name}", file.display()));
        }
    }
    found
}

/// All atomics in the first column of the table, where a file stands before the names in it.
fn of_the_page() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/design.md")).unwrap();
    let section = page
        .split("### Every atomic of the runtime")
        .nth(1)
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut found = BTreeSet::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let mut file = String::new();
        let cell = row.split(" | ").next().unwrap();
        for (name, after) in cell
            .split('`')
            .skip(1)
            .step_by(2)
            .zip(cell.split('`').skip(2).step_by(2))
        {
            if after.starts_with(':') {
                name.clone_into(&mut file);
            } else {
                found.insert(format!("{file}: {name}"));
            }
        }
    }
    found
}

#[test]
fn every_atomic_has_a_reason() {
    let (code, page) = (of_the_code(), of_the_page());
    assert!(code.len() > 60, "too few were found: {code:?}");
    let missing: Vec<_> = code.difference(&page).collect();
    let gone: Vec<_> = page.difference(&code).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not in docs/design.md: {missing:#?}\nnot in the code: {gone:#?}"
    );
}
