//! Writes the next free network or address inside of networks.

use std::net::IpAddr;

use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;
use std_net_ip::{IpAddress, IpSet};

use crate::field::{Layout, hosts};
use crate::item::Item;
use crate::lazy;
use crate::output::{Output, Result, Status};
use crate::read::Entry;
use crate::set;
use crate::settings::{Given, Items};

pub(crate) struct Settings {
    /// The networks in which to look.
    pub(crate) items: Items,
    pub(crate) used: Given,
    /// The prefix length of the networks to find. Without it, addresses are found.
    pub(crate) prefix: Option<u8>,
    /// How many to find in each network.
    pub(crate) number: u64,
    /// Also use the first and the last address of an IPv4 network.
    pub(crate) all: bool,
}

pub(crate) fn run(free: &Settings) -> Result<Status> {
    let reading = &free.items.reading;
    let used = set::load(&free.used, reading.strict, reading.threads, false)?;
    // All used addresses must be known, because otherwise one of them could be given away again.
    if used.trouble && !free.used.lenient {
        return Ok(Status::Trouble);
    }
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let mut left = free.number;
        let mut put = |item: Item, output: &mut Output| {
            layout.write(&Entry { item, ..*entry }, output.buffer());
            left -= 1;
            output.drain().map(|()| left > 0)
        };
        let range = match free.prefix {
            None if !free.all => hosts(&entry.item),
            _ => entry.item.range(),
        };
        let wanted = match free.prefix {
            Some(len) if range.first().is_ipv4() && len > 32 || len > 128 => {
                return Ok(Some(format!("no network has the length {len}")));
            }
            prefix => prefix,
        };
        let whole: IpSet = [range].into_iter().collect();
        let mut found = false;
        for range in whole.subtract(&used.set).ranges() {
            let mut go_on = true;
            match wanted {
                Some(len) => {
                    for net in networks(range, len) {
                        found = true;
                        go_on = put(Item::Net(net), output)?;
                        if !go_on {
                            break;
                        }
                    }
                }
                None => {
                    for addr in lazy::addresses(range) {
                        found = true;
                        go_on = put(Item::Addr(addr), output)?;
                        if !go_on {
                            break;
                        }
                    }
                }
            }
            if !go_on {
                break;
            }
        }
        Ok((!found).then(|| match wanted {
            Some(len) => format!("no network with the length {len} is free"),
            None => String::from("no address is free"),
        }))
    };
    lazy::run(&free.items, write)
}

/// Returns all networks of a length in a range, in order.
fn networks(range: IpRange, len: u8) -> impl Iterator<Item = IpNet> {
    let bits = if range.first().is_ipv4() { 32 } else { 128 };
    let host = 1u128
        .checked_shl(u32::from(bits - len))
        .unwrap_or(0)
        .wrapping_sub(1);
    let (first, last) = (range.first().to_integer(), range.last().to_integer());
    let address = move |value: u128| -> IpAddr {
        match u32::try_from(value) {
            Ok(value) if bits == 32 => IpAddr::V4(value.into()),
            _ => IpAddr::V6(value.into()),
        }
    };
    let mut next = first.checked_add(host).map(|value| value & !host);
    std::iter::from_fn(move || {
        let start = next?;
        let end = start.checked_add(host)?;
        if end > last {
            return None;
        }
        next = end.checked_add(1);
        IpNet::new(address(start), len).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_in_a_range() {
        let all = |first: &str, last: &str, len| -> Vec<String> {
            let range = IpRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
            networks(range, len)
                .take(4)
                .map(|net| net.to_string())
                .collect()
        };
        assert_eq!(
            all("10.0.0.1", "10.0.2.255", 24),
            ["10.0.1.0/24", "10.0.2.0/24"]
        );
        assert_eq!(all("0.0.0.0", "255.255.255.255", 0), ["0.0.0.0/0"]);
        assert_eq!(all("255.255.255.254", "255.255.255.255", 32).len(), 2);
        assert_eq!(
            all("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0),
            ["::/0"]
        );
        assert_eq!(all("::1", "::7", 126), ["::4/126"]);
        assert!(all("10.0.0.1", "10.0.0.255", 24).is_empty());
        assert!(
            all(
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                127
            )
            .is_empty()
        );
    }
}
