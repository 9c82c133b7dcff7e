//! Reads arguments, files and standard input as blocks of whole lines, and runs the threads that work
//! on them.
//!
//! A free thread takes a lock and reads the next block. Then it works on the block without the lock.
//! The results are delivered in the order of the input: the thread whose block is next delivers it, and
//! with it all later blocks that are already done.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use memchr::{memchr_iter, memrchr};

use crate::decode::{self, Kind, decode};
use crate::find::Finder;
use crate::output::{Result, complain};
use crate::read::Style;
use crate::standard;

/// A source of text.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// An argument, with its number.
    Text(usize, Vec<u8>),
    File(PathBuf),
    Stdin,
}

impl Source {
    /// Returns its name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::Text(n, _) => format!("argument {n}"),
            Source::File(path) => path.display().to_string(),
            Source::Stdin => "-".to_owned(),
        }
    }
}

/// Returns the sources that the arguments name. An argument that is an item is text, `-` is standard
/// input, and the name of a file is this file. Anything else is text too, so that it is reported as
/// invalid with the place. When items are found in free text, an argument with white space or an item
/// in it is text if no file has this name. Without arguments the source is standard input.
pub(crate) fn sources(arguments: &[OsString], style: &Style) -> Vec<Source> {
    if arguments.is_empty() {
        return vec![Source::Stdin];
    }
    let source = |(i, argument): (usize, &OsString)| {
        let bytes = argument.as_encoded_bytes();
        let free = || style.extract && is_free_text(argument);
        if bytes == b"-" {
            Source::Stdin
        } else if style.meaning.parse(bytes).is_ok() || free() || !is_file_name(argument) {
            Source::Text(i + 1, bytes.to_vec())
        } else {
            Source::File(PathBuf::from(argument))
        }
    };
    arguments.iter().enumerate().map(source).collect()
}

/// Returns whether no file has this name, and the argument contains white space or an address.
fn is_free_text(argument: &OsStr) -> bool {
    if Path::new(argument).symlink_metadata().is_ok() {
        return false;
    }
    let bytes = argument.as_encoded_bytes();
    let mut found = bytes.iter().any(u8::is_ascii_whitespace);
    let block = Block::of(bytes);
    Finder::default()
        .scanner
        .scan::<true, true>(block.padded(), |_| {
            found = true;
            usize::MAX
        });
    found
}

/// Returns whether a file has this name, or the argument can only be meant as a name. In that case "no
/// such file" is the better message.
pub(crate) fn is_file_name(argument: &OsStr) -> bool {
    let path = Path::new(argument);
    if path.symlink_metadata().is_ok() {
        return true;
    }
    let bytes = argument.as_encoded_bytes();
    let looks_like_text = |b: &u8| b.is_ascii_hexdigit() || b".:/-%[]xX, \t".contains(b);
    let letters = bytes.iter().any(u8::is_ascii_alphabetic);
    letters && !bytes.contains(&b':') && !bytes.iter().all(looks_like_text)
        || bytes.starts_with(b"/")
        || bytes.starts_with(b"./")
        || bytes.starts_with(b"../")
}

/// How many line ends stand before and behind the text of a block. With them, code can look a little to
/// the left and right without a check.
pub(crate) const PAD: usize = 128;

/// How many bytes are read at once. A block, its masks and its result fit into a core's cache.
const BLOCK: usize = 256 * 1024;

/// A block of whole lines, each with its line end.
#[derive(Debug)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    len: usize,
    /// The number of the source that the lines come from.
    pub(crate) source: usize,
    /// The number of its first line, from 1. It is set only if [`Settings::lines`] is.
    pub(crate) first_line: u64,
}

impl Block {
    fn new() -> Block {
        Block {
            buffer: vec![b'\n'; PAD + BLOCK + PAD],
            len: 0,
            source: 0,
            first_line: 1,
        }
    }

    /// Makes a block of one text.
    pub(crate) fn of(text: &[u8]) -> Block {
        let mut block = Block::new();
        block.set(text, false);
        block
    }

    fn set(&mut self, text: &[u8], zero: bool) {
        self.grow(text.len() + 1);
        let place = &mut self.buffer[PAD..PAD + text.len()];
        place.copy_from_slice(text);
        if zero {
            swap_line_ends(place);
        }
        self.finish(text.len());
    }

    fn grow(&mut self, len: usize) {
        if self.buffer.len() < PAD + len + PAD {
            self.buffer.resize(PAD + len + PAD, b'\n');
        }
    }

    /// Ends a text of `len` bytes. If the last line has no line end, it gets one.
    fn finish(&mut self, len: usize) {
        self.grow(len + 1);
        self.len = len;
        if len > 0 && self.buffer[PAD + len - 1] != b'\n' {
            self.buffer[PAD + len] = b'\n';
            self.len += 1;
        }
        let end = PAD + self.len;
        self.buffer[end..end + PAD].fill(b'\n');
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[PAD..PAD + self.len]
    }

    /// Returns the text with [`PAD`] line ends before and behind it.
    pub(crate) fn padded(&self) -> &[u8] {
        &self.buffer[..PAD + self.len + PAD]
    }
}

/// How to read the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How many threads work. With 0 there are as many as there are cores.
    pub(crate) threads: usize,
    /// Whether the numbers of lines are needed.
    pub(crate) lines: bool,
    /// A zero byte ends a line. In a block, zero bytes and line ends are exchanged.
    pub(crate) zero: bool,
}

/// Works on all blocks of all sources. `worker` makes the state of one thread. `deliver` gets the
/// results of the blocks in order, and returns whether to go on. Returns the final states of the
/// workers, and whether a source could not be read.
pub(crate) fn run<W, R>(
    sources: &[Source],
    settings: Settings,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &Block) -> R + Sync,
    deliver: impl FnMut(R) -> Result<bool> + Send,
) -> Result<(Vec<W>, bool)>
where
    W: Send,
    R: Send,
{
    let threads = threads(sources, settings.threads);
    let shared = Shared {
        reader: Mutex::new(Reader::new(sources, settings)),
        order: Mutex::new(Order {
            turn: 0,
            waiting: BTreeMap::new(),
            deliver,
            result: Ok(()),
        }),
        moved: Condvar::new(),
        stop: AtomicBool::new(false),
        ahead: 4 * threads as u64,
    };
    let body = || {
        let mut state = worker();
        shared.work(&mut state, &work);
        state
    };
    let workers = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(body)).collect();
        let mut workers = vec![body()];
        for other in others {
            match other.join() {
                Ok(worker) => workers.push(worker),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        workers
    });
    let order = shared
        .order
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    order.result?;
    let reader = shared
        .reader
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    reader.bar.finish_and_clear();
    Ok((workers, reader.trouble))
}

fn threads(sources: &[Source], wanted: usize) -> usize {
    if sources.iter().all(|s| matches!(s, Source::Text(..))) {
        return 1;
    }
    cores(wanted)
}

/// Returns how many threads to use. For 0 it is one for each core, up to the number that still helps.
pub(crate) fn cores(wanted: usize) -> usize {
    match wanted {
        0 => thread::available_parallelism()
            .map_or(1, usize::from)
            .min(8),
        n => n.min(256),
    }
}

struct Shared<'a, R, D> {
    reader: Mutex<Reader<'a>>,
    order: Mutex<Order<R, D>>,
    /// Notified when the turn has moved, or when all threads must stop.
    moved: Condvar,
    stop: AtomicBool,
    /// How many blocks may be done before their turn.
    ahead: u64,
}

struct Order<R, D> {
    /// The number of the block that is delivered next.
    turn: u64,
    waiting: BTreeMap<u64, R>,
    deliver: D,
    result: Result<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked ends the program anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the other threads when a worker panics. Otherwise they would wait for its block for ever.
struct StopOnPanic<'a>(&'a AtomicBool, &'a Condvar);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
            self.1.notify_all();
        }
    }
}

impl<R, D: FnMut(R) -> Result<bool>> Shared<'_, R, D> {
    fn work<W>(&self, state: &mut W, work: &impl Fn(&mut W, &Block) -> R) {
        let _guard = StopOnPanic(&self.stop, &self.moved);
        let mut block = Block::new();
        while !self.stop.load(Ordering::Relaxed) {
            let Some(number) = lock(&self.reader).next(&mut block) else {
                return;
            };
            let result = work(state, &block);
            self.deliver(number, result);
        }
    }

    fn deliver(&self, number: u64, result: R) {
        let mut order = lock(&self.order);
        // The thread that has the next block never waits here.
        while number > order.turn + self.ahead && !self.stop.load(Ordering::Relaxed) {
            order = self
                .moved
                .wait(order)
                .unwrap_or_else(PoisonError::into_inner);
        }
        order.waiting.insert(number, result);
        loop {
            let turn = order.turn;
            let Some(result) = order.waiting.remove(&turn) else {
                break;
            };
            if !self.stop.load(Ordering::Relaxed) {
                let go_on = (order.deliver)(result);
                let stop = !matches!(go_on, Ok(true));
                order.result = std::mem::replace(&mut order.result, Ok(())).and(go_on.map(drop));
                if stop {
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
            order.turn += 1;
        }
        drop(order);
        self.moved.notify_all();
    }
}

/// Reads the sources, one after another, in blocks.
struct Reader<'a> {
    sources: &'a [Source],
    /// The source that comes next, and the source that is being read.
    next: usize,
    open: Option<Open>,
    number: u64,
    settings: Settings,
    trouble: bool,
    bar: ProgressBar,
}

/// A reader that reads again if a signal interrupts it. All other code, the decoders too, need not know of
/// interruptions.
struct Retrying<R>(R);

impl<R: Read> Read for Retrying<R> {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// The reader of a file's text.
enum Text {
    /// The format is not known yet.
    New(Retrying<File>),
    Plain(Retrying<File>),
    /// The text is decoded from the contents of the file.
    Decoded(Box<dyn Read + Send>),
    /// There is no more text.
    None,
}

impl Read for Text {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::New(file) | Text::Plain(file) => file.read(buf),
            Text::Decoded(text) => text.read(buf),
            Text::None => Ok(0),
        }
    }
}

struct Open {
    text: Text,
    source: usize,
    /// The beginning of a line whose end has not been read yet.
    carry: Vec<u8>,
    /// The error that ended the file, after the whole lines before it.
    failed: Option<io::Error>,
    line: u64,
    /// Whether to read as much as fits. From a pipe or terminal, only the bytes that have arrived are
    /// read.
    fill: bool,
}

impl<'a> Reader<'a> {
    fn new(sources: &'a [Source], settings: Settings) -> Reader<'a> {
        Reader {
            sources,
            next: 0,
            open: None,
            number: 0,
            settings,
            trouble: false,
            bar: progress_bar(sources),
        }
    }

    /// Fills `block`. Returns its number, or `None` at the end of all sources.
    fn next(&mut self, block: &mut Block) -> Option<u64> {
        loop {
            if let Some(open) = &mut self.open {
                match open.read(block, self.settings, &self.bar) {
                    Ok(true) => {
                        if !matches!(open.text, Text::Decoded(_)) {
                            self.bar.inc(block.len as u64);
                        }
                        break;
                    }
                    Ok(false) => self.open = None,
                    Err(error) => {
                        let name = self.sources[open.source].name();
                        complain(&format!("{name}: {error}"));
                        self.trouble = true;
                        self.open = None;
                    }
                }
                continue;
            }
            let source = self.next;
            self.next += 1;
            match self.sources.get(source)? {
                Source::Text(_, text) => {
                    block.set(text, self.settings.zero);
                    block.source = source;
                    block.first_line = 1;
                    break;
                }
                other => match open(other) {
                    Ok(file) => self.open = Some(Open::new(file, source)),
                    Err(error) => {
                        complain(&format!("{}: {error}", other.name()));
                        self.trouble = true;
                    }
                },
            }
        }
        let number = self.number;
        self.number += 1;
        Some(number)
    }
}

fn open(source: &Source) -> io::Result<File> {
    match source {
        Source::File(path) => {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            }
            Ok(file)
        }
        _ => standard::input(),
    }
}

impl Open {
    fn new(file: File, source: usize) -> Open {
        let fill = file.metadata().is_ok_and(|m| m.is_file());
        Open {
            text: Text::New(Retrying(file)),
            source,
            carry: Vec::new(),
            failed: None,
            line: 1,
            fill,
        }
    }

    /// Finds out the format of the file, and decodes it if it is not plain text. Returns how many bytes
    /// of the text are in `block` then.
    #[cold]
    fn begin(&mut self, block: &mut Block, bar: &ProgressBar) -> io::Result<usize> {
        let Text::New(mut file) = std::mem::replace(&mut self.text, Text::None) else {
            return Ok(0);
        };
        let mut len = 0;
        let mut at_end = false;
        let kind = loop {
            if let Some(kind) = decode::kind(&block.buffer[PAD..PAD + len], at_end)
                && (len > 0 || at_end)
            {
                break kind;
            }
            let room = block.buffer.len() - PAD;
            match file.read(&mut block.buffer[PAD + len..room])? {
                0 => at_end = true,
                n => len += n,
            }
        };
        if kind == Kind::Plain {
            self.text = Text::Plain(file);
            return Ok(len);
        }
        let start = io::Cursor::new(block.buffer[PAD..PAD + len].to_vec());
        let mut text = decode(kind, start.chain(bar.wrap_read(file)))?;
        // Compressed text may be UTF-16.
        let (mut start, mut part) = (Vec::new(), [0; 64]);
        let kind = loop {
            let n = text.read(&mut part)?;
            start.extend_from_slice(&part[..n]);
            if let Some(kind) = decode::kind(&start, n == 0) {
                break kind;
            }
        };
        self.text = Text::Decoded(decode(kind, io::Cursor::new(start).chain(text))?);
        self.fill = true;
        Ok(0)
    }

    /// Reads whole lines into `block`. Returns false at the end of the file. If the file cannot be read
    /// to its end, its whole lines come first and then the error. The beginning of a line at the end is
    /// left out, because it may be half an address.
    fn read(
        &mut self,
        block: &mut Block,
        settings: Settings,
        bar: &ProgressBar,
    ) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        block.grow(BLOCK.max(self.carry.len() + 1));
        block.buffer[PAD..PAD + self.carry.len()].copy_from_slice(&self.carry);
        let mut len = self.carry.len();
        self.carry.clear();
        let line_end = if settings.zero { 0 } else { b'\n' };
        // There is no line end before `searched`.
        let mut searched = len;
        let mut end = None;
        if matches!(self.text, Text::New(_)) {
            len = self.begin(block, bar)?;
            if !self.fill {
                // From a pipe, pass on the lines that have arrived at once.
                end = memrchr(line_end, &block.buffer[PAD..PAD + len]).map(|at| at + 1);
            }
        }
        let end = loop {
            if end.is_some() {
                break end;
            }
            let room = block.buffer.len() - PAD;
            if PAD + len == room {
                match memrchr(line_end, &block.buffer[PAD + searched..PAD + len]) {
                    Some(at) => break Some(searched + at + 1),
                    None => {
                        // This line is very long, so make room for twice as much.
                        searched = len;
                        block.grow(2 * len);
                        continue;
                    }
                }
            }
            let read = match self.text.read(&mut block.buffer[PAD + len..room]) {
                Ok(read) => read,
                Err(error) => {
                    let Some(at) = memrchr(line_end, &block.buffer[PAD..PAD + len]) else {
                        return Err(error);
                    };
                    self.failed = Some(error);
                    len = at + 1;
                    break Some(len);
                }
            };
            match read {
                0 => break None,
                n => {
                    len += n;
                    if !self.fill
                        && let Some(at) = memrchr(line_end, &block.buffer[PAD + len - n..PAD + len])
                    {
                        break Some(len - n + at + 1);
                    }
                }
            }
        };
        // The rest at the end of a file is a line, with or without a line end.
        let end = end.unwrap_or(len);
        self.carry
            .extend_from_slice(&block.buffer[PAD + end..PAD + len]);
        if settings.zero {
            swap_line_ends(&mut block.buffer[PAD..PAD + end]);
        }
        block.finish(end);
        block.source = self.source;
        block.first_line = self.line;
        if settings.lines {
            self.line += memchr_iter(b'\n', block.text()).count() as u64;
        }
        Ok(end > 0)
    }
}

/// Turns zero bytes into line ends, and line ends into zero bytes.
pub(crate) fn swap_line_ends(text: &mut [u8]) {
    for byte in text {
        match *byte {
            0 => *byte = b'\n',
            b'\n' => *byte = 0,
            _ => {}
        }
    }
}

/// Smaller files need no progress bar.
const LARGE: u64 = 32 * 1024 * 1024;

/// Returns a progress bar. It is shown only if a user sees it, if it does not stand between lines of
/// output, and if the work is long.
fn progress_bar(sources: &[Source]) -> ProgressBar {
    if !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let stdin = || rest(&standard::input().ok()?);
    match total(sources, stdin) {
        Some(total) if total >= LARGE => {
            let bar = ProgressBar::new(total);
            let template = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        }
        _ => ProgressBar::hidden(),
    }
}

/// Returns how many bytes all sources have, if all of them are text or regular files. `stdin` returns
/// how many bytes are left in standard input.
fn total(sources: &[Source], stdin: impl Fn() -> Option<u64>) -> Option<u64> {
    let mut stdin_seen = false;
    let size = |source: &Source| match source {
        Source::File(path) => path
            .metadata()
            .ok()
            .filter(|m| m.is_file())
            .map(|m| m.len()),
        Source::Text(_, text) => Some(text.len() as u64),
        // The first reading uses standard input up.
        Source::Stdin if std::mem::replace(&mut stdin_seen, true) => Some(0),
        Source::Stdin => stdin(),
    };
    sources.iter().map(size).sum()
}

/// Returns how many bytes of a regular file are still to be read, or `None` for a pipe, a terminal and
/// so on.
fn rest(mut file: &File) -> Option<u64> {
    let metadata = file.metadata().ok().filter(|m| m.is_file())?;
    let place = file.stream_position().ok()?;
    Some(metadata.len().saturating_sub(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Fail;

    fn read_all(text: &[u8]) -> Vec<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, text).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut open = Open::new(file, 0);
        let mut block = Block::new();
        let mut blocks = Vec::new();
        let settings = Settings {
            threads: 1,
            lines: true,
            zero: false,
        };
        while open
            .read(&mut block, settings, &ProgressBar::hidden())
            .unwrap()
        {
            assert_eq!(&block.padded()[..PAD], [b'\n'; PAD]);
            assert_eq!(&block.padded()[PAD + block.len..], [b'\n'; PAD]);
            blocks.push(block.text().to_vec());
        }
        blocks
    }

    #[test]
    fn a_decoder_does_not_see_an_interruption() {
        /// Is interrupted before each of its parts.
        struct Interrupted(io::Cursor<Vec<u8>>, bool);

        impl Read for Interrupted {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(ErrorKind::Interrupted.into());
                }
                let most = buf.len().min(3);
                self.0.read(&mut buf[..most])
            }
        }

        let text = "\u{feff}10.0.0.1\n::1\n".encode_utf16();
        let text: Vec<u8> = text.flat_map(u16::to_le_bytes).collect();
        let source = || Interrupted(io::Cursor::new(text.clone()), false);
        let mut bare = decode(Kind::Utf16Le, source()).unwrap();
        let error = bare.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let mut decoded = decode(Kind::Utf16Le, Retrying(source())).unwrap();
        let (mut all, mut part) = (Vec::new(), [0; 4]);
        loop {
            match decoded.read(&mut part).unwrap() {
                0 => break,
                n => all.extend_from_slice(&part[..n]),
            }
        }
        assert_eq!(all, b"10.0.0.1\n::1\n");
    }

    #[test]
    fn an_error_comes_behind_the_whole_lines() {
        /// Fails at the end of its text.
        struct Damaged(io::Cursor<Vec<u8>>);

        impl Read for Damaged {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buf)? {
                    0 => Err(ErrorKind::UnexpectedEof.into()),
                    n => Ok(n),
                }
            }
        }

        let settings = Settings {
            threads: 1,
            lines: true,
            zero: false,
        };
        for (text, whole) in [
            ("10.0.0.1\n10.0.0.2\n10.0.0.3", Some("10.0.0.1\n10.0.0.2\n")),
            ("10.0.0.1\n", Some("10.0.0.1\n")),
            ("10.0.0.1", None),
            ("", None),
        ] {
            let mut open = Open::new(tempfile::tempfile().unwrap(), 0);
            open.text = Text::Decoded(Box::new(Damaged(io::Cursor::new(text.into()))));
            let mut block = Block::new();
            let mut read = || {
                let more = open.read(&mut block, settings, &ProgressBar::hidden())?;
                assert!(more);
                io::Result::Ok(String::from_utf8(block.text().to_vec()).unwrap())
            };
            if let Some(whole) = whole {
                assert_eq!(read().unwrap(), whole);
            }
            assert_eq!(read().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn blocks_have_whole_lines() {
        for (text, whole) in [
            (&b""[..], &b""[..]),
            (b"a", b"a\n"),
            (b"a\n", b"a\n"),
            (b"\n\n", b"\n\n"),
        ] {
            assert_eq!(read_all(text).concat(), whole);
        }
        // Lines shorter than a block, as long as a block, and much longer.
        for len in [1, 99, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK] {
            let mut text = Vec::new();
            while text.len() < 3 * BLOCK {
                text.extend(std::iter::repeat_n(b'x', len));
                text.push(b'\n');
            }
            let blocks = read_all(&text);
            assert!(blocks.iter().all(|b| b.ends_with(b"\n")), "{len}");
            assert_eq!(blocks.concat(), text, "{len}");
            text.pop();
            assert_eq!(read_all(&text).concat().len(), text.len() + 1, "{len}");
        }
    }

    #[test]
    fn what_is_delivered_is_in_order() {
        let sources: Vec<Source> = (0..500)
            .map(|n| Source::Text(n, format!("{n}").into()))
            .collect();
        let mut all = Vec::new();
        // One source is a file, so that threads are used.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x\n").unwrap();
        let mut with_file = vec![Source::File(file.path().to_owned())];
        with_file.extend(sources);
        let settings = Settings {
            threads: 4,
            lines: true,
            zero: false,
        };
        let work = |_: &mut (), block: &Block| block.source;
        let (workers, trouble) = run(
            &with_file,
            settings,
            || (),
            work,
            |n| {
                all.push(n);
                Ok(n < 400)
            },
        )
        .unwrap();
        assert_eq!((workers.len(), trouble), (4, false));
        assert_eq!(all, (0..=400).collect::<Vec<_>>());
    }

    #[test]
    fn the_rest_of_a_file_is_known_and_that_of_a_pipe_is_not() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(1000).unwrap();
        for (place, left) in [(0, 1000), (300, 700), (1000, 0), (2000, 0)] {
            file.seek(io::SeekFrom::Start(place)).unwrap();
            assert_eq!(rest(&file), Some(left));
            assert_eq!(file.stream_position().unwrap(), place);
        }
        let (pipe, _) = io::pipe().unwrap();
        assert_eq!(rest(&File::from(std::os::fd::OwnedFd::from(pipe))), None);
        assert_eq!(rest(&File::open("/").unwrap()), None);
    }

    #[test]
    fn the_total_is_known_if_all_sizes_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(40).unwrap();
        let text = Source::Text(1, b"::1".to_vec());
        let path = Source::File(file.path().to_owned());
        let all = [text.clone(), path.clone(), Source::Stdin];
        assert_eq!(total(&all, || Some(500)), Some(543));
        assert_eq!(total(&all, || None), None);
        assert_eq!(total(&[text, path.clone(), path], || None), Some(83));
        // The second standard input has no more to read.
        assert_eq!(total(&[Source::Stdin, Source::Stdin], || Some(7)), Some(7));
        let nothing = Source::File("/no/such/file".into());
        assert_eq!(total(&[nothing], || Some(7)), None);
        assert_eq!(total(&[Source::File("/".into())], || Some(7)), None);
    }

    #[test]
    fn a_closed_output_ends_it() {
        let sources = vec![
            Source::Text(1, b"x".to_vec()),
            Source::Text(2, b"y".to_vec()),
        ];
        let settings = Settings {
            threads: 1,
            lines: false,
            zero: false,
        };
        let result = run(&sources, settings, || (), |_, _| (), |()| Err(Fail::Closed));
        assert!(matches!(result, Err(Fail::Closed)));
    }
}
