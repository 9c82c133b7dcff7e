//! Reports invalid lines, and odd entries in a list of networks. It writes nothing else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Mutex;

use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;

use crate::item::Item;
use crate::job::Job;
use crate::output::{Result, Status, complain};
use crate::settings::Reading;
use crate::stream;

use super::overlaps::{Place, pairs};

pub(crate) struct Settings {
    pub(crate) reading: Reading,
    /// Whether set host bits, duplicates and overlaps are reported too.
    pub(crate) network: bool,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let mut job = Job::new(&settings.reading);
    let quiet = std::mem::replace(&mut job.quiet, true);
    let names = job.names.clone();
    let places: Mutex<Vec<(Place, Option<IpNet>)>> = Mutex::default();
    let status = stream::run(
        &job,
        job.output(false)?,
        |entry, _| {
            if !settings.network {
                return;
            }
            let place = Place {
                range: entry.item.range(),
                text: entry.text.into(),
                source: entry.source,
                line: entry.line,
                column: entry.column,
            };
            let net = match entry.item {
                Item::Net(net) if net != net.trunc() => Some(net.trunc()),
                _ => None,
            };
            if let Ok(mut places) = places.lock() {
                places.push((place, net));
            }
        },
        |bad| {
            if !quiet {
                let text = bad.show(&names[bad.source]);
                complain(text.trim_end_matches('\n'));
            }
        },
    )?;
    let mut places = places.into_inner().unwrap_or_default();
    // The threads may have found them in any order.
    places.sort_by_key(|(place, _)| (place.source, place.line, place.column));
    let odd = odd(&places, &names)?;
    for (.., text) in &odd {
        if !quiet {
            complain(text);
        }
    }
    Ok(if odd.is_empty() {
        status
    } else {
        status.max(Status::Negative)
    })
}

/// Finds the odd entries of a list, in its order.
fn odd(
    places: &[(Place, Option<IpNet>)],
    names: &[String],
) -> Result<Vec<(usize, u64, usize, String)>> {
    let at = |place: &Place| format!("{}:{}", names[place.source], place.line);
    let text = |place: &Place| String::from_utf8_lossy(&place.text).into_owned();
    let mut odd = Vec::new();
    let mut note = |place: &Place, what: String| {
        let line = format!("{}:{}: {what}", at(place), place.column);
        odd.push((place.source, place.line, place.column, line));
    };
    for (place, net) in places {
        if let Some(net) = net {
            note(
                place,
                format!("host bits are set: {} is in {net}", text(place)),
            );
        }
    }
    // Each later entry of a range is compared with the first one, and nothing else with it. Otherwise a
    // list with one entry a thousand times would have half a million reports.
    let mut firsts: BTreeMap<IpRange, &Place> = BTreeMap::new();
    for (place, _) in places {
        match firsts.entry(place.range) {
            Entry::Vacant(entry) => drop(entry.insert(place)),
            Entry::Occupied(first) => note(
                place,
                format!("duplicate: {} is at {}", text(place), at(first.get())),
            ),
        }
    }
    let all: Vec<Place> = firsts.into_values().cloned().collect();
    pairs(&all, |a, b| {
        let how = if a.range.contains(b.range.last()) {
            "is inside"
        } else {
            "shares addresses with"
        };
        note(
            b,
            format!("overlap: {} {how} {} at {}", text(b), text(a), at(a)),
        );
        Ok(())
    })?;
    odd.sort();
    Ok(odd)
}
