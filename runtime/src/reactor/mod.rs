//! What the runtime knows of each descriptor that processes wait for, and its waiters. The calls to the kernel are in
//! `sys`.
//!
//! | file | idea |
//! |---|---|
//! | `source` | a descriptor's readiness and its waiters |
//! | `foreign` | waits for descriptors of std and C libraries, in threadlike processes |
//! | `short_reads` | what a short read means, and the later check of it |

pub(crate) mod foreign;
pub(crate) mod short_reads;
pub(crate) mod source;
