//! Compares sets of addresses with a slow and simple reference: a bit for each address of a small
//! world. The world is put at several places of the address space, including its ends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;
use std_net_ip::{IpSet, set};

const WORLD: usize = 256;

/// Where the small world begins: at the first address, before the last one, and in the middle.
const V4: [u32; 3] = [0, 0x7fff_ff80, u32::MAX - 255];
const V6: [u128; 4] = [0, u64::MAX as u128 - 100, 1 << 127, u128::MAX - 255];

#[derive(Clone, Copy, Debug)]
enum World {
    V4(u32),
    V6(u128),
}

impl World {
    fn addr(self, at: usize) -> IpAddr {
        match self {
            World::V4(base) => Ipv4Addr::from_bits(base + at as u32).into(),
            World::V6(base) => Ipv6Addr::from_bits(base + at as u128).into(),
        }
    }
}

fn world() -> impl Strategy<Value = World> {
    prop_oneof![
        prop::sample::select(&V4[..]).prop_map(World::V4),
        prop::sample::select(&V6[..]).prop_map(World::V6),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let pair = (0..WORLD, 0..24usize).prop_map(|(a, n)| (a, (a + n).min(WORLD - 1)));
    prop::collection::vec(pair, 0..20)
}

fn bits(pairs: &[(usize, usize)]) -> [bool; WORLD] {
    let mut bits = [false; WORLD];
    for (first, last) in pairs {
        bits[*first..=*last].fill(true);
    }
    bits
}

fn build(world: World, pairs: &[(usize, usize)]) -> IpSet {
    let range = |(first, last): &(usize, usize)| {
        IpRange::new(world.addr(*first), world.addr(*last)).unwrap()
    };
    pairs.iter().map(range).collect()
}

/// Checks that the set has exactly the addresses of the bits, by every method.
fn check(world: World, set: &IpSet, bits: &[bool; WORLD]) -> Result<(), TestCaseError> {
    for (at, inside) in bits.iter().enumerate() {
        prop_assert_eq!(set.contains(world.addr(at)), *inside, "{} {:?}", at, set);
    }
    let count = bits.iter().filter(|b| **b).count();
    let counted = u128::from(set.count_v4()) + set.count_v6().unwrap();
    prop_assert_eq!(counted, count as u128);
    prop_assert_eq!(set.is_empty(), count == 0);
    // There must be as many ranges as runs of bits, in order.
    let runs = (0..WORLD).filter(|i| bits[*i] && (*i == 0 || !bits[*i - 1]));
    let firsts: Vec<IpAddr> = set.ranges().map(|r| r.first()).collect();
    prop_assert_eq!(firsts, runs.map(|i| world.addr(i)).collect::<Vec<_>>());
    for range in set.ranges() {
        prop_assert!(set.contains_all(range));
        prop_assert_eq!(set.range_of(range.last()), Some(range));
    }
    // The networks have the same addresses, do not overlap, and no two of them could be joined.
    let nets: Vec<IpNet> = set.nets().collect();
    prop_assert_eq!(&nets.iter().copied().collect::<IpSet>(), set);
    prop_assert_eq!(&IpNet::aggregate(&nets), &nets);
    prop_assert_eq!(&set::aggregate(nets.iter().rev().copied()), &nets);
    Ok(())
}

proptest! {
    #[test]
    fn sets_do_what_bits_do(world in world(), a in pairs(), b in pairs()) {
        let (x, y) = (bits(&a), bits(&b));
        let (s, t) = (build(world, &a), build(world, &b));
        check(world, &s, &x)?;
        check(world, &t, &y)?;
        check(world, &s.union(&t), &std::array::from_fn(|i| x[i] || y[i]))?;
        check(world, &s.intersect(&t), &std::array::from_fn(|i| x[i] && y[i]))?;
        check(world, &s.subtract(&t), &std::array::from_fn(|i| x[i] && !y[i]))?;
        prop_assert_eq!(s.overlaps_set(&t), (0..WORLD).any(|i| x[i] && y[i]));
        for (first, last) in &b {
            let range = IpRange::new(world.addr(*first), world.addr(*last)).unwrap();
            prop_assert_eq!(s.overlaps(range), x[*first..=*last].contains(&true), "{}", range);
        }
        prop_assert_eq!(IpSet::all().subtract(&IpSet::all().subtract(&s)), s);
    }

    #[test]
    fn ranges_become_networks_and_again_ranges(a: u128, b: u128, v4: bool) {
        let addr = |bits: u128| -> IpAddr {
            if v4 { Ipv4Addr::from_bits(bits as u32).into() } else { Ipv6Addr::from_bits(bits).into() }
        };
        let (a, b) = (addr(a), addr(b));
        let range = IpRange::new(a.min(b), a.max(b)).unwrap();
        let nets: Vec<IpNet> = range.nets().collect();
        let most = if v4 { 62 } else { 254 };
        prop_assert!(nets.len() <= most);
        prop_assert_eq!(nets[0].network(), range.first());
        prop_assert_eq!(nets[nets.len() - 1].broadcast(), range.last());
        let set: IpSet = nets.iter().copied().collect();
        prop_assert_eq!(set.ranges().collect::<Vec<_>>(), vec![range]);
        prop_assert_eq!(&IpNet::aggregate(&nets), &nets);
    }

    /// Networks all over the address space, so that the index has buckets of every kind.
    #[test]
    fn look_ups_among_many(nets in prop::collection::vec((any::<u32>(), 4..=32u8), 1..300), addrs: Vec<u32>) {
        let nets: Vec<IpNet> = nets
            .into_iter()
            .map(|(bits, len)| IpNet::new(Ipv4Addr::from_bits(bits).into(), len).unwrap())
            .collect();
        let set: IpSet = nets.iter().copied().collect();
        let borders = nets.iter().flat_map(|n| [n.network(), n.broadcast()]).flat_map(|ip| {
            let IpAddr::V4(ip) = ip else { unreachable!() };
            [-1, 0, 1].map(|d| ip.to_bits().wrapping_add_signed(d))
        });
        for bits in borders.chain(addrs) {
            let addr = IpAddr::from(Ipv4Addr::from_bits(bits));
            prop_assert_eq!(set.contains(addr), nets.iter().any(|n| n.contains(&addr)), "{}", addr);
        }
    }
}
