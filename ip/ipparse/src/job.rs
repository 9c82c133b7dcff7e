//! What all verbs that read items share: the sources, how lines are read, and the reports of bad lines.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use std_net_ip::forms::Forms;

use crate::field::{Field, Layout};
use crate::find::Finder;
use crate::input::{self, Block, Source, sources};
use crate::item::To;
use crate::output::{Output, Result, Status, complain};
use crate::read::{Bad, Entry, Line, Style, each, extract};
use crate::settings::{Reading, Showing};

/// The state that all verbs that read items share.
pub(crate) struct Job {
    pub(crate) sources: Vec<Source>,
    pub(crate) settings: input::Settings,
    pub(crate) style: Style,
    pub(crate) strict: bool,
    pub(crate) keep: bool,
    pub(crate) quiet: bool,
    /// The names of the sources.
    pub(crate) names: Vec<String>,
    /// Whether an item was found in free text.
    found: AtomicBool,
}

impl Job {
    pub(crate) fn new(reading: &Reading) -> Job {
        let style = reading.style;
        let sources = sources(&reading.input, &style);
        Job {
            names: sources.iter().map(Source::name).collect(),
            sources,
            settings: input::Settings {
                threads: reading.threads,
                lines: true,
                zero: style.zero,
            },
            style,
            strict: reading.strict,
            keep: reading.keep,
            quiet: reading.quiet,
            found: AtomicBool::new(false),
        }
    }

    /// Returns the output for lines, or for objects in JSON, which always have an ordinary line end.
    pub(crate) fn output(&self, json: bool) -> Result<Output> {
        let output = Output::stdout()?;
        Ok(if self.style.zero && !json {
            output.with_zeros()
        } else {
            output
        })
    }

    /// Works on all blocks of the sources: see [`input::run`].
    #[inline(always)]
    pub(crate) fn blocks<W: Send, R: Send>(
        &self,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, &Block) -> R + Sync,
        deliver: impl FnMut(R) -> Result<bool> + Send,
    ) -> Result<(Vec<W>, bool)> {
        input::run(&self.sources, self.settings, worker, work, deliver)
    }

    /// Calls `f` for each line of a block, or for each item in free text.
    #[inline(always)]
    pub(crate) fn each<'a>(
        &self,
        finder: &mut Finder,
        block: &'a Block,
        mut f: impl FnMut(Line<'a>) -> bool,
    ) {
        if !self.style.extract {
            return each(finder, block, &self.style, f);
        }
        let mut found = false;
        extract(
            finder,
            block,
            &self.style,
            #[inline(always)]
            |entry| {
                found = true;
                f(Line::Item(entry))
            },
        );
        if found {
            self.found.store(true, Ordering::Relaxed);
        }
    }

    /// Reads a block. Calls `item` for each item with `out`, which also gets the lines to pass on.
    /// Returns the bad lines.
    #[inline]
    pub(crate) fn read(
        &self,
        finder: &mut Finder,
        block: &Block,
        out: &mut Vec<u8>,
        mut item: impl FnMut(&Entry<'_>, &mut Vec<u8>),
    ) -> Vec<Bad> {
        let mut bad = Vec::new();
        self.each(
            finder,
            block,
            // The closure is used several times, so it would not be inlined without this attribute.
            #[inline(always)]
            |line| {
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
            },
        );
        bad
    }

    /// Reads a block whose items are kept. Calls `item` for each item, and returns the lines to pass on
    /// and the bad lines.
    #[inline]
    pub(crate) fn hold(
        &self,
        finder: &mut Finder,
        block: &Block,
        mut item: impl FnMut(&Entry<'_>),
    ) -> (Vec<u8>, Vec<Bad>) {
        let mut pass = Vec::new();
        let bad = self.read(finder, block, &mut pass, |entry, _| item(entry));
        (pass, bad)
    }

    /// Notes that an item was found in free text by other code than [`Job::each`].
    pub(crate) fn note_found(&self) {
        self.found.store(true, Ordering::Relaxed);
    }

    /// Replaces each folder by the files in it, at all depths, ordered by name. Without a source it
    /// uses the current folder if `here` is set. Returns whether a folder could not be read.
    pub(crate) fn walk(&mut self, here: bool) -> bool {
        let mut trouble = false;
        let given = if here {
            vec![Source::File(".".into())]
        } else {
            std::mem::take(&mut self.sources)
        };
        self.sources.clear();
        for source in given {
            let Source::File(path) = &source else {
                self.sources.push(source);
                continue;
            };
            for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
                match entry {
                    // Leave out links and files that may never end. A file that the user names is read
                    // in any case.
                    Ok(entry)
                        if entry.depth() == 0 && !entry.file_type().is_dir()
                            || entry.file_type().is_file() =>
                    {
                        let path = entry.path();
                        let plain = if here {
                            path.strip_prefix(".").unwrap_or(path)
                        } else {
                            path
                        };
                        self.sources.push(Source::File(plain.to_owned()));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let text = match (error.path(), error.io_error()) {
                            (Some(path), Some(error)) => format!("{}: {error}", path.display()),
                            _ => error.to_string(),
                        };
                        complain(&text);
                        trouble = true;
                    }
                }
            }
        }
        self.names = self.sources.iter().map(Source::name).collect();
        trouble
    }

    /// Returns the reports about wrong lines.
    pub(crate) fn reports(&self) -> Reports<'_> {
        Reports {
            job: self,
            count: 0,
            fields: false,
            readable: 0,
            needed: Forms::STRICT,
        }
    }

    pub(crate) fn layout(&self, showing: &Showing, columns: &[Field], keys: &[Field]) -> Layout {
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

/// How many bad lines are reported one by one.
const REPORTED: u64 = 20;

/// Reports bad lines: the first ones one by one, and at the end the number of the others.
pub(crate) struct Reports<'a> {
    job: &'a Job,
    count: u64,
    /// Some bad lines have several fields.
    fields: bool,
    /// How many bad lines could be read with some forms of lists, and these forms.
    readable: u64,
    needed: Forms,
}

impl Reports<'_> {
    /// Reports bad lines. Returns whether to go on.
    pub(crate) fn take(&mut self, all: &[Bad]) -> bool {
        for bad in all {
            self.count += 1;
            self.fields |= bad.fields;
            if let Some(forms) = bad.needs {
                self.readable += 1;
                self.needed |= forms;
            }
            if !self.job.quiet && self.count <= REPORTED {
                bad.report(&self.job.names[bad.source]);
            }
            if self.job.strict {
                return false;
            }
        }
        true
    }

    /// Reports an item that the verb cannot use. Returns whether to go on.
    pub(crate) fn wrong(&mut self, entry: &Entry<'_>, what: &str) -> bool {
        self.count += 1;
        if !self.job.quiet && self.count <= REPORTED {
            let name = &self.job.names[entry.source];
            complain(&format!("{name}:{}:{}: {what}", entry.line, entry.column));
        }
        !self.job.strict
    }

    /// Returns whether a bad line has ended the work.
    pub(crate) fn stopped(&self) -> bool {
        self.job.strict && self.count > 0
    }

    /// Returns the status of the whole work. `trouble` means that a source could not be read.
    pub(crate) fn end(self, trouble: bool) -> Status {
        if self.count > REPORTED && !self.job.quiet {
            let more = with_commas(self.count - REPORTED);
            let hint = if self.fields {
                "is this CSV? try --extract or --field"
            } else {
                "is this free text? try --extract"
            };
            complain(&format!("{more} more; {hint}"));
        }
        if self.readable > 0 && !self.job.quiet {
            let lines = with_commas(self.readable);
            let lines = match self.count {
                1 => String::from("it"),
                n if n == self.readable => String::from("them"),
                _ => format!("{lines} of them"),
            };
            complain(&format!("--forms {} reads {lines}", self.needed));
        }
        let nothing = self.job.style.extract && !self.job.found.load(Ordering::Relaxed);
        if trouble {
            Status::Trouble
        } else if self.count > 0 || nothing {
            Status::Negative
        } else {
            Status::Success
        }
    }
}

/// Writes a number as people read it: `411,941`.
fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool(Mutex::new(Vec::new()))
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .ok()
            .and_then(|mut pool| pool.pop())
            .unwrap_or_default()
    }

    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut pool) = self.0.lock() {
            pool.push(buffer);
        }
    }
}
