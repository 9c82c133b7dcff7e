//! For verbs that write far more than they read. Nothing is made before it is written.

use crate::field::{Field, Layout};
use crate::input;
use crate::item::Item;
use crate::job::Job;
use crate::output::{Output, Result, Status, complain};
use crate::read::{Bad, Entry, Line, each};
use crate::scan::Scanner;
use crate::settings::Items;

const KEYS: [Field; 2] = [Field::Input, Field::Canonical];

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
pub(crate) fn run(
    items: &Items,
    mut write: impl FnMut(&Entry<'_>, &Layout, &mut Output) -> Result<Option<String>> + Send,
) -> Result<Status> {
    let job = Job::new(&items.reading);
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
