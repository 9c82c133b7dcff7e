//! Tests every row of the vectors in `data/`.

use std::net::IpAddr;

use std_net_ip::{self as ip, IpAddress, net};

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('\\') => out.push('\\'),
                other => panic!("unknown escape {other:?} in {text:?}"),
            },
            c => out.push(c),
        }
    }
    out
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split('\t').collect())
}

#[test]
fn addresses() {
    let mut count = 0;
    for row in rows(include_str!("data/ip.tsv")) {
        let [input, kind, canonical] = row[..] else {
            panic!("bad row {row:?}")
        };
        let input = unescape(input);
        count += 1;
        match ip::parse(&input) {
            Ok(addr) => {
                assert_eq!(kind, if addr.is_ipv4() { "v4" } else { "v6" }, "{input:?}");
                assert_eq!(addr.canonical().as_str(), canonical, "{input:?}");
                assert_eq!(addr.to_string(), canonical, "{input:?}");
                assert_eq!(
                    ip::parse_v4(&input).ok().map(IpAddr::V4),
                    Some(addr).filter(IpAddr::is_ipv4)
                );
                assert_eq!(
                    ip::parse_v6(&input).ok().map(IpAddr::V6),
                    Some(addr).filter(IpAddr::is_ipv6)
                );
            }
            Err(error) => {
                assert_eq!(kind, "invalid", "{input:?}: {error}");
                assert!(error.position() <= input.len());
            }
        }
    }
    assert!(count > 1000, "{count} rows");
}

#[test]
fn networks() {
    let mut count = 0;
    for row in rows(include_str!("data/nets.tsv")) {
        count += 1;
        let input = unescape(row[0]);
        let parsed = net::parse(&input);
        if row[1] == "invalid" {
            assert!(parsed.is_err(), "{input:?}");
            continue;
        }
        let net = parsed.unwrap_or_else(|e| panic!("{input:?}: {e}")).trunc();
        assert_eq!(net.to_string(), row[2], "{input:?}");
        assert_eq!(net.broadcast().to_string(), row[3], "{input:?}");
        let host_bits = u32::from(net.max_prefix_len() - net.prefix_len());
        let addresses = match 1u128.checked_shl(host_bits) {
            Some(n) => n.to_string(),
            None => "340282366920938463463374607431768211456".into(),
        };
        assert_eq!(addresses, row[4], "{input:?}");
        if let net::IpNet::V4(net) = net {
            assert_eq!(net.hosts().count_by_size().to_string(), row[5], "{input:?}");
        }
    }
    assert!(count > 500, "{count} rows");
}

/// Counts the usable hosts without going through them.
trait CountBySize {
    fn count_by_size(self) -> u64;
}

impl CountBySize for net::Ipv4AddrRange {
    fn count_by_size(mut self) -> u64 {
        let first = self.next().expect("a network has a host");
        let last = self.next_back().unwrap_or(first);
        u64::from(last.to_bits() - first.to_bits()) + 1
    }
}
