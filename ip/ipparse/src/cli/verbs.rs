//! The arguments that only one verb has, and the settings that are made of them.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, ColorChoice};
use std_net_ip::forms::Forms;

use crate::field::LineField;
use crate::item::{Mask, Meaning};
use crate::lines::{self, How, What};
use crate::output::Result;
use crate::read::Style;
use crate::settings::Given;
use crate::verbs;

use super::shared::{
    Cut, Ends, In, Items, Only, Places, Reading, SetForm, Threads, Unmap, mask, one_reader,
};

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    reading: Reading,
    /// Check a list of networks too: host bits that are set, duplicates and overlaps
    #[arg(long)]
    network: bool,
}

impl Check {
    pub(super) fn settings(self) -> verbs::check::Settings {
        verbs::check::Settings {
            reading: self.reading.settings(),
            network: self.network,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Lines {
    /// Text, files, or - for standard input
    input: Vec<OsString>,
    #[command(flatten)]
    set: In,
    /// Also read the set in these forms of lists, with commas between them: short-range, star, mask,
    /// wildcard, short-net, columns, defanged, numbers; lists means all of them but numbers
    #[arg(
        long,
        value_name = "FORMS",
        default_value = "strict",
        hide_default_value = true,
        help_heading = "Reading"
    )]
    forms: Forms,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    unmap: Unmap,
    #[command(flatten)]
    only: Only,
    /// Match an item that has an address in common with the set, not only one that lies inside
    #[arg(long, conflicts_with = "covers")]
    overlap: bool,
    /// Match an item that holds an entry of the set, such as a network around it
    #[arg(long)]
    covers: bool,
    /// Write only the number of lines; of several files for each (-h writes the sum)
    #[arg(long, short, conflicts_with_all = ["json", "columns"])]
    count: bool,
    /// Write only the names of files with such lines
    #[arg(long, short = 'l', conflicts_with_all = ["json", "columns", "count"])]
    files_with_matches: bool,
    /// Write nothing; the exit status says whether there is such a line
    #[arg(long, short, conflicts_with_all = ["json", "columns", "count", "files_with_matches"])]
    quiet: bool,
    /// Write its number before each line
    #[arg(long, short = 'n', conflicts_with_all = ["json", "columns", "count"])]
    line_number: bool,
    /// Stop after N lines of each file
    #[arg(long, short, value_name = "N")]
    max_count: Option<u64>,
    #[command(flatten)]
    ends: Ends,
    /// Read all files in folders, at any depth
    #[arg(long, short, help_heading = "Reading")]
    recursive: bool,
    /// Write an object in JSON for each line
    #[arg(long, help_heading = "Writing")]
    json: bool,
    /// Write these columns for each line, with tabs between them (with --json: these keys)
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "with_filename",
        help_heading = "Writing"
    )]
    columns: Vec<LineField>,
    /// Write the name of the file before each line (by default with several files)
    #[arg(long, short = 'H', overrides_with = "no_filename")]
    with_filename: bool,
    /// Never write the name of the file
    #[arg(long, short = 'h', overrides_with = "with_filename")]
    no_filename: bool,
    /// Stop at the first invalid line of a set
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    threads: Threads,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

impl Lines {
    fn settings(self, verb: &str, items: bool) -> Result<lines::Settings> {
        let meaning = Meaning {
            forms: self.forms,
            unmap: self.unmap.unmap,
            ..Meaning::default()
        };
        Ok(lines::Settings {
            set: self.set.settings(verb, &self.input, meaning)?,
            input: self.input,
            recursive: self.recursive,
            zero: self.ends.null_data,
            places: self.places.settings(),
            unmap: self.unmap.unmap,
            only: self.only.version(),
            how: match (self.overlap, self.covers) {
                (true, _) => How::Overlap,
                (_, true) => How::Covers,
                _ => How::Inside,
            },
            what: if self.quiet {
                What::Nothing
            } else if self.files_with_matches {
                What::Names
            } else if self.count {
                What::Count
            } else if self.json || !self.columns.is_empty() {
                What::Columns {
                    json: self.json,
                    columns: self.columns,
                }
            } else if items {
                What::Items
            } else {
                What::Lines
            },
            name: match (self.with_filename, self.no_filename) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            number: self.line_number,
            max: self.max_count,
            strict: self.strict,
            threads: self.threads.threads,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Filter {
    #[command(flatten)]
    lines: Lines,
    /// Write the lines that have addresses, but none that is in the set; exclude also writes lines
    /// without addresses
    #[arg(long, short = 'v')]
    invert: bool,
    /// Write only the matching items, one a line
    #[arg(
        long,
        short = 'o',
        conflicts_with_all = ["invert", "json", "columns", "count", "files_with_matches", "quiet"]
    )]
    only_matching: bool,
}

impl Filter {
    pub(super) fn settings(self) -> Result<verbs::filter::Settings> {
        Ok(verbs::filter::Settings {
            lines: self.lines.settings("filter", self.only_matching)?,
            invert: self.invert,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Exclude {
    #[command(flatten)]
    lines: Lines,
}

impl Exclude {
    pub(super) fn settings(self) -> Result<lines::Settings> {
        self.lines.settings("exclude", false)
    }
}

#[derive(Args, Debug)]
pub(crate) struct Label {
    /// Text, files, or - for standard input: free text, such as a log
    input: Vec<OsString>,
    /// The list: on each line a network, an address or a range (10.0.0.0-10.0.0.9, or first and last
    /// address in two fields), and its label behind it
    #[arg(
        long = "in",
        short = 'i',
        short_alias = 'f',
        value_name = "FILE",
        required = true
    )]
    lists: Vec<OsString>,
    /// With numbers, the list may also have numbers as addresses: 16777216,16777471,AU. All other forms
    /// of lists are always read
    #[arg(
        long,
        value_name = "FORMS",
        default_value = "lists",
        hide_default_value = true,
        help_heading = "Reading"
    )]
    forms: Forms,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    unmap: Unmap,
    #[command(flatten)]
    only: Only,
    /// Write every line unchanged, and behind it a tab and the label of its first address that has one
    #[arg(long, conflicts_with_all = ["json", "columns"], help_heading = "Writing")]
    append: bool,
    /// Leave out addresses that are in no entry (with --append: lines without a label)
    #[arg(long, help_heading = "Writing")]
    matched: bool,
    /// Write an object in JSON for each address
    #[arg(long, help_heading = "Writing")]
    json: bool,
    /// Write these columns for each address, with tabs between them (with --json: these keys)
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "address,match,label",
        help_heading = "Writing"
    )]
    columns: Vec<LineField>,
    /// Leave out invalid lines of the list, and go on
    #[arg(long)]
    lenient_set: bool,
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    threads: Threads,
}

impl Label {
    pub(super) fn settings(self) -> Result<verbs::label::Settings> {
        one_reader(&self.lists, &self.input)?;
        Ok(verbs::label::Settings {
            input: self.input,
            lists: self.lists,
            forms: self.forms,
            places: self.places.settings(),
            unmap: self.unmap.unmap,
            only: self.only.version(),
            append: self.append,
            matched: self.matched,
            json: self.json,
            columns: self.columns,
            lenient: self.lenient_set,
            zero: self.ends.null_data,
            threads: self.threads.threads,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Sort {
    #[command(flatten)]
    items: Items,
    /// Write the last item first
    #[arg(long, short)]
    reverse: bool,
    /// Write each item only once
    #[arg(long, short)]
    unique: bool,
    /// Sort whole lines by their first addresses, found in free text; lines without one come last
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    cut: Cut,
}

impl Sort {
    pub(super) fn settings(self) -> verbs::sort::Settings {
        verbs::sort::Settings {
            items: self.items.settings(),
            reverse: self.reverse,
            unique: self.unique,
            lines: self.lines,
            mask: self.cut.mask,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Dedupe {
    #[command(flatten)]
    items: Items,
    /// Write before each item how often it occurs, the most frequent first
    #[arg(long, short)]
    count: bool,
    /// Write whole lines: the first line of each address that begins a line, and all lines without an
    /// address
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    cut: Cut,
}

impl Dedupe {
    pub(super) fn settings(self) -> verbs::dedupe::Settings {
        verbs::dedupe::Settings {
            items: self.items.settings(),
            count: self.count,
            lines: self.lines,
            mask: self.cut.mask,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Count {
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    cut: Cut,
    /// Write a JSON object, with separate numbers for IPv4 and IPv6
    #[arg(long, help_heading = "Writing")]
    json: bool,
}

impl Count {
    pub(super) fn settings(self) -> verbs::count::Settings {
        verbs::count::Settings {
            reading: self.reading.settings(),
            mask: self.cut.mask,
            json: self.json,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Aggregate {
    #[command(flatten)]
    items: Items,
    #[command(flatten)]
    form: SetForm,
    /// Replace each longer network by the larger one of this length. A length for IPv6 follows after a
    /// comma
    #[arg(long, value_name = "LENGTH[,LENGTH]", value_parser = mask)]
    max_length: Option<Mask>,
    /// Divide each shorter network into networks of this length. A length for IPv6 follows after a
    /// comma
    #[arg(long, value_name = "LENGTH[,LENGTH]", value_parser = least, conflicts_with = "ranges")]
    min_length: Option<Mask>,
    /// Join networks if at most this part of the joined network was in none of them
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    lossy: Option<f64>,
}

/// A missing length is 0, so no network is shorter.
fn least(text: &str) -> std::result::Result<Mask, String> {
    let given = mask(text)?;
    let v6 = if text.contains(',') { given.v6 } else { 0 };
    Ok(Mask { v6, ..given })
}

fn percent(text: &str) -> std::result::Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(percent),
        _ => Err(format!("{text} is not a number from 0 to below 100")),
    }
}

impl Aggregate {
    pub(super) fn settings(self) -> verbs::aggregate::Settings {
        verbs::aggregate::Settings {
            items: self.items.settings(),
            form: self.form.settings(),
            max_length: self.max_length,
            min_length: self.min_length,
            lossy: self.lossy.unwrap_or(0.0),
        }
    }
}

/// The arguments of subtract and intersect.
#[derive(Args, Debug)]
pub(crate) struct TwoSets {
    #[command(flatten)]
    items: Items,
    #[command(flatten)]
    form: SetForm,
    #[command(flatten)]
    set: In,
}

impl TwoSets {
    pub(super) fn settings(self, verb: &str) -> Result<crate::set::TwoSets> {
        Ok(crate::set::TwoSets {
            other: self.items.given(self.set, verb)?,
            items: self.items.settings(),
            form: self.form.settings(),
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The old list: text, a file, or - for standard input
    old: OsString,
    /// The new list
    new: OsString,
    /// Also read these forms of lists, with commas between them: short-range, star, mask, wildcard,
    /// short-net, columns, defanged, numbers; lists means all of them but numbers
    #[arg(
        long,
        value_name = "FORMS",
        default_value = "strict",
        hide_default_value = true
    )]
    forms: Forms,
    #[command(flatten)]
    unmap: Unmap,
    #[command(flatten)]
    ends: Ends,
    /// Write nothing; the exit status says whether they differ
    #[arg(long, short)]
    quiet: bool,
    /// Write an object in JSON for each network
    #[arg(long, help_heading = "Writing")]
    json: bool,
    #[command(flatten)]
    form: SetForm,
    /// Leave out invalid lines, and go on
    #[arg(long)]
    lenient_set: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Diff {
    pub(super) fn settings(self) -> Result<verbs::diff::Settings> {
        let lists = [self.old, self.new];
        one_reader(&lists[..1], &lists[1..])?;
        let [old, new] = lists;
        let style = Style {
            zero: self.ends.null_data,
            meaning: Meaning {
                forms: self.forms,
                unmap: self.unmap.unmap,
                ..Meaning::default()
            },
            ..Style::default()
        };
        let given = |value: OsString| Given {
            values: vec![value],
            style,
            lenient: self.lenient_set,
        };
        Ok(verbs::diff::Settings {
            old: given(old),
            new: given(new),
            quiet: self.quiet,
            json: self.json,
            zero: self.ends.null_data,
            form: self.form.settings(),
            threads: self.threads.threads,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Overlaps {
    #[command(flatten)]
    reading: Reading,
    /// Write only what overlaps an entry of this list
    #[arg(long = "in", short = 'i', value_name = "FILE|NET")]
    set: Vec<OsString>,
    /// Write a JSON object for each two entries
    #[arg(long, help_heading = "Writing")]
    json: bool,
}

impl Overlaps {
    pub(super) fn settings(self) -> Result<verbs::overlaps::Settings> {
        let reading = self.reading.settings();
        one_reader(&self.set, &reading.input)?;
        Ok(verbs::overlaps::Settings {
            reading,
            other: self.set,
            json: self.json,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Free {
    #[command(flatten)]
    items: Items,
    #[command(flatten)]
    set: In,
    /// The length of the free network; without it, a free address is written
    #[arg(long, short, value_name = "LENGTH")]
    prefix: Option<u8>,
    /// How many to write for each network; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
    number: u64,
    /// Also use the first and the last address of an IPv4 network, which hosts cannot have
    #[arg(long, short)]
    all: bool,
}

impl Free {
    pub(super) fn settings(self) -> Result<verbs::free::Settings> {
        Ok(verbs::free::Settings {
            used: self.items.given(self.set, "free")?,
            items: self.items.settings(),
            prefix: self.prefix,
            number: if self.number == 0 {
                u64::MAX
            } else {
                self.number
            },
            all: self.all,
        })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Random {
    #[command(flatten)]
    items: Items,
    /// How many addresses to write
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
    number: usize,
    /// Write the same addresses each time for this number
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

impl Random {
    pub(super) fn settings(self) -> verbs::random::Settings {
        verbs::random::Settings {
            items: self.items.settings(),
            number: self.number,
            seed: self.seed,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Anonymize {
    /// Text, files, or - for standard input
    input: Vec<OsString>,
    /// Cut addresses to these lengths, first for IPv4, then after a comma for IPv6
    #[arg(long, value_name = "LENGTH[,LENGTH]", value_parser = both, default_value = "24,48", conflicts_with = "key_file")]
    mask: Mask,
    /// Replace addresses by others, so that addresses with a common prefix still have one (Crypto-PAn);
    /// the file has the key, 32 bytes or 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    unmap: Unmap,
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    threads: Threads,
}

/// Both lengths must be given, because an address that is not cut is not anonymous.
fn both(text: &str) -> std::result::Result<Mask, String> {
    if !text.contains(',') {
        return Err(String::from("two lengths, for IPv4 and for IPv6: 24,48"));
    }
    mask(text)
}

impl Anonymize {
    pub(super) fn settings(self) -> verbs::anonymize::Settings {
        use verbs::anonymize::How;
        verbs::anonymize::Settings {
            input: self.input,
            how: match self.key_file {
                Some(file) => How::Key(file),
                None => How::Cut(self.mask),
            },
            unmap: self.unmap.unmap,
            zero: self.ends.null_data,
            threads: self.threads.threads,
        }
    }
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("into").required(true).args(["prefix", "parts", "hosts"])))]
pub(crate) struct Split {
    #[command(flatten)]
    items: Items,
    /// Split into networks with this prefix length
    #[arg(long, short, value_name = "LENGTH")]
    prefix: Option<u8>,
    /// Split into this many equal parts, a power of two
    #[arg(long, short = 'n', value_name = "N", value_parser = power_of_two)]
    parts: Option<u64>,
    /// Split into the smallest networks that have room for these numbers of hosts (VLSM); the largest
    /// network is placed first, and the networks are written in the order of the numbers
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    hosts: Vec<u64>,
}

impl Split {
    pub(super) fn settings(self) -> verbs::split::Settings {
        use verbs::split::Into;
        verbs::split::Settings {
            items: self.items.settings(),
            into: match (self.prefix, self.parts) {
                (Some(length), _) => Into::Length(length),
                (_, Some(parts)) => Into::Parts(parts),
                _ => Into::Hosts(self.hosts),
            },
        }
    }
}

fn power_of_two(text: &str) -> std::result::Result<u64, String> {
    match text.parse::<u64>() {
        Ok(n) if n.is_power_of_two() => Ok(n),
        Ok(n) => Err(format!(
            "networks split into powers of two, not into {n} equal parts"
        )),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Args, Debug)]
pub(crate) struct Range {
    #[command(flatten)]
    items: Items,
    /// Write all items as networks
    #[arg(long, conflicts_with = "ranges")]
    nets: bool,
    /// Write all items as ranges
    #[arg(long)]
    ranges: bool,
}

impl Range {
    pub(super) fn settings(self) -> verbs::range::Settings {
        use verbs::range::Into;
        verbs::range::Settings {
            items: self.items.settings(),
            into: match (self.nets, self.ranges) {
                (true, _) => Into::Nets,
                (_, true) => Into::Ranges,
                _ => Into::TheOther,
            },
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Hosts {
    #[command(flatten)]
    items: Items,
    /// Also write the first and last address of an IPv4 network, which hosts cannot have
    #[arg(long, short)]
    all: bool,
    /// Write only the number of addresses
    #[arg(long, short)]
    count: bool,
    /// Write at most this many addresses of each
    #[arg(long, short, value_name = "N")]
    limit: Option<u64>,
}

impl Hosts {
    pub(super) fn settings(self) -> verbs::hosts::Settings {
        verbs::hosts::Settings {
            items: self.items.settings(),
            all: self.all,
            count: self.count,
            limit: self.limit,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    items: Items,
    /// Use colours: on a terminal, always, or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    color: ColorChoice,
}

impl Info {
    pub(super) fn settings(self) -> verbs::info::Settings {
        verbs::info::Settings {
            items: self.items.settings(),
            colours: colours(self.color),
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
