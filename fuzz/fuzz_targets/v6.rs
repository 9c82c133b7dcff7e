//! Compares our parser of IPv6 addresses with std's and the slow one. Also turns the addresses into
//! text.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use std_net_ip::{self as ip, IpAddress, v6};

#[path = "../../ip/tests/reference/mod.rs"]
#[allow(dead_code, reason = "a target uses some")]
mod reference;

fuzz_target!(|bytes: &[u8]| {
    let text = std::str::from_utf8(bytes).ok();
    let ours = ip::parse_v6(bytes).ok();
    assert_eq!(ours, text.and_then(|text| text.parse().ok()));
    assert_eq!(ours, text.and_then(reference::v6));
    let either = ip::parse(bytes).ok();
    assert_eq!(either, text.and_then(|text| text.parse().ok()));
    assert_eq!(either.filter(IpAddr::is_ipv6), ours.map(IpAddr::V6));

    let Some(&bits) = bytes.first_chunk::<16>() else {
        return;
    };
    let addr = Ipv6Addr::from(bits);
    let mut buf = [bits[0]; v6::BUF_LEN];
    assert_eq!(v6::format_into(addr, &mut buf), addr.to_string());
    assert_eq!(addr.canonical().as_str(), addr.to_string());
    assert_eq!(ip::parse_v6(addr.expanded().as_str()), Ok(addr));
});
