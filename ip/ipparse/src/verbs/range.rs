//! Writes ranges as networks, and networks as ranges.

use crate::field::{Field, Layout};
use crate::item::Item;
use crate::job::Job;
use crate::output::{Result, Status};
use crate::read::Entry;
use crate::settings::Items;
use crate::stream::stream;

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) into: Into,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Into {
    Nets,
    Ranges,
    /// Turns a range into networks, and a network into a range.
    TheOther,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.items.reading);
    let keys = [Field::Input, Field::Kind, Field::Canonical];
    let layout = job.layout(&settings.items.showing, &[], &keys);
    let write = |item: Item, entry: &Entry<'_>, layout: &Layout, out: &mut Vec<u8>| {
        layout.write(&Entry { item, ..*entry }, out);
    };
    stream(&job, job.output(layout.json)?, |entry, out| {
        let to_nets = match settings.into {
            Into::Nets => true,
            Into::Ranges => false,
            Into::TheOther => matches!(entry.item, Item::Range(_)),
        };
        let addresses = entry.item.range();
        if to_nets {
            for net in addresses.nets() {
                write(Item::Net(net), entry, &layout, out);
            }
        } else {
            write(Item::Range(addresses), entry, &layout, out);
        }
    })
}
