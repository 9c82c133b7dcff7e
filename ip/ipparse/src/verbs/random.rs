//! Writes random addresses of networks, each only once.

use std::collections::HashSet;
use std::net::IpAddr;

use std_net_ip::{IpAddress, IpSet};

use crate::item::Item;
use crate::job::Job;
use crate::output::{Fail, Result, Status};
use crate::read::Entry;
use crate::set;
use crate::settings::{Items, SetForm};

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) number: usize,
    /// The seed for the same addresses each time.
    pub(crate) seed: Option<u64>,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.items.reading);
    let layout = set::layout(&job, &settings.items, SetForm::default())?;
    let read = set::read(&job)?;
    if read.stopped || settings.number == 0 {
        return Ok(read.status);
    }
    let pool = Pool::new(&read.set);
    // Compare the number of addresses below 2^128. A larger pool is enough for any number.
    if pool
        .most
        .is_some_and(|most| most < settings.number as u128 - 1)
    {
        let n = pool.most.map_or(0, |most| most + 1);
        return Err(Fail::message(format!(
            "{} different addresses are wanted, and there are {n}",
            settings.number
        )));
    }
    if pool.is_empty() {
        return Err(Fail::message("there is no network to take an address from"));
    }
    let mut random = settings
        .seed
        .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    let mut seen = HashSet::new();
    let mut output = job.output(layout.json)?;
    while seen.len() < settings.number {
        let place = random.u128(..=pool.most.unwrap_or(u128::MAX));
        if !seen.insert(place) {
            continue;
        }
        let entry = Entry {
            item: Item::Addr(pool.get(place)),
            text: b"",
            source: 0,
            line: 0,
            column: 0,
        };
        layout.write(&entry, output.buffer());
        output.drain()?;
    }
    output.flush()?;
    Ok(read.status)
}

/// All addresses of a set, numbered from 0.
struct Pool {
    /// The number of the first address of each range, and this address.
    starts: Vec<(u128, IpAddr)>,
    /// The highest number. It is `None` if it is above 2^128 - 1, or if the set is empty.
    most: Option<u128>,
}

impl Pool {
    fn new(set: &IpSet) -> Pool {
        let mut starts = Vec::new();
        let mut most = None;
        let mut next = Some(0u128);
        for range in set.ranges() {
            let Some(start) = next else {
                break;
            };
            starts.push((start, range.first()));
            // This is one less than the number of addresses, because 2^128 does not fit into a `u128`.
            let steps = range.last().to_integer() - range.first().to_integer();
            most = start.checked_add(steps);
            next = most.and_then(|most| most.checked_add(1));
        }
        Pool { starts, most }
    }

    fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    fn get(&self, place: u128) -> IpAddr {
        let range = self.starts.partition_point(|(start, _)| *start <= place) - 1;
        let (start, first) = self.starts[range];
        let bits = first.to_integer() + (place - start);
        match first {
            IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
            IpAddr::V6(_) => IpAddr::V6(bits.into()),
        }
    }
}
