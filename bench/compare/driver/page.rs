//! The page `docs/compare.md`: its sources and tables are written here, between marks; its text is written by hand.
//! `tests/tests/compare.rs` finds it when a source has changed and the page has not.

use std::fs;
use std::io;

use crate::program::{Program, TASKS, Task, WAYS, root};
use crate::results::Results;

const PAGE: &str = "docs/compare.md";

/// Writes the sources and the figures into the page.
pub(crate) fn write() -> io::Result<()> {
    let path = root().join(PAGE);
    let mut page = fs::read_to_string(&path)?;
    let results = Results::read()?;
    for task in TASKS {
        page = put(&page, &format!("table {task}"), &results.table(task)?)?;
        page = put(&page, &format!("code {task}"), &sources(task)?)?;
    }
    fs::write(path, page)
}

/// Replaces what is between `<!-- MARK -->` and the next `<!-- end -->`.
fn put(page: &str, mark: &str, text: &str) -> io::Result<String> {
    let begin = format!("<!-- {mark} -->\n");
    let parts = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once("<!-- end -->")?;
        Some((before, after))
    });
    match parts {
        Some((before, after)) => Ok(format!("{before}{begin}\n{text}\n<!-- end -->{after}")),
        None => Err(io::Error::other(format!("{PAGE} has no {mark}"))),
    }
}

/// Returns the sources of a task. Ours is open; a reader opens the others.
fn sources(task: Task) -> io::Result<String> {
    let mut all = String::new();
    for way in WAYS {
        let program = Program { way, task };
        let (source, text, lines) = (program.source(), program.text()?, program.lines()?);
        let language = match way {
            "go" | "kotlin" => way,
            "inko" => "text",
            // Not a documentation test, and without a button that runs it elsewhere.
            _ => "rust,ignore",
        };
        let block = format!("`{source}`\n\n```{language}\n{text}```\n");
        if way == WAYS[0] {
            all = format!("{block}\n");
        } else {
            all += &format!(
                "<details><summary>{way}: {lines} lines</summary>\n\n{block}\n</details>\n"
            );
        }
    }
    Ok(all)
}
