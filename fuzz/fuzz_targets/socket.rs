//! Compares our parser of addresses with a port with std's and the slow one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std_net_ip as ip;

#[path = "../../ip/tests/reference/mod.rs"]
#[allow(dead_code, reason = "a target uses some")]
mod reference;

fuzz_target!(|bytes: &[u8]| {
    let text = std::str::from_utf8(bytes).ok();
    let ours = ip::parse_socket_addr(bytes).ok();
    assert_eq!(ours, text.and_then(|text| text.parse().ok()));
    assert_eq!(ours, text.and_then(reference::socket));
    let v4 = ip::parse_socket_addr_v4(bytes).ok();
    assert_eq!(v4, text.and_then(|text| text.parse().ok()));
    assert_eq!(v4, text.and_then(reference::socket_v4));
    let v6 = ip::parse_socket_addr_v6(bytes).ok();
    assert_eq!(v6, text.and_then(|text| text.parse().ok()));
    assert_eq!(v6, text.and_then(reference::socket_v6));
});
