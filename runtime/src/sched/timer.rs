//! When parked processes must wake at the latest: one heap per worker, at most one live entry per
//! process. Not the clock; see `deadline`.
//!
//! A process may set, meet and clear a deadline for every operation. That would fill a plain heap with
//! dead entries. Here the entry of a process stays where it is when its deadline moves back or goes
//! away. It is looked at again when its time comes. So setting a later deadline writes one word.
//!
//! What a process wants stands in its slot, as `task::Timer`: when it wants to be woken, and the time of
//! its live entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::deadline::Nanos;
use crate::sched::task::Task;
use crate::sched::worker::Worker;

/// Owned by a worker, like the tasks in it.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
}

struct Entry {
    at: Nanos,
    task: &'static Task,
}

impl Timers {
    /// Sees to it that `task` is woken at `at`, unless its
    /// [`wanted`](crate::sched::task::Timer::wanted) moves before that.
    pub(crate) fn want(&mut self, task: &'static Task, at: Nanos) {
        let timer = task.timer();
        timer.wanted.set(at);
        if at < timer.armed.get() {
            // A later entry of this task, if any, is dead from now on: it is not `armed`.
            timer.armed.set(at);
            self.heap.push(Reverse(Entry { at, task }));
        }
    }

    /// When to look again, or `NEVER`. Cheap: no clock.
    pub(crate) fn next(&self) -> Nanos {
        self.heap
            .peek()
            .map_or(Nanos::NEVER, |Reverse(entry)| entry.at)
    }

    /// Calls `due` for every task whose time has come.
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
                // Its slot has left for another worker.
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
