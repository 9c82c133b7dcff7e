//! Reports invalid lines, and odd entries in a list of networks. It writes nothing else.

use std::sync::Mutex;

use std_net_ip::net::IpNet;

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
    let all: Vec<Place> = places.iter().map(|(place, _)| place.clone()).collect();
    pairs(&all, |a, b| {
        let later = |p: &Place| (p.source, p.line, p.column);
        if a.range == b.range {
            let (first, again) = if later(a) < later(b) { (a, b) } else { (b, a) };
            note(
                again,
                format!("duplicate: {} is at {}", text(again), at(first)),
            );
        } else if a.range.contains(b.range.last()) {
            note(
                b,
                format!("overlap: {} is inside {} at {}", text(b), text(a), at(a)),
            );
        } else {
            note(
                b,
                format!(
                    "overlap: {} shares addresses with {} at {}",
                    text(b),
                    text(a),
                    at(a)
                ),
            );
        }
        Ok(())
    })?;
    odd.sort();
    Ok(odd)
}
