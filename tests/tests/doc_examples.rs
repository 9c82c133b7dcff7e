//! Every example of the documentation names the crate that programs use. So it compiles when it is copied:
//! programs depend on `std_net`, not on the crates inside it.

use std::fs;

use std_net_tests::tree::sources;

/// Crates that a program does not name.
const INNER: [&str; 3] = ["std_net_runtime", "std_net_unix", "std_net_ip"];

const CRATES: [&str; 5] = ["std_net", "unix", "runtime", "ip", "interpose"];

/// Returns the numbered lines of code in the documentation comments, hidden ones too, without their
/// comment signs.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let Some(doc) = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
        else {
            inside = false;
            continue;
        };
        if doc.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push((number + 1, doc));
        }
    }
    found
}

fn inner(line: &str) -> Option<&'static str> {
    INNER.into_iter().find(|krate| line.contains(krate))
}

#[test]
fn examples_name_the_crate_that_programs_use() {
    let (mut faults, mut lines, mut named) = (Vec::new(), 0, 0);
    let sources = sources(&CRATES);
    assert!(sources.len() > 50, "the sources are not where they were");
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text) {
            lines += 1;
            named += usize::from(line.contains("std_net::"));
            if let Some(krate) = inner(line) {
                faults.push(format!(
                    "{}:{number}: names {krate} instead of std_net: {}",
                    path.display(),
                    line.trim()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(lines > 1000 && named > 100, "{lines} lines, {named} named");
}

#[test]
fn one_that_does_not_would_be_found() {
    let text = "/// Text about std_net_ip.\n///\n/// ```\n/// # use std_net_ip::net;\n/// let a = 1;\n/// ```\nfn f() {}\n";
    let found = code(text);
    assert_eq!(found, [(4, " # use std_net_ip::net;"), (5, " let a = 1;")]);
    assert_eq!(inner(found[0].1), Some("std_net_ip"));
    assert_eq!(inner(" use std_net::ip::net;"), None);
    assert_eq!(inner(" use std_net_interpose as _;"), None);
}
