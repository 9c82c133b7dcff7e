//! Writes `docs/api-table.md` again from its sources.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api-table.md");
    std::fs::write(path, std_net_tests::api::page())
}
