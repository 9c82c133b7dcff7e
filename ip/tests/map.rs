//! Compares maps with a slow and simple reference: a list of all keys with their values. It goes
//! through the whole list for every question.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use std_net_ip::net::{IpNet, Ipv4Net};
use std_net_ip::range::IpRange;
use std_net_ip::{IpMap, net};

/// Where a small world of 256 addresses begins: at both ends of the address space, and in the middle.
const V4: [u32; 3] = [0, 0x7fff_ff80, u32::MAX - 255];
const V6: [u128; 4] = [0, u64::MAX as u128 - 100, 1 << 127, u128::MAX - 255];

#[derive(Clone, Copy, Debug)]
enum World {
    V4(u32),
    V6(u128),
}

impl World {
    fn addr(self, at: u8) -> IpAddr {
        match self {
            World::V4(base) => Ipv4Addr::from_bits(base + u32::from(at)).into(),
            World::V6(base) => Ipv6Addr::from_bits(base + u128::from(at)).into(),
        }
    }

    fn range(self, a: u8, len: u8) -> IpRange {
        IpRange::new(self.addr(a), self.addr(a.saturating_add(len))).unwrap()
    }
}

fn world() -> impl Strategy<Value = World> {
    prop_oneof![
        prop::sample::select(&V4[..]).prop_map(World::V4),
        prop::sample::select(&V6[..]).prop_map(World::V6),
    ]
}

/// A change of a map.
#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u8),
    Remove(usize),
    Extend(Vec<(u8, u8)>),
    Retain(u8),
    Prepare,
    /// Makes enough look-ups for the map to make its index.
    LookUp,
    Clear,
}

fn key() -> impl Strategy<Value = (u8, u8)> {
    // These are networks, and ranges of any kind.
    let net = (any::<u8>(), 0..=8u32).prop_map(|(at, bits)| {
        let size = 1u16 << bits;
        (((u16::from(at) / size) * size) as u8, (size - 1) as u8)
    });
    prop_oneof![net, (any::<u8>(), 0..40u8)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => key().prop_map(|(a, n)| Change::Insert(a, n)),
        3 => any::<usize>().prop_map(Change::Remove),
        2 => prop::collection::vec(key(), 0..20).prop_map(Change::Extend),
        1 => any::<u8>().prop_map(Change::Retain),
        1 => Just(Change::Prepare),
        2 => Just(Change::LookUp),
        1 => Just(Change::Clear),
    ]
}

type Reference = BTreeMap<IpRange, u32>;

fn size(range: &IpRange) -> u128 {
    range.len().unwrap_or(0).wrapping_sub(1)
}

/// Sorts by the first address, with larger keys before smaller ones.
fn ordered(mut items: Vec<(IpRange, u32)>) -> Vec<(IpRange, u32)> {
    items.sort_by_key(|(key, _)| (key.first(), std::cmp::Reverse(key.last())));
    items
}

fn copied<'a>(items: impl Iterator<Item = (IpRange, &'a u32)>) -> Vec<(IpRange, u32)> {
    items.map(|(key, value)| (key, *value)).collect()
}

fn most_specific(reference: &Reference, addr: IpAddr) -> Option<(IpRange, u32)> {
    let holding = reference.iter().filter(|(key, _)| key.contains(addr));
    let best = holding.min_by_key(|(key, _)| (size(key), std::cmp::Reverse(key.first())));
    best.map(|(key, value)| (*key, *value))
}

fn check(
    world: World,
    map: &IpMap<u32>,
    reference: &Reference,
    probe: (u8, u8),
) -> Result<(), TestCaseError> {
    let all: Vec<_> = reference
        .iter()
        .map(|(key, value)| (*key, *value))
        .collect();
    let filtered = |keep: &dyn Fn(&IpRange) -> bool| {
        all.iter()
            .copied()
            .filter(|(key, _)| keep(key))
            .collect::<Vec<_>>()
    };
    prop_assert_eq!((map.len(), map.is_empty()), (all.len(), all.is_empty()));
    prop_assert_eq!(copied(map.iter()), ordered(all.clone()));
    prop_assert_eq!(
        map.clone().into_iter().collect::<Vec<_>>(),
        ordered(all.clone())
    );
    let range = world.range(probe.0, probe.1);
    prop_assert_eq!(map.get(range), reference.get(&range));
    prop_assert_eq!(map.contains_key(range), reference.contains_key(&range));
    let holds =
        |key: &IpRange, other: &IpRange| key.contains(other.first()) && key.contains(other.last());
    let mut around = filtered(&|key| holds(key, &range));
    around.sort_by_key(|(key, _)| (std::cmp::Reverse(size(key)), key.first()));
    prop_assert_eq!(copied(map.containing(range)), around);
    prop_assert_eq!(
        copied(map.inside(range)),
        ordered(filtered(&|key| holds(&range, key)))
    );
    let meet = |key: &IpRange| key.contains(range.first()) || range.contains(key.first());
    prop_assert_eq!(copied(map.overlapping(range)), ordered(filtered(&meet)));
    // The first look-ups use the classes, and later ones use an index.
    let found = map.lookup(range.first()).map(|(key, value)| (key, *value));
    prop_assert_eq!(found, most_specific(reference, range.first()));
    Ok(())
}

fn check_all(world: World, map: &IpMap<u32>, reference: &Reference) -> Result<(), TestCaseError> {
    for at in 0..=255 {
        let addr = world.addr(at);
        let found = map.lookup(addr).map(|(key, value)| (key, *value));
        prop_assert_eq!(found, most_specific(reference, addr), "{} {:?}", addr, map);
    }
    let found = map.lookups((0..=255).map(|at| world.addr(at)));
    for (at, found) in (0..=255).zip(found) {
        let found = found.map(|(key, value)| (key, *value));
        prop_assert_eq!(found, most_specific(reference, world.addr(at)));
    }
    // These addresses have the other version, or are far away.
    for addr in ["1.2.3.4", "2001:db8::1"] {
        let addr = addr.parse().unwrap();
        prop_assert_eq!(
            map.lookup(addr).map(|(key, _)| key),
            most_specific(reference, addr).map(|(key, _)| key)
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn maps_do_what_lists_do(
        world in world(),
        changes in prop::collection::vec((change(), key()), 1..40),
        at_last in any::<bool>(),
    ) {
        let (mut map, mut reference) = (IpMap::new(), Reference::new());
        let mut next = 0;
        for (change, probe) in changes {
            next += 1;
            match change {
                Change::Insert(a, n) => {
                    let range = world.range(a, n);
                    prop_assert_eq!(map.insert(range, next), reference.insert(range, next));
                }
                Change::Remove(nth) => {
                    let key = reference.keys().nth(nth % reference.len().max(1)).copied();
                    let key = key.unwrap_or(world.range(probe.0, probe.1));
                    prop_assert_eq!(map.remove(key), reference.remove(&key));
                }
                Change::Extend(keys) => {
                    let items = keys.into_iter().enumerate();
                    let items: Vec<_> = items
                        .map(|(i, (a, n))| (world.range(a, n), next * 1000 + i as u32))
                        .collect();
                    map.extend(items.iter().copied());
                    reference.extend(items);
                }
                Change::Retain(at) => {
                    map.retain(|key, value| { *value += 1; !key.contains(world.addr(at)) });
                    reference.retain(|key, value| { *value += 1; !key.contains(world.addr(at)) });
                }
                Change::Prepare => map.prepare(),
                Change::LookUp => check_all(world, &map, &reference)?,
                Change::Clear => { map.clear(); reference.clear(); }
            }
            check(world, &map, &reference, probe)?;
        }
        if at_last {
            map = reference.iter().map(|(key, value)| (*key, *value)).collect();
        }
        check_all(world, &map, &reference)?;
        let fresh: IpMap<u32> = reference.clone().into_iter().collect();
        prop_assert_eq!(&fresh, &map);
        if let Some((key, _)) = reference.first_key_value() {
            *map.get_mut(*key).unwrap() += 1;
            prop_assert_ne!(&fresh, &map);
            if let Some((_, value)) = map.lookup_mut(key.first()) { *value = 7; }
            let best = most_specific(&reference, key.first()).unwrap().0;
            prop_assert_eq!(map.get(best), Some(&7));
        }
    }

    /// Networks all over the address space, so that the index has buckets of every kind.
    #[test]
    fn look_ups_among_many(
        nets in prop::collection::vec((any::<u32>(), 4..=32u8), 1..300),
        addrs: Vec<u32>,
    ) {
        let nets: Vec<IpNet> = nets
            .into_iter()
            .map(|(bits, len)| Ipv4Net::new(bits.into(), len).unwrap().trunc().into())
            .collect();
        let map: IpMap<u8> = nets.iter().map(|net| (*net, net.prefix_len())).collect();
        let borders = nets.iter().flat_map(|n| [n.network(), n.broadcast()]).flat_map(|ip| {
            let IpAddr::V4(ip) = ip else { unreachable!() };
            [-1, 0, 1].map(|d| ip.to_bits().wrapping_add_signed(d))
        });
        for bits in borders.chain(addrs) {
            let addr = IpAddr::from(Ipv4Addr::from_bits(bits));
            let longest = nets.iter().filter(|n| n.contains(&addr)).map(IpNet::prefix_len).max();
            prop_assert_eq!(map.lookup(addr).map(|(_, len)| *len), longest, "{}", addr);
        }
    }

    /// Networks of IPv6, with long prefixes that are near one another.
    #[test]
    fn look_ups_in_ipv6(
        nets in prop::collection::vec((any::<u128>(), 0..4u8, 4..=128u8), 1..200),
    ) {
        let nets: Vec<IpNet> = nets
            .into_iter()
            .map(|(bits, near, len)| {
                let bits = if near > 0 { bits >> (40 * near) | 0x2001_0db8 << 96 } else { bits };
                IpNet::new(Ipv6Addr::from_bits(bits).into(), len).unwrap().trunc()
            })
            .collect();
        let map: IpMap<u8> = nets.iter().map(|net| (*net, net.prefix_len())).collect();
        for addr in nets.iter().flat_map(|n| [n.network(), n.broadcast()]) {
            let longest = nets.iter().filter(|n| n.contains(&addr)).map(IpNet::prefix_len).max();
            prop_assert_eq!(map.lookup(addr).map(|(_, len)| *len), longest, "{}", addr);
        }
    }
}

/// Many addresses at once have the same results as one by one: of both versions, in a map with an index
/// and without one, and wherever an iterator stops to give single results.
#[test]
fn many_look_ups_at_once() {
    let net = |text: &str| net::parse(text).unwrap();
    let mut map: IpMap<u32> = (0..3000u32)
        .map(|i| {
            // Some are close together, so that the index has nodes below the first one.
            let first = i * 700_000 + if i % 3 == 0 { 0 } else { i };
            let first = Ipv4Addr::from_bits(first + 5);
            let last = Ipv4Addr::from_bits(first.to_bits() + 90 * (i % 50));
            (IpRange::new(first.into(), last.into()).unwrap(), i)
        })
        .collect();
    map.extend((0..200u32).map(|i| {
        let at = Ipv4Addr::from_bits(0x0a00_0000 + 3 * i);
        (IpRange::from(IpAddr::from(at)), i)
    }));
    map.insert(net("2001:db8::/32"), 1);
    map.insert(net("2001:db8:7::/48"), 2);
    let addrs: Vec<IpAddr> = (0..20_000u32)
        .map(|i| match i % 300 {
            // Batches of one version, and batches of both.
            250.. => Ipv6Addr::from_bits(0x2001_0db8_0006 << 80 | u128::from(i % 3) << 80).into(),
            200.. if i % 2 == 0 => Ipv6Addr::from_bits(u128::from(i) << 100).into(),
            100..150 => Ipv4Addr::from_bits(0x0a00_0000 + i % 700).into(),
            _ => Ipv4Addr::from_bits(i.wrapping_mul(2_654_435_761)).into(),
        })
        .collect();
    let one_by_one = |map: &IpMap<u32>, count: usize| -> Vec<Option<(IpRange, u32)>> {
        let some = addrs[..count].iter();
        some.map(|addr| map.lookup(*addr).map(|(key, value)| (key, *value)))
            .collect()
    };
    let own = |found: Option<(IpRange, &u32)>| found.map(|(key, value)| (key, *value));
    for _ in 0..2 {
        for count in [0, 1, 63, 64, 65, 1000, 20_000] {
            let expected = one_by_one(&map, count);
            let some = || addrs[..count].iter().copied();
            let all: Vec<_> = map.lookups(some()).map(own).collect();
            assert!(all == expected, "{count}");
            // `for_each` goes through a batch at once, and `next` one by one.
            for singles in [1, 64, 70, 250] {
                let mut found = map.lookups(some());
                assert_eq!(found.size_hint(), (count, Some(count)));
                let mut all: Vec<_> = found.by_ref().take(singles).map(own).collect();
                let left = count - singles.min(count);
                assert_eq!(found.size_hint(), (left, Some(left)));
                found.for_each(|found| all.push(own(found)));
                assert!(all == expected, "{count} {singles}");
            }
        }
        assert!(one_by_one(&map, 20_000).iter().flatten().count() > 2000);
        // Now there is no index.
        map.remove(net("2001:db8:7::/48"));
    }
    assert_eq!(IpMap::<u8>::new().lookups(addrs).flatten().count(), 0);
}

/// Keys in a few small parts of the address space, as those of IPv6 are, and far apart.
#[test]
fn keys_that_are_close_together() {
    for parts in [1u128, 2, 3, 70] {
        for spread in [1u128, 1 << 40, 1 << 96] {
            let first = |part: u128, i: u128| {
                Ipv6Addr::from_bits((0x2001 + part * part) << 112 | (i * i * 3 * spread))
            };
            let keys = (0..parts).flat_map(|part| (0..9000 / parts).map(move |i| (part, i)));
            let map: IpMap<(u128, u128)> = keys
                .clone()
                .filter(|(_, i)| i * i * 3 * spread < 1 << 112)
                .map(|(part, i)| (IpRange::from(IpAddr::from(first(part, i))), (part, i)))
                .collect();
            assert!(map.len() > 100, "{parts} {spread}");
            for (key, value) in map.iter() {
                let IpAddr::V6(addr) = key.first() else {
                    unreachable!("all are IPv6");
                };
                let beside = |n: i8| addr.to_bits().wrapping_add_signed(n.into());
                assert_eq!(map.lookup(addr.into()), Some((key, value)));
                for n in [-1, 1] {
                    let beside = IpAddr::from(Ipv6Addr::from_bits(beside(n)));
                    assert_eq!(map.lookup(beside).map(|(key, _)| key), None, "{beside}");
                }
            }
        }
    }
}

#[test]
fn the_most_specific_is_the_smallest_and_then_the_later() {
    let range = |text: &str| std_net_ip::range::parse(text).unwrap();
    let map = IpMap::from_iter([
        (range("10.0.0.0-10.0.0.9"), 'a'),
        (range("10.0.0.5-10.0.0.14"), 'b'),
        (range("10.0.0.5-10.0.0.16"), 'c'),
        (range("0.0.0.0-255.255.255.255"), 'd'),
    ]);
    for (addr, value) in [
        (0, 'a'),
        (4, 'a'),
        (5, 'b'),
        (9, 'b'),
        (14, 'b'),
        (15, 'c'),
        (17, 'd'),
    ] {
        let addr = IpAddr::from([10, 0, 0, addr]);
        assert_eq!(map.lookup(addr).unwrap().1, &value, "{addr}");
    }
    assert_eq!(
        map.lookup("255.255.255.255".parse().unwrap()).unwrap().1,
        &'d'
    );
    assert_eq!(map.lookup("::".parse().unwrap()), None);
}

#[test]
fn keys_are_what_they_hold() {
    let mut map = IpMap::new();
    assert_eq!(map.insert(net::parse("10.0.0.7/8").unwrap(), 1), None);
    assert_eq!(map.insert(net::parse("10.0.0.0/8").unwrap(), 2), Some(1));
    let range = std_net_ip::range::parse("10.0.0.0-10.255.255.255").unwrap();
    assert_eq!(map.get(range), Some(&2));
    let one: IpAddr = "::1".parse().unwrap();
    map.insert(one, 3);
    assert_eq!(map.get(net::single(one)), Some(&3));
    assert_eq!(format!("{map:?}"), "{10.0.0.0/8: 2, ::1/128: 3}");
    map.values_mut().for_each(|value| *value *= 2);
    assert_eq!(map.values().copied().collect::<Vec<_>>(), [4, 6]);
    // If a key is given twice, the later value stays.
    let twice: IpMap<u8> = [(range, 1), (range, 2), (range, 3)].into_iter().collect();
    assert_eq!((twice.len(), twice.get(range)), (1, Some(&3)));
}

#[test]
fn a_map_is_looked_up_from_many_threads() {
    let net = |i: u32| IpNet::from(Ipv4Net::new((i << 12).into(), 20).unwrap());
    let mut map: IpMap<u32> = (0..100_000).map(|i| (net(i), i)).collect();
    // There is no index now, and one of the look-ups makes it.
    map.remove(net(7));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let map = &map;
            scope.spawn(move || {
                for i in (thread..100_000).step_by(4) {
                    let found = map.lookup(Ipv4Addr::from_bits((i << 12) + 5).into());
                    assert_eq!(found.map(|(_, value)| *value), (i != 7).then_some(i));
                }
            });
        }
    });
}

/// The whole address space, single addresses at its ends, and half of it, in one map.
#[test]
fn the_ends_of_the_address_spaces() {
    let texts = [
        "0.0.0.0/0",
        "0.0.0.0/32",
        "255.255.255.255/32",
        "128.0.0.0/1",
        "::/0",
        "::/128",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "8000::/1",
    ];
    let nets = texts.map(|text| std_net_ip::net::parse(text).unwrap());
    let mut map = IpMap::from_iter(nets.iter().copied().zip(texts));
    // Once with an index, and once without.
    for _ in 0..2 {
        for (addr, found) in [
            ("0.0.0.0", "0.0.0.0/32"),
            ("0.0.0.1", "0.0.0.0/0"),
            ("127.255.255.255", "0.0.0.0/0"),
            ("128.0.0.0", "128.0.0.0/1"),
            ("255.255.255.254", "128.0.0.0/1"),
            ("255.255.255.255", "255.255.255.255/32"),
            ("::", "::/128"),
            ("::1", "::/0"),
            ("7fff:ffff::", "::/0"),
            ("8000::", "8000::/1"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "8000::/1"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", texts[6]),
        ] {
            let (_, value) = map.lookup(addr.parse().unwrap()).unwrap();
            assert_eq!(*value, found, "{addr}");
        }
        assert_eq!(map.inside(nets[0]).count(), 4);
        assert_eq!(map.containing(nets[2]).count(), 3);
        assert_eq!(map.overlapping(nets[7]).count(), 3);
        map.insert(std_net_ip::net::parse("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        map.remove(std_net_ip::net::parse("10.0.0.0/8").unwrap());
    }
}
