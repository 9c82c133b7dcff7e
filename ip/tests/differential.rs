//! Compares our parsers with std's, on generated valid text and on text with small changes. Both must
//! accept the same text with the same meaning, and an error must have a place and a reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use proptest::prelude::*;
use std_net_ip::{self as ip, IpAddress, Reason, net, v4, v6};

// The strategies are boxed, because large nested ones would overflow the stack of a test.

fn any_v6() -> BoxedStrategy<Ipv6Addr> {
    // Most groups are zero or small, so that there is often a `::`.
    let group = prop_oneof![3 => Just(0u16), 1 => 0..16u16, 2 => any::<u16>(), 1 => Just(0xffff)];
    prop::array::uniform8(group.boxed())
        .prop_map(Ipv6Addr::from)
        .boxed()
}

fn any_ip() -> BoxedStrategy<IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any_v6().prop_map(IpAddr::from)
    ]
    .boxed()
}

/// Ways to write an IPv6 address that are not canonical.
fn v6_text() -> BoxedStrategy<String> {
    (any_v6(), any::<bool>(), any::<bool>(), 0..8usize, 0..9usize)
        .prop_map(|(addr, upper, tail, from, to)| {
            let groups = addr.segments();
            let mut parts: Vec<String> = groups.iter().map(|g| format!("{g:x}")).collect();
            if tail {
                let [.., a, b] = groups;
                let [a, b] = [a.to_be_bytes(), b.to_be_bytes()];
                parts.truncate(6);
                parts.push(format!("{}.{}.{}.{}", a[0], a[1], b[0], b[1]));
            }
            let text = if from < to && to <= parts.len() {
                format!("{}::{}", parts[..from].join(":"), parts[to..].join(":"))
            } else {
                parts.join(":")
            };
            if upper { text.to_uppercase() } else { text }
        })
        .boxed()
}

fn socket_text() -> BoxedStrategy<String> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(|(a, p)| format!("{}:{p}", Ipv4Addr::from(a))),
        (v6_text(), any::<u16>()).prop_map(|(a, p)| format!("[{a}]:{p}")),
        (v6_text(), any::<u32>(), 0..70000u32).prop_map(|(a, s, p)| format!("[{a}%{s}]:{p}")),
        (v6_text(), any::<u64>(), any::<u16>()).prop_map(|(a, s, p)| format!("[{a}%{s}]:00{p}")),
    ]
    .boxed()
}

/// Any of these texts, with up to three bytes replaced, removed or inserted.
fn mutated() -> BoxedStrategy<String> {
    let text = prop_oneof![
        any_ip().prop_map(|ip| ip.to_string()),
        v6_text(),
        socket_text(),
        (any_ip(), 0..140u8).prop_map(|(ip, len)| format!("{ip}/{len}")),
    ];
    let change = (
        0..3u8,
        any::<prop::sample::Index>(),
        prop::sample::select(b"0123456789abcdefABCDEFg:::...%/[] +-x\0\n".to_vec()),
    );
    (text, prop::collection::vec(change, 0..4))
        .prop_map(|(text, changes)| {
            let mut bytes = text.into_bytes();
            for (kind, index, byte) in changes {
                if bytes.is_empty() {
                    break;
                }
                let at = index.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, byte),
                }
            }
            String::from_utf8(bytes).expect("ASCII stays ASCII")
        })
        .boxed()
}

/// Checks that we accept the same text as std, and that the place of an error lies in the text.
fn same_as_std(text: &str) {
    fn check<T: PartialEq + std::fmt::Debug, E>(
        text: &str,
        ours: Result<T, ip::ParseError>,
        std: Result<T, E>,
    ) {
        match (ours, std) {
            (Ok(ours), Ok(std)) => assert_eq!(ours, std, "{text:?}"),
            (Err(error), Err(_)) => {
                assert!(error.position() <= text.len(), "{text:?}: {error:?}");
                // If the explaining parser finds no reason, it reports an unexpected byte at 0.
                if error.reason() == Reason::UnexpectedByte && error.position() == 0 {
                    assert!(!explained_elsewhere(text), "{text:?}: {error}");
                }
                assert!(!error.to_string().is_empty());
            }
            (ours, std) => panic!("{text:?}: {ours:?}, std: {:?}", std.is_ok()),
        }
    }
    check(text, ip::parse(text), text.parse::<IpAddr>());
    check(text, ip::parse_v4(text), text.parse::<Ipv4Addr>());
    check(text, ip::parse_v6(text), text.parse::<Ipv6Addr>());
    check(
        text,
        ip::parse_socket_addr(text),
        text.parse::<SocketAddr>(),
    );
    check(
        text,
        ip::parse_socket_addr_v4(text),
        text.parse::<SocketAddrV4>(),
    );
    check(
        text,
        ip::parse_socket_addr_v6(text),
        text.parse::<SocketAddrV6>(),
    );
}

/// Returns whether some valid form begins like this text, so that byte 0 is not the wrong one.
fn explained_elsewhere(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() && text.parse::<SocketAddr>().is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_addresses(ip in any_ip()) {
        let text = ip.to_string();
        prop_assert_eq!(ip::parse(&text), Ok(ip));
        prop_assert_eq!(ip.canonical().to_string(), text);
        prop_assert_eq!(ip::parse(ip.expanded().as_str()), Ok(ip));
        prop_assert_eq!(ip::reverse::parse(ip.reverse_name().to_string()), Ok(ip));
        match ip {
            IpAddr::V4(ip) => {
                prop_assert_eq!(v4::from_integer(ip.to_integer().to_string()), Ok(ip));
                prop_assert_eq!(v4::from_hex(ip.hex().to_string()), Ok(ip));
            }
            IpAddr::V6(ip) => {
                prop_assert_eq!(v6::from_integer(ip.to_integer().to_string()), Ok(ip));
                prop_assert_eq!(v6::from_hex(ip.hex().to_string()), Ok(ip));
            }
        }
    }

    #[test]
    fn other_ways_to_write_ipv6(text in v6_text()) {
        same_as_std(&text);
    }

    #[test]
    fn socket_addresses(text in socket_text()) {
        same_as_std(&text);
    }

    #[test]
    fn changed_text(text in mutated()) {
        same_as_std(&text);
    }

    #[test]
    fn networks_as_ipnet_but_stricter(text in mutated()) {
        let ours = net::parse(&text);
        let theirs = text.parse::<net::IpNet>();
        if let Ok(ours) = ours {
            prop_assert_eq!(Ok(ours), theirs);
        } else if theirs.is_ok() {
            // ipnet's own parser accepts leading zeros in octets, and a `::` that stands for no group.
            let (addr, _) = text.split_once('/').unwrap();
            prop_assert!(addr.parse::<IpAddr>().is_err(), "{:?}", text);
        }
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = (ip::parse(&bytes), ip::parse_socket_addr(&bytes), net::parse(&bytes));
        let _ = (ip::ScopedAddr::parse(&bytes), ip::range::parse(&bytes));
        let _ = (ip::reverse::parse(&bytes), ip::lenient::parse_v4(&bytes));
    }

    #[test]
    fn scoped_addresses(addr in any_v6(), zone in "[a-z0-9.-]{1,15}") {
        let text = format!("{addr}%{zone}");
        let scoped = ip::ScopedAddr::parse(&text).unwrap();
        prop_assert_eq!(scoped.addr(), IpAddr::V6(addr));
        prop_assert_eq!(scoped.zone(), Some(zone.as_str()));
        prop_assert_eq!(scoped.to_string(), text);
    }
}

#[test]
fn every_reason_has_its_place() {
    use Reason::*;
    for (text, reason, at) in [
        ("", Empty, 0),
        ("1.2.3", TooFewParts, 5),
        ("1.2.3.", UnexpectedEnd, 6),
        ("1..2.3.4", UnexpectedByte, 2),
        ("1.2.3.4.", TooManyParts, 7),
        ("1.2.3.4.5", TooManyParts, 7),
        ("1.02.3.4", LeadingZero, 2),
        ("1.2.256.4", OctetOver255, 4),
        ("1.2.3.4 ", TrailingData, 7),
        ("1:2:3:4:5:6:7", TooFewParts, 13),
        ("1:2:3:4:5:6:7:8:9", TooManyParts, 16),
        ("1::2::3", SecondDoubleColon, 4),
        ("12345::", GroupTooLong, 0),
        ("1:", UnexpectedEnd, 2),
        ("1:::2", UnexpectedByte, 3),
        ("1:2.3.4.5::", MisplacedIpv4, 2),
        ("::g", TrailingData, 2),
        ("fe80::1%eth0", ZoneNotAllowed, 7),
        ("1::2:3:4:5:6:7:8", TooManyParts, 15),
    ] {
        let error = ip::parse(text).unwrap_err();
        assert_eq!(
            (error.reason(), error.position()),
            (reason, at),
            "{text:?}: {error}"
        );
    }
    for (text, reason, at) in [
        ("1.2.3.4", BadPort, 7),
        ("1.2.3.4:", BadPort, 8),
        ("1.2.3.4:65536", BadPort, 8),
        ("[::1]:x", BadPort, 6),
        ("[::1", UnexpectedEnd, 4),
        ("[fe80::1%eth0]:1", BadZone, 9),
        ("1.2.3.4:80 ", TrailingData, 10),
    ] {
        let error = ip::parse_socket_addr(text).unwrap_err();
        assert_eq!(
            (error.reason(), error.position()),
            (reason, at),
            "{text:?}: {error}"
        );
    }
    for (text, reason, at) in [
        ("1.2.3.4", BadPrefixLength, 7),
        ("1.2.3.4/33", PrefixLengthOver32, 8),
        ("1.2.3.4/99999999999", PrefixLengthOver32, 8),
        ("1.2.3.4/008", BadPrefixLength, 8),
        ("::/129", PrefixLengthOver128, 3),
        ("1.2.3/8", TooFewParts, 5),
        ("::1/8x", TrailingData, 5),
    ] {
        let error = net::parse(text).unwrap_err();
        assert_eq!(
            (error.reason(), error.position()),
            (reason, at),
            "{text:?}: {error}"
        );
    }
    for (text, reason) in [
        ("fe80::1%", BadZone),
        ("fe80::1%a b", BadZone),
        ("fe80::1%abcdefghijklmnop", BadZone),
        ("1.2.3.4%eth0", ZoneNotAllowed),
    ] {
        assert_eq!(
            ip::ScopedAddr::parse(text).unwrap_err().reason(),
            reason,
            "{text:?}"
        );
    }
    for (text, reason, at) in [
        ("256.1", OctetOver255, 0),
        ("1.2.65536", TooLarge, 4),
        ("4294967296", TooLarge, 0),
        ("1.2.3.4.5", TooManyParts, 8),
        ("08", UnexpectedByte, 1),
        ("0x", UnexpectedEnd, 2),
        ("1.2.3.4 x", UnexpectedByte, 7),
    ] {
        let error = ip::lenient::parse_v4(text).unwrap_err();
        assert_eq!(
            (error.reason(), error.position()),
            (reason, at),
            "{text:?}: {error}"
        );
    }
    assert_eq!(
        ip::range::parse("1.2.3.4-1.2.3.3").unwrap_err().reason(),
        RangeEndsBeforeItBegins
    );
    assert_eq!(
        ip::range::parse("1.2.3.4-::1").unwrap_err().reason(),
        RangeOfTwoVersions
    );
    assert_eq!(
        ip::range::parse("1.2.3.4-1.2.3.").unwrap_err().position(),
        14
    );
}
