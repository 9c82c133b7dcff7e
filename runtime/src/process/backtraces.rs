//! Where in the program each process waits.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::deadline::{Deadline, Nanos};
use crate::sched::asked::{Asking, Question};
use crate::sched::info::{Info, ProcessId};
use crate::sched::park::{self, Unparker};
use crate::sched::stack;
use crate::sched::task::{self, Task, Waiting};
use crate::sys::lock::Lock;

/// How often the asker looks for processes that have ended without an answer.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Returns the backtraces of the processes that wait, sorted by number. It shows in which function of the program each
/// process waits, and who has called that function. It waits for the answers at most until `until`.
///
/// A waiting process is woken for a moment and captures its own backtrace. Its wait goes on as if nothing had
/// happened, but `since` in [`list`](crate::process::list()) counts from then on. A process that computes, or that is
/// stuck in code that blocks its thread, cannot answer. It is missing in the result, and so is the caller.
///
/// A capture takes some ten microseconds, and it needs no memory on the stack of the process. The first `Display` of a
/// backtrace finds the names of its functions, which takes longer. The names are missing if the program was stripped,
/// and inlined functions and lines need debug information, as in a panic's backtrace.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use std_net::process;
///
/// #[inline(never)]
/// fn waits_long() {
///     process::sleep(Duration::MAX);
/// }
///
/// let waiting = process::spawn(waits_long);
/// let id = waiting.process().id();
/// let trace = loop {
///     let all = process::backtraces(Duration::from_secs(1));
///     if let Some((_, trace)) = all.into_iter().find(|(found, _)| *found == id) {
///         break trace;
///     }
/// };
/// assert!(trace.to_string().contains("waits_long"));
/// waiting.cancel();
/// waiting.join().unwrap();
/// ```
#[must_use]
pub fn backtraces(until: impl Into<Deadline>) -> Vec<(ProcessId, Backtrace)> {
    oldest(usize::MAX, Nanos::from_deadline(until.into()))
}

/// As [`backtraces`], of the oldest processes, at most this many.
pub(super) fn oldest(count: usize, until: Nanos) -> Vec<(ProcessId, Backtrace)> {
    let mut asked: Vec<_> = stack::tasks()
        .into_iter()
        .filter_map(|task| {
            let (info, waiting, ..) = task.snapshot()?;
            (waiting != Waiting::Nothing).then_some((info, task))
        })
        .collect();
    asked.sort_by_key(|(info, _)| info.id);
    asked.truncate(count);

    let unanswered = asked.iter().map(|(info, _)| (info.id, None));
    let round = Arc::new(Round {
        answers: Lock::new(unanswered.collect()),
        missing: AtomicUsize::new(asked.len()),
        asker: park::unparker(),
    });
    let question: Arc<Question> = {
        let round = Arc::clone(&round);
        Arc::new(move |info| round.answer(info.id))
    };
    let _asking = Asking::new(question);
    for (info, task) in &asked {
        task.ask(info);
    }
    while round.misses_any_of(&asked) && !until.has_passed() {
        park::park(until.min(Nanos::now().after(LOOK_AGAIN)), Waiting::Future);
    }
    round.take()
}

/// One call of [`oldest`].
struct Round {
    answers: Lock<BTreeMap<ProcessId, Option<Backtrace>>>,
    /// How many answers are missing.
    missing: AtomicUsize,
    asker: Unparker,
}

impl Round {
    /// Captures the backtrace of the calling process.
    fn answer(&self, id: ProcessId) {
        if !matches!(self.answers.lock().get(&id), Some(None)) {
            // It was asked for another round.
            return;
        }
        // A capture takes several KiB of stack.
        let backtrace = task::on_thread_stack(Backtrace::force_capture);
        self.answers.lock().insert(id, Some(backtrace));
        if self.missing.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.asker.unpark();
        }
    }

    /// Whether a process has not answered and has not ended.
    fn misses_any_of(&self, asked: &[(Arc<Info>, &'static Task)]) -> bool {
        if self.missing.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let answers = self.answers.lock();
        let has_answered = |info: &Info| matches!(answers.get(&info.id), Some(Some(_)));
        asked
            .iter()
            .any(|(info, task)| !has_answered(info) && task.has(info))
    }

    fn take(&self) -> Vec<(ProcessId, Backtrace)> {
        let answers = std::mem::take(&mut *self.answers.lock());
        let answers = answers.into_iter();
        answers.filter_map(|(id, t)| Some((id, t?))).collect()
    }
}

/// Writes backtraces, each with the numbers of all processes that have the same one. Without the frames of the runtime
/// itself.
#[cfg(feature = "signals")]
pub(super) fn write_grouped(backtraces: Vec<(ProcessId, Backtrace)>, text: &mut String) {
    use std::fmt::Write as _;

    let mut groups: Vec<(String, Vec<ProcessId>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (id, backtrace) in backtraces {
        let trace = without_runtime(&backtrace.to_string());
        let group = *known.entry(trace.clone()).or_insert(groups.len());
        if group == groups.len() {
            groups.push((trace, Vec::new()));
        }
        groups[group].1.push(id);
    }
    for (trace, ids) in groups {
        let plural = if ids.len() == 1 { "" } else { "es" };
        let _ = write!(text, "process{plural}");
        for id in ids {
            let _ = write!(text, " {id}");
        }
        let _ = write!(text, ":\n{trace}");
    }
}

/// The frames of a backtrace between the capture and the start of the process, numbered from 0.
#[cfg(feature = "signals")]
fn without_runtime(trace: &str) -> String {
    // A frame begins with its number and a colon. The line of its place in the source follows, if it is known.
    let number_of = |line: &str| {
        let (number, _) = line.trim_start().split_once(": ")?;
        number.parse::<usize>().ok()
    };
    let is_capture = |line: &&str| !line.contains("::stopped_or_asked");
    let is_start = |line: &str| {
        line.contains("catch_unwind_at_root") || line.contains(" as std_net_runtime::sched::")
    };
    let has_capture = trace.contains("::stopped_or_asked");
    let mut lines = trace.lines();
    if has_capture {
        lines.by_ref().take_while(is_capture).for_each(drop);
    }
    let mut frames = String::new();
    let mut count = 0;
    for line in lines.skip_while(|line| has_capture && number_of(line).is_none()) {
        if is_start(line) {
            break;
        }
        match line.split_once(": ") {
            Some((_, name)) if number_of(line).is_some() => {
                frames.push_str(&format!("{count:>4}: {name}\n"));
                count += 1;
            }
            _ => {
                frames.push_str(line);
                frames.push('\n');
            }
        }
    }
    frames
}
