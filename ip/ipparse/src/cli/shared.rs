//! Groups of arguments that several verbs have, and the plain settings that they become.

use std::ffi::OsString;

use clap::Args;

use crate::field::Field;
use crate::item::{From, To};
use crate::settings;

/// What is read.
#[derive(Args, Debug)]
pub(crate) struct Reading {
    /// Text, files, or - for standard input
    input: Vec<OsString>,
    /// Find addresses and networks in free text instead of one a line
    #[arg(long, short = 'e', help_heading = "Reading")]
    extract: bool,
    /// Read this form only
    #[arg(
        long,
        value_name = "FORM",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Reading"
    )]
    from: From,
    /// Stop at the first invalid line
    #[arg(long, conflicts_with = "keep_invalid", help_heading = "Reading")]
    strict: bool,
    /// Pass invalid lines (and empty lines and comments) on as they are, which is no failure then
    #[arg(long, help_heading = "Reading")]
    keep_invalid: bool,
    /// Do not report invalid lines
    #[arg(long, short, help_heading = "Reading")]
    quiet: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Reading {
    pub(super) fn settings(self) -> settings::Reading {
        settings::Reading {
            input: self.input,
            extract: self.extract,
            from: self.from,
            strict: self.strict,
            keep: self.keep_invalid,
            quiet: self.quiet,
            threads: self.threads.threads,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Threads {
    /// How many threads work; 0 for one a core
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Reading"
    )]
    pub(super) threads: usize,
}

/// What is written of each item.
#[derive(Args, Debug)]
pub(crate) struct Showing {
    /// Write addresses in this form
    #[arg(
        long,
        value_name = "FORM",
        default_value = "canonical",
        hide_default_value = true,
        help_heading = "Writing"
    )]
    to: To,
    /// Write an object in JSON a line
    #[arg(long, help_heading = "Writing")]
    json: bool,
    /// Write these columns, with tabs between them (with --json: these keys)
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Writing"
    )]
    columns: Vec<Field>,
}

#[derive(Args, Debug)]
pub(crate) struct Items {
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    showing: Showing,
}

impl Items {
    pub(super) fn settings(self) -> settings::Items {
        settings::Items {
            reading: self.reading.settings(),
            showing: settings::Showing {
                to: self.showing.to,
                json: self.showing.json,
                columns: self.showing.columns,
            },
        }
    }
}

/// A set of addresses.
#[derive(Args, Debug)]
pub(crate) struct In {
    /// The set: networks, addresses, ranges, or files of them; several with commas or by repeating
    #[arg(long = "in", short = 'i', value_name = "FILE|NET", required = true)]
    set: Vec<OsString>,
}

impl In {
    pub(super) fn settings(self) -> settings::Given {
        settings::Given { values: self.set }
    }
}

/// How a set is written.
#[derive(Args, Debug)]
pub(crate) struct SetForm {
    /// Write ranges instead of networks
    #[arg(long, help_heading = "Writing")]
    ranges: bool,
    /// Write a network of one address without its length
    #[arg(long, conflicts_with = "ranges", help_heading = "Writing")]
    bare: bool,
}

impl SetForm {
    pub(super) fn settings(self) -> settings::SetForm {
        settings::SetForm {
            ranges: self.ranges,
            bare: self.bare,
        }
    }
}
