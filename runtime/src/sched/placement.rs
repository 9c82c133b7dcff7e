//! Which worker gets a new process, and which worker may take it over before it begins. How it runs there is in
//! `worker`.

use std::collections::VecDeque;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sched::info::Info;
use crate::sched::scheduler::Scheduler;
use crate::sched::stack::Pool;
use crate::sched::worker::{Worker, current};

/// How many more processes a worker must have than another before it gives a new one away.
const SLACK: usize = 8;
/// How many processes must wait to begin before it pays to wake another worker.
pub(super) const BACKLOG: usize = 4;
/// The least time in nanoseconds between two wake-ups of another worker when fewer than `BACKLOG` processes wait to
/// begin.
const NUDGE: u64 = 1_000_000;

/// A process that has not begun, so it may still go to any worker.
pub(crate) struct Start {
    pub(crate) info: Arc<Info>,
    pub(crate) pool: &'static Pool,
    pub(crate) main: Box<dyn Main>,
}

impl Start {
    /// Whether there may be a stack for this process, although there is none in the pool `starving_for`.
    fn has_stack(&self, starving_for: *const Pool) -> bool {
        !ptr::eq(self.pool, starving_for)
    }
}

/// The code that a process runs.
pub(crate) trait Main: Send {
    /// Runs the code on the calling stack. The box is freed before the code runs.
    fn run(self: Box<Self>);
}

impl<F: FnOnce() + Send> Main for F {
    fn run(self: Box<F>) {
        #[allow(clippy::boxed_local, reason = "it is to be freed here")]
        fn unboxed<F>(main: Box<F>) -> F {
            *main
        }
        unboxed(self)();
    }
}

impl Worker {
    /// Places a new process. It goes to the calling worker, unless that has many more processes than another one.
    /// Otherwise it goes to the worker with the fewest processes.
    pub(crate) fn place(scheduler: &'static Scheduler, start: Start) {
        let workers = scheduler.workers();
        let least = workers
            .iter()
            .min_by_key(|w| w.live.load(Ordering::Relaxed))
            .expect("a scheduler has at least one worker");
        let here = current().filter(|here| {
            here.live.load(Ordering::Relaxed) <= least.live.load(Ordering::Relaxed) + SLACK
        });
        match here {
            Some(here) => {
                let backlog = here.enqueue(start);
                if workers.len() > 1 {
                    here.nudge(scheduler, backlog);
                }
            }
            None => {
                least.enqueue(start);
                if !least.is_current() {
                    least.wake();
                }
            }
        }
    }

    pub(super) fn enqueue(&self, start: Start) -> usize {
        self.live.fetch_add(1, Ordering::Relaxed);
        self.lock_unbegun(|queue| {
            queue.push_back(start);
            queue.len()
        })
    }

    /// Wakes a sleeping worker, so that it takes new processes from this one. This happens when many wait, and from
    /// time to time when few wait, because this worker may be about to compute for long.
    #[inline]
    fn nudge(&self, scheduler: &'static Scheduler, backlog: usize) {
        let sleeper = || {
            scheduler
                .workers()
                .iter()
                .find(|w| w.sleeping.is_announced())
        };
        if backlog < BACKLOG {
            let now = self.coarse_now().0;
            if now.wrapping_sub(self.nudged.load(Ordering::Relaxed)) < NUDGE {
                return;
            }
        }
        if let Some(sleeper) = sleeper() {
            self.tick();
            self.nudged.store(self.coarse_now().0, Ordering::Relaxed);
            sleeper.wake();
        }
    }

    pub(super) fn pop_unbegun(&self) -> Option<Start> {
        let starving_for = self.starving_for.load(Ordering::SeqCst);
        self.lock_unbegun(|queue| {
            if starving_for.is_null() {
                return queue.pop_front();
            }
            let at = queue.iter().position(|s| s.has_stack(starving_for));
            at.and_then(|at| queue.remove(at))
        })
    }

    /// Whether there is a process that can begin, with a stack for it.
    #[inline]
    pub(super) fn can_begin(&self) -> bool {
        if self.unbegun_len.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let starving_for = self.starving_for.load(Ordering::SeqCst);
        starving_for.is_null()
            || self.lock_unbegun(|queue| queue.iter().any(|s| s.has_stack(starving_for)))
    }

    pub(super) fn lock_unbegun<R>(&self, f: impl FnOnce(&mut VecDeque<Start>) -> R) -> R {
        let mut queue = self.unbegun.lock();
        let result = f(&mut queue);
        self.unbegun_len.store(queue.len(), Ordering::SeqCst);
        result
    }

    pub(super) fn steal(&'static self, scheduler: &'static Scheduler, at_least: usize) -> bool {
        scheduler
            .workers()
            .iter()
            .any(|victim| self.steal_from(victim, at_least))
    }

    /// Takes half of the victim's new processes, if it has at least `at_least`.
    pub(super) fn steal_from(&'static self, victim: &'static Worker, at_least: usize) -> bool {
        if ptr::eq(self, victim) || victim.unbegun_len.load(Ordering::Relaxed) < at_least {
            return false;
        }
        let mut loot = victim.lock_unbegun(|queue| {
            let keep = if queue.len() < at_least {
                queue.len()
            } else {
                queue.len() / 2
            };
            queue.split_off(keep)
        });
        if loot.is_empty() {
            return false;
        }
        victim.live.fetch_sub(loot.len(), Ordering::Relaxed);
        self.live.fetch_add(loot.len(), Ordering::Relaxed);
        self.lock_unbegun(|queue| queue.append(&mut loot));
        true
    }

    /// The processes that have not begun, for the listing.
    pub(crate) fn unbegun(&self) -> Vec<Arc<Info>> {
        self.lock_unbegun(|queue| queue.iter().map(|s| Arc::clone(&s.info)).collect())
    }
}
