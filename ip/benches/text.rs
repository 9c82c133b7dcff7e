//! Text to addresses and back, compared with std and ipnet in the same run, on 20,000 different texts
//! each. With fewer texts, the branch predictor would learn them. At the end it prints a table of the
//! ratios.
//!
//!     cargo bench -p std_net_ip --bench text

use std::collections::HashSet;
use std::fmt::{Display, Write as _};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput};
use std_net_ip::{self as ip, IpAddress, net, v4, v6};

const TEXTS: usize = 20_000;

/// SplitMix64, so that every run has the same texts.
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
}

/// Makes different texts. They lie one behind another in memory, like the lines of a file: this
/// measures the parser, and not how the texts are scattered.
fn distinct(mut one: impl FnMut(&mut Random) -> String) -> Vec<&'static str> {
    let mut random = Random(7);
    let mut seen = HashSet::new();
    let mut texts = Vec::new();
    while texts.len() < TEXTS {
        let text = one(&mut random);
        if seen.insert(text.clone()) {
            texts.push(text);
        }
    }
    let all: &str = texts.concat().leak();
    let mut at = 0;
    let place = |text: &String| {
        at += text.len();
        &all[at - text.len()..at]
    };
    texts.iter().map(place).collect()
}

fn any_v4(random: &mut Random) -> Ipv4Addr {
    Ipv4Addr::from_bits(random.next() as u32)
}

/// Makes groups of every length. A quarter of them are zero.
fn mixed_v6(random: &mut Random) -> Ipv6Addr {
    let mut groups = [0u16; 8];
    for group in &mut groups {
        *group = match random.below(8) {
            0 | 1 => 0,
            2 => random.below(0x10) as u16,
            3 => random.below(0x100) as u16,
            4 => random.below(0x1000) as u16,
            _ => random.next() as u16,
        };
    }
    groups.into()
}

/// Makes eight groups of four digits.
fn full_v6(random: &mut Random) -> Ipv6Addr {
    let mut groups = [0u16; 8];
    for group in &mut groups {
        *group = 0x1000 + random.below(0xf000) as u16;
    }
    groups.into()
}

/// Makes addresses as people number their hosts: `2001:db8:1::2`, `fe80::3:4`.
fn short_v6(random: &mut Random) -> Ipv6Addr {
    let mut groups = [0u16; 8];
    if random.below(2) == 0 {
        groups[..2].copy_from_slice(&[0x2001, 0xdb8]);
        groups[2] = random.below(0x1000) as u16;
    } else {
        groups[0] = 0xfe80;
        groups[6] = random.below(0x1000) as u16;
    }
    groups[7] = 1 + random.below(0x1000) as u16;
    groups.into()
}

/// Returns the value as a number, so that the compiler cannot remove the work.
fn bits(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    }
}

/// Formats into a string that is used again.
fn write<T: Display>() -> impl FnMut(&T) -> u64 {
    let mut string = String::with_capacity(64);
    move |item| {
        string.clear();
        write!(string, "{item}").unwrap();
        black_box(string.as_str()).len() as u64
    }
}

struct Bench {
    criterion: Criterion,
    /// The name of the peer in each group.
    groups: Vec<(&'static str, &'static str)>,
}

impl Bench {
    fn pair<T>(
        &mut self,
        name: &'static str,
        peer: &'static str,
        items: &[T],
        mut theirs: impl FnMut(&T) -> u64,
        mut ours: impl FnMut(&T) -> u64,
    ) {
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(items.len() as u64));
        group.bench_function(peer, |b| b.iter(|| sum(items, &mut theirs)));
        group.bench_function("std_net_ip", |b| b.iter(|| sum(items, &mut ours)));
        group.finish();
        self.groups.push((name, peer));
    }
}

fn sum<T>(items: &[T], one: &mut impl FnMut(&T) -> u64) -> u64 {
    let mut sum = 0u64;
    for item in black_box(items) {
        sum = sum.wrapping_add(one(item));
    }
    sum
}

fn main() {
    let mut bench = Bench {
        criterion: Criterion::default()
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args(),
        groups: Vec::new(),
    };

    bench.pair(
        "parse IPv4",
        "std",
        &distinct(|r| any_v4(r).to_string()),
        |text| u64::from(text.parse::<Ipv4Addr>().unwrap().to_bits()),
        |text| u64::from(ip::parse_v4(text).unwrap().to_bits()),
    );
    for (name, texts) in [
        ("parse IPv6 mixed", distinct(|r| mixed_v6(r).to_string())),
        ("parse IPv6 full", distinct(|r| full_v6(r).to_string())),
        ("parse IPv6 short", distinct(|r| short_v6(r).to_string())),
        (
            "parse IPv6 v4-mapped",
            distinct(|r| any_v4(r).to_ipv6_mapped().to_string()),
        ),
    ] {
        bench.pair(
            name,
            "std",
            &texts,
            |text| bits(text.parse::<Ipv6Addr>().unwrap().into()),
            |text| bits(ip::parse_v6(text).unwrap().into()),
        );
    }

    let any_ip = |r: &mut Random| -> IpAddr {
        if r.below(2) == 0 {
            any_v4(r).into()
        } else {
            mixed_v6(r).into()
        }
    };
    bench.pair(
        "parse IpAddr",
        "std",
        &distinct(|r| any_ip(r).to_string()),
        |text| bits(text.parse().unwrap()),
        |text| bits(ip::parse(text).unwrap()),
    );
    bench.pair(
        "parse SocketAddr",
        "std",
        &distinct(|r| SocketAddr::new(any_ip(r), r.next() as u16).to_string()),
        |text| {
            let addr: SocketAddr = text.parse().unwrap();
            bits(addr.ip()) ^ u64::from(addr.port())
        },
        |text| {
            let addr = ip::parse_socket_addr(text).unwrap();
            bits(addr.ip()) ^ u64::from(addr.port())
        },
    );
    bench.pair(
        "parse network",
        "ipnet",
        &distinct(|r| {
            let ip = any_ip(r);
            let max = if ip.is_ipv4() { 33 } else { 129 };
            format!("{ip}/{}", r.below(max))
        }),
        |text| {
            let net: net::IpNet = text.parse().unwrap();
            bits(net.addr()) ^ u64::from(net.prefix_len())
        },
        |text| {
            let net = net::parse(text).unwrap();
            bits(net.addr()) ^ u64::from(net.prefix_len())
        },
    );

    let mut random = Random(9);
    let v4: Vec<Ipv4Addr> = (0..TEXTS).map(|_| any_v4(&mut random)).collect();
    let v6: Vec<Ipv6Addr> = (0..TEXTS).map(|_| mixed_v6(&mut random)).collect();
    let mut buf = [0; v4::BUF_LEN];
    bench.pair("format IPv4", "std", &v4, write(), |addr| {
        black_box(v4::format_into(*addr, &mut buf)).len() as u64
    });
    let mut buf = [0; v6::BUF_LEN];
    bench.pair("format IPv6", "std", &v6, write(), |addr| {
        black_box(v6::format_into(*addr, &mut buf)).len() as u64
    });
    // Here the wrapper replaces the address.
    let mut ours = write();
    bench.pair("display IPv4", "std", &v4, write(), |addr| {
        ours(&addr.canonical())
    });
    let mut ours = write();
    bench.pair("display IPv6", "std", &v6, write(), |addr| {
        ours(&addr.canonical())
    });
    bench.criterion.final_summary();
    summary(&bench.groups);
}

/// Prints the table, from the files that criterion has written. Groups that were filtered out are left
/// out.
fn summary(groups: &[(&str, &str)]) {
    let mut target = std::env::current_exe().unwrap();
    while target.file_name().is_some_and(|name| name != "target") {
        target.pop();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(target, PathBuf::from);
    println!("\n| | peer | peer ns | std_net_ip ns | times |\n|---|---|---|---|---|");
    for (name, peer) in groups {
        let dir = target.join("criterion").join(name);
        let (Some(theirs), Some(ours)) = (median(&dir.join(peer)), median(&dir.join("std_net_ip")))
        else {
            continue;
        };
        println!(
            "| {name} | {peer} | {theirs:.1} | {ours:.1} | {:.1} |",
            theirs / ours
        );
    }
}

/// Returns the nanoseconds for each item.
fn median(dir: &Path) -> Option<f64> {
    let json = std::fs::read_to_string(dir.join("new/estimates.json")).ok()?;
    let (_, rest) = json.split_once("\"median\":")?;
    let (_, rest) = rest.split_once("\"point_estimate\":")?;
    let value: f64 = rest[..rest.find([',', '}'])?].parse().ok()?;
    Some(value / TEXTS as f64)
}
