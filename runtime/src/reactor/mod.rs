//! What is known of each descriptor that processes wait for, and who waits for it. Not how the kernel
//! is asked; see `sys`.
//!
//! | file | idea |
//! |---|---|
//! | `source` | a descriptor's readiness and its waiters |
//! | `short_reads` | short reads that are looked into afterwards |

pub(crate) mod short_reads;
pub(crate) mod source;
