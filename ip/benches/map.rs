//! Which of many networks contains an address? This compares `IpMap` with the crates for longest
//! matches, in the same run and in turn. Every peer gets the same networks and must give the same
//! answers. Only `IpMap` takes ranges as they are; for the others they are cut into networks.
//!
//!     cargo bench -p std_net_ip --bench map
//!     STD_NET_RANGES=asn-ipv4.csv cargo bench -p std_net_ip --bench map    # lines `first,last,...` instead
//!
//! It prints the time to build, the memory that is held then, and how many million look-ups are done in
//! a second. One measurement uses random addresses. The other uses those of a log, in which 30,000
//! visitors come again and again. The rate is that of a peer's best round: a round is short, and other
//! programs can only make it slower.

use std::collections::HashSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use ip_network_table::IpNetworkTable;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use iptrie::map::RTrieMap;
use peak_alloc::PeakAlloc;
use poptrie::Poptrie;
use prefix_trie::PrefixMap;
use std_net_ip::IpMap;
use std_net_ip::forms::{self, Forms};
use std_net_ip::range::IpRange;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const ROUNDS: usize = 80;
const LOOK_UPS: usize = 400_000;
/// How many look-ups a round has: so few that a round is seldom interrupted.
const SLICE: usize = 10_000;

/// SplitMix64, so that every run has the same networks.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Returns one of the values, as often as its weight says.
    fn pick<T: Copy>(&mut self, weighted: &[(T, u64)]) -> T {
        let mut at = self.below(weighted.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in weighted {
            if at < *weight {
                return *value;
            }
            at -= weight;
        }
        unreachable!("it was below the sum of the weights")
    }
}

/// Makes separate ranges, as in a list of autonomous systems. Most have 256 to 4096 addresses, four of
/// five are networks, and there is a gap behind every eighth.
fn ranges_v4(count: usize) -> Vec<IpRange> {
    // How many ranges of 2^bits addresses such a list has.
    const SIZES: [(u32, u64); 14] = [
        (5, 8),
        (8, 1590),
        (9, 720),
        (10, 803),
        (11, 315),
        (12, 240),
        (13, 167),
        (14, 89),
        (15, 57),
        (16, 79),
        (17, 22),
        (18, 10),
        (19, 5),
        (20, 2),
    ];
    let mut random = Random(1);
    let mut at = 1u64 << 24;
    let mut ranges = Vec::new();
    while ranges.len() < count && at < 223 << 24 {
        let mut size = 1u64 << random.pick(&SIZES);
        if random.below(5) > 0 {
            at = at.next_multiple_of(size.min(1 << 12));
        } else {
            size += size / 4 * random.below(4);
        }
        ranges.push(range_v4(at, at + size - 1));
        at += size;
        if random.below(8) == 0 {
            at += 256 << random.below(6);
        }
    }
    ranges
}

fn range_v4(first: u64, last: u64) -> IpRange {
    let addr = |bits: u64| IpAddr::from(Ipv4Addr::from_bits(bits as u32));
    IpRange::new(addr(first), addr(last)).expect("in order")
}

/// Makes prefixes with the lengths of the internet's routes. Some lie inside others.
fn prefixes_v4(count: usize) -> Vec<IpRange> {
    const LENGTHS: [(u8, u64); 13] = [
        (8, 1),
        (12, 1),
        (14, 3),
        (16, 14),
        (18, 10),
        (19, 20),
        (20, 45),
        (21, 50),
        (22, 110),
        (23, 100),
        (24, 600),
        (28, 20),
        (32, 26),
    ];
    let mut random = Random(2);
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    while out.len() < count {
        let len = random.pick(&LENGTHS);
        let bits = (1u32 << 24) + random.below(222 << 24) as u32;
        let net = Ipv4Net::new(bits.into(), len).expect("up to 32").trunc();
        if seen.insert(net) {
            out.push(net.into());
        }
    }
    out
}

/// Makes prefixes of IPv6. Most are /32 to /48 from the blocks of the five registries.
fn prefixes_v6(count: usize) -> Vec<IpRange> {
    const BLOCKS: [(u128, u64); 5] = [
        (0x2001, 20),
        (0x2400, 25),
        (0x2600, 20),
        (0x2804, 10),
        (0x2a00, 25),
    ];
    const LENGTHS: [(u8, u64); 8] = [
        (29, 4),
        (32, 22),
        (36, 6),
        (40, 10),
        (44, 12),
        (46, 5),
        (48, 40),
        (64, 1),
    ];
    let mut random = Random(3);
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    while out.len() < count {
        let block = random.pick(&BLOCKS) + u128::from(random.below(14));
        // Large and small providers, and the networks inside theirs.
        let provider = random.below(1 << 12) * random.below(16);
        let inside = random.below(1 << 32) >> random.below(24);
        let bits = block << 112 | u128::from(provider & 0xffff) << 96 | u128::from(inside) << 64;
        let net = Ipv6Net::new(bits.into(), random.pick(&LENGTHS))
            .expect("up to 128")
            .trunc();
        if seen.insert(net) {
            out.push(net.into());
        }
    }
    out
}

fn from_file(name: &str) -> Vec<IpRange> {
    let text = std::fs::read_to_string(name).expect("a file of ranges");
    let row = |line| {
        forms::parse_row(line, Forms::LISTS)
            .expect("a line with a range")
            .entry
            .range()
    };
    text.lines().map(row).collect()
}

/// Returns an address somewhere in a range, not far from its beginning.
fn inside(range: &IpRange, random: &mut Random) -> IpAddr {
    let n = u128::from(random.next()) % range.len().unwrap_or(u128::MAX).min(1 << 64);
    match range.first() {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() + n as u32).into(),
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() + n).into(),
    }
}

/// The addresses to look up: random ones, and those of a log.
struct Questions {
    random: Vec<IpAddr>,
    log: Vec<IpAddr>,
}

impl Questions {
    fn new(ranges: &[IpRange]) -> Questions {
        let mut random = Random(4);
        let v4 = ranges[0].first().is_ipv4();
        let any_range = |random: &mut Random| {
            let range = &ranges[random.below(ranges.len() as u64) as usize];
            inside(range, random)
        };
        let any = |random: &mut Random| {
            if v4 {
                Ipv4Addr::from_bits(random.next() as u32).into()
            } else {
                // Fully random addresses would hit nothing, so half of them lie in some network.
                match random.below(2) {
                    0 => any_range(random),
                    _ => {
                        Ipv6Addr::from_bits(0x2000 << 112 | u128::from(random.next()) << 60).into()
                    }
                }
            }
        };
        let visitors: Vec<IpAddr> = (0..30_000).map(|_| any_range(&mut random)).collect();
        let mut visitor = || {
            // A few addresses come often, and most only now and then.
            let part = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
            let nth = (visitors.len() as f64).powf(part) as usize;
            visitors[nth.min(visitors.len() - 1)]
        };
        let log = (0..LOOK_UPS).map(|_| visitor()).collect();
        let random = (0..LOOK_UPS).map(|_| any(&mut random)).collect();
        Questions { random, log }
    }
}

/// Returns the sum of the values that a map has for many addresses.
type Sum = Box<dyn Fn(&[IpAddr]) -> u64>;

struct Peer {
    name: &'static str,
    build: f64,
    memory: usize,
    sum: Sum,
    /// Million look-ups in a second, in the best round.
    rates: [f64; 2],
}

fn peer<M: 'static>(
    name: &'static str,
    build: impl Fn() -> M,
    look: impl Fn(&M, IpAddr) -> u32 + 'static,
) -> Peer {
    peer_with(name, build, move |map, addrs| {
        let values = addrs.iter().map(|addr| u64::from(look(map, *addr)));
        values.sum()
    })
}

fn peer_with<M: 'static>(
    name: &'static str,
    build: impl Fn() -> M,
    sum: impl Fn(&M, &[IpAddr]) -> u64 + 'static,
) -> Peer {
    let before = ALLOCATOR.current_usage();
    let start = Instant::now();
    let map = build();
    let time = start.elapsed().as_secs_f64();
    let memory = ALLOCATOR.current_usage() - before;
    let sum = move |addrs: &[IpAddr]| sum(&map, addrs);
    Peer {
        name,
        build: time,
        memory,
        sum: Box::new(sum),
        rates: [0.0; 2],
    }
}

/// Makes the peers. Every value is one above the place of its range, so that 0 means nothing.
fn peers(ranges: &[IpRange]) -> Vec<Peer> {
    let values = 1..=u32::try_from(ranges.len()).expect("not so many");
    let items: Vec<(IpRange, u32)> = ranges.iter().copied().zip(values).collect();
    let nets: Vec<(IpNet, u32)> = items
        .iter()
        .flat_map(|(range, value)| range.nets().map(|net| (net, *value)))
        .collect();
    println!("{} ranges, {} networks\n", items.len(), nets.len());
    let ours = items.clone();
    let mut peers = vec![peer(
        "IpMap",
        || ours.iter().copied().collect::<IpMap<u32>>(),
        |map, addr| map.lookup(addr).map_or(0, |(_, value)| *value),
    )];
    peers.push(peer_with(
        "IpMap, `lookups`",
        || ours.iter().copied().collect::<IpMap<u32>>(),
        |map, addrs| {
            let found = map.lookups(addrs.iter().copied());
            let values = found.map(|found| found.map_or(0, |(_, value)| u64::from(*value)));
            values.sum()
        },
    ));
    let table = nets.clone();
    peers.push(peer(
        "ip_network_table",
        || {
            let mut map = IpNetworkTable::with_capacity(table.len(), table.len());
            for (net, value) in &table {
                let net = ip_network::IpNetwork::new(net.addr(), net.prefix_len());
                map.insert(net.expect("no host bits"), *value);
            }
            map
        },
        |map, addr| map.longest_match(addr).map_or(0, |(_, value)| *value),
    ));
    if ranges[0].first().is_ipv4() {
        peers_v4(&nets, &mut peers);
    } else {
        peers_v6(&nets, &mut peers);
    }
    peers
}

fn v4(addr: IpAddr) -> Ipv4Addr {
    match addr {
        IpAddr::V4(addr) => addr,
        IpAddr::V6(_) => unreachable!("all are IPv4"),
    }
}

fn v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V6(addr) => addr,
        IpAddr::V4(_) => unreachable!("all are IPv6"),
    }
}

fn peers_v4(nets: &[(IpNet, u32)], peers: &mut Vec<Peer>) {
    let net = |net: &IpNet| Ipv4Net::new(v4(net.addr()), net.prefix_len()).expect("up to 32");
    let nets: Vec<(Ipv4Net, u32)> = nets.iter().map(|(n, value)| (net(n), *value)).collect();
    peers.push(peer(
        "prefix-trie",
        || nets.iter().copied().collect::<PrefixMap<Ipv4Net, u32>>(),
        |map, addr| {
            let net = Ipv4Net::new_assert(v4(addr), 32);
            map.get_lpm(&net).map_or(0, |(_, value)| *value)
        },
    ));
    let numbers =
        |(net, value): &(Ipv4Net, u32)| ((net.addr().to_bits(), net.prefix_len()), *value);
    peers.push(peer(
        "poptrie",
        || {
            nets.iter()
                .map(numbers)
                .collect::<Poptrie<(u32, u8), u32>>()
        },
        |map, addr| map.lookup(v4(addr).to_bits()).map_or(0, |value| *value),
    ));
    peers.push(peer(
        "iptrie",
        || {
            let mut map = RTrieMap::<Ipv4Net, u32>::with_root_and_capacity(0, nets.len());
            for (net, value) in &nets {
                map.insert(*net, *value);
            }
            map.compress()
        },
        |map, addr| *map.lookup(&v4(addr)).1,
    ));
}

fn peers_v6(nets: &[(IpNet, u32)], peers: &mut Vec<Peer>) {
    let net = |net: &IpNet| Ipv6Net::new(v6(net.addr()), net.prefix_len()).expect("up to 128");
    let nets: Vec<(Ipv6Net, u32)> = nets.iter().map(|(n, value)| (net(n), *value)).collect();
    peers.push(peer(
        "prefix-trie",
        || nets.iter().copied().collect::<PrefixMap<Ipv6Net, u32>>(),
        |map, addr| {
            let net = Ipv6Net::new_assert(v6(addr), 128);
            map.get_lpm(&net).map_or(0, |(_, value)| *value)
        },
    ));
    let numbers =
        |(net, value): &(Ipv6Net, u32)| ((net.addr().to_bits(), net.prefix_len()), *value);
    peers.push(peer(
        "poptrie",
        || {
            nets.iter()
                .map(numbers)
                .collect::<Poptrie<(u128, u8), u32>>()
        },
        |map, addr| map.lookup(v6(addr).to_bits()).map_or(0, |value| *value),
    ));
    peers.push(peer(
        "iptrie",
        || {
            let mut map = RTrieMap::<Ipv6Net, u32>::with_root_and_capacity(0, nets.len());
            for (net, value) in &nets {
                map.insert(*net, *value);
            }
            map.compress()
        },
        |map, addr| *map.lookup(&v6(addr)).1,
    ));
}

fn measure(title: &str, ranges: &[IpRange]) {
    println!("## {title}\n");
    let questions = Questions::new(ranges);
    let mut peers = peers(ranges);
    for round in 0..ROUNDS {
        let mut right = None;
        for nth in 0..peers.len() {
            // The order alternates, so that no peer always follows the same one.
            let nth = if round % 2 == 0 {
                nth
            } else {
                peers.len() - 1 - nth
            };
            let peer = &mut peers[nth];
            let mut sums = [0; 2];
            for (i, addrs) in [&questions.random, &questions.log].into_iter().enumerate() {
                let slice = round % (LOOK_UPS / SLICE) * SLICE;
                let addrs = &addrs[slice..slice + SLICE];
                // Run it once for the caches, which the others have used meanwhile.
                (peer.sum)(black_box(addrs));
                let start = Instant::now();
                sums[i] = (peer.sum)(black_box(addrs));
                let rate = addrs.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
                peer.rates[i] = peer.rates[i].max(rate);
            }
            assert_eq!(
                *right.get_or_insert(sums),
                sums,
                "{} answers otherwise",
                peer.name
            );
        }
    }
    println!(
        "| | build | memory | random | log | `lookup` to it: random | log | `lookups` to it: random | log |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    let (single, many) = (peers[0].rates, peers[1].rates);
    for peer in &peers {
        println!(
            "| {} | {:.0} ms | {:.1} MB | {:.1} M/s | {:.1} M/s | {:.2} | {:.2} | {:.2} | {:.2} |",
            peer.name,
            peer.build * 1e3,
            peer.memory as f64 / 1e6,
            peer.rates[0],
            peer.rates[1],
            single[0] / peer.rates[0],
            single[1] / peer.rates[1],
            many[0] / peer.rates[0],
            many[1] / peer.rates[1],
        );
    }
    println!();
}

fn main() {
    // `cargo test --benches` only checks that this builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    if let Ok(name) = std::env::var("STD_NET_RANGES") {
        return measure(&name, &from_file(&name));
    }
    measure("412,000 ranges of IPv4", &ranges_v4(412_000));
    measure("1,000,000 prefixes of IPv4", &prefixes_v4(1_000_000));
    measure("200,000 prefixes of IPv6", &prefixes_v6(200_000));
}
