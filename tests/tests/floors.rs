//! The runtime has floors: a file uses only files on its own floor or below. The map is in
//! docs/design.md, and this test compares it with the files and their imports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use std_net_tests::tree::{root, rust_files};

/// Returns the floor of each file or folder of `runtime/src`, counted from the ground. The map in
/// docs/design.md has one line for each floor, the highest first.
fn floors() -> BTreeMap<String, usize> {
    let page = fs::read_to_string(root().join("docs/design.md")).unwrap();
    let map = page
        .split_once("runtime/src, from the roof to the ground:")
        .expect("the map is in docs/design.md")
        .1;
    let lines: Vec<&str> = map
        .lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    "))
        .collect();
    let mut floors = BTreeMap::new();
    for (level, line) in lines.iter().rev().enumerate() {
        let names = line.split("  ").find(|part| !part.trim().is_empty());
        for name in names.unwrap().split_whitespace() {
            floors.insert(name.trim_end_matches('/').to_owned(), level);
        }
    }
    floors
}

/// Returns the part to which a file belongs: its folder in `runtime/src`, or the file's own name
/// without the extension.
fn part(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    let first = first.to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Returns the parts that a file uses: the names behind `crate::` in its code, except in its tests.
fn used(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap();
        if code.starts_with("#[cfg(test)]") || code.starts_with("#[cfg(all(test") {
            break;
        }
        for rest in code.split("crate::").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // A macro is always at the root of its crate, whichever file defines it.
            if !is_macro(&name) {
                found.push((number + 1, name));
            }
        }
    }
    found
}

/// Returns whether this is an exported macro of the runtime.
fn is_macro(name: &str) -> bool {
    static MACROS: LazyLock<Vec<String>> = LazyLock::new(|| {
        rust_files(&root().join("runtime/src"))
            .iter()
            .flat_map(|file| {
                let text = fs::read_to_string(file).unwrap();
                let lines = text
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("macro_rules! "));
                lines
                    .filter_map(|rest| rest.split(' ').next().map(str::to_owned))
                    .collect::<Vec<_>>()
            })
            .collect()
    });
    MACROS.iter().any(|known| known == name)
}

#[test]
fn the_map_names_every_file_and_folder() {
    let src = root().join("runtime/src");
    let mut there: Vec<String> = fs::read_dir(src)
        .unwrap()
        .map(|e| part(Path::new(&e.unwrap().file_name())))
        // These are the entrance of the crate, and code that other crates expand.
        .filter(|name| !["lib", "macros"].contains(&name.as_str()))
        .collect();
    there.sort();
    let drawn: Vec<String> = floors().into_keys().collect();
    assert_eq!(there, drawn);
}

#[test]
fn nothing_is_imported_from_a_floor_above() {
    let src = root().join("runtime/src");
    let floors = floors();
    let mut upward = Vec::new();
    let mut imports = 0;
    for file in rust_files(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let Some(own) = floors.get(&part(path)) else {
            continue;
        };
        for (line, name) in used(&fs::read_to_string(&file).unwrap()) {
            let Some(theirs) = floors.get(&name) else {
                upward.push(format!(
                    "{}:{line}: crate::{name} is on no floor",
                    path.display()
                ));
                continue;
            };
            imports += 1;
            if theirs > own {
                upward.push(format!("{}:{line}: crate::{name}", path.display()));
            }
        }
    }
    assert!(imports > 100, "imports are not found");
    assert!(upward.is_empty(), "upward:\n{}", upward.join("\n"));
}

#[test]
fn an_import_is_seen_wherever_it_stands() {
    let text = "use crate::io::Io;\n// crate::roof\nlet a = crate::sys::cvt(1); /// [`x`](crate::y)\n#[cfg(test)]\nuse crate::process;\n";
    let found: Vec<_> = used(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["io", "sys"]);
}
