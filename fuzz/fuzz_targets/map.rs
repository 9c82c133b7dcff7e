//! Maps of networks and ranges. The bytes say what is done with a map, and a list of its entries does the
//! same. Both must have the same entries, and find the same ones.
#![no_main]

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use std_net_ip::IpMap;
use std_net_ip::range::IpRange;

/// Where the addresses of a step begin: at both ends of the address spaces, and where the bits change.
const BASES: [u128; 4] = [0, 0x7fff_ff80, u64::MAX as u128 - 127, u128::MAX - 255];

fn addr(v4: bool, base: u8, at: u8) -> IpAddr {
    let bits = BASES[usize::from(base % 4)] + u128::from(at);
    if v4 {
        Ipv4Addr::from_bits(bits as u32).into()
    } else {
        Ipv6Addr::from_bits(bits).into()
    }
}

/// Returns the range that begins at a place. Ranges of all sizes are made, up to the whole space.
fn range(v4: bool, base: u8, at: u8, size: u8) -> IpRange {
    let first = addr(v4, base, at);
    let last = match size {
        // The other end is near another base.
        240.. => addr(v4, size, at),
        _ => addr(v4, base, at.saturating_add(size)),
    };
    IpRange::new(first, last)
        .or(IpRange::new(last, first))
        .expect("both have one version")
}

fn size(range: &IpRange) -> u128 {
    // The whole of IPv6 has 2^128 addresses.
    range.len().map_or(u128::MAX, |n| n - 1)
}

fn holds(outer: &IpRange, inner: &IpRange) -> bool {
    outer.contains(inner.first()) && outer.contains(inner.last())
}

fn meet(a: &IpRange, b: &IpRange) -> bool {
    a.contains(b.first()) || b.contains(a.first())
}

fn copied<'a>(items: impl Iterator<Item = (IpRange, &'a u16)>) -> Vec<(IpRange, u16)> {
    items.map(|(key, value)| (key, *value)).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let mut map = IpMap::new();
    // In the order of the map: by the first address, and larger entries before smaller ones.
    let mut list: Vec<(IpRange, u16)> = Vec::new();
    for (step, part) in bytes.chunks_exact(4).take(200).enumerate() {
        let value = step as u16;
        let [what, base, at, len] = *part else {
            return;
        };
        let key = range(what & 1 == 0, base, at, len);
        let place = list.iter().position(|(other, _)| *other == key);
        match what >> 1 & 7 {
            0..=3 => {
                let before = place.map(|place| std::mem::replace(&mut list[place].1, value));
                if before.is_none() {
                    list.push((key, value));
                    list.sort_by_key(|(key, _)| (key.first(), Reverse(key.last())));
                }
                assert_eq!(map.insert(key, value), before);
            }
            4 => assert_eq!(map.remove(key), place.map(|place| list.remove(place).1)),
            5 => map.prepare(),
            6 => {
                map.retain(|other, _| !holds(&key, &other));
                list.retain(|(other, _)| !holds(&key, other));
            }
            _ => {
                // A map that was made at once is the same.
                map = list.iter().copied().collect();
            }
        }
        let some = |keep: &dyn Fn(&IpRange) -> bool| -> Vec<_> {
            list.iter().copied().filter(|(key, _)| keep(key)).collect()
        };
        assert_eq!(map.len(), list.len());
        assert_eq!(copied(map.inside(key)), some(&|other| holds(&key, other)));
        assert_eq!(
            copied(map.overlapping(key)),
            some(&|other| meet(&key, other))
        );
        let mut around = some(&|other| holds(other, &key));
        around.sort_by_key(|(key, _)| (Reverse(size(key)), key.first()));
        assert_eq!(copied(map.containing(key)), around);
        for addr in [key.first(), key.last()] {
            let holding = list.iter().filter(|(key, _)| key.contains(addr));
            let best = holding.min_by_key(|(key, _)| (size(key), Reverse(key.first())));
            let found = map.lookup(addr).map(|(key, value)| (key, *value));
            assert_eq!(found, best.copied(), "{addr}");
            let many = map.lookups([addr]).next().flatten();
            assert_eq!(
                many.map(|(key, value)| (key, *value)),
                best.copied(),
                "{addr}"
            );
        }
    }
    assert_eq!(copied(map.iter()), list);
});
