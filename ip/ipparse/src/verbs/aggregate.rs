//! The fewest networks that hold the same addresses, or some more.

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
    /// Longer networks grow to this length.
    pub(crate) max_length: Option<Mask>,
    /// Shorter networks are written as several of this length.
    pub(crate) min_length: Option<Mask>,
    /// In a network that is written at most so much was not there before, in percent.
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

/// The largest networks of which at most `percent` are not in the set.
fn lossy(set: &IpSet, percent: f64) -> IpSet {
    // Disjoint and in order, with first and last address as numbers.
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

/// Adds the networks inside the one that begins at `first` and has `host` bits for hosts; `ranges` are those
/// that have addresses in it.
fn join(ranges: &[(u128, u128)], first: u128, host: u8, least: f64, found: &mut Vec<(u128, u8)>) {
    if ranges.is_empty() {
        return;
    }
    let last = first | u128::MAX.checked_shr(u32::from(128 - host)).unwrap_or(0);
    // How much of it is there. All numbers are below 2^128, whatever little they lose.
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
