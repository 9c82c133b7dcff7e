//! `docs/threadlike.md` has tables of the hazards of threadlike processes, and of reports about others, and a list of the
//! tests that are different there by design. The tests that they name exist.

use std::fs;

use std_net_tests::tree::root;

/// The rows of the table with these titles: the first cell of each, and its tests.
fn rows(page: &str, titles: &str) -> Vec<(String, String)> {
    let table = page.split(titles).nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), titles.matches('|').count() - 1, "{line}");
        (cells[0].to_owned(), cells[cells.len() - 1].to_owned())
    })
    .collect()
}

#[test]
fn each_test_that_the_table_names_exists() {
    let page = fs::read_to_string(root().join("docs/threadlike.md")).unwrap();
    let mut all = rows(&page, "| hazard | what is done | test |");
    assert!(all.len() > 25, "{}", all.len());
    let reports = rows(
        &page,
        "| report | what was reported there | what happens here | test |",
    );
    assert!(reports.len() >= 10, "{}", reports.len());
    all.extend(reports);
    let mut with_tests = 0;
    for (hazard, tests) in &all {
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(
            names.is_empty() == tests.starts_with("none"),
            "{hazard}: {tests}"
        );
        with_tests += usize::from(!names.is_empty());
        for name in names {
            let Some((file, test)) = name.split_once("::") else {
                assert!(
                    root().join(name).is_file(),
                    "{hazard}: there is no file {name}"
                );
                continue;
            };
            let found = ["tests/tests", "tests/ecosystem/tests"]
                .iter()
                .find_map(|folder| {
                    fs::read_to_string(root().join(folder).join(format!("{file}.rs"))).ok()
                });
            let text = found.unwrap_or_else(|| panic!("{hazard}: there is no test file {file}"));
            assert!(
                text.contains(&format!("fn {test}(")),
                "{hazard}: {file} has no test {test}"
            );
        }
    }
    assert!(with_tests > 20, "{with_tests}");
}

/// `.ci/threadlike` runs the tests, and compares those that fail with this list.
#[test]
fn each_test_that_is_different_by_design_exists_and_the_page_has_its_reason() {
    let page = fs::read_to_string(root().join("docs/threadlike.md")).unwrap();
    let list = fs::read_to_string(root().join("tests/threadlike.txt")).unwrap();
    for line in list.lines() {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let (name, reason) = line.split_once("  ").expect("a name and a reason");
        let (file, test) = name.split_once("::").expect("FILE::TEST");
        let folders = ["tests/tests", "tests/async/tests", "tests/tracing/tests"];
        let exists = folders.iter().any(|folder| {
            fs::read_to_string(root().join(folder).join(format!("{file}.rs")))
                .is_ok_and(|text| text.contains(&format!("fn {test}(")))
        });
        assert!(exists, "there is no test {name}");
        let row = format!("| `{name}` | {reason} |");
        assert!(page.contains(&row), "docs/threadlike.md has no row {row}");
    }
}
