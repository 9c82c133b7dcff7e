//! The platform code for Linux.

pub(crate) mod control;
#[cfg(not(std_net_portable))]
pub(crate) mod epoll;
pub(crate) mod memory;
pub(crate) mod mmsg;
#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
))]
pub(crate) mod ring;
pub(crate) mod socket;
pub(crate) mod thread;
pub(crate) mod transfer;
pub(crate) mod wake_fd;
