//! Writes the fewest networks that hold the same addresses, or some more addresses if this is allowed.

use std::net::IpAddr;

use std_net_ip::net::IpNet;
use std_net_ip::{IpAddress, IpSet};

use crate::item::Mask;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::set;
use crate::settings::{Items, SetForm};

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) form: SetForm,
    /// Longer networks become networks of this length.
    pub(crate) max_length: Option<Mask>,
    /// Shorter networks are divided into networks of this length.
    pub(crate) min_length: Option<Mask>,
    /// How many percent of a written network may be addresses that were not there before.
    pub(crate) lossy: f64,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.items.reading);
    let layout = set::layout(&job, &settings.items, settings.form)?;
    let read = set::read_as(&job, |item| match settings.max_length {
        Some(mask) => set::widened(item.range(), mask),
        None => item,
    })?;
    let form = set::Form::new(settings.form, &layout, settings.min_length);
    set::write(&job, form, read, |set| {
        if settings.lossy > 0.0 {
            lossy(&set, settings.lossy)
        } else {
            set
        }
    })
}

/// Returns the largest networks in which at most `percent` of the addresses are not in the set.
fn lossy(set: &IpSet, percent: f64) -> IpSet {
    // The ranges do not overlap and are in order. They have their first and last address as numbers.
    let ranges = |v4: bool| -> Vec<(u128, u128)> {
        let ranges = set.ranges().filter(|range| range.first().is_ipv4() == v4);
        ranges
            .map(|range| (range.first().to_integer(), range.last().to_integer()))
            .collect()
    };
    let mut nets = Vec::new();
    for (v4, bits) in [(true, 32), (false, 128)] {
        let all = ranges(v4);
        let mut found = Vec::new();
        join(&all, 0, bits, 1.0 - percent / 100.0, &mut found);
        nets.extend(found.into_iter().filter_map(|(first, host)| {
            let addr = if v4 {
                IpAddr::V4((first as u32).into())
            } else {
                IpAddr::V6(first.into())
            };
            IpNet::new(addr, bits - host).ok()
        }));
    }
    nets.into_iter().collect()
}

/// Adds the networks inside the network that begins at `first` and has `host` bits for hosts. `ranges`
/// are the ranges that have addresses in it.
fn join(ranges: &[(u128, u128)], first: u128, host: u8, least: f64, found: &mut Vec<(u128, u8)>) {
    if ranges.is_empty() {
        return;
    }
    let last = first | u128::MAX.checked_shr(u32::from(128 - host)).unwrap_or(0);
    // How many addresses of a range lie in this network. All numbers are below 2^128, and the rounding
    // errors do not matter.
    let there = |(a, b): &(u128, u128)| (b.min(&last) - a.max(&first)) as f64 + 1.0;
    let share = ranges.iter().map(there).sum::<f64>() / ((last - first) as f64 + 1.0);
    if share >= least || host == 0 {
        found.push((first, host));
        return;
    }
    let middle = first + (1u128 << (host - 1));
    let low = ranges.partition_point(|(a, _)| *a < middle);
    let high = ranges.partition_point(|(_, b)| *b < middle);
    join(&ranges[..low], first, host - 1, least, found);
    join(&ranges[high..], middle, host - 1, least, found);
}
