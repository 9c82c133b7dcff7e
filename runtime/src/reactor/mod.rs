//! What is known of each descriptor that processes wait for, and its waiters. Not how the kernel
//! is asked; see `sys`.
//!
//! | file | idea |
//! |---|---|
//! | `source` | a descriptor's readiness and its waiters |
//! | `foreign` | waits for descriptors of std and C libraries, in threadlike processes |
//! | `short_reads` | short reads that are looked into afterwards |

pub(crate) mod foreign;
pub(crate) mod short_reads;
pub(crate) mod source;
