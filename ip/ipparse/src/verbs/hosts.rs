//! All addresses for hosts, one a line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net_ip::range::IpRange;

use crate::field::{Layout, count, hosts as hosts_of};
use crate::item::Item;
use crate::lazy;
use crate::output::{Output, Result, Status};
use crate::read::Entry;
use crate::settings::Items;

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// With the first and the last address of an IPv4 network.
    pub(crate) all: bool,
    /// Only how many.
    pub(crate) count: bool,
    /// At most so many of each.
    pub(crate) limit: Option<u64>,
}

pub(crate) fn run(hosts: &Settings) -> Result<Status> {
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let range = if hosts.all {
            entry.item.range()
        } else {
            hosts_of(&entry.item)
        };
        if hosts.count {
            let out = output.buffer();
            out.extend_from_slice(count(range).as_bytes());
            out.push(b'\n');
            return output.drain().map(|()| None);
        }
        let limit = hosts.limit.unwrap_or(u64::MAX);
        for (addr, _) in addresses(range).zip(0..limit) {
            layout.write(
                &Entry {
                    item: Item::Addr(addr),
                    ..*entry
                },
                output.buffer(),
            );
            output.drain()?;
        }
        Ok(None)
    };
    lazy::run(&hosts.items, write)
}

/// The addresses of a range.
fn addresses(range: IpRange) -> Box<dyn Iterator<Item = IpAddr>> {
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Box::new(
            (first.to_bits()..=last.to_bits()).map(|bits| Ipv4Addr::from_bits(bits).into()),
        ),
        (IpAddr::V6(first), IpAddr::V6(last)) => Box::new(
            (first.to_bits()..=last.to_bits()).map(|bits| Ipv6Addr::from_bits(bits).into()),
        ),
        _ => unreachable!("a range has addresses of one version"),
    }
}
