//! Writes all facts about a network, for a human reader.

use crate::field::{Field, Layout};
use crate::job::Job;
use crate::output::{Result, Status};
use crate::read::Entry;
use crate::settings::Items;
use crate::stream::stream;

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) colours: bool,
}

/// The lines that are shown, and the field of each. A line whose field is `-` is left out.
const LINES: [(&str, Field); 17] = [
    ("Address", Field::Address),
    ("Network", Field::Network),
    ("Netmask", Field::Netmask),
    ("Wildcard", Field::Wildcard),
    ("First", Field::First),
    ("Last", Field::Last),
    ("Broadcast", Field::Broadcast),
    ("First host", Field::FirstHost),
    ("Last host", Field::LastHost),
    ("Hosts", Field::Hosts),
    ("Addresses", Field::Addresses),
    ("Purpose", Field::Name),
    ("Block", Field::Block),
    ("Document", Field::Rfc),
    ("Global", Field::Global),
    ("Inside", Field::Inside),
    ("Reverse", Field::Reverse),
];

pub(crate) fn run(info: &Settings) -> Result<Status> {
    let job = Job::new(&info.items.reading);
    let keys = LINES.map(|(_, field)| field);
    let layout = job.layout(&info.items.showing, &[], &keys);
    // The page of a network has ordinary line ends.
    let output = job.output(layout.json || layout.fields.is_empty())?;
    stream(&job, output, |entry, out| {
        if layout.fields.is_empty() {
            out.extend_from_slice(page(&layout, entry, info.colours).as_bytes());
        } else {
            layout.write(entry, out);
        }
    })
}

fn page(layout: &Layout, entry: &Entry<'_>, colours: bool) -> String {
    let (label_on, value_on, off) = if colours {
        ("\x1b[33m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut page = String::new();
    for (label, field) in LINES {
        let value = layout.text(field, entry);
        if value != "-" {
            page.push_str(&format!(
                "{label_on}{label:<12}{off}{value_on}{value}{off}\n"
            ));
        }
    }
    page.push('\n');
    page
}
