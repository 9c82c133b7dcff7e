//! Buffers that only a connection with data holds.
//!
//! | file | idea |
//! |---|---|
//! | `pool` | buffers that the connections of a thread use in turn |
//! | `queue` | bytes that come in at one end and go out at the other |
//! | `lent` | received bytes in such a buffer |

pub(crate) mod lent;
pub mod pool;
pub mod queue;
