//! Ranges, sets and maps as JSON and back. Without the feature `serde` there are no tests here.
#![cfg(feature = "serde")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use std_net_ip::range::{self, IpRange};
use std_net_ip::{IpMap, IpSet, net};

#[test]
fn there_and_back() {
    let range = range::parse("192.0.2.1-192.0.2.9").unwrap();
    let text = serde_json::to_string(&range).unwrap();
    assert_eq!(text, "\"192.0.2.1-192.0.2.9\"");
    assert_eq!(serde_json::from_str::<IpRange>(&text).unwrap(), range);
    let all = IpRange::from(net::parse("::/0").unwrap());
    assert_eq!(serde_json::to_string(&all).unwrap(), "\"::/0\"");

    let set: IpSet = serde_json::from_str(r#"["10.0.1.0/24", "10.0.0.0/24", "::1"]"#).unwrap();
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(text, r#"["10.0.0.0/23","::1/128"]"#);
    assert_eq!(serde_json::from_str::<IpSet>(&text).unwrap(), set);

    let text = r#"{"10.0.0.0/8":"ours","10.0.0.5-10.0.0.9":"web","2001:db8::/32":"example"}"#;
    let map: IpMap<String> = serde_json::from_str(text).unwrap();
    assert_eq!(map.lookup("10.0.0.7".parse().unwrap()).unwrap().1, "web");
    assert_eq!(serde_json::to_string(&map).unwrap(), text);
}

#[test]
fn what_is_wrong_is_said() {
    let error = |text: &str| serde_json::from_str::<IpSet>(text).unwrap_err().to_string();
    assert!(error(r#"["10.0.0.0/33"]"#).contains("prefix length over 32"));
    assert!(error(r#"["10.0.0.9-10.0.0.1"]"#).contains("range ends before it begins"));
    assert!(error("[7]").contains("an address, a network or a range"));
    let twice = serde_json::from_str::<IpMap<u8>>(r#"{"10.0.0.0/8":1,"10.0.0.1/8":2}"#);
    assert!(twice.unwrap_err().to_string().contains("twice"));
}

/// A number near the ends of the address space, or anywhere.
fn place() -> impl Strategy<Value = u128> {
    prop_oneof![
        0..3u128,
        (0..3u128).prop_map(|n| u128::MAX - n),
        any::<u128>()
    ]
}

proptest! {
    /// Sets and maps that reach to the ends of the address spaces are the same behind a round trip.
    #[test]
    fn there_and_back_from_any_place(ends in prop::collection::vec((place(), place(), any::<bool>()), 0..20)) {
        let ranges = ends.iter().map(|(a, b, v4)| {
            let addr = |bits: u128| match v4 {
                true => IpAddr::from(Ipv4Addr::from_bits(bits as u32)),
                false => Ipv6Addr::from_bits(bits).into(),
            };
            let (a, b) = (addr(*a), addr(*b));
            IpRange::new(a.min(b), a.max(b)).unwrap()
        });
        let set: IpSet = ranges.clone().collect();
        let text = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(&serde_json::from_str::<IpSet>(&text).unwrap(), &set);
        let map: IpMap<usize> = ranges.clone().zip(0..).collect();
        let text = serde_json::to_string(&map).unwrap();
        let back: IpMap<usize> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &map);
        for range in ranges {
            prop_assert_eq!(back.lookup(range.last()), map.lookup(range.last()));
            prop_assert!(set.contains_all(range) && map.lookup(range.first()).is_some());
        }
    }
}
