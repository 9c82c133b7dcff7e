//! What all verbs that read items have in common: sources, how lines are read, what becomes of bad ones.

use std::ffi::OsString;
use std::sync::Mutex;

use crate::field::{Field, Layout};
use crate::input::{Block, Settings, Source, sources};
use crate::item::{self, From, To};
use crate::output::Status;
use crate::read::{Bad, Entry, Line, Style, each};
use crate::scan::Scanner;
use crate::settings::{Reading, Showing};

/// What all verbs that read items have in common.
pub(crate) struct Job {
    pub(crate) sources: Vec<Source>,
    pub(crate) settings: Settings,
    pub(crate) style: Style,
    pub(crate) strict: bool,
    pub(crate) keep: bool,
    pub(crate) quiet: bool,
    /// Of the sources.
    pub(crate) names: Vec<String>,
}

impl Job {
    pub(crate) fn new(reading: &Reading) -> Job {
        let from = reading.from;
        let extract = reading.extract;
        Job {
            strict: reading.strict,
            keep: reading.keep,
            quiet: reading.quiet,
            style: Style { extract, from },
            ..Job::of(&reading.input, reading.threads, from)
        }
    }

    /// Reads a block: calls `item` for each with `out`, to which the lines to pass on go as well, and
    /// returns the bad ones.
    #[inline]
    pub(crate) fn read(
        &self,
        scanner: &mut Scanner,
        block: &Block,
        out: &mut Vec<u8>,
        mut item: impl FnMut(&Entry<'_>, &mut Vec<u8>),
    ) -> Vec<Bad> {
        let mut bad = Vec::new();
        each(scanner, block, self.style, |line| {
            match line {
                Line::Item(entry) => item(&entry, out),
                Line::Bad(whole, _) | Line::Blank(whole) if self.keep => {
                    out.extend_from_slice(whole);
                    out.push(b'\n');
                }
                Line::Bad(_, found) => bad.push(*found),
                Line::Blank(_) => {}
            }
            !self.strict || bad.is_empty()
        });
        bad
    }

    /// Reads a block whose items are held: calls `item` for each, and returns the lines to pass on and
    /// the bad ones.
    #[inline]
    pub(crate) fn hold(
        &self,
        scanner: &mut Scanner,
        block: &Block,
        mut item: impl FnMut(&Entry<'_>),
    ) -> (Vec<u8>, Vec<Bad>) {
        let mut pass = Vec::new();
        let bad = self.read(scanner, block, &mut pass, |entry, _| item(entry));
        (pass, bad)
    }

    pub(crate) fn of(input: &[OsString], threads: usize, from: From) -> Job {
        let sources = sources(input, |text| item::parse(text, from).is_ok());
        Job {
            names: sources.iter().map(Source::name).collect(),
            sources,
            settings: Settings {
                threads,
                lines: true,
            },
            style: Style {
                extract: false,
                from,
            },
            strict: false,
            keep: false,
            quiet: false,
        }
    }

    /// Reports bad lines. Whether to go on.
    pub(crate) fn report(&self, bad: &[Bad], status: &mut Status) -> bool {
        for bad in bad {
            *status = (*status).max(Status::Negative);
            if !self.quiet {
                bad.report(&self.names[bad.source]);
            }
            if self.strict {
                return false;
            }
        }
        true
    }

    pub(crate) fn layout(&self, showing: &Showing, columns: &[Field], keys: &[Field]) -> Layout {
        let fields = if !showing.columns.is_empty() {
            showing.columns.clone()
        } else if showing.json {
            let mut keys = keys.to_vec();
            if let Some(extra) = field_of(showing.to)
                && !keys.contains(&extra)
            {
                keys.push(extra);
            }
            keys
        } else {
            columns.to_vec()
        };
        Layout::new(showing.to, fields, showing.json, &self.names)
    }
}

fn field_of(to: To) -> Option<Field> {
    match to {
        To::Canonical => None,
        To::Expanded => Some(Field::Expanded),
        To::Reverse => Some(Field::Reverse),
        To::Integer => Some(Field::Integer),
        To::Hex => Some(Field::Hex),
        To::Binary => Some(Field::Binary),
    }
}

/// Buffers that have been written out and can be filled again.
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool(Mutex::new(Vec::new()))
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .ok()
            .and_then(|mut pool| pool.pop())
            .unwrap_or_default()
    }

    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut pool) = self.0.lock() {
            pool.push(buffer);
        }
    }
}
