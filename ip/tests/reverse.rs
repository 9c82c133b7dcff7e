//! Zones of reverse DNS as networks, and padded octets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use std_net_ip::Reason::{self, *};
use std_net_ip::net::IpNet;
use std_net_ip::{IpAddress, lenient, reverse};

proptest! {
    /// If the first labels of an address's name are removed, the rest is the zone of a network that
    /// contains the address.
    #[test]
    fn zones_are_names_without_their_first_labels(bits: u128, v4: bool, skip in 0..=32usize) {
        let (addr, most, step): (IpAddr, usize, u8) = if v4 {
            (Ipv4Addr::from_bits(bits as u32).into(), 4, 8)
        } else {
            (Ipv6Addr::from_bits(bits).into(), 32, 4)
        };
        let skip = skip.min(most);
        let name = addr.reverse_name().to_string();
        let zone = name.split('.').skip(skip).collect::<Vec<_>>().join(".");
        let len = (most - skip) as u8 * step;
        let net = IpNet::new(addr, len).unwrap().trunc();
        prop_assert_eq!(reverse::parse_net(&zone), Ok(net));
        prop_assert_eq!(reverse::parse_net(zone.to_ascii_uppercase() + "."), Ok(net));
        prop_assert_eq!(reverse::parse(&zone).ok(), (skip == 0).then_some(addr));
    }

    /// No name causes a panic, and the name of an address is its own network.
    #[test]
    fn any_name(labels in "[0-9a-f./]{0,12}", v4: bool) {
        let name = labels + if v4 { ".in-addr.arpa" } else { ".ip6.arpa" };
        let net = reverse::parse_net(&name);
        if let Ok(addr) = reverse::parse(&name) {
            prop_assert_eq!(net, Ok(IpNet::from(addr)));
        }
    }

    #[test]
    fn padded_octets(bits: u32, width in 1..=3usize) {
        let ip = Ipv4Addr::from_bits(bits);
        let text = ip.octets().map(|octet| format!("{octet:0width$}")).join(".");
        prop_assert_eq!(lenient::parse_padded_v4(text), Ok(ip));
    }
}

#[test]
fn parts_of_networks() {
    for (zone, net) in [
        ("0/25.2.0.192.in-addr.arpa", "192.0.2.0/25"),
        ("128/25.2.0.192.in-addr.arpa", "192.0.2.128/25"),
        ("7/32.2.0.192.in-addr.arpa", "192.0.2.7/32"),
        ("16/12.172.in-addr.arpa", "172.16.0.0/12"),
        ("in-addr.arpa.", "0.0.0.0/0"),
        ("ip6.arpa", "::/0"),
    ] {
        assert_eq!(reverse::parse_net(zone).unwrap().to_string(), net, "{zone}");
    }
}

#[test]
fn what_is_no_zone_says_why_and_where() {
    let check = |text: &str, found: Option<(Reason, usize)>, reason: Reason, at: usize| {
        assert_eq!(found, Some((reason, at)), "{text:?}");
    };
    for (text, reason, at) in [
        ("", Empty, 0),
        ("192.0.2.0/24", UnexpectedByte, 0),
        ("example.org", UnexpectedByte, 0),
        ("xin-addr.arpa", UnexpectedByte, 0),
        (".in-addr.arpa", UnexpectedByte, 0),
        ("256.in-addr.arpa", OctetOver255, 0),
        ("1.02.in-addr.arpa", LeadingZero, 2),
        ("1..2.in-addr.arpa", Empty, 2),
        ("1.2.3.4.5.in-addr.arpa", TooManyParts, 8),
        ("1/24.2.0.192.in-addr.arpa", BadPrefixLength, 2),
        ("1/25.2.0.192.in-addr.arpa", BadPrefixLength, 2),
        ("0/33.2.0.192.in-addr.arpa", BadPrefixLength, 2),
        ("10.0/25.2.0.192.in-addr.arpa", UnexpectedByte, 4),
        ("8.b.d.0.1.0.0.g.ip6.arpa", UnexpectedByte, 14),
        ("8.bd.0.ip6.arpa", UnexpectedByte, 3),
        ("8.b..ip6.arpa", UnexpectedEnd, 4),
    ] {
        let error = reverse::parse_net(text).err();
        check(text, error.map(|e| (e.reason(), e.position())), reason, at);
    }
    for (text, reason, at) in [
        ("", Empty, 0),
        ("001.002.003", TooFewParts, 11),
        ("001.002.003.004.005", TooManyParts, 16),
        ("001.002.003.256", OctetOver255, 12),
        ("001.002.003.0004", LeadingZero, 12),
        ("001..003.004", UnexpectedByte, 4),
        ("001.002.003.", UnexpectedEnd, 12),
        ("001.002.003.0x4", UnexpectedByte, 13),
    ] {
        let error = lenient::parse_padded_v4(text).err();
        check(text, error.map(|e| (e.reason(), e.position())), reason, at);
    }
}
