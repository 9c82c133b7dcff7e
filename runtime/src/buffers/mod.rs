//! Buffers that only a connection with data holds.
//!
//! | file | idea |
//! |---|---|
//! | `pool` | buffers that the connections of a thread use in turn |
//! | `lent` | received bytes in such a buffer |

pub(crate) mod lent;
pub mod pool;
