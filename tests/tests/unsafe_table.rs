//! `docs/soundness.md` has a table of the `unsafe` code by folder. The numbers in it are counted here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The `unsafe` blocks of a folder, and its `unsafe` functions, implementations and foreign items.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    blocks: usize,
    items: usize,
}

fn count(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let blocks = code.matches("unsafe {").count();
        count.blocks += blocks;
        count.items += code.matches("unsafe ").count() - blocks;
    }
    count
}

/// Counts the files of `root`, and adds them up by the folder in which they are.
fn by_folder(root: &Path) -> BTreeMap<String, Count> {
    let mut found = BTreeMap::<String, Count>::new();
    let mut todo: Vec<PathBuf> = ["runtime", "unix", "interpose", "std_net", "ip"]
        .iter()
        .map(|krate| root.join(krate).join("src"))
        .collect();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let one = count(&fs::read_to_string(&path).unwrap());
            if one != Count::default() {
                let folder = path.parent().unwrap().strip_prefix(root).unwrap();
                let all = found
                    .entry(folder.to_str().unwrap().to_owned())
                    .or_default();
                all.blocks += one.blocks;
                all.items += one.items;
            }
        }
    }
    found
}

/// Reads the rows `` | `folder` | blocks | items | proof | ``.
fn table(page: &str) -> BTreeMap<String, Count> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let folder = cells.next()?.strip_suffix('`')?.to_owned();
        let blocks = cells.next()?.parse().ok()?;
        let items = cells.next()?.parse().ok()?;
        let proof = cells.next()?.trim_end_matches('|').trim();
        assert!(proof.len() > 10, "{folder} has no proof");
        Some((folder, Count { blocks, items }))
    });
    rows.collect()
}

#[test]
fn the_table_has_all_unsafe_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let found = by_folder(root);
    let page = fs::read_to_string(root.join("docs/soundness.md")).unwrap();
    let mut rows = String::new();
    for (folder, Count { blocks, items }) in &found {
        rows += &format!("| `{folder}` | {blocks} | {items} | ... |\n");
    }
    assert!(
        table(&page) == found,
        "the table in docs/soundness.md is to have these numbers. Look at the new code first:\n{rows}"
    );
}

#[test]
fn code_is_counted_and_comments_are_not() {
    let text = "// unsafe { }\nunsafe { a() } // SAFETY: unsafe { }\nunsafe fn b() {}\nunsafe impl C for D {}\n";
    let expected = Count {
        blocks: 1,
        items: 2,
    };
    assert_eq!(count(text), expected);
}
