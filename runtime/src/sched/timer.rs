//! The times at which parked processes must wake at the latest. Each worker has one heap, with at most one live entry
//! for each process. The clock is in `deadline`.
//!
//! A process may set, meet and clear a deadline for every operation. That would fill a plain heap with dead entries. So
//! the entry of a process stays in the heap when its deadline moves to a later time or is cleared. When the entry's
//! time comes, the deadline is checked again. So setting a later deadline writes one word.
//!
//! The slot of a process holds a `task::Timer`: the time at which the process wants to wake, and the time of its live
//! entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::deadline::Nanos;
use crate::sched::task::Task;
use crate::sched::worker::Worker;

/// Only the owning worker uses this value, as with the tasks in it.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
}

struct Entry {
    at: Nanos,
    task: &'static Task,
}

impl Timers {
    /// Makes sure that `task` wakes at `at`, unless its [`wanted`](crate::sched::task::Timer::wanted) time changes
    /// before.
    pub(crate) fn want(&mut self, task: &'static Task, at: Nanos) {
        let timer = task.timer();
        timer.wanted.set(at);
        if at < timer.armed.get() {
            // A later entry of this task is dead from now on, because its time is not `armed`.
            timer.armed.set(at);
            self.heap.push(Reverse(Entry { at, task }));
        }
    }

    /// The time of the first entry, or `NEVER`. This reads no clock.
    pub(crate) fn next(&self) -> Nanos {
        self.heap
            .peek()
            .map_or(Nanos::NEVER, |Reverse(entry)| entry.at)
    }

    /// Calls `due` for every task whose time has passed.
    pub(crate) fn expire(
        &mut self,
        now: Nanos,
        worker: &Worker,
        mut due: impl FnMut(&'static Task),
    ) {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if entry.at > now {
                break;
            }
            let (at, task) = (entry.at, entry.task);
            self.heap.pop();
            if !task.is_owned_by(worker) {
                // The slot now belongs to another worker.
                continue;
            }
            let timer = task.timer();
            if timer.armed.get() != at {
                continue;
            }
            timer.armed.set(Nanos::NEVER);
            let wanted = timer.wanted.get();
            if wanted <= now {
                due(task);
            } else if wanted != Nanos::NEVER {
                self.want(task, wanted);
            }
        }
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}
