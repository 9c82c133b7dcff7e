//! Buffers that a connection holds only while it has data.
//!
//! | file | idea |
//! |---|---|
//! | `pool` | the buffers that the connections of a thread share |
//! | `queue` | a queue of bytes |
//! | `lent` | received bytes in a buffer of the pool |

pub(crate) mod lent;
pub mod pool;
pub mod queue;
