//! Lists all processes, to examine a stuck server.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::sched::info::{Info, Kind, ProcessId};
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;
use crate::sched::task::Waiting;
use crate::sys::clock::coarse_now;

/// What a process was doing at the time of [`list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It was spawned and waits for its first turn.
    New,
    /// It waits for its turn on its worker.
    Ready,
    /// It runs, or is stuck in code that does not wait.
    Running,
    /// It waits for data, a connection or the end of a stream on this descriptor.
    Readable(i32),
    /// It waits for room to send, or for the end of a connect, on this descriptor.
    Writable(i32),
    /// It sleeps.
    Sleeping,
    /// It waits in `join` for another process.
    Joining,
    /// It waits in `scope` for its processes to end.
    Scope,
    /// It waits for a future: a channel, a lock, an event.
    Future,
    /// It waits for its `blocking` code.
    Blocking,
}

/// A process in the result of [`list`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The number of the process.
    pub id: ProcessId,
    /// The name of the process, if it has one.
    pub name: Option<String>,
    /// The place in the program that spawned it.
    pub spawned_at: &'static Location<'static>,
    /// What the process was doing.
    pub state: State,
    /// How long it has done that, to about ten milliseconds. `None` while it runs or has not begun.
    pub since: Option<Duration>,
    /// Whether the process was cancelled.
    pub cancelled: bool,
    /// Whether the process is threadlike. See [`Builder::threadlike`](crate::process::Builder::threadlike).
    pub threadlike: bool,
}

/// Lists all processes that have not ended, at about this moment. They go on meanwhile, and one that is just beginning
/// on each worker may be missing. The list is sorted by number, so the oldest process comes first.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let waiting = process::Builder::new().name("waiter").spawn(|| {
///     process::sleep(std::time::Duration::MAX);
/// })?;
/// while !process::list().iter().any(|p| p.name.as_deref() == Some("waiter")) {
///     process::yield_now();
/// }
/// waiting.cancel();
/// waiting.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn list() -> Vec<Listed> {
    let Some(scheduler) = Scheduler::started() else {
        return Vec::new();
    };
    // These come before the others: a process that begins meanwhile is then found twice, and not missed.
    let unbegun: Vec<_> = scheduler
        .workers()
        .iter()
        .flat_map(|worker| worker.unbegun())
        .collect();
    let mut all = Vec::new();
    let mut add = |info: &Info, state: State, since: Option<Duration>| {
        all.push(Listed {
            id: info.id,
            name: info.name().map(str::to_owned),
            spawned_at: info.place,
            state,
            since,
            cancelled: info.is_cancelled(),
            threadlike: info.kind != Kind::Ordinary,
        });
    };
    let now = coarse_now();
    for task in stack::tasks() {
        if let Some((info, waiting, notified, since)) = task.snapshot() {
            let state = state(waiting, notified);
            let waits = state != State::Running;
            add(&info, state, waits.then(|| now.left(since)));
        }
    }
    for info in unbegun {
        add(&info, State::New, None);
    }
    // The sort is stable, so of two entries the one of the process that has begun stays.
    all.sort_by_key(|p| p.id);
    all.dedup_by_key(|p| p.id);
    all
}

pub(super) fn state(waiting: Waiting, notified: bool) -> State {
    match waiting {
        Waiting::Nothing => State::Running,
        _ if notified => State::Ready,
        Waiting::Readable(fd) => State::Readable(fd),
        Waiting::Writable(fd) => State::Writable(fd),
        Waiting::Sleep => State::Sleeping,
        Waiting::Join => State::Joining,
        Waiting::Scope => State::Scope,
        Waiting::Future => State::Future,
        Waiting::Blocking => State::Blocking,
        Waiting::Yield => State::Ready,
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name.as_deref().unwrap_or("-"))?;
        write!(f, " {:?}", self.state)?;
        if let Some(since) = self.since {
            write!(f, " for {since:?}")?;
        }
        if self.threadlike {
            f.write_str(", threadlike")?;
        }
        write!(f, ", spawned at {}", self.spawned_at)
    }
}
