//! What an address is for: both ends of each block, and the addresses just outside.

use std::net::IpAddr;

use std_net_ip::classify::{Registration, classify, is_globally_reachable};

fn name(text: &str) -> Option<&'static str> {
    let addr: IpAddr = text.parse().unwrap();
    classify(addr).map(Registration::name)
}

/// A block: its first and last address, its name, and whether it can be reached from everywhere.
const BLOCKS: [(&str, &str, &str, bool); 15] = [
    ("10.0.0.0", "10.255.255.255", "Private-Use", false),
    (
        "100.64.0.0",
        "100.127.255.255",
        "Shared Address Space",
        false,
    ),
    ("127.0.0.0", "127.255.255.255", "Loopback", false),
    ("169.254.0.0", "169.254.255.255", "Link Local", false),
    ("172.16.0.0", "172.31.255.255", "Private-Use", false),
    (
        "192.0.2.0",
        "192.0.2.255",
        "Documentation (TEST-NET-1)",
        false,
    ),
    ("192.168.0.0", "192.168.255.255", "Private-Use", false),
    ("198.18.0.0", "198.19.255.255", "Benchmarking", false),
    (
        "198.51.100.0",
        "198.51.100.255",
        "Documentation (TEST-NET-2)",
        false,
    ),
    (
        "203.0.113.0",
        "203.0.113.255",
        "Documentation (TEST-NET-3)",
        false,
    ),
    ("240.0.0.0", "255.255.255.254", "Reserved", false),
    ("::1", "::1", "Loopback Address", false),
    (
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "Documentation",
        false,
    ),
    (
        "fc00::",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "Unique-Local",
        false,
    ),
    (
        "fe80::",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "Link-Local Unicast",
        false,
    ),
];

#[test]
fn both_ends_of_a_block_belong_to_it() {
    for (first, last, expected, reachable) in BLOCKS {
        for text in [first, last] {
            assert_eq!(name(text), Some(expected), "{text}");
            let addr = text.parse().unwrap();
            assert_eq!(is_globally_reachable(addr), reachable, "{text}");
        }
    }
}

#[test]
fn the_neighbours_of_a_block_do_not() {
    for text in [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "2001:db7:ffff::",
        "2001:db9::",
        "fbff:ffff::",
        "fe00::",
        "fec0::",
    ] {
        assert_eq!(name(text), None, "{text}");
    }
    for text in [
        "9.255.255.255",
        "11.0.0.0",
        "128.0.0.0",
        "2001:db9::",
        "2a00::1",
    ] {
        assert!(is_globally_reachable(text.parse().unwrap()), "{text}");
    }
}

/// Multicast has a block of its own, and an exception to a block is found before the block.
#[test]
fn multicast_and_exceptions() {
    for text in ["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1"] {
        assert_eq!(name(text), Some("Multicast"), "{text}");
    }
    assert_eq!(name("192.0.0.9"), Some("Port Control Protocol Anycast"));
    assert!(is_globally_reachable("192.0.0.9".parse().unwrap()));
    assert_eq!(name("255.255.255.255"), Some("Limited Broadcast"));
}
