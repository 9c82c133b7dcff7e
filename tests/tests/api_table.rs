//! Does the table of methods in the docs match the sources, and does it give a reason for each missing
//! method?

use std::path::Path;

use std_net_tests::api;

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api-table.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == api::page(),
        "docs/api-table.md is out of date: `cargo run -p std_net_tests --bin api_table`"
    );
}

#[test]
fn std_is_complete_and_what_is_missing_has_a_reason() {
    let faults = api::faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
