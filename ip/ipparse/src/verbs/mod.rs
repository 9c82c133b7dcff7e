//! What each sub-command does.

mod filter;
mod hold;
mod info;
mod lazy;
mod sets;
mod stream;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

use clap::{ColorChoice, CommandFactory};

use crate::cli::{Cli, Items, Reading, Showing, Verb};
use crate::field::{Field, Layout};
use crate::input::{Block, Settings, Source, sources};
use crate::item::{self, From, To};
use crate::output::{Fail, Output, Result, Status};
use crate::read::{Bad, Entry, Line, Style, each};
use crate::scan::Scanner;

pub(crate) fn run(cli: Cli) -> Result<Status> {
    match cli.verb.unwrap_or(Verb::Canonical(cli.canonical)) {
        Verb::Canonical(items) => stream::canonical(&items),
        Verb::Classify(items) => stream::classify(&items),
        Verb::Check(reading) => stream::check(&reading),
        Verb::Range(range) => stream::range(&range),
        Verb::Info(info) => info::info(&info),
        Verb::Filter(filter) if filter.invert => {
            filter::filter(&filter.lines, filter::Choice::OnlyOthers)
        }
        Verb::Filter(filter) => filter::filter(&filter.lines, filter::Choice::Matching),
        Verb::Exclude(exclude) => filter::filter(&exclude.lines, filter::Choice::Rest),
        Verb::Sort(sort) => hold::sort(&sort),
        Verb::Dedupe(dedupe) => hold::dedupe(&dedupe),
        Verb::Aggregate(all) => sets::aggregate(&all),
        Verb::Subtract(both) => sets::combine(&both, |a, b| a.subtract(b)),
        Verb::Intersect(both) => sets::combine(&both, |a, b| a.intersect(b)),
        Verb::Split(split) => lazy::split(&split),
        Verb::Hosts(hosts) => lazy::hosts(&hosts),
        Verb::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ipparse", &mut text);
            print(&text)
        }
        Verb::Man => print(&manual()?),
    }
}

fn print(text: &[u8]) -> Result<Status> {
    Output::stdout()?.block(text)?;
    Ok(Status::Success)
}

/// The page of the tool, and behind it those of the sub-commands as its sections.
fn manual() -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    let rendered = (|| {
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        for sub in command.get_subcommands() {
            let name = format!("ipparse {}", sub.get_name());
            io::Write::write_all(
                &mut text,
                format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes(),
            )?;
            let man = clap_mangen::Man::new(sub.clone().bin_name(name));
            man.render_description_section(&mut text)?;
            man.render_synopsis_section(&mut text)?;
            man.render_options_section(&mut text)?;
        }
        io::Result::Ok(())
    })();
    match rendered {
        Ok(()) => Ok(text),
        Err(error) => Err(Fail::message(error.to_string())),
    }
}

/// What all verbs that read items have in common.
struct Job {
    sources: Vec<Source>,
    settings: Settings,
    style: Style,
    strict: bool,
    keep: bool,
    quiet: bool,
    names: Vec<String>,
}

impl Job {
    fn new(reading: &Reading) -> Job {
        let from = reading.from;
        let extract = reading.extract;
        Job {
            strict: reading.strict,
            keep: reading.keep_invalid,
            quiet: reading.quiet,
            style: Style { extract, from },
            ..Job::of(&reading.input, reading.threads.threads, from)
        }
    }

    /// Reads a block: calls `item` for each with `out`, to which the lines to pass on go as well, and
    /// returns the bad ones.
    #[inline]
    fn read(
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
    fn hold(
        &self,
        scanner: &mut Scanner,
        block: &Block,
        mut item: impl FnMut(&Entry<'_>),
    ) -> (Vec<u8>, Vec<Bad>) {
        let mut pass = Vec::new();
        let bad = self.read(scanner, block, &mut pass, |entry, _| item(entry));
        (pass, bad)
    }

    fn of(input: &[OsString], threads: usize, from: From) -> Job {
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
    fn report(&self, bad: &[Bad], status: &mut Status) -> bool {
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

    fn layout(&self, showing: &Showing, columns: &[Field], keys: &[Field]) -> Layout {
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

impl Items {
    fn job(&self) -> Job {
        Job::new(&self.reading)
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
struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn new() -> Pool {
        Pool(Mutex::new(Vec::new()))
    }

    fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .ok()
            .and_then(|mut pool| pool.pop())
            .unwrap_or_default()
    }

    fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut pool) = self.0.lock() {
            pool.push(buffer);
        }
    }
}

fn colours(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            io::stdout().is_terminal() && !unwanted
        }
    }
}
