//! How a worker goes to sleep, and how it is woken. Not the protocol by which no wake-up is lost; see
//! `wake::sleeping`.

use std::hint;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::deadline::Nanos;
use crate::sched::Watched;
use crate::sched::placement::BACKLOG;
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;
use crate::sched::worker::Worker;

/// How often a worker looks for work before it goes to sleep. This takes half a microsecond. Many more
/// looks cost more, on cores that others want, than they save: with 2000 of them an echo by two workers had 0.7 of its rate.
const SPINS: usize = 30;
/// How long a sleeping worker lingers to see whether another is stuck with unbegun processes.
const LINGER: Duration = Duration::from_millis(2);
/// How many unused stacks keep their memory, how many lose it at a time, and after which pause.
const WARM_STACKS: usize = 64;
const TRIM: usize = 256;
const TRIM_AFTER: Duration = Duration::from_millis(50);

impl Worker {
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.inbox.load(Ordering::SeqCst).is_null()
            && !self.can_begin()
            && !self.stacks_wanted.load(Ordering::SeqCst)
            && self.with_local(|l| l.ready.is_empty() && l.sends.is_empty())
    }

    /// Waits in the reactor until there is something to do. Before that it looks for work of which other
    /// workers have too much. Returns whether to linger next time.
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
        if W::settle(self) {
            return true;
        }
        self.sleeping.announce();
        if !self.is_idle() {
            self.sleeping.end();
            return true;
        }
        // SAFETY: the worker's own thread, and no process of it is inside `wait`.
        let woken = unsafe { self.reactor.wait::<W>(timeout) };
        self.reactor_turns.add(1);
        self.sleeping.end();
        self.tick();
        if woken {
            return true;
        }
        if trim {
            stack::trim(&scheduler.pools(), WARM_STACKS, TRIM);
        }
        linger
            && scheduler.workers().iter().enumerate().any(|(i, worker)| {
                let before = self.with_local(|local| local.progress[i]);
                worker.progress() == before && self.steal_from(worker, 1)
            })
    }

    /// Wakes the worker if it sleeps. The caller has added the work before.
    #[inline]
    pub(super) fn wake(&self) {
        if self.sleeping.wake() {
            self.reactor.wake();
        }
    }
}
