//! The sessions in the guide's chapter. Each command is run, and must write the text below it.

mod common;

use std::path::Path;
use std::process::Command;

use common::Folder;

/// Returns the commands of a chapter in order, each with the text below it.
fn sessions(chapter: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in chapter.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => all.push((command.to_owned(), String::new())),
                None => {
                    let (_, output) = all.last_mut().expect("a session begins with a command");
                    output.push_str(line);
                    output.push('\n');
                }
            },
            (false, _) => {}
        }
    }
    all
}

#[test]
fn every_session_is_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chapter = std::fs::read_to_string(root.join("docs/guide/src/ipparse.md")).unwrap();
    let folder = Folder::new(&[]);
    let binary = Path::new(env!("CARGO_BIN_EXE_ipparse"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let sessions = sessions(&chapter);
    assert!(sessions.len() > 20);
    for (command, expected) in sessions {
        // The chapter shows a file before it uses it, so make the file now.
        if let Some(name) = command.strip_prefix("cat ") {
            std::fs::write(folder.path(name), expected).unwrap();
            continue;
        }
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(folder.path(""))
            .env("PATH", &path)
            .output()
            .unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        // The output of `info` ends with an empty line.
        assert_eq!(seen.trim_end(), expected.trim_end(), "$ {command}");
    }
}
