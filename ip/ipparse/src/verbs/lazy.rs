//! Verbs that write far more than they read: hosts and split. Nothing is made before it is written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net_ip::range::IpRange;

use crate::cli::{Hosts, Items, Split};
use crate::field::{Field, Layout, count, hosts as hosts_of};
use crate::input;
use crate::item::Item;
use crate::output::{Output, Result, Status, complain};
use crate::read::{Bad, Entry, Line, each};
use crate::scan::Scanner;

const KEYS: [Field; 2] = [Field::Input, Field::Canonical];

pub(crate) fn hosts(hosts: &Hosts) -> Result<Status> {
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let range = if hosts.all {
            entry.item.range()
        } else {
            hosts_of(&entry.item)
        };
        if hosts.count {
            let out = output.buffer();
            out.extend_from_slice(count(range).as_bytes());
            out.push(b'\n');
            return output.drain().map(|()| None);
        }
        let limit = hosts.limit.unwrap_or(u64::MAX);
        for (addr, _) in addresses(range).zip(0..limit) {
            layout.write(
                &Entry {
                    item: Item::Addr(addr),
                    ..*entry
                },
                output.buffer(),
            );
            output.drain()?;
        }
        Ok(None)
    };
    run(&hosts.items, write)
}

pub(crate) fn split(split: &Split) -> Result<Status> {
    let write = |entry: &Entry<'_>, layout: &Layout, output: &mut Output| {
        let Some(net) = entry.item.net() else {
            return Ok(Some(String::from("a range is not one network")));
        };
        let len = match (split.prefix, split.parts) {
            (Some(len), _) => len,
            (None, Some(parts)) => net.prefix_len().saturating_add(parts.ilog2() as u8),
            (None, None) => net.prefix_len(),
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
    run(&split.items, write)
}

/// The addresses of a range.
fn addresses(range: IpRange) -> Box<dyn Iterator<Item = IpAddr>> {
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

/// A line: an item with its text, a bad one, or one to pass on.
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

/// Calls `write` for each item, where the output is; it returns what is wrong with the item, if
/// something is.
fn run(
    items: &Items,
    mut write: impl FnMut(&Entry<'_>, &Layout, &mut Output) -> Result<Option<String>> + Send,
) -> Result<Status> {
    let job = items.job();
    let layout = job.layout(&items.showing, &[], &KEYS);
    let mut output = Output::stdout()?;
    let mut status = Status::Success;
    let (_, trouble) = input::run(
        &job.sources,
        job.settings,
        Scanner::default,
        |scanner, block| {
            let mut pieces = Vec::new();
            each(scanner, block, job.style, |line| {
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
                            status = status.max(Status::Negative);
                            if !job.quiet {
                                output.flush()?;
                                complain(&format!(
                                    "{}:{line}:{column}: {wrong}",
                                    job.names[source]
                                ));
                            }
                            if job.strict {
                                output.flush()?;
                                return Ok(false);
                            }
                        }
                    }
                    Piece::Bad(bad) => {
                        output.flush()?;
                        if !job.report(&[bad], &mut status) {
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
    Ok(if trouble { Status::Trouble } else { status })
}
