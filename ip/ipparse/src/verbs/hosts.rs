//! Writes all host addresses, one a line.

use crate::field::{Layout, count, hosts as hosts_of};
use crate::item::Item;
use crate::lazy;
use crate::output::{Output, Result, Status};
use crate::read::Entry;
use crate::settings::Items;

pub(crate) struct Settings {
    pub(crate) items: Items,
    /// Also write the first and the last address of an IPv4 network.
    pub(crate) all: bool,
    /// Write only the number of addresses.
    pub(crate) count: bool,
    /// Write at most this many addresses of each item.
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
        for (addr, _) in lazy::addresses(range).zip(0..limit) {
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
