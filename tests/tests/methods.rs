//! No public method comes from a macro. So a reader finds a method by `grep "fn name"`, an editor can
//! jump to it, and rustdoc's "source" shows it.

use std::fs;

use std_net_tests::tree::sources;

/// Returns the numbered lines where a type gets a method from a macro: a `pub fn` in the body of a
/// macro, and a macro call among methods.
fn faults(text: &str) -> Vec<(usize, String)> {
    let (mut in_macro, mut in_impl) = (false, false);
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("macro_rules!") {
            in_macro = true;
        } else if line.starts_with("impl") && line.ends_with('{') {
            in_impl = true;
        } else if line.starts_with('}') {
            (in_macro, in_impl) = (false, false);
        }
        let code = line.trim_start();
        let defines = in_macro && (code.starts_with("pub fn") || code.starts_with("pub const fn"));
        let calls = in_impl
            && line.len() - code.len() == 4
            && code.split_once('!').is_some_and(|(name, rest)| {
                is_path(name) && rest.trim_start().starts_with(['(', '{'])
            });
        if defines || calls {
            found.push((number + 1, line.to_owned()));
        }
    }
    found
}

fn is_path(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "_:".contains(c))
}

#[test]
fn no_public_method_comes_from_a_macro() {
    let mut all = Vec::new();
    let sources = sources(&["std_net", "unix", "runtime", "ip"]);
    assert!(sources.len() > 50, "the sources are not found");
    for path in sources {
        for (line, text) in faults(&fs::read_to_string(&path).unwrap()) {
            all.push(format!("{}:{line}: {text}", path.display()));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn one_would_be_found() {
    let made = "macro_rules! m {\n    () => {\n        pub fn a(&self) {}\n    };\n}\n";
    assert_eq!(faults(made).len(), 1);
    assert_eq!(
        faults("impl T {\n    krate::m!(\n        1\n    );\n}\n").len(),
        1
    );
    assert_eq!(faults("impl T {\n    m! {\n    }\n}\n").len(), 1);
    assert_eq!(
        faults("impl T {\n    pub fn a() {\n        m!();\n    }\n}\n"),
        []
    );
}
