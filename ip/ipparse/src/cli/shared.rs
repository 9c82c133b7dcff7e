//! Groups of arguments that several verbs use, and the plain settings that are made of them.

use std::ffi::OsString;

use clap::Args;

use std_net_ip::forms::Forms;

use crate::field::Field;
use crate::item::{From, Mask, Meaning, To, Version};
use crate::output::{Fail, Result};
use crate::place::{self, Column};
use crate::read::Style;
use crate::settings;

/// The arguments about reading.
#[derive(Args, Debug)]
pub(crate) struct Reading {
    /// Text, files, or - for standard input
    input: Vec<OsString>,
    /// Find addresses and networks in free text, instead of reading one from each line
    #[arg(long, short = 'e', help_heading = "Reading")]
    extract: bool,
    /// Read only this form
    #[arg(
        long,
        value_name = "FORM",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Reading"
    )]
    from: From,
    /// Also read these forms of lists, with commas between them: short-range, star, mask, wildcard,
    /// short-net, columns, defanged, numbers; lists means all of them but numbers. With --extract,
    /// short-range, star and defanged count
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
    /// Stop at the first invalid line
    #[arg(long, conflicts_with = "keep_invalid", help_heading = "Reading")]
    strict: bool,
    /// Pass invalid lines, empty lines and comments on unchanged; invalid lines are then no failure
    #[arg(long, help_heading = "Reading")]
    keep_invalid: bool,
    /// Do not report invalid lines
    #[arg(long, short, help_heading = "Reading")]
    quiet: bool,
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    threads: Threads,
}

impl Reading {
    pub(super) fn settings(self) -> settings::Reading {
        settings::Reading {
            style: Style {
                extract: self.extract || self.places.mean_free_text(),
                zero: self.ends.null_data,
                meaning: Meaning {
                    from: self.from,
                    forms: self.forms,
                    unmap: self.unmap.unmap,
                    only: self.only.version(),
                },
                places: place::Places {
                    defanged: self.forms.contains(Forms::DEFANGED),
                    stars: self.forms.contains(Forms::STAR),
                    ..self.places.settings()
                },
            },
            input: self.input,
            strict: self.strict,
            keep: self.keep_invalid,
            quiet: self.quiet,
            threads: self.threads.threads,
        }
    }
}

/// The places in a line where items are looked for.
#[derive(Args, Debug)]
pub(crate) struct Places {
    /// Only the first item of each line; means --extract
    #[arg(long, help_heading = "Reading")]
    first: bool,
    /// Only field N of each line, from 1; white space or the --delimiter separates fields
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Reading")]
    field: Option<u32>,
    /// What separates two fields: one character, or \t; a field may be quoted
    #[arg(
        long,
        short,
        value_name = "CHAR",
        requires = "field",
        value_parser = delimiter,
        help_heading = "Reading"
    )]
    delimiter: Option<u8>,
    /// Only at the beginning of a line, as grepcidr -x; means --extract
    #[arg(long, short = 'x', help_heading = "Reading")]
    at_start: bool,
    /// Also find addresses that have a port behind a dot, as tcpdump writes them: 10.0.0.5.443; means
    /// --extract
    #[arg(long, help_heading = "Reading")]
    dotted_ports: bool,
}

impl Places {
    /// Returns whether an option makes sense only in free text.
    fn mean_free_text(&self) -> bool {
        self.first || self.at_start || self.dotted_ports
    }

    pub(super) fn settings(self) -> place::Places {
        place::Places {
            first: self.first,
            start: self.at_start,
            field: self.field.map(|number| Column {
                number: number as usize,
                delimiter: self.delimiter,
            }),
            dotted_ports: self.dotted_ports,
            defanged: false,
            stars: false,
        }
    }
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text.as_bytes() {
        b"\\t" | b"tab" => Ok(b'\t'),
        [byte] if *byte != b'\n' => Ok(*byte),
        _ => Err(String::from("a delimiter is one byte, or \\t")),
    }
}

/// The versions of IP to read.
#[derive(Args, Debug)]
pub(crate) struct Only {
    /// Only IPv4
    #[arg(long, short = '4', conflicts_with = "ipv6", help_heading = "Reading")]
    ipv4: bool,
    /// Only IPv6
    #[arg(long, short = '6', help_heading = "Reading")]
    ipv6: bool,
}

impl Only {
    pub(super) fn version(&self) -> Option<Version> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Version::V4),
            (_, true) => Some(Version::V6),
            _ => None,
        }
    }
}

/// What IPv4-mapped addresses are.
#[derive(Args, Debug)]
pub(crate) struct Unmap {
    /// Take ::ffff:192.0.2.1 for 192.0.2.1
    #[arg(long, help_heading = "Reading")]
    pub(super) unmap: bool,
}

/// What ends a line.
#[derive(Args, Debug)]
pub(crate) struct Ends {
    /// Take a zero byte as the end of a line, in the input and in the output, as find -print0 and sort -z
    /// do. Sets, objects in JSON, counts and names of files still end with line ends
    #[arg(long, short = 'z', alias = "zero-terminated", help_heading = "Reading")]
    pub(super) null_data: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Threads {
    /// How many threads work; 0 is one for each core
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Reading"
    )]
    pub(super) threads: usize,
}

/// The arguments about writing items.
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
    /// Write a JSON object for each item, one a line
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

impl Items {
    /// Returns the set that `--in` gives, which is read like the rest of the input.
    pub(super) fn given(&self, set: In, verb: &str) -> Result<settings::Given> {
        let meaning = Meaning {
            from: From::Auto,
            forms: self.reading.forms,
            unmap: self.reading.unmap.unmap,
            only: None,
        };
        set.settings(verb, &self.reading.input, meaning)
    }
}

/// The arguments for a set of addresses.
#[derive(Args, Debug)]
pub(crate) struct In {
    /// The set: networks, addresses, ranges, or files of them, separated by commas or in several
    /// options; or the name of a block in the IANA registry: private-use, loopback, documentation, ...;
    /// bogon is all that is not globally reachable, and global is the rest
    // -f is the letter of grep and grepcidr.
    #[arg(
        long = "in",
        short = 'i',
        short_alias = 'f',
        value_name = "FILE|NET|NAME"
    )]
    set: Vec<OsString>,
    /// Leave out a part of the set that is invalid or cannot be read, and go on
    #[arg(long)]
    lenient_set: bool,
}

impl In {
    pub(super) fn settings(
        self,
        verb: &str,
        input: &[OsString],
        meaning: Meaning,
    ) -> Result<settings::Given> {
        if self.set.is_empty() {
            let example = match input {
                // The network in which something is free comes first.
                [net, ..] if verb == "free" => {
                    format!("ipparse free {} --in used.txt", net.to_string_lossy())
                }
                [] if verb == "free" => String::from("ipparse free 10.0.0.0/8 --in used.txt"),
                [] => format!("ipparse {verb} --in 10.0.0.0/8 FILE"),
                [set, rest @ ..] => {
                    let words = [set].into_iter().chain(rest).take(3);
                    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
                    format!("ipparse {verb} --in {}", words.join(" "))
                }
            };
            return Err(Fail::message(format!(
                "the set must stand after --in: {example}"
            )));
        }
        one_reader(&self.set, input)?;
        Ok(settings::Given {
            values: self.set,
            style: Style {
                meaning,
                ..Style::default()
            },
            lenient: self.lenient_set,
        })
    }
}

/// Fails if both a set and the input come from standard input: the first one would use it up, and the
/// other one would be empty.
pub(super) fn one_reader(set: &[OsString], input: &[OsString]) -> Result<()> {
    let is_stdin = |word: &OsString| word.as_encoded_bytes() == b"-";
    if set.iter().any(is_stdin) && (input.is_empty() || input.iter().any(is_stdin)) {
        return Err(Fail::message(
            "standard input can be read only once: name a file for the set or for the input",
        ));
    }
    Ok(())
}

/// The lengths to which addresses are cut.
#[derive(Args, Debug)]
pub(crate) struct Cut {
    /// Cut each address to a network of this length: first for IPv4, then after a comma for IPv6
    #[arg(long, value_name = "LENGTH[,LENGTH]", value_parser = mask)]
    pub(super) mask: Option<Mask>,
}

pub(super) fn mask(text: &str) -> std::result::Result<Mask, String> {
    let (v4, v6) = match text.split_once(',') {
        Some((v4, v6)) => (v4, Some(v6)),
        None => (text, None),
    };
    let one = |text: &str, most: u8| match text.trim().trim_start_matches('/').parse::<u8>() {
        Ok(len) if len <= most => Ok(len),
        _ => Err(format!("{text} is not a length from 0 to {most}")),
    };
    Ok(Mask {
        v4: one(v4, 32)?,
        v6: v6.map_or(Ok(128), |v6| one(v6, 128))?,
    })
}

/// The arguments about how a set is written.
#[derive(Args, Debug)]
pub(crate) struct SetForm {
    /// Write ranges instead of networks
    #[arg(long, help_heading = "Writing")]
    ranges: bool,
    /// Write a network of one address without its prefix length
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
