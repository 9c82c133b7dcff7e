//! How a set is read, put together with another, and written.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;

use std_net_ip::IpSet;
use std_net_ip::net::IpNet;
use std_net_ip::range::IpRange;

use crate::field::{Field, Layout};
use crate::input::{self, is_file_name};
use crate::item::{self, From, Item, push_net};
use crate::job::Job;
use crate::output::{Fail, Output, Result, Status};
use crate::read::{Bad, Entry};
use crate::scan::Scanner;
use crate::settings::{Given, Items, SetForm};

/// What is read, and the set that it is held against.
pub(crate) struct TwoSets {
    pub(crate) items: Items,
    pub(crate) form: SetForm,
    pub(crate) other: Given,
}

/// Writes what `op` makes of what is read and the other set.
pub(crate) fn combine(both: &TwoSets, op: impl Fn(&IpSet, &IpSet) -> IpSet) -> Result<Status> {
    let job = Job::new(&both.items.reading);
    let layout = layout(&job, &both.items, both.form)?;
    let (other, other_status) = load(&both.other, job.strict, job.settings.threads)?;
    if job.strict && other_status != Status::Success {
        return Ok(Status::Trouble);
    }
    let read = read(&job)?;
    let status = write(&job, both.form, &layout, read, |set| op(&set, &other))?;
    Ok(status.max(other_status))
}

/// Fails for columns that nothing of a set has.
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

/// A set, with the lines that are to be passed on.
pub(crate) struct Read {
    set: IpSet,
    kept: Vec<u8>,
    status: Status,
    /// Stopped at a bad line.
    stopped: bool,
}

/// What one thread collects.
#[derive(Default)]
struct Part {
    scanner: Scanner,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Part {
    #[inline(always)]
    fn add(&mut self, item: &Item) {
        // What is in most lists, with less ado.
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
    let mut status = Status::Success;
    let mut kept = Vec::new();
    let mut stopped = false;
    let (parts, trouble) = input::run(
        &job.sources,
        job.settings,
        Part::default,
        |part, block| {
            let mut scanner = std::mem::take(&mut part.scanner);
            let rest = job.hold(&mut scanner, block, |entry| part.add(&entry.item));
            part.scanner = scanner;
            rest
        },
        |(pass, bad): (Vec<u8>, Vec<Bad>)| {
            kept.extend_from_slice(&pass);
            stopped = !job.report(&bad, &mut status);
            Ok(!stopped)
        },
    )?;
    if trouble {
        status = Status::Trouble;
    }
    Ok(Read {
        set: join(parts),
        kept,
        status,
        stopped,
    })
}

/// Each thread sorts its own; two sets that are in order are one with a single walk.
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

/// The set that the values of `--in` make, and whether all was well.
pub(crate) fn load(given: &Given, strict: bool, threads: usize) -> Result<(IpSet, Status)> {
    let mut input: Vec<OsString> = Vec::new();
    for value in &given.values {
        let bytes = value.as_encoded_bytes();
        // A list with commas, unless a file has this very name.
        match value.to_str() {
            Some(text) if bytes.contains(&b',') && !std::path::Path::new(value).exists() => {
                input.extend(
                    text.split([',', ' '])
                        .filter(|t| !t.is_empty())
                        .map(OsString::from),
                );
            }
            _ => input.push(value.clone()),
        }
    }
    for value in &input {
        // Text that is none, and no file: most likely a slip, and never a set.
        let text = value.as_encoded_bytes();
        if text != b"-"
            && !is_file_name(value)
            && let Err(error) = item::parse(text, From::Auto)
        {
            return Err(Fail::message(format!(
                "--in: neither a file nor an address: {error}"
            )));
        }
    }
    let mut job = Job::of(&input, threads, From::Auto);
    job.strict = strict;
    let read = read(&job)?;
    let status = match read.status {
        Status::Success => Status::Success,
        _ => Status::Trouble,
    };
    Ok((read.set, status))
}

/// Writes what `op` makes of the set, and the lines that are passed on.
pub(crate) fn write(
    job: &Job,
    form: SetForm,
    layout: &Layout,
    read: Read,
    op: impl FnOnce(IpSet) -> IpSet,
) -> Result<Status> {
    if read.stopped {
        return Ok(read.status);
    }
    let set = op(read.set);
    let mut output = Output::stdout()?;
    let form = Form {
        ranges: form.ranges,
        bare: form.bare,
        plain: layout.fields.is_empty() && layout.to == item::To::Canonical,
        layout,
    };
    let threads = input::cores(job.settings.threads);
    pieces(&mut output, set.bits_v4(), threads, |out, (first, last)| {
        form.write(
            out,
            Ipv4Addr::from_bits(*first).into(),
            Ipv4Addr::from_bits(*last).into(),
        );
    })?;
    pieces(&mut output, set.bits_v6(), threads, |out, (first, last)| {
        form.write(
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

/// Writes what `write` appends for each range, in order; the threads work on pieces side by side.
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
struct Form<'a> {
    ranges: bool,
    bare: bool,
    /// Nothing but its canonical text.
    plain: bool,
    layout: &'a Layout,
}

impl Form<'_> {
    #[inline]
    fn write(&self, out: &mut Vec<u8>, first: IpAddr, last: IpAddr) {
        let Some(range) = IpRange::new(first, last) else {
            unreachable!("ranges of a set are in order");
        };
        if self.ranges {
            return self.item(out, Item::Range(range));
        }
        for net in range.nets() {
            if self.plain {
                push_net(out, net, self.bare);
                out.push(b'\n');
            } else if self.bare && net.prefix_len() == net.max_prefix_len() {
                self.item(out, Item::Addr(net.addr()));
            } else {
                self.item(out, Item::Net(net));
            }
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
