//! The platform code for macOS and FreeBSD, with their differences.

pub(crate) mod control;
pub(crate) mod memory;
pub(crate) mod socket;
pub(crate) mod thread;
pub(crate) mod transfer;
pub(crate) mod wake_fd;
