//! The files of the repository, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the folder of the repository.
#[must_use]
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("it is a member of the workspace")
}

/// Returns the Rust files in a folder and in the folders below it.
#[must_use]
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut todo = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder can be read");
            todo.extend(entries.map(|entry| entry.expect("an entry can be read").path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the Rust files in the `src` folders of these crates.
#[must_use]
pub fn sources(crates: &[&str]) -> Vec<PathBuf> {
    let folders = crates.iter().map(|krate| root().join(krate).join("src"));
    folders.flat_map(|folder| rust_files(&folder)).collect()
}
