//! Splits networks into smaller ones.

use std::net::IpAddr;

use std_net_ip::IpAddress;
use std_net_ip::net::IpNet;

use crate::field::Layout;
use crate::item::Item;
use crate::lazy;
use crate::output::{Output, Result, Status};
use crate::read::Entry;
use crate::settings::Items;

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) into: Into,
}

/// What each network is split into.
#[derive(Clone, Debug)]
pub(crate) enum Into {
    /// Networks of this length.
    Length(u8),
    /// This many equal parts. The number is a power of two.
    Parts(u64),
    /// The smallest networks with room for these numbers of hosts.
    Hosts(Vec<u64>),
}

pub(crate) fn run(split: &Settings) -> Result<Status> {
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let Some(net) = entry.item.net() else {
            return Ok(Some(String::from("a range is not one network")));
        };
        let len = match &split.into {
            Into::Length(len) => *len,
            Into::Hosts(hosts) => {
                let parts = match for_hosts(net.trunc(), hosts) {
                    Ok(parts) => parts,
                    Err(wrong) => return Ok(Some(wrong)),
                };
                for part in parts {
                    let item = Item::Net(part);
                    layout.write(&Entry { item, ..*entry }, output.buffer());
                    output.drain()?;
                }
                return Ok(None);
            }
            Into::Parts(parts) => net.prefix_len().saturating_add(parts.ilog2() as u8),
        };
        let Ok(parts) = net.trunc().subnets(len) else {
            return Ok(Some(format!(
                "{} cannot be split into networks with the length {len}",
                net.trunc()
            )));
        };
        for part in parts {
            layout.write(
                &Entry {
                    item: Item::Net(part),
                    ..*entry
                },
                output.buffer(),
            );
            output.drain()?;
        }
        Ok(None)
    };
    lazy::run(&split.items, write)
}

/// Finds networks inside one network: for each number of hosts the smallest one that has room for them,
/// in the order of the numbers. The largest network is placed first, so that no room is lost between
/// them.
fn for_hosts(net: IpNet, hosts: &[u64]) -> std::result::Result<Vec<IpNet>, String> {
    let v4 = net.addr().is_ipv4();
    let bits: u8 = if v4 { 32 } else { 128 };
    // In an IPv4 network, no host has the first or the last address. A network of two addresses is an
    // exception (RFC 3021).
    let size = |hosts: u64| {
        let all = u128::from(hosts) + if v4 && hosts > 1 { 2 } else { 0 };
        all.max(1).next_power_of_two()
    };
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(size(hosts[*i])));
    let mut parts = vec![net; hosts.len()];
    let mut next = Some(net.network().to_integer());
    let last = net.broadcast().to_integer();
    for i in order {
        let size = size(hosts[i]);
        let fits = next
            .and_then(|start| start.checked_add(size - 1))
            .filter(|end| *end <= last);
        let (Some(start), Some(end)) = (next, fits) else {
            return Err(format!(
                "{net} has no room for {} hosts besides the others",
                hosts[i]
            ));
        };
        let addr = if v4 {
            IpAddr::V4((start as u32).into())
        } else {
            IpAddr::V6(start.into())
        };
        let len = bits - size.trailing_zeros() as u8;
        parts[i] = IpNet::new(addr, len).map_err(|error| error.to_string())?;
        next = end.checked_add(1);
    }
    Ok(parts)
}
