//! The command line, with all that `--help` and the man page say.

//!
//! `shared` has the groups of arguments that several verbs have, `verbs` those of each verb. What comes out
//! of both are the plain settings of `settings` and of each verb, which know nothing of the command line.

mod shared;
mod verbs;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::output::{Result, Status};
use crate::verbs as run;

use shared::{Items, Reading};
use verbs::{Aggregate, Dedupe, Exclude, Filter, Hosts, Info, Range, Sort, Split, TwoSets};

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
    verb: Option<Verb>,
    #[command(flatten)]
    canonical: Items,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
    Aggregate(Aggregate),
    /// Write what is in the input and not in the set, as networks
    Subtract(TwoSets),
    /// Write what is both in the input and in the set, as networks
    Intersect(TwoSets),
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

/// Does what the command line says.
pub(crate) fn run() -> Result<Status> {
    let cli = Cli::parse();
    match cli.verb.unwrap_or(Verb::Canonical(cli.canonical)) {
        Verb::Canonical(args) => run::canonical::run(&args.settings()),
        Verb::Classify(args) => run::classify::run(&args.settings()),
        Verb::Check(args) => run::check::run(&args.settings()),
        Verb::Filter(args) => run::filter::run(&args.settings()),
        Verb::Exclude(args) => run::exclude::run(&args.settings()),
        Verb::Sort(args) => run::sort::run(&args.settings()),
        Verb::Dedupe(args) => run::dedupe::run(&args.settings()),
        Verb::Aggregate(args) => run::aggregate::run(&args.settings()),
        Verb::Subtract(args) => run::subtract::run(&args.settings()),
        Verb::Intersect(args) => run::intersect::run(&args.settings()),
        Verb::Split(args) => run::split::run(&args.settings()),
        Verb::Range(args) => run::range::run(&args.settings()),
        Verb::Hosts(args) => run::hosts::run(&args.settings()),
        Verb::Info(args) => run::info::run(&args.settings()),
        Verb::Completions { shell } => run::completions::run(Cli::command(), shell),
        Verb::Man => run::man::run(Cli::command()),
    }
}
