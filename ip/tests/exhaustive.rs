//! Compares our parsers with std, ipnet and the slow parsers in `reference/`, on every text of some
//! kinds: all short texts of the bytes that matter, all texts that differ from an address in one or two
//! bytes, and all IPv4 addresses.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use std_net_ip::{self as ip, IpAddress, ParseError, net, v4, v6};

mod reference;

/// Compares our result with those of std and the slow parser.
fn same<T: FromStr + PartialEq + Debug>(
    bytes: &[u8],
    ours: Result<T, ParseError>,
    slow: fn(&str) -> Option<T>,
) {
    // Bytes that are not UTF-8 are not an address.
    let text = std::str::from_utf8(bytes).ok();
    let ours = ours.ok();
    let shown = bytes.escape_ascii();
    assert_eq!(ours, text.and_then(|text| text.parse().ok()), "{shown}");
    assert_eq!(ours, text.and_then(slow), "{shown}");
}

/// ipnet's parser accepts leading zeros, and a `::` that stands for no group. std's address parser does
/// not.
fn same_net(bytes: &[u8]) {
    let ours = net::parse(bytes).ok();
    let text = std::str::from_utf8(bytes).ok();
    let theirs = text.and_then(|text| {
        text.split_once('/')?.0.parse::<IpAddr>().ok()?;
        text.parse::<net::IpNet>().ok()
    });
    let shown = bytes.escape_ascii();
    assert_eq!(ours, theirs, "{shown}");
    assert_eq!(ours, text.and_then(reference::net), "{shown}");
    let (v4, v6) = match ours {
        Some(net::IpNet::V4(net)) => (Some(net), None),
        Some(net::IpNet::V6(net)) => (None, Some(net)),
        None => (None, None),
    };
    assert_eq!(net::parse_v4(bytes).ok(), v4, "{shown}");
    assert_eq!(net::parse_v6(bytes).ok(), v6, "{shown}");
}

fn same_v4(bytes: &[u8]) {
    same::<Ipv4Addr>(bytes, ip::parse_v4(bytes), reference::v4);
    same::<IpAddr>(bytes, ip::parse(bytes), reference::ip);
}

fn same_v6(bytes: &[u8]) {
    same::<Ipv6Addr>(bytes, ip::parse_v6(bytes), reference::v6);
    same::<IpAddr>(bytes, ip::parse(bytes), reference::ip);
}

fn same_socket(bytes: &[u8]) {
    same::<SocketAddr>(bytes, ip::parse_socket_addr(bytes), reference::socket);
    same::<SocketAddrV4>(bytes, ip::parse_socket_addr_v4(bytes), reference::socket_v4);
    same::<SocketAddrV6>(bytes, ip::parse_socket_addr_v6(bytes), reference::socket_v6);
}

fn same_in_all_forms(bytes: &[u8]) {
    same_v4(bytes);
    same_v6(bytes);
    same_socket(bytes);
    same_net(bytes);
}

/// Checks `head`, every text of up to `len` bytes of `alphabet`, and `tail`, joined.
fn every(alphabet: &[u8], len: usize, head: &str, tail: &str, check: impl Fn(&[u8])) -> u64 {
    let mut count = 0;
    for len in 0..=len as u32 {
        for n in 0..alphabet.len().pow(len) {
            let mut text = head.as_bytes().to_vec();
            let mut rest = n;
            for _ in 0..len {
                text.push(alphabet[rest % alphabet.len()]);
                rest /= alphabet.len();
            }
            text.extend_from_slice(tail.as_bytes());
            check(&text);
            count += 1;
        }
    }
    count
}

#[test]
fn short_texts_in_all_forms() {
    let count = every(b"019af:./[]%", 5, "", "", same_in_all_forms);
    assert_eq!(count, 177_156);
}

#[test]
fn ends_of_ipv4_addresses() {
    for (head, tail) in [
        ("1.", ".4"),
        ("192.168.", ""),
        ("", ".2.3"),
        ("1.22.333", ".4"),
    ] {
        every(b"0129./:\0", 5, head, tail, same_v4);
    }
}

#[test]
fn ends_of_ipv6_addresses() {
    let six = "1:22:333:4444:5:6";
    for (head, tail) in [
        ("", ":1"),
        ("", "::1:2:3"),
        ("2001:db8", ""),
        ("1:2:3", ":6:7:8"),
        (six, ""),
        ("", six),
        ("fe80:1234:5678:9abc:def0:1234:56", ""),
    ] {
        every(b"0fF:g.\0", 5, head, tail, same_v6);
    }
}

#[test]
fn ends_of_ports_and_lengths() {
    for head in ["1.2.3.4", "[::1", "[fe80::1", "[1:2:3:4:5:6:7:8]"] {
        every(b"06:]%3[", 5, head, "", same_socket);
        every(b"0:6", 9, head, "", same_socket);
    }
    for head in [
        "1.2.3.4",
        "10.20.30.40",
        "::",
        "1:2:3:4:5:6:7:8",
        "::1.2.3.4",
    ] {
        every(b"01238/.:\0", 4, head, "", same_net);
    }
}

#[test]
fn one_byte_or_two_of_an_address_changed() {
    let some = *b"\0\x010123456789abfgAFG:./[]% -+\x10\x1a\x2f\x3a\x3b\x7f\x80\xae\xb0\xba\xff";
    for text in [
        "1.2.3.4",
        "12.3.4.5",
        "255.255.255",
        "192.168.10.7",
        "255.255.255.255",
        "::",
        "fe80::1",
        "2001:db8::8a2e:370:7334",
        "1:2:3:4:5:6:7:8",
        "2001:db8:85a3:1234:5678:8a2e:1370:7334",
        "2001:0db8:85a3:1234:5678:8a2e:1370:7334",
        "::ffff:192.0.2.1",
        "64:ff9b::1.2.3.4",
        "1.2.3.4:80",
        "[fe80::1%12]:65535",
        "10.0.0.0/8",
        "2001:db8::/32",
    ] {
        for at in 0..text.len() {
            for byte in 0..=255 {
                let mut changed = text.as_bytes().to_vec();
                changed[at] = byte;
                same_in_all_forms(&changed);
                let mut longer = text.as_bytes().to_vec();
                longer.insert(at, byte);
                same_in_all_forms(&longer);
            }
            for other in 0..text.len() {
                let mut changed = text.as_bytes().to_vec();
                for byte in some {
                    changed[at] = byte;
                    changed[other] = some[usize::from(byte) % some.len()];
                    same_in_all_forms(&changed);
                }
            }
        }
    }
}

/// All combinations of groups with one to four digits, with the `::` at every place or without it.
#[test]
fn all_lengths_of_all_groups() {
    let groups = ["1", "23", "456", "789a", "bcde"];
    for count in 1..=9 {
        for lengths in 0..4usize.pow(count) {
            // A third of the longest texts is enough.
            if count > 7 && lengths % 3 != 0 {
                continue;
            }
            let part = |i: u32| groups[lengths / 4usize.pow(i) % 4 + usize::from(i == 8)];
            let parts: Vec<&str> = (0..count).map(part).collect();
            same_v6(parts.join(":").as_bytes());
            let gap = lengths % (parts.len() + 1);
            let text = format!("{}::{}", parts[..gap].join(":"), parts[gap..].join(":"));
            same_v6(text.as_bytes());
        }
    }
}

/// Every mask of zero groups, with groups of every length.
#[test]
fn all_runs_of_zeros_as_std_writes_them() {
    let mut buf = [0; v6::BUF_LEN];
    for mask in 0..256 {
        for value in [1u16, 0xab, 0xabc, 0xabcd, 0x8000, 0xffff] {
            let group = |i: usize| {
                if mask >> i & 1 == 1 {
                    0
                } else {
                    value >> (i % 3)
                }
            };
            let addr = Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(group));
            assert_eq!(v6::format_into(addr, &mut buf), addr.to_string());
            assert_eq!(addr.canonical().as_str(), addr.to_string());
            assert_eq!(ip::parse_v6(addr.to_string()), Ok(addr));
        }
    }
}

/// The place of the buffer in memory, and its old contents, must not matter.
#[test]
fn any_buffer_will_do() {
    let mut memory = [0xffu8; 128];
    for at in 0..16 {
        let v4 = Ipv4Addr::new(255, 255, 255, 255);
        let buf = memory[at..].first_chunk_mut::<{ v4::BUF_LEN }>().unwrap();
        assert_eq!(v4::format_into(v4, buf), "255.255.255.255");
        let v6 = Ipv6Addr::from_bits(u128::MAX);
        let buf = memory[at..].first_chunk_mut::<{ v6::BUF_LEN }>().unwrap();
        assert_eq!(v6::format_into(v6, buf), v6.to_string());
        assert_eq!(
            v6::format_into(v4.to_ipv6_mapped(), buf),
            "::ffff:255.255.255.255"
        );
        memory.fill(0xff);
    }
}

/// Turns all 2^32 addresses into text and back:
/// `cargo test --release -p std_net_ip --test exhaustive -- --ignored`.
#[test]
#[ignore = "minutes of a release build"]
fn every_ipv4_address() {
    let mut buf = [0; v4::BUF_LEN];
    for bits in 0..=u32::MAX {
        let addr = Ipv4Addr::from_bits(bits);
        let text = v4::format_into(addr, &mut buf);
        assert_eq!(ip::parse_v4(text), Ok(addr));
    }
}
