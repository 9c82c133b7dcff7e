//! `docs/soundness.md` has a table of the `unsafe` code by folder. The numbers in it are counted here.

use std::collections::BTreeMap;
use std::fs;

use std_net_tests::tree::{root, sources};

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

/// Counts the files of all crates, and adds them up by the folder in which they are.
fn by_folder() -> BTreeMap<String, Count> {
    let mut found = BTreeMap::<String, Count>::new();
    for path in sources(&["runtime", "unix", "interpose", "std_net", "ip"]) {
        let one = count(&fs::read_to_string(&path).unwrap());
        if one != Count::default() {
            let folder = path.parent().unwrap().strip_prefix(root()).unwrap();
            let folder = folder.to_str().unwrap().to_owned();
            let all = found.entry(folder).or_default();
            all.blocks += one.blocks;
            all.items += one.items;
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
    let found = by_folder();
    let page = fs::read_to_string(root().join("docs/soundness.md")).unwrap();
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
