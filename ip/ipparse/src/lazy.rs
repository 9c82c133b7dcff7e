//! For verbs that write far more than they read. Each line is made only when it is written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net_ip::range::IpRange;

use crate::field::{Field, Layout};
use crate::find::Finder;
use crate::item::Item;
use crate::job::Job;
use crate::output::{Output, Result, Status};
use crate::read::{Bad, Entry, Line};
use crate::settings::Items;

const KEYS: [Field; 2] = [Field::Input, Field::Canonical];

/// An item with its text, a bad line, or a line to pass on.
enum Piece {
    Item {
        item: Item,
        text: Box<[u8]>,
        source: usize,
        line: u64,
        column: usize,
    },
    Bad(Bad),
    Pass(Box<[u8]>),
}

/// Calls `write` for each item, in the thread that has the output. `write` returns what is wrong with
/// the item, or `None`.
pub(crate) fn run(
    items: &Items,
    mut write: impl FnMut(&Entry<'_>, &Layout, &mut Output) -> Result<Option<String>> + Send,
) -> Result<Status> {
    let job = Job::new(&items.reading);
    let layout = job.layout(&items.showing, &[], &KEYS);
    let mut output = job.output(layout.json)?;
    let mut reports = job.reports();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut pieces = Vec::new();
            job.each(finder, block, |line| {
                pieces.push(match line {
                    Line::Item(entry) => Piece::Item {
                        item: entry.item,
                        text: entry.text.into(),
                        source: entry.source,
                        line: entry.line,
                        column: entry.column,
                    },
                    Line::Bad(whole, _) | Line::Blank(whole) if job.keep => {
                        Piece::Pass(whole.into())
                    }
                    Line::Bad(_, bad) => Piece::Bad(*bad),
                    Line::Blank(_) => return true,
                });
                true
            });
            pieces
        },
        |pieces| {
            for piece in pieces {
                match piece {
                    Piece::Item {
                        item,
                        text,
                        source,
                        line,
                        column,
                    } => {
                        let text = &*text;
                        let entry = Entry {
                            item,
                            text,
                            source,
                            line,
                            column,
                        };
                        if let Some(wrong) = write(&entry, &layout, &mut output)? {
                            output.flush()?;
                            if !reports.wrong(&entry, &wrong) {
                                return Ok(false);
                            }
                        }
                    }
                    Piece::Bad(bad) => {
                        output.flush()?;
                        if !reports.take(&[bad]) {
                            return Ok(false);
                        }
                    }
                    Piece::Pass(line) => {
                        output.buffer().extend_from_slice(&line);
                        output.buffer().push(b'\n');
                    }
                }
            }
            output.flush()?;
            Ok(true)
        },
    )?;
    Ok(reports.end(trouble))
}

/// Returns the addresses of a range.
pub(crate) fn addresses(range: IpRange) -> Box<dyn Iterator<Item = IpAddr>> {
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Box::new(
            (first.to_bits()..=last.to_bits()).map(|bits| Ipv4Addr::from_bits(bits).into()),
        ),
        (IpAddr::V6(first), IpAddr::V6(last)) => Box::new(
            (first.to_bits()..=last.to_bits()).map(|bits| Ipv6Addr::from_bits(bits).into()),
        ),
        _ => unreachable!("a range has addresses of one version"),
    }
}
