//! Reads a set, combines it with another, and writes it.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;

use std_net_ip::IpSet;
use std_net_ip::classify::{self, Registration};
use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;

use crate::field::{Field, Layout};
use crate::find::Finder;
use crate::input::{self, is_file_name};
use crate::item::{self, Item, Mask, push_net};
use crate::job::Job;
use crate::list::{Entries, List};
use crate::output::{Fail, Output, Result, Status};
use crate::read::{Bad, Entry};
use crate::settings::{Given, Items, Reading, SetForm};

/// The input, and the set with which it is combined.
pub(crate) struct TwoSets {
    pub(crate) items: Items,
    pub(crate) form: SetForm,
    pub(crate) other: Given,
}

/// Writes the result of `op` on the input and the other set. `closed` means that nothing is written if
/// a part of the other set is missing, because the result would be too large.
pub(crate) fn combine(
    both: &TwoSets,
    closed: bool,
    op: impl Fn(&IpSet, &IpSet) -> IpSet,
) -> Result<Status> {
    let job = Job::new(&both.items.reading);
    let layout = layout(&job, &both.items, both.form)?;
    let other = load(&both.other, job.strict, job.settings.threads, false)?;
    if other.trouble && (job.strict || closed && !both.other.lenient) {
        return Ok(Status::Trouble);
    }
    let read = read(&job)?;
    let status = write(&job, Form::new(both.form, &layout, None), read, |set| {
        op(&set, &other.set)
    })?;
    Ok(if other.trouble {
        Status::Trouble
    } else {
        status
    })
}

/// Fails for columns that a set does not have.
pub(crate) fn layout(job: &Job, items: &Items, form: SetForm) -> Result<Layout> {
    let keys = if form.ranges {
        Field::Canonical
    } else {
        Field::Network
    };
    let layout = job.layout(&items.showing, &[], &[keys]);
    for field in [Field::File, Field::Line, Field::Column, Field::Input] {
        if layout.has(field) {
            let name = field.name();
            return Err(Fail::message(format!(
                "a set has no column {name}: it forgets where it is from"
            )));
        }
    }
    Ok(layout)
}

/// A set, and the lines that are passed on.
pub(crate) struct Read {
    pub(crate) set: IpSet,
    pub(crate) kept: Vec<u8>,
    pub(crate) status: Status,
    /// Whether the reading stopped at a bad line.
    pub(crate) stopped: bool,
}

/// The items that one thread collects.
#[derive(Default)]
struct Part {
    finder: Finder,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Part {
    #[inline(always)]
    fn add(&mut self, item: &Item) {
        // Most lists contain IPv4 networks, so handle these first and fast.
        if let Item::Net(IpNet::V4(net)) = item {
            let host = u32::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
            let first = net.addr().to_bits() & !host;
            return self.v4.push((first, first | host));
        }
        let range = item.range();
        match (range.first(), range.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.push((first.to_bits(), last.to_bits()))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.push((first.to_bits(), last.to_bits()))
            }
            _ => unreachable!("a range has addresses of one version"),
        }
    }
}

pub(crate) fn read(job: &Job) -> Result<Read> {
    read_as(job, |item| item)
}

/// Returns the range of all networks of the mask's lengths that contain an address of the range.
pub(crate) fn widened(range: IpRange, mask: Mask) -> Item {
    let end = |addr: IpAddr, last: bool| {
        let len = if addr.is_ipv4() { mask.v4 } else { mask.v6 };
        IpNet::new(addr, len).map_or(
            addr,
            |net| if last { net.broadcast() } else { net.network() },
        )
    };
    let whole = IpRange::new(end(range.first(), false), end(range.last(), true));
    Item::Range(whole.unwrap_or(range))
}

/// Like `read`, but `change` changes each item first.
#[inline(always)]
pub(crate) fn read_as(job: &Job, change: impl Fn(Item) -> Item + Sync) -> Result<Read> {
    let mut reports = job.reports();
    let mut kept = Vec::new();
    let (parts, trouble) = job.blocks(
        Part::default,
        |part, block| {
            let mut finder = std::mem::take(&mut part.finder);
            let rest = job.hold(&mut finder, block, |entry| part.add(&change(entry.item)));
            part.finder = finder;
            rest
        },
        |(pass, bad): (Vec<u8>, Vec<Bad>)| {
            kept.extend_from_slice(&pass);
            Ok(reports.take(&bad))
        },
    )?;
    Ok(Read {
        set: join(parts),
        kept,
        stopped: reports.stopped(),
        status: reports.end(trouble),
    })
}

/// Joins the parts of the threads. Each thread sorts its own part, because two sorted sets can be
/// joined in one pass.
fn join(parts: Vec<Part>) -> IpSet {
    let build = |part: Part| IpSet::from_bits(part.v4, part.v6);
    let mut parts = parts
        .into_iter()
        .filter(|p| !p.v4.is_empty() || !p.v6.is_empty());
    let Some(first) = parts.next() else {
        return IpSet::new();
    };
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(|| build(part))).collect();
        others
            .into_iter()
            .fold(build(first), |set, other| match other.join() {
                Ok(other) => set.union(&other),
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

/// A set that was given with `--in`.
pub(crate) struct Loaded {
    pub(crate) set: IpSet,
    /// Its entries, if they are needed.
    pub(crate) list: Option<List>,
    /// Whether a part of it could not be read.
    pub(crate) trouble: bool,
}

/// Reads the set that the values of `--in` give.
pub(crate) fn load(given: &Given, strict: bool, threads: usize, with_list: bool) -> Result<Loaded> {
    let (values, blocks) = values(given)?;
    let mut loaded = Loaded {
        set: IpSet::new(),
        list: None,
        trouble: false,
    };
    let mut entries = Entries::default();
    if !values.is_empty() {
        let reading = Reading {
            input: values,
            style: given.style,
            strict,
            threads,
            ..Reading::default()
        };
        let job = Job::new(&reading);
        if with_list {
            (entries, loaded.trouble) = self::entries(&job)?;
        } else {
            let read = read(&job)?;
            loaded.trouble = read.status != Status::Success;
            loaded.set = read.set;
        }
    }
    for net in blocks {
        entries.push(net.into(), net.to_string().as_bytes());
        if !with_list {
            let block = IpSet::from_iter([net]);
            loaded.set = loaded.set.union(&block);
        }
    }
    if with_list {
        loaded.set = entries.ranges().collect();
        loaded.list = Some(List::new(entries));
    }
    Ok(loaded)
}

/// Returns the entries of a list with their original text, and whether a part of it could not be read.
fn entries(job: &Job) -> Result<(Entries, bool)> {
    let mut all = Entries::default();
    let mut reports = job.reports();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut entries = Entries::default();
            let (_, bad) = job.hold(finder, block, |entry| {
                entries.push(entry.item.range(), entry.text);
            });
            (entries, bad)
        },
        |(entries, bad)| {
            all.append(entries);
            Ok(reports.take(&bad))
        },
    )?;
    Ok((all, reports.end(trouble) != Status::Success))
}

/// Returns the single values of `--in`: text and files, and the blocks for which names stand.
fn values(given: &Given) -> Result<(Vec<OsString>, Vec<IpNet>)> {
    let mut input: Vec<OsString> = Vec::new();
    for value in &given.values {
        let bytes = value.as_encoded_bytes();
        let is_item = |text: &str| given.style.meaning.parse(text.as_bytes()).is_ok();
        // The value is a list with commas, unless a file has exactly this name. A list with white space
        // has only items, and is not itself one, such as an address and its mask.
        match value.to_str() {
            Some(text)
                if (bytes.contains(&b',')
                    || !is_item(text) && text.split_ascii_whitespace().all(is_item))
                    && !std::path::Path::new(value).exists() =>
            {
                let words = text.split([',', ' ', '\t', '\n']);
                input.extend(words.filter(|word| !word.is_empty()).map(OsString::from));
            }
            _ => input.push(value.clone()),
        }
    }
    // A variable of a script that is empty by mistake must not mean an empty set.
    if input.is_empty() && !given.values.is_empty() {
        return Err(Fail::message("--in: the set is empty"));
    }
    let mut blocks = Vec::new();
    let mut values = Vec::new();
    for value in input {
        let text = value.as_encoded_bytes();
        let exists = std::path::Path::new(&value).symlink_metadata().is_ok();
        let parsed = given.style.meaning.parse(text);
        if text == b"-" || exists || parsed.is_ok() {
            values.push(value);
            continue;
        }
        // The registry's own spelling counts too: Private-Use.
        let in_names = |b: u8| b.is_ascii_alphanumeric() || b"-() ".contains(&b);
        let name = value.to_str().filter(|name| name.bytes().all(in_names));
        let named = name.map(plain_name).map(|name| named(&name));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            blocks.extend(named);
            continue;
        }
        // The text is neither an item nor the name of a file. This is probably a mistake, and never a
        // set.
        if !is_file_name(&value)
            && let Err(wrong) = parsed
        {
            return Err(Fail::message(format!(
                "--in: neither a file nor an address: {}: {}",
                value.display(),
                wrong.reason
            )));
        }
        values.push(value);
    }
    Ok((values, blocks))
}

/// Returns the blocks for which a name stands: the blocks of the IANA registries whose names begin with
/// it, in small letters and with dashes. `bogon` is all blocks that are not globally reachable, and
/// `global` is the rest.
fn named(name: &str) -> Vec<IpNet> {
    let reach = |reachable: bool| -> IpSet {
        let some =
            classify::all().filter(|block| (block.globally_reachable() == Some(true)) == reachable);
        some.map(|block| block.net()).collect()
    };
    match name {
        // If a block lies within another, the inner block decides.
        "bogon" | "bogons" => reach(false).subtract(&reach(true)).nets().collect(),
        "global" => {
            let bogon = reach(false).subtract(&reach(true));
            IpSet::all().subtract(&bogon).nets().collect()
        }
        _ => {
            let matches = |block: &&Registration| {
                let full = plain_name(block.name());
                full.strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            let usual = name.len() > 2 && name.bytes().any(|b| b.is_ascii_lowercase());
            let blocks = classify::all().filter(|_| usual).filter(matches);
            blocks.map(|block| block.net()).collect()
        }
    }
}

/// Turns `Documentation (TEST-NET-1)` into `documentation-test-net-1`.
fn plain_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// Writes the result of `op` on the set, and the lines that are passed on.
pub(crate) fn write(
    job: &Job,
    form: Form<'_>,
    read: Read,
    op: impl FnOnce(IpSet) -> IpSet,
) -> Result<Status> {
    if read.stopped {
        return Ok(read.status);
    }
    let set = op(read.set);
    let mut output = job.output(form.layout.json)?;
    let threads = input::cores(job.settings.threads);
    let write = form.writer();
    pieces(&mut output, set.bits_v4(), threads, |out, (first, last)| {
        write(
            &form,
            out,
            Ipv4Addr::from_bits(*first).into(),
            Ipv4Addr::from_bits(*last).into(),
        );
    })?;
    pieces(&mut output, set.bits_v6(), threads, |out, (first, last)| {
        write(
            &form,
            out,
            Ipv6Addr::from_bits(*first).into(),
            Ipv6Addr::from_bits(*last).into(),
        );
    })?;
    if job.keep {
        output.block(&read.kept)?;
    }
    Ok(read.status)
}

/// How many ranges a thread turns into text at once.
const PIECE: usize = 16 * 1024;

/// Writes what `write` appends for each range, in order. The threads work on pieces in parallel.
fn pieces<T: Sync>(
    output: &mut Output,
    ranges: &[T],
    threads: usize,
    write: impl Fn(&mut Vec<u8>, &T) + Sync,
) -> Result<()> {
    let mut buffers = vec![Vec::new(); threads];
    for round in ranges.chunks(PIECE * threads) {
        thread::scope(|scope| {
            let mut work = round
                .chunks(PIECE)
                .zip(&mut buffers)
                .map(|(piece, buffer)| {
                    let write = &write;
                    move || {
                        buffer.clear();
                        piece.iter().for_each(|range| write(buffer, range));
                    }
                });
            let own = work.next();
            work.for_each(|other| drop(scope.spawn(other)));
            own.into_iter().for_each(|mut own| own());
        });
        for (_, buffer) in round.chunks(PIECE).zip(&buffers) {
            output.block(buffer)?;
        }
    }
    Ok(())
}

/// How a range is written.
pub(crate) struct Form<'a> {
    ranges: bool,
    bare: bool,
    /// Whether only its canonical text is written.
    plain: bool,
    layout: &'a Layout,
    /// Shorter networks are written as several networks of these lengths.
    least: Option<Mask>,
}

impl<'a> Form<'a> {
    pub(crate) fn new(form: SetForm, layout: &'a Layout, least: Option<Mask>) -> Form<'a> {
        Form {
            ranges: form.ranges,
            bare: form.bare,
            plain: layout.fields.is_empty() && layout.to == item::To::Canonical && least.is_none(),
            layout,
            least,
        }
    }

    /// Returns the function that writes a range, from its first to its last address. Each form has its
    /// own, so that the usual one stays small.
    fn writer(&self) -> fn(&Self, &mut Vec<u8>, IpAddr, IpAddr) {
        if self.ranges {
            Form::as_range
        } else if self.plain {
            Form::as_nets
        } else {
            Form::as_items
        }
    }

    fn as_range(&self, out: &mut Vec<u8>, first: IpAddr, last: IpAddr) {
        self.item(out, Item::Range(range(first, last)));
    }

    fn as_nets(&self, out: &mut Vec<u8>, first: IpAddr, last: IpAddr) {
        for net in range(first, last).nets() {
            push_net(out, net, self.bare);
            out.push(b'\n');
        }
    }

    fn as_items(&self, out: &mut Vec<u8>, first: IpAddr, last: IpAddr) {
        let least = self
            .least
            .map_or(0, |mask| if first.is_ipv4() { mask.v4 } else { mask.v6 });
        for net in range(first, last).nets() {
            if net.prefix_len() < least {
                net.subnets(least)
                    .into_iter()
                    .flatten()
                    .for_each(|net| self.net(out, net));
            } else {
                self.net(out, net);
            }
        }
    }

    fn net(&self, out: &mut Vec<u8>, net: IpNet) {
        if self.bare && net.prefix_len() == net.max_prefix_len() {
            self.item(out, Item::Addr(net.addr()));
        } else {
            self.item(out, Item::Net(net));
        }
    }

    fn item(&self, out: &mut Vec<u8>, item: Item) {
        let entry = Entry {
            item,
            text: b"",
            source: 0,
            line: 0,
            column: 0,
        };
        self.layout.write(&entry, out);
    }
}

/// Makes a range of a set, whose ends are in order.
#[inline(always)]
fn range(first: IpAddr, last: IpAddr) -> IpRange {
    match IpRange::new(first, last) {
        Some(range) => range,
        None => unreachable!("ranges of a set are in order"),
    }
}
