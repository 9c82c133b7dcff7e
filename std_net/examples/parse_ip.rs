//! "IP addresses" of the Inko manual. Prints what kind of address each argument is.
//!
//! Usage: `parse_ip TEXT...`

use std::env;
use std::process::ExitCode;

use std_net::ip::{self, IpAddress, ToIpAddress, net};

fn main() -> ExitCode {
    let mut all = true;
    let texts: Vec<String> = env::args().skip(1).collect();
    let texts = if texts.is_empty() {
        [
            "192.168.1.1",
            "::ffff:10.0.0.1",
            "2001:db8::/32",
            "1.2.3.256",
        ]
        .map(String::from)
        .into()
    } else {
        texts
    };
    for text in texts {
        if let Ok(net) = net::parse(&text) {
            println!(
                "{text}: network {}, last address {}",
                net.trunc(),
                net.broadcast()
            );
            continue;
        }
        match text.to_ip_address() {
            Ok(addr) => {
                let version = if addr.is_v4() { 4 } else { 6 };
                let purpose = ip::classify(addr).map_or("global unicast", |block| block.name());
                println!(
                    "{text}: IPv{version} address {}, {purpose}",
                    addr.canonical()
                );
            }
            Err(error) => {
                all = false;
                println!("{text}: {error}");
            }
        }
    }
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
