//! The command line, and the text of `--help` and of the man page.
//!
//! `shared` has the groups of arguments that several verbs use, and `verbs` the arguments of each verb.
//! Both make the plain settings in `settings` and in the file of each verb, which know nothing of the
//! command line.

mod later;
mod shared;
mod verbs;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::Path;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::output::{Fail, Result, Status};
use crate::verbs as run;

use later::Later;
use shared::Items;
use verbs::{
    Aggregate, Anonymize, Check, Count, Dedupe, Diff, Exclude, Filter, Free, Hosts, Info, Label,
    Overlaps, Random, Range, Sort, Split, TwoSets,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default())
    .usage(AnsiColor::Yellow.on_default())
    .literal(AnsiColor::Green.on_default());

const INTRODUCTION: &str = "\
Reads addresses, networks and ranges, IPv4 and IPv6 mixed, and writes them in one form, says what they are, \
filters lines by them, sorts, aggregates, subtracts, splits them.

INPUT is text (192.0.2.1, 10.0.0.0/8), the name of a file, or - for standard input. Without INPUT, standard input is \
read. Text that can be an address is one; write ./10.0.0.0 for a file of that name. A file has one address, network or \
range on each line; empty lines and comments (#, ;, ! or //) are skipped. With --extract they are found anywhere in \
free text, such as a log. Files may be compressed (gzip, zstd, xz) or UTF-16: the first bytes tell.

Forms that are read: 192.0.2.1  2001:db8::1  192.0.2.0/24  192.0.2.0/255.255.255.0  2001:db8::/32
  10.0.0.1-10.0.0.9  192.0.2.1:80  [::1]:80  fe80::1%eth0  1.2.0.192.in-addr.arpa  0xc0000201
  with --forms lists: 10.0.0.1-20  192.168.1.*  10.0.0.0 255.255.255.0  10.3.0.0 0.0.0.255  10/8  1.0.0.0,1.0.0.255,AU
  1[.]2[.]3[.]4; and with --from: integers, hexadecimal numbers without 0x, octets with leading zeros, the classic \
forms of inet_aton(3).";

const EXAMPLES: &str = "\
Examples:
  ipparse 2001:DB8:0::1 --to expanded          one address in another form
  ipparse --extract --json access.log          every address of a log as JSON, a line each
  ipparse classify 10.1.2.3 8.8.8.8            what addresses are for
  ipparse check 192.0.2.300                    say what is wrong, and exit with 1
  ipparse filter --in 10.0.0.0/8 access.log    lines that hold an address of a network
  ipparse filter --in blocklist.txt -c *.log   how many lines
  ipparse exclude --in crawlers.txt access.log the other lines
  ipparse label --in asn.csv access.log        the owner of each address's network
  ipparse dedupe --extract --count access.log  the most frequent addresses
  ipparse anonymize access.log                 the same log without the ends of addresses
  ipparse aggregate blocklist.txt              the fewest networks for the same addresses
  ipparse subtract feed.txt --in allow.txt     a list without the addresses of another
  ipparse range 10.0.0.1-10.0.0.9              a range as networks, or a network as a range
  ipparse split 10.0.0.0/22 --prefix 24        smaller networks
  ipparse hosts 192.0.2.0/29                   all hosts of a network, one a line
  ipparse free 10.0.0.0/16 --prefix 24 --in used.txt    the next network that is free
  ipparse info 192.0.2.77/26                   network, mask, first and last host, and so on

Exit status:
  0    all went well (filter, exclude: there are such lines; diff: no difference)
  1    invalid lines, reported on standard error; --extract that finds nothing (filter, exclude: no such lines;
       diff: a difference; free: nothing is free)
  2    wrong usage, or a file that cannot be read. subtract, exclude, filter -v, free and diff then write nothing;
       the same is true if a line of a set is invalid
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
    /// Write each item in one form (the default without a sub-command)
    #[command(after_help = "\
Examples:
  ipparse canonical 2001:DB8:0::1 --to expanded
  ipparse canonical --forms lists '10.0.0.1-20' '192.168.1.*'
  ipparse canonical --from padded 001.002.004.000
  ipparse canonical --extract --first --columns line,address access.log")]
    Canonical(Later<Items>),
    /// Write what each address is for: name in the IANA registry, RFC, whether globally reachable, and
    /// what is inside
    #[command(after_help = "\
Inside an IPv6 address may be an IPv4 address (NAT64, 6to4, Teredo, ISATAP) or a MAC address (EUI-64). If there is one, \
a last column shows it.

Examples:
  ipparse classify 10.1.2.3 8.8.8.8
  ipparse classify 64:ff9b::c000:221 fe80::5054:ff:fe12:3456")]
    Classify(Later<Items>),
    /// Report the invalid lines, with the place marked; exit with 1 if there are any
    #[command(after_help = "\
Examples:
  ipparse check feed.txt
  ipparse check --network plan.txt       host bits that are set, duplicates and what overlaps, too")]
    Check(Later<Check>),
    /// Write the lines that hold an address of the set
    #[command(
        disable_help_flag = true,
        after_help = "\
Lines are written as they are. An item within a line counts as for --extract: an address, a network or a range. It \
matches if all of it lies inside the set. With --overlap it matches if it has an address in common with the set, and with \
--covers if it holds an entry of the set. An IPv4 address mapped into IPv6 (::ffff:192.0.2.1) matches as both.

With --json, or with columns, it is an object or a row a line instead: the number of the line, its first item that \
matches (with -v: its first), the most specific entry of the set that holds it, as it is written there, and the text \
of the line.

Examples:
  ipparse filter --in 10.0.0.0/8,192.168.0.0/16 access.log
  ipparse filter --in blocklist.txt --in 2001:db8::/32 < access.log
  ipparse filter -v --in office.txt auth.log     lines with addresses, none of them of the office
  ipparse filter --in bogon --field 1 access.log     visitors with impossible addresses
  ipparse filter --covers --in 10.1.2.3 routes.txt     the networks that 10.1.2.3 is in
  ipparse filter -rl --in 192.0.2.7 /etc         files that name an address
  tail -f access.log | ipparse filter --in blocklist.txt
  ipparse filter --json --in blocklist.txt access.log
  ipparse filter --columns line,address,match --in blocklist.txt access.log"
    )]
    Filter(Later<Filter>),
    /// Write the lines that hold no address of the set
    #[command(
        disable_help_flag = true,
        after_help = "\
Lines are written as they are. Only a line with an item that lies inside the set is left out (with --overlap or \
--covers: see filter). If the set cannot be read, or has an invalid line, nothing is written and the status is 2; \
--lenient-set goes on without. With --json, or with columns, it is an object or a row a line instead: the number of \
the line, its first item (null or - if it has none), and the text of the line.

Examples:
  ipparse exclude --in crawlers.txt access.log
  ipparse exclude --json --in crawlers.txt access.log"
    )]
    Exclude(Later<Exclude>),
    /// Write for each address the entry of a list that holds it: its network, owner, place and so on
    #[command(after_help = "\
The list has a network, an address or a range on each line, and its label behind it: 10.0.0.0/8,office or \
1.0.0.0,1.0.0.255,13335,AU or with tabs or spaces. If the first line is no entry, such as network,name, it is a heading. \
If several entries hold an address, the smallest one counts.

Every address in the input makes a row: the address, the entry as it is written in the list, and the rest of that line \
in columns. If no entry holds the address, the columns are -.

Examples:
  ipparse label --in asn.csv access.log
  ipparse label --in asn.csv --append --field 1 access.log
  ipparse label --in plan.csv --json 10.1.2.3
  ipparse label --in ip2location.csv --forms numbers access.log
  ipparse label --in asn.csv --columns line,address,label access.log")]
    Label(Later<Label>),
    /// Sort by address: IPv4 first, the larger network before the smaller
    #[command(after_help = "\
Examples:
  ipparse sort -u list.txt
  ipparse sort --lines hosts          whole lines, by their first addresses")]
    Sort(Later<Sort>),
    /// Write each item once, at its first place
    #[command(after_help = "\
Two items are the same if the same text is written for them, except for their place; 10.0.0.1 and 10.0.0.1/32 are the \
same.

Examples:
  ipparse dedupe --extract --count access.log                the most frequent addresses
  ipparse dedupe --extract --count --mask 24,64 access.log   the most frequent networks
  ipparse dedupe --lines --field 1 access.log                the first line of each visitor")]
    Dedupe(Later<Dedupe>),
    /// Write the number of different addresses in the whole input
    #[command(after_help = "\
Examples:
  ipparse count blocklist.txt                       addresses, each counted once
  ipparse count --extract --mask 24,64 access.log   networks with one of them")]
    Count(Later<Count>),
    /// Write the fewest networks that hold the same addresses
    #[command(
        visible_alias = "merge",
        after_help = "\
--max-length and --lossy write networks with more addresses than there were, never with fewer.

Examples:
  ipparse aggregate blocklist.txt
  ipparse aggregate --max-length 24,48 routes.txt   nothing longer than a /24 or a /48
  ipparse aggregate --min-length 16 list.txt        nothing larger than a /16
  ipparse aggregate --lossy 10 blocklist.txt        fewer networks; in each at most a tenth is new"
    )]
    Aggregate(Later<Aggregate>),
    /// Write the addresses that are in the input and not in the set, as networks
    #[command(after_help = "\
If the set cannot be read, or has an invalid line, nothing is written and the status is 2; --lenient-set goes on \
without.

Example:
  ipparse subtract feed.txt --in allow.txt")]
    Subtract(Later<TwoSets>),
    /// Write the addresses that are both in the input and in the set, as networks
    #[command(after_help = "Example:\n  ipparse intersect feed.txt --in ours.txt")]
    Intersect(Later<TwoSets>),
    /// Write the differences between two lists: - before a network that is gone, + before a new one
    #[command(after_help = "\
Addresses are compared, not lines: two ways to write the same set are equal. As for diff, the status is 0 if the lists \
are equal, 1 if they differ, and 2 for trouble. An invalid line is trouble, and then nothing is written.

Examples:
  ipparse diff yesterday.txt today.txt
  ipparse diff -q old.txt new.txt || reload")]
    Diff(Later<Diff>),
    /// Write which entries of a list overlap, two on each line
    #[command(after_help = "\
Each line has two entries, with FILE:LINE of each. The status is 0 if some overlap, 1 if not.

Examples:
  ipparse overlaps plan.txt
  ipparse overlaps ours.txt --in theirs.txt")]
    Overlaps(Later<Overlaps>),
    /// Write the next free network or address inside of networks
    #[command(after_help = "\
Examples:
  ipparse free 10.0.0.0/16 --prefix 24 --in used.txt    the next free /24
  ipparse free 10.0.0.0/24 --in leases.txt -n 3         the next three free addresses
  ipparse free 10.0.0.0/24 --in leases.txt -n 0         all of them")]
    Free(Later<Free>),
    /// Write the smallest network that holds all items, one for each version
    #[command(after_help = "Example:\n  ipparse supernet 10.0.1.0/24 10.0.6.0/24")]
    Supernet(Later<Items>),
    /// Split networks into smaller ones
    #[command(after_help = "\
Examples:
  ipparse split 10.0.0.0/22 --prefix 24
  ipparse split 10.0.0.0/22 --parts 8
  ipparse split 10.0.0.0/24 --hosts 100,50,20,2")]
    Split(Later<Split>),
    /// Turn ranges into networks, and networks into ranges
    #[command(after_help = "Example:\n  ipparse range 10.0.0.1-10.0.0.9")]
    Range(Later<Range>),
    /// Write all host addresses, one a line
    #[command(after_help = "Example:\n  ipparse hosts 192.0.2.0/29")]
    Hosts(Later<Hosts>),
    /// Write random addresses out of networks, each only once
    #[command(after_help = "\
Examples:
  ipparse random -n 5 10.0.0.0/8
  ipparse random --seed 7 2001:db8::/64")]
    Random(Later<Random>),
    /// Write a text with its addresses cut, or replaced with the help of a key
    #[command(after_help = "\
Only addresses are replaced; a name with an address in it (1-2-3-4.example.org) stays.

If they are cut, all addresses of a network become one: 192.0.2.7 becomes 192.0.2.0. With a key, each address always \
becomes the same other address, and two addresses that share their first n bits still share n bits. The algorithm is \
Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, 2002) with AES-128, for IPv6 with all 128 \
bits. With the key, this can be undone. The structure of the networks stays visible.

Examples:
  ipparse anonymize access.log > public.log
  ipparse anonymize --mask 16,32 access.log
  head -c 32 /dev/urandom > key; ipparse anonymize --key-file key access.log")]
    Anonymize(Later<Anonymize>),
    /// Write all facts about a network: mask, first and last host, broadcast, number of addresses
    #[command(after_help = "Example:\n  ipparse info 192.0.2.77/26")]
    Info(Later<Info>),
    /// Write a completion script for a shell
    #[command(after_help = "\
Examples:
  ipparse completions bash > /etc/bash_completion.d/ipparse
  ipparse completions fish > ~/.config/fish/completions/ipparse.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual page
    #[command(after_help = "Example:\n  ipparse man > /usr/local/share/man/man1/ipparse.1")]
    Man,
}

/// Runs what the command line asks for.
pub(crate) fn run() -> Result<Status> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Do not wait for a user to type a list.
    if arguments.len() < 2 && io::stdin().is_terminal() {
        let mut command = Cli::command();
        let usage = command.render_usage();
        return Err(Fail::message(format!(
            "nothing to read\n\n{usage}\n\nFor more information, try '--help'."
        )));
    }
    let parsed = Cli::try_parse_from(&arguments);
    // Look for a similar name only now, because this takes time.
    if parsed.as_ref().map_or(true, |cli| cli.verb.is_none())
        && let Some(first) = arguments.get(1)
        && let Some(verb) = meant(first)
    {
        let word = first.display();
        return Err(Fail::message(format!(
            "{word}: there is no such file or sub-command; did you mean {verb}?"
        )));
    }
    let cli = parsed.unwrap_or_else(|error| error.exit());
    match cli.verb.unwrap_or(Verb::Canonical(Later(cli.canonical))) {
        Verb::Canonical(Later(args)) => run::canonical::run(&args.settings()),
        Verb::Classify(Later(args)) => run::classify::run(&args.settings()),
        Verb::Check(Later(args)) => run::check::run(&args.settings()),
        Verb::Filter(Later(args)) => run::filter::run(&args.settings()?),
        Verb::Exclude(Later(args)) => run::exclude::run(&args.settings()?),
        Verb::Label(Later(args)) => run::label::run(&args.settings()?),
        Verb::Sort(Later(args)) => run::sort::run(&args.settings()),
        Verb::Dedupe(Later(args)) => run::dedupe::run(&args.settings()),
        Verb::Count(Later(args)) => run::count::run(&args.settings()),
        Verb::Aggregate(Later(args)) => run::aggregate::run(&args.settings()),
        Verb::Subtract(Later(args)) => run::subtract::run(&args.settings("subtract")?),
        Verb::Intersect(Later(args)) => run::intersect::run(&args.settings("intersect")?),
        Verb::Diff(Later(args)) => run::diff::run(&args.settings()?),
        Verb::Overlaps(Later(args)) => run::overlaps::run(&args.settings()?),
        Verb::Free(Later(args)) => run::free::run(&args.settings()?),
        Verb::Supernet(Later(args)) => run::supernet::run(&args.settings()),
        Verb::Split(Later(args)) => run::split::run(&args.settings()),
        Verb::Range(Later(args)) => run::range::run(&args.settings()),
        Verb::Hosts(Later(args)) => run::hosts::run(&args.settings()),
        Verb::Random(Later(args)) => run::random::run(&args.settings()),
        Verb::Anonymize(Later(args)) => run::anonymize::run(&args.settings()),
        Verb::Info(Later(args)) => run::info::run(&args.settings()),
        Verb::Completions { shell } => run::completions::run(Cli::command(), shell),
        Verb::Man => run::man::run(Cli::command()),
    }
}

/// Returns the sub-command that the user probably meant with the first argument.
fn meant(first: &OsStr) -> Option<String> {
    let word = first.to_str()?;
    let letters = word.bytes().all(|b| b.is_ascii_alphabetic());
    if !letters || Path::new(first).exists() {
        return None;
    }
    let command = Cli::command();
    let names = || {
        command
            .get_subcommands()
            .flat_map(|verb| verb.get_name_and_visible_aliases())
    };
    if names().any(|name| name == word) {
        return None;
    }
    let like = |name: &str| strsim::jaro_winkler(word, name);
    let nearest = names().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(nearest) > 0.85).then(|| nearest.to_owned())
}
