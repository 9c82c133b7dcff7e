//! jemalloc as the program's allocator. For it, each threadlike process is a thread that ends.

use std_net_ecosystem::allocator;

#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[test]
fn processes_allocate_free_each_others_memory_and_leave_nothing_behind() {
    allocator::allocate_and_end();
}
