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
