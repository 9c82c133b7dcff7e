//! The purpose of an address, by the registries of IANA (RFC 6890 and its successors).
//!
//! The tables follow the "IANA IPv4 Special-Purpose Address Registry" and the "IANA IPv6
//! Special-Purpose Address Registry" as of October 2025, with their names. Multicast has registries of
//! its own, and is one block here.
//!
//! `ip/registry.py` compares the rows with CPython's `ipaddress` and the Python package `netaddr`. If
//! it gets the CSV files of the registries, it compares the rows with them too. Five rows are newer
//! than both Python sources. These rows, and all blocks and names, were compared with two copies of the
//! registries, from October 2025 and September 2026.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A block of addresses with a special purpose.
///
/// # Examples
///
/// ```
/// use std_net::ip::classify;
///
/// let block = classify("10.1.2.3".parse().unwrap()).unwrap();
/// assert_eq!(block.name(), "Private-Use");
/// assert_eq!(block.net().to_string(), "10.0.0.0/8");
/// assert_eq!(block.rfc(), "RFC 1918");
/// assert_eq!(block.globally_reachable(), Some(false));
/// assert!(classify("8.8.8.8".parse().unwrap()).is_none());
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Registration {
    net: IpNet,
    name: &'static str,
    rfc: &'static str,
    globally_reachable: Option<bool>,
}

impl Registration {
    /// Returns the block.
    #[must_use]
    pub fn net(&self) -> IpNet {
        self.net
    }

    /// Returns its name in the registry.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the document that reserves it.
    #[must_use]
    pub fn rfc(&self) -> &'static str {
        self.rfc
    }

    /// Returns whether packets to it are forwarded beyond the local network. Returns `None` if the
    /// registry says "N/A".
    #[must_use]
    pub fn globally_reachable(&self) -> Option<bool> {
        self.globally_reachable
    }
}

/// Returns the smallest block with a special purpose that contains the address. Returns `None` for an
/// ordinary address, which is globally reachable.
#[must_use]
pub fn classify(addr: IpAddr) -> Option<&'static Registration> {
    // Outer blocks stand before the blocks inside them.
    match addr {
        IpAddr::V4(_) => V4.iter().rev().find(|r| r.net.contains(&addr)),
        IpAddr::V6(_) => V6.iter().rev().find(|r| r.net.contains(&addr)),
    }
}

/// Returns all blocks, IPv4 first, ordered by their addresses.
pub fn all() -> impl Iterator<Item = &'static Registration> {
    V4.iter().chain(&V6)
}

/// Returns whether packets to an address are forwarded beyond the local network. It returns false for
/// multicast, and for other blocks for which the registry has no answer.
///
/// # Examples
///
/// ```
/// use std_net::ip::classify::is_globally_reachable;
///
/// assert!(is_globally_reachable("192.0.0.9".parse().unwrap()));
/// assert!(!is_globally_reachable("192.0.0.8".parse().unwrap()));
/// assert!(is_globally_reachable("2606:4700::1111".parse().unwrap()));
/// ```
#[must_use]
pub fn is_globally_reachable(addr: IpAddr) -> bool {
    classify(addr).is_none_or(|block| block.globally_reachable == Some(true))
}

const fn v4(
    bits: u32,
    len: u8,
    name: &'static str,
    rfc: &'static str,
    reachable: Option<bool>,
) -> Registration {
    let net = IpNet::V4(Ipv4Net::new_assert(
        std::net::Ipv4Addr::from_bits(bits),
        len,
    ));
    Registration {
        net,
        name,
        rfc,
        globally_reachable: reachable,
    }
}

const fn v6(
    bits: u128,
    len: u8,
    name: &'static str,
    rfc: &'static str,
    reachable: Option<bool>,
) -> Registration {
    let net = IpNet::V6(Ipv6Net::new_assert(
        std::net::Ipv6Addr::from_bits(bits),
        len,
    ));
    Registration {
        net,
        name,
        rfc,
        globally_reachable: reachable,
    }
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const NOT_SAID: Option<bool> = None;

#[rustfmt::skip]
static V4: [Registration; 27] = [
    v4(0x0000_0000, 8, "\"This network\"", "RFC 791", NO),
    v4(0x0000_0000, 32, "\"This host on this network\"", "RFC 1122", NO),
    v4(0x0a00_0000, 8, "Private-Use", "RFC 1918", NO),
    v4(0x6440_0000, 10, "Shared Address Space", "RFC 6598", NO),
    v4(0x7f00_0000, 8, "Loopback", "RFC 1122", NO),
    v4(0xa9fe_0000, 16, "Link Local", "RFC 3927", NO),
    v4(0xac10_0000, 12, "Private-Use", "RFC 1918", NO),
    v4(0xc000_0000, 24, "IETF Protocol Assignments", "RFC 6890", NO),
    v4(0xc000_0000, 29, "IPv4 Service Continuity Prefix", "RFC 7335", NO),
    v4(0xc000_0008, 32, "IPv4 dummy address", "RFC 7600", NO),
    v4(0xc000_0009, 32, "Port Control Protocol Anycast", "RFC 7723", YES),
    v4(0xc000_000a, 32, "Traversal Using Relays around NAT Anycast", "RFC 8155", YES),
    v4(0xc000_00aa, 32, "NAT64/DNS64 Discovery", "RFC 8880", NO),
    v4(0xc000_00ab, 32, "NAT64/DNS64 Discovery", "RFC 8880", NO),
    v4(0xc000_0200, 24, "Documentation (TEST-NET-1)", "RFC 5737", NO),
    v4(0xc01f_c400, 24, "AS112-v4", "RFC 7535", YES),
    v4(0xc034_c100, 24, "AMT", "RFC 7450", YES),
    v4(0xc058_6300, 24, "Deprecated (6to4 Relay Anycast)", "RFC 7526", NOT_SAID),
    v4(0xc058_6302, 32, "6a44-relay anycast address", "RFC 6751", NO),
    v4(0xc0a8_0000, 16, "Private-Use", "RFC 1918", NO),
    v4(0xc0af_3000, 24, "Direct Delegation AS112 Service", "RFC 7534", YES),
    v4(0xc612_0000, 15, "Benchmarking", "RFC 2544", NO),
    v4(0xc633_6400, 24, "Documentation (TEST-NET-2)", "RFC 5737", NO),
    v4(0xcb00_7100, 24, "Documentation (TEST-NET-3)", "RFC 5737", NO),
    v4(0xe000_0000, 4, "Multicast", "RFC 5771", NOT_SAID),
    v4(0xf000_0000, 4, "Reserved", "RFC 1112", NO),
    v4(0xffff_ffff, 32, "Limited Broadcast", "RFC 8190", NO),
];

#[rustfmt::skip]
static V6: [Registration; 26] = [
    v6(0x0000_0000_0000_0000_0000_0000_0000_0000, 128, "Unspecified Address", "RFC 4291", NO),
    v6(0x0000_0000_0000_0000_0000_0000_0000_0001, 128, "Loopback Address", "RFC 4291", NO),
    v6(0x0000_0000_0000_0000_0000_ffff_0000_0000, 96, "IPv4-mapped Address", "RFC 4291", NO),
    v6(0x0064_ff9b_0000_0000_0000_0000_0000_0000, 96, "IPv4-IPv6 Translat.", "RFC 6052", YES),
    v6(0x0064_ff9b_0001_0000_0000_0000_0000_0000, 48, "IPv4-IPv6 Translat.", "RFC 8215", NO),
    v6(0x0100_0000_0000_0000_0000_0000_0000_0000, 64, "Discard-Only Address Block", "RFC 6666", NO),
    v6(0x0100_0000_0000_0001_0000_0000_0000_0000, 64, "Dummy IPv6 Prefix", "RFC 9780", NO),
    v6(0x2001_0000_0000_0000_0000_0000_0000_0000, 23, "IETF Protocol Assignments", "RFC 2928", NO),
    v6(0x2001_0000_0000_0000_0000_0000_0000_0000, 32, "TEREDO", "RFC 4380", NOT_SAID),
    v6(0x2001_0001_0000_0000_0000_0000_0000_0001, 128, "Port Control Protocol Anycast", "RFC 7723", YES),
    v6(0x2001_0001_0000_0000_0000_0000_0000_0002, 128, "Traversal Using Relays around NAT Anycast", "RFC 8155", YES),
    v6(0x2001_0001_0000_0000_0000_0000_0000_0003, 128, "DNS-SD Service Registration Protocol Anycast", "RFC 9665", YES),
    v6(0x2001_0002_0000_0000_0000_0000_0000_0000, 48, "Benchmarking", "RFC 5180", NO),
    v6(0x2001_0003_0000_0000_0000_0000_0000_0000, 32, "AMT", "RFC 7450", YES),
    v6(0x2001_0004_0112_0000_0000_0000_0000_0000, 48, "AS112-v6", "RFC 7535", YES),
    v6(0x2001_0010_0000_0000_0000_0000_0000_0000, 28, "Deprecated (previously ORCHID)", "RFC 4843", NOT_SAID),
    v6(0x2001_0020_0000_0000_0000_0000_0000_0000, 28, "ORCHIDv2", "RFC 7343", YES),
    v6(0x2001_0030_0000_0000_0000_0000_0000_0000, 28, "Drone Remote ID Protocol Entity Tags (DETs) Prefix", "RFC 9374", YES),
    v6(0x2001_0db8_0000_0000_0000_0000_0000_0000, 32, "Documentation", "RFC 3849", NO),
    v6(0x2002_0000_0000_0000_0000_0000_0000_0000, 16, "6to4", "RFC 3056", NOT_SAID),
    v6(0x2620_004f_8000_0000_0000_0000_0000_0000, 48, "Direct Delegation AS112 Service", "RFC 7534", YES),
    v6(0x3fff_0000_0000_0000_0000_0000_0000_0000, 20, "Documentation", "RFC 9637", NO),
    v6(0x5f00_0000_0000_0000_0000_0000_0000_0000, 16, "Segment Routing (SRv6) SIDs", "RFC 9602", NO),
    v6(0xfc00_0000_0000_0000_0000_0000_0000_0000, 7, "Unique-Local", "RFC 4193", NO),
    v6(0xfe80_0000_0000_0000_0000_0000_0000_0000, 10, "Link-Local Unicast", "RFC 4291", NO),
    v6(0xff00_0000_0000_0000_0000_0000_0000_0000, 8, "Multicast", "RFC 4291", NOT_SAID),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_proper_and_outer_ones_come_first() {
        for table in [&V4[..], &V6[..]] {
            for (i, block) in table.iter().enumerate() {
                assert_eq!(block.net, block.net.trunc(), "{block:?}");
                for later in &table[i + 1..] {
                    assert!(!later.net.contains(&block.net), "{block:?} {later:?}");
                }
            }
        }
    }

    #[test]
    fn the_smallest_block_is_found() {
        let name = |text: &str| classify(text.parse().unwrap()).map(Registration::name);
        assert_eq!(name("0.0.0.0"), Some("\"This host on this network\""));
        assert_eq!(name("0.0.0.1"), Some("\"This network\""));
        assert_eq!(name("192.0.0.200"), Some("IETF Protocol Assignments"));
        assert_eq!(name("192.0.0.7"), Some("IPv4 Service Continuity Prefix"));
        assert_eq!(name("255.255.255.255"), Some("Limited Broadcast"));
        assert_eq!(name("239.1.2.3"), Some("Multicast"));
        assert_eq!(name("2001:1::1"), Some("Port Control Protocol Anycast"));
        assert_eq!(name("2001:0:1::"), Some("TEREDO"));
        assert_eq!(name("2001:db8::1"), Some("Documentation"));
        assert_eq!(name("::ffff:8.8.8.8"), Some("IPv4-mapped Address"));
        assert_eq!(name("1.1.1.1"), None);
        assert_eq!(name("2a00::1"), None);
    }
}
