//! What macOS and FreeBSD have in common, and where they differ.

pub(crate) mod control;
pub(crate) mod memory;
pub(crate) mod socket;
pub(crate) mod thread;
pub(crate) mod transfer;
pub(crate) mod wake_fd;
