//! How a worker goes to sleep and wakes. The protocol that loses no wake-up is in `wake::sleeping`.

use std::hint;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::deadline::Nanos;
use crate::sched::Watched;
use crate::sched::placement::BACKLOG;
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;
use crate::sched::worker::Worker;

/// How often a worker looks for work before it goes to sleep. This takes half a microsecond. Many more looks cost more
/// than they save, because other threads want the core: with 2000 looks, an echo with two workers had 0.7 of its rate.
const SPINS: usize = 30;
/// How long a sleeping worker waits to see whether another worker is stuck with processes that have not begun.
const LINGER: Duration = Duration::from_millis(2);
/// The number of unused stacks that keep their memory, the number that lose it at once, and the pause before that.
const WARM_STACKS: usize = 64;
const COLD_STACKS: usize = 256;
const TRIM_AFTER: Duration = Duration::from_millis(50);

impl Worker {
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.inbox.load(Ordering::SeqCst).is_null()
            && !self.can_begin()
            && !self.stacks_wanted.load(Ordering::SeqCst)
            && self.with_local(|l| l.ready.is_empty() && l.sends.is_empty())
    }

    /// Waits in the reactor until there is something to do. Before that it takes work from workers that have too much.
    /// Returns whether to linger next time.
    pub(super) fn sleep<W: Watched>(
        &'static self,
        scheduler: &'static Scheduler,
        linger: bool,
    ) -> bool {
        if scheduler.workers().len() > 1 {
            for _ in 0..SPINS {
                if !self.is_idle() {
                    return true;
                }
                hint::spin_loop();
            }
            if self.steal(scheduler, BACKLOG) {
                return true;
            }
        }
        let timer = self.with_local(|l| l.timers.next());
        let mut timeout = (timer != Nanos::NEVER).then(|| timer.left(Nanos::now()));
        let mut at_most = |limit: Duration| {
            timeout = Some(timeout.map_or(limit, |t| t.min(limit)));
        };
        let linger = linger && scheduler.workers().len() > 1;
        if linger {
            at_most(LINGER);
            self.with_local(|local| {
                local.progress.clear();
                let progress = scheduler.workers().iter().map(|w| w.progress());
                local.progress.extend(progress);
            });
        }
        let trim = scheduler.has_cold_stacks(WARM_STACKS);
        if trim {
            at_most(TRIM_AFTER);
        }
        if let Some(limit) = self.trim() {
            at_most(limit);
        }
        if W::settle(self) {
            return true;
        }
        self.sleeping.announce();
        if !self.is_idle() {
            self.sleeping.end();
            return true;
        }
        // SAFETY: this is the worker's own thread, and no process of it is inside `wait`.
        let woken = unsafe { self.reactor.wait::<W>(timeout) };
        self.reactor_turns.add(1);
        self.sleeping.end();
        self.tick();
        if woken {
            return true;
        }
        if trim {
            stack::give_back_unused(&scheduler.pools(), WARM_STACKS, COLD_STACKS);
        }
        linger
            && scheduler.workers().iter().enumerate().any(|(i, worker)| {
                let before = self.with_local(|local| local.progress[i]);
                worker.progress() == before && self.steal_from(worker, 1)
            })
    }

    /// Wakes the worker if it sleeps. The caller must have added the work before.
    #[inline]
    pub(super) fn wake(&self) {
        if self.sleeping.wake() {
            self.reactor.wake();
        }
    }
}
