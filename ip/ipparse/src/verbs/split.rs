//! Networks into smaller ones.

use crate::field::Layout;
use crate::item::Item;
use crate::lazy;
use crate::output::{Output, Result, Status};
use crate::read::Entry;
use crate::settings::Items;

pub(crate) struct Settings {
    pub(crate) items: Items,
    pub(crate) into: Into,
}

/// What each network is split into.
#[derive(Clone, Debug)]
pub(crate) enum Into {
    /// Networks of this length.
    Length(u8),
    /// So many equal parts; a power of two.
    Parts(u64),
}

pub(crate) fn run(split: &Settings) -> Result<Status> {
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let Some(net) = entry.item.net() else {
            return Ok(Some(String::from("a range is not one network")));
        };
        let len = match split.into {
            Into::Length(len) => len,
            Into::Parts(parts) => net.prefix_len().saturating_add(parts.ilog2() as u8),
        };
        let Ok(parts) = net.trunc().subnets(len) else {
            return Ok(Some(format!(
                "{} cannot be split into networks with the length {len}",
                net.trunc()
            )));
        };
        for part in parts {
            layout.write(
                &Entry {
                    item: Item::Net(part),
                    ..*entry
                },
                output.buffer(),
            );
            output.drain()?;
        }
        Ok(None)
    };
    lazy::run(&split.items, write)
}
