//! The network interfaces of the host, with their addresses, and the conversion between names and
//! indices. Needs the feature `interfaces`. The crate `if-addrs` makes the list.
//!
//! # Examples
//!
//! ```
//! use std_net::interfaces;
//!
//! for interface in interfaces::list()? {
//!     println!("{} ({}):", interface.name, interface.index);
//!     for address in &interface.addresses {
//!         println!("  {}/{}", address.ip, address.prefix_len);
//!     }
//! }
//! // A multicast group of IPv6, for example, needs an index.
//! let index = interfaces::index("lo")?;
//! assert_eq!(interfaces::name(index)?, "lo");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::net::IpAddr;

use if_addrs::{IfAddr, IfOperStatus};
use std_net_runtime::lookup;

/// A network interface that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name: `lo`, `eth0`.
    pub name: String,
    /// Its index, which the kernel chooses. It stays the same when the name changes.
    pub index: u32,
    /// Its addresses, in the order of the system.
    pub addresses: Vec<Address>,
    /// True if the interface leads back to this host.
    pub loopback: bool,
    /// True if it is up and running, `None` if the system does not say.
    pub up: Option<bool>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// How many of its bits belong to the network.
    pub prefix_len: u8,
    /// The address that reaches all hosts in the network. Only IPv4 has one.
    pub broadcast: Option<IpAddr>,
}

/// Returns the interfaces of the host that have an address, sorted by index, as they are at this
/// moment.
///
/// # Errors
///
/// The error of `getifaddrs(3)`.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for one in if_addrs::get_if_addrs()? {
        // The interface may have gone meanwhile.
        let Some(index) = one.index.or_else(|| index(&one.name).ok()) else {
            continue;
        };
        let address = match &one.addr {
            IfAddr::V4(v4) => Address {
                ip: v4.ip.into(),
                prefix_len: v4.prefixlen,
                broadcast: v4.broadcast.map(IpAddr::from),
            },
            IfAddr::V6(v6) => Address {
                ip: v6.ip.into(),
                prefix_len: v6.prefixlen,
                broadcast: None,
            },
        };
        if let Some(known) = interfaces.iter_mut().find(|known| known.index == index) {
            known.addresses.push(address);
            continue;
        }
        interfaces.push(Interface {
            index,
            addresses: vec![address],
            loopback: one.is_loopback(),
            up: match one.oper_status {
                IfOperStatus::Up => Some(true),
                IfOperStatus::Unknown => None,
                _ => Some(false),
            },
            name: one.name,
        });
    }
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// Returns the index of the interface with this name. Corresponds to `if_nametoindex(3)`.
///
/// # Errors
///
/// `ENODEV` if there is no such interface; [`InvalidInput`](io::ErrorKind::InvalidInput) for a name
/// with a zero byte.
pub fn index(name: &str) -> io::Result<u32> {
    lookup::interface_index(name)
}

/// Returns the name of the interface with this index. Corresponds to `if_indextoname(3)`.
///
/// # Errors
///
/// `ENXIO` if there is no such interface.
pub fn name(index: u32) -> io::Result<String> {
    lookup::interface_name(index)
}
