//! The arguments of each verb that has some of its own, and the settings that they become.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::{Args, ColorChoice};

use crate::field::LineField;
use crate::lines;
use crate::verbs;

use super::shared::{In, Items, SetForm, Threads};

#[derive(Args, Debug)]
pub(crate) struct Lines {
    /// Text, files, or - for standard input
    input: Vec<OsString>,
    #[command(flatten)]
    set: In,
    /// Write only how many lines
    #[arg(long, short, conflicts_with_all = ["json", "columns"])]
    count: bool,
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
    #[arg(long, overrides_with = "with_filename")]
    no_filename: bool,
    /// Stop at the first invalid line of a set
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Lines {
    fn settings(self) -> lines::Settings {
        lines::Settings {
            input: self.input,
            set: self.set.settings(),
            count: self.count,
            json: self.json,
            columns: self.columns,
            name: match (self.with_filename, self.no_filename) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            strict: self.strict,
            threads: self.threads.threads,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Filter {
    #[command(flatten)]
    lines: Lines,
    /// Write the lines that hold addresses, but none of the set; for all lines without one see exclude
    #[arg(long, short = 'v')]
    invert: bool,
}

impl Filter {
    pub(super) fn settings(self) -> verbs::filter::Settings {
        verbs::filter::Settings {
            lines: self.lines.settings(),
            invert: self.invert,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Exclude {
    #[command(flatten)]
    lines: Lines,
}

impl Exclude {
    pub(super) fn settings(self) -> lines::Settings {
        self.lines.settings()
    }
}

#[derive(Args, Debug)]
pub(crate) struct Sort {
    #[command(flatten)]
    items: Items,
    /// The last first
    #[arg(long, short)]
    reverse: bool,
    /// Each only once
    #[arg(long, short)]
    unique: bool,
}

impl Sort {
    pub(super) fn settings(self) -> verbs::sort::Settings {
        verbs::sort::Settings {
            items: self.items.settings(),
            reverse: self.reverse,
            unique: self.unique,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Dedupe {
    #[command(flatten)]
    items: Items,
    /// Write how often each occurs before it, the most frequent first
    #[arg(long, short)]
    count: bool,
}

impl Dedupe {
    pub(super) fn settings(self) -> verbs::dedupe::Settings {
        verbs::dedupe::Settings {
            items: self.items.settings(),
            count: self.count,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Aggregate {
    #[command(flatten)]
    items: Items,
    #[command(flatten)]
    form: SetForm,
}

impl Aggregate {
    pub(super) fn settings(self) -> verbs::aggregate::Settings {
        verbs::aggregate::Settings {
            items: self.items.settings(),
            form: self.form.settings(),
        }
    }
}

/// What subtract and intersect have.
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
    pub(super) fn settings(self) -> crate::set::TwoSets {
        crate::set::TwoSets {
            items: self.items.settings(),
            form: self.form.settings(),
            other: self.set.settings(),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Split {
    #[command(flatten)]
    items: Items,
    /// Into networks with this prefix length
    #[arg(
        long,
        short,
        value_name = "LENGTH",
        required_unless_present = "parts",
        conflicts_with = "parts"
    )]
    prefix: Option<u8>,
    /// Into so many equal parts: a power of two
    #[arg(long, short = 'n', value_name = "N", value_parser = power_of_two)]
    parts: Option<u64>,
}

impl Split {
    pub(super) fn settings(self) -> verbs::split::Settings {
        use verbs::split::Into;
        verbs::split::Settings {
            items: self.items.settings(),
            into: match (self.prefix, self.parts) {
                (Some(length), _) => Into::Length(length),
                (_, parts) => Into::Parts(parts.unwrap_or(1)),
            },
        }
    }
}

fn power_of_two(text: &str) -> Result<u64, String> {
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
    /// Write networks, also for networks
    #[arg(long, conflicts_with = "ranges")]
    nets: bool,
    /// Write ranges, also for ranges
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
    /// With the first and last address of an IPv4 network, which are none for hosts
    #[arg(long, short)]
    all: bool,
    /// Write only how many
    #[arg(long, short)]
    count: bool,
    /// Write at most so many of each
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
    /// With colours: on a terminal, always, or never
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
