//! Writes the smallest network that holds all items, one for each version.

use std::net::IpAddr;

use std_net_ip::IpAddress;
use std_net_ip::net::IpNet;

use crate::field::Field;
use crate::item::Item;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::read::Entry;
use crate::set;
use crate::settings::{Items, SetForm};

pub(crate) fn run(items: &Items) -> Result<Status> {
    let job = Job::new(&items.reading);
    let layout = set::layout(&job, items, SetForm::default())?;
    let read = set::read(&job)?;
    if read.stopped {
        return Ok(read.status);
    }
    let mut output = job.output(layout.json)?;
    let ends = |v4: bool| {
        let mut ranges = read
            .set
            .ranges()
            .filter(|range| range.first().is_ipv4() == v4);
        let first = ranges.next()?;
        Some((first.first(), ranges.last().unwrap_or(first).last()))
    };
    for (first, last) in [ends(true), ends(false)].into_iter().flatten() {
        let entry = Entry {
            item: Item::Net(around(first, last)),
            text: b"",
            source: 0,
            line: 0,
            column: 0,
        };
        layout.write(&entry, output.buffer());
    }
    debug_assert!(!layout.has(Field::Line), "a set has no lines");
    output.flush()?;
    if job.keep {
        output.block(&read.kept)?;
    }
    Ok(read.status)
}

/// Returns the smallest network that holds two addresses of one version.
fn around(first: IpAddr, last: IpAddr) -> IpNet {
    let differ = first.to_integer() ^ last.to_integer();
    let host = 128 - differ.leading_zeros() as u8;
    let bits = if first.is_ipv4() { 32 } else { 128 };
    IpNet::new(first, bits - host).map_or_else(|_| first.into(), |net| net.trunc())
}
