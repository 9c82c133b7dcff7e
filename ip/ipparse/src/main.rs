//! The `ipparse` tool.
fn main() {}
