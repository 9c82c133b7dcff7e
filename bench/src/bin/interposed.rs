//! The benchmark with `std_net_interpose` linked in. `bench` starts it for the rows about threadlike processes, and for
//! the row that shows what this crate costs a plain thread.

use std_net_interpose as _;

fn main() -> std::io::Result<()> {
    std_net_bench::main()
}
