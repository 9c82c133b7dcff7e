//! What only Linux has.

#[cfg(not(std_net_portable))]
pub(super) mod epoll;
pub(super) mod mmsg;
#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
))]
pub(super) mod ring;
