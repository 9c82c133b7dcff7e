//! The benchmark; see the library.

fn main() -> std::io::Result<()> {
    std_net_bench::main()
}
