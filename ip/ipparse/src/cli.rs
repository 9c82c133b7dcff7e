//! The command line, with all that `--help` and the man page say.

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;

use crate::field::{Field, LineField};
use crate::item::{From, To};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default())
    .usage(AnsiColor::Yellow.on_default())
    .literal(AnsiColor::Green.on_default());

const INTRODUCTION: &str = "\
Reads addresses, networks and ranges, IPv4 and IPv6 mixed, and writes them in one form, says what they are, \
filters lines by them, sorts, aggregates, subtracts, splits them.

INPUT is text (192.0.2.1, 10.0.0.0/8), the name of a file, or - for standard input, which is also what is read \
if there is none. What reads as an address is one; write ./10.0.0.0 for a file of that name. A file has one address, \
network or range a line; empty lines and comments (# or ;) are skipped. With --extract they are found anywhere in \
free text, such as a log.

Forms that are read: 192.0.2.1  2001:db8::1  192.0.2.0/24  192.0.2.0/255.255.255.0  2001:db8::/32
  10.0.0.1-10.0.0.9  192.0.2.1:80  [::1]:80  fe80::1%eth0  1.2.0.192.in-addr.arpa  0xc0000201
  and with --from: integers, hexadecimal numbers without 0x, the classic forms of inet_aton(3).";

const EXAMPLES: &str = "\
Examples:
  ipparse 2001:DB8:0::1 --to expanded          one address in another form
  ipparse --extract --json access.log          every address of a log as JSON, a line each
  ipparse classify 10.1.2.3 8.8.8.8            what addresses are for
  ipparse check 192.0.2.300                    say what is wrong, and exit with 1
  ipparse filter --in 10.0.0.0/8 access.log    lines that hold an address of a network
  ipparse filter --in blocklist.txt -c *.log   how many lines
  ipparse exclude --in crawlers.txt access.log the other lines
  ipparse dedupe --extract --count access.log  who comes most often
  ipparse aggregate blocklist.txt              the fewest networks for the same addresses
  ipparse subtract feed.txt --in allow.txt     a list without what is in another
  ipparse range 10.0.0.1-10.0.0.9              as networks; and a network as a range
  ipparse split 10.0.0.0/22 --prefix 24        smaller networks
  ipparse hosts 192.0.2.0/29                   all hosts of a network, one a line
  ipparse info 192.0.2.77/26                   network, mask, first and last host, and so on

Exit status:
  0    all went well (filter, exclude: there are such lines)
  1    invalid lines, reported on standard error (filter, exclude: no such lines)
  2    wrong usage, or a file that cannot be read
  141  standard output was closed before the end";

/// Addresses, networks and ranges from lists, logs and arguments
#[derive(Debug, Parser)]
#[command(
    name = "ipparse",
    version,
    long_about = INTRODUCTION,
    after_help = EXAMPLES,
    styles = STYLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) canonical: Items,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write each in one form (what is done without a sub-command)
    Canonical(Items),
    /// Say what each is for: name in the IANA registry, RFC, whether globally reachable
    Classify(Items),
    /// Say which lines are invalid, with the place marked; exit with 1 if any
    Check(Reading),
    /// Write the lines that hold an address of the set
    #[command(after_help = "\
Lines are written as they are. An address within a word counts as for --extract. An IPv4 address mapped into \
IPv6 (::ffff:192.0.2.1) matches as both.

With --json, or with columns, it is an object or a row a line instead: the number of the line, its first address in \
the set (with -v: its first), the network of the set that holds it, and the text of the line. Networks of the set \
that overlap or touch count as the one that they make up, as for aggregate.

Examples:
  ipparse filter --in 10.0.0.0/8,192.168.0.0/16 access.log
  ipparse filter --in blocklist.txt --in 2001:db8::/32 < access.log
  ipparse filter -v --in office.txt auth.log     lines with addresses, none of them of the office
  tail -f access.log | ipparse filter --in blocklist.txt
  ipparse filter --json --in blocklist.txt access.log
  ipparse filter --columns line,address,match --in blocklist.txt access.log")]
    Filter(Filter),
    /// Write the lines that hold no address of the set
    #[command(after_help = "\
Lines are written as they are. With --json, or with columns, it is an object or a row a line instead: the number of \
the line, its first address (null or - if it has none), and the text of the line.

Examples:
  ipparse exclude --in crawlers.txt access.log
  ipparse exclude --json --in crawlers.txt access.log")]
    Exclude(Exclude),
    /// Sort by address: IPv4 first, the larger network before the smaller
    Sort(Sort),
    /// Write each once, at its first place
    Dedupe(Dedupe),
    /// Write the fewest networks that hold the same addresses
    #[command(visible_alias = "merge")]
    Aggregate(Sets),
    /// Write what is in the input and not in the set, as networks
    Subtract(SetsIn),
    /// Write what is both in the input and in the set, as networks
    Intersect(SetsIn),
    /// Split networks into smaller ones
    Split(Split),
    /// Turn ranges into networks, and networks into ranges
    Range(Range),
    /// Write all addresses for hosts, one a line
    Hosts(Hosts),
    /// Say all about a network: mask, first and last host, broadcast, how many
    Info(Info),
    /// Write a completion script for a shell
    #[command(after_help = "\
Examples:
  ipparse completions bash > /etc/bash_completion.d/ipparse
  ipparse completions fish > ~/.config/fish/completions/ipparse.fish")]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Write the manual page
    #[command(after_help = "Example:\n  ipparse man > /usr/local/share/man/man1/ipparse.1")]
    Man,
}

/// What is read.
#[derive(Args, Debug)]
pub(crate) struct Reading {
    /// Text, files, or - for standard input
    pub(crate) input: Vec<OsString>,
    /// Find addresses and networks in free text instead of one a line
    #[arg(long, short = 'e', help_heading = "Reading")]
    pub(crate) extract: bool,
    /// Read this form only
    #[arg(
        long,
        value_name = "FORM",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Reading"
    )]
    pub(crate) from: From,
    /// Stop at the first invalid line
    #[arg(long, conflicts_with = "keep_invalid", help_heading = "Reading")]
    pub(crate) strict: bool,
    /// Pass invalid lines (and empty lines and comments) on as they are, which is no failure then
    #[arg(long, help_heading = "Reading")]
    pub(crate) keep_invalid: bool,
    /// Do not report invalid lines
    #[arg(long, short, help_heading = "Reading")]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) threads: Threads,
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
    pub(crate) threads: usize,
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
    pub(crate) to: To,
    /// Write an object in JSON a line
    #[arg(long, help_heading = "Writing")]
    pub(crate) json: bool,
    /// Write these columns, with tabs between them (with --json: these keys)
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Writing"
    )]
    pub(crate) columns: Vec<Field>,
}

#[derive(Args, Debug)]
pub(crate) struct Items {
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) showing: Showing,
}

/// A set of addresses.
#[derive(Args, Debug)]
pub(crate) struct In {
    /// The set: networks, addresses, ranges, or files of them; several with commas or by repeating
    #[arg(long = "in", short = 'i', value_name = "FILE|NET", required = true)]
    pub(crate) set: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct Lines {
    /// Text, files, or - for standard input
    pub(crate) input: Vec<OsString>,
    #[command(flatten)]
    pub(crate) set: In,
    /// Write only how many lines
    #[arg(long, short, conflicts_with_all = ["json", "columns"])]
    pub(crate) count: bool,
    /// Write an object in JSON for each line
    #[arg(long, help_heading = "Writing")]
    pub(crate) json: bool,
    /// Write these columns for each line, with tabs between them (with --json: these keys)
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "with_filename",
        help_heading = "Writing"
    )]
    pub(crate) columns: Vec<LineField>,
    /// Write the name of the file before each line (by default with several files)
    #[arg(long, short = 'H', overrides_with = "no_filename")]
    pub(crate) with_filename: bool,
    /// Never write the name of the file
    #[arg(long, overrides_with = "with_filename")]
    pub(crate) no_filename: bool,
    /// Stop at the first invalid line of a set
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) threads: Threads,
}

#[derive(Args, Debug)]
pub(crate) struct Filter {
    #[command(flatten)]
    pub(crate) lines: Lines,
    /// Write the lines that hold addresses, but none of the set; for all lines without one see exclude
    #[arg(long, short = 'v')]
    pub(crate) invert: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Exclude {
    #[command(flatten)]
    pub(crate) lines: Lines,
}

#[derive(Args, Debug)]
pub(crate) struct Sort {
    #[command(flatten)]
    pub(crate) items: Items,
    /// The last first
    #[arg(long, short)]
    pub(crate) reverse: bool,
    /// Each only once
    #[arg(long, short)]
    pub(crate) unique: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Dedupe {
    #[command(flatten)]
    pub(crate) items: Items,
    /// Write how often each occurs before it, the most frequent first
    #[arg(long, short)]
    pub(crate) count: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Sets {
    #[command(flatten)]
    pub(crate) items: Items,
    #[command(flatten)]
    pub(crate) form: SetForm,
}

#[derive(Args, Debug)]
pub(crate) struct SetForm {
    /// Write ranges instead of networks
    #[arg(long, help_heading = "Writing")]
    pub(crate) ranges: bool,
    /// Write a network of one address without its length
    #[arg(long, conflicts_with = "ranges", help_heading = "Writing")]
    pub(crate) bare: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SetsIn {
    #[command(flatten)]
    pub(crate) sets: Sets,
    #[command(flatten)]
    pub(crate) set: In,
}

#[derive(Args, Debug)]
pub(crate) struct Split {
    #[command(flatten)]
    pub(crate) items: Items,
    /// Into networks with this prefix length
    #[arg(
        long,
        short,
        value_name = "LENGTH",
        required_unless_present = "parts",
        conflicts_with = "parts"
    )]
    pub(crate) prefix: Option<u8>,
    /// Into so many equal parts: a power of two
    #[arg(long, short = 'n', value_name = "N", value_parser = power_of_two)]
    pub(crate) parts: Option<u64>,
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
    pub(crate) items: Items,
    /// Write networks, also for networks
    #[arg(long, conflicts_with = "ranges")]
    pub(crate) nets: bool,
    /// Write ranges, also for ranges
    #[arg(long)]
    pub(crate) ranges: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Hosts {
    #[command(flatten)]
    pub(crate) items: Items,
    /// With the first and last address of an IPv4 network, which are none for hosts
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Write only how many
    #[arg(long, short)]
    pub(crate) count: bool,
    /// Write at most so many of each
    #[arg(long, short, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) items: Items,
    /// With colours: on a terminal, always, or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(crate) color: ColorChoice,
}
