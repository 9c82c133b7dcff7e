//! Writes which entries of a list overlap.

use std::ffi::OsString;
use std::net::IpAddr;

use std_net_ip::range::IpRange;

use crate::find::Finder;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::read::Style;
use crate::settings::Reading;

pub(crate) struct Settings {
    pub(crate) reading: Reading,
    /// Another list. With it, an entry of the input is compared with the entries of this list, instead
    /// of with the other entries of the input.
    pub(crate) other: Vec<OsString>,
    pub(crate) json: bool,
}

/// An entry and its place.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) range: IpRange,
    pub(crate) text: Box<[u8]>,
    pub(crate) source: usize,
    pub(crate) line: u64,
    pub(crate) column: usize,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.reading);
    let (mut all, mut status) = places(&job)?;
    let mut names = job.names.clone();
    let border = names.len();
    if !settings.other.is_empty() {
        let other = Job::new(&Reading {
            input: settings.other.clone(),
            // A set has ordinary lines.
            style: Style {
                zero: false,
                ..settings.reading.style
            },
            ..settings.reading.clone()
        });
        let (others, other_status) = places(&other)?;
        status = status.max(other_status);
        names.extend_from_slice(&other.names);
        all.extend(others.into_iter().map(|place| Place {
            source: place.source + border,
            ..place
        }));
    }
    let both = !settings.other.is_empty();
    let mut output = job.output(settings.json)?;
    let mut found = false;
    pairs(&all, |a, b| {
        // The entry of the input comes first.
        let (a, b) = if b.source < border && both {
            (b, a)
        } else {
            (a, b)
        };
        if both && (a.source < border) == (b.source < border) {
            return Ok(());
        }
        found = true;
        let text = |place: &Place| String::from_utf8_lossy(&place.text).into_owned();
        let at = |place: &Place| format!("{}:{}", names[place.source], place.line);
        let line = if settings.json {
            let quoted = |text: String| serde_json::Value::String(text).to_string();
            format!(
                "{{\"entry\":{},\"at\":{},\"other\":{},\"other_at\":{}}}\n",
                quoted(text(a)),
                quoted(at(a)),
                quoted(text(b)),
                quoted(at(b))
            )
        } else {
            format!("{}\t{}\t{}\t{}\n", text(a), at(a), text(b), at(b))
        };
        output.buffer().extend_from_slice(line.as_bytes());
        output.drain()
    })?;
    output.flush()?;
    Ok(match status {
        Status::Success if !found => Status::Negative,
        other => other,
    })
}

/// Returns all entries of a list with their places, and the status of reading it.
fn places(job: &Job) -> Result<(Vec<Place>, Status)> {
    let mut all = Vec::new();
    let mut reports = job.reports();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut places = Vec::new();
            let (_, bad) = job.hold(finder, block, |entry| {
                places.push(Place {
                    range: entry.item.range(),
                    text: entry.text.into(),
                    source: entry.source,
                    line: entry.line,
                    column: entry.column,
                });
            });
            (places, bad)
        },
        |(places, bad)| {
            all.extend(places);
            Ok(reports.take(&bad))
        },
    )?;
    Ok((all, reports.end(trouble)))
}

/// Calls `found` for each two entries with a common address. First comes the entry that begins first,
/// then the larger one, then the one that stands first in the list.
pub(crate) fn pairs(
    all: &[Place],
    mut found: impl FnMut(&Place, &Place) -> Result<()>,
) -> Result<()> {
    let version = |range: &IpRange| !matches!(range.first(), IpAddr::V4(_));
    let mut order: Vec<&Place> = all.iter().collect();
    // The sort is stable, so equal entries keep their order.
    order.sort_by(|a, b| {
        let key = |place: &Place| (version(&place.range), place.range.first());
        let larger = b.range.last().cmp(&a.range.last());
        key(a).cmp(&key(b)).then(larger)
    });
    let mut open: Vec<&Place> = Vec::new();
    for place in order {
        open.retain(|earlier| {
            version(&earlier.range) == version(&place.range)
                && earlier.range.last() >= place.range.first()
        });
        for earlier in &open {
            found(earlier, place)?;
        }
        open.push(place);
    }
    Ok(())
}
