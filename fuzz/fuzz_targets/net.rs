//! Compares our parser of networks with the slow one, and with ipnet's. ipnet's accepts leading zeros
//! in octets, and a `::` that stands for no group.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use std_net_ip::net::{self, IpNet};

#[path = "../../ip/tests/reference/mod.rs"]
#[allow(dead_code, reason = "a target uses some")]
mod reference;

fuzz_target!(|bytes: &[u8]| {
    let text = std::str::from_utf8(bytes).ok();
    let ours = net::parse(bytes).ok();
    assert_eq!(ours, text.and_then(reference::net));
    let theirs = text.and_then(|text| {
        text.split_once('/')?.0.parse::<IpAddr>().ok()?;
        text.parse::<IpNet>().ok()
    });
    assert_eq!(ours, theirs);
    assert_eq!(
        net::parse_v4(bytes).ok().map(IpNet::V4),
        ours.filter(|net| net.addr().is_ipv4())
    );
    assert_eq!(
        net::parse_v6(bytes).ok().map(IpNet::V6),
        ours.filter(|net| net.addr().is_ipv6())
    );
});
