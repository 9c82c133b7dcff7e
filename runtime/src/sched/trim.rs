//! If a process waits for a long time, the unused memory of its stack goes back to the system.
//!
//! A process may go deep into its stack once, for example in a TLS handshake, and then wait for hours in a shallow
//! call. The pages below its stack pointer hold nothing then, but they stay in memory. So a worker that has nothing else
//! to do *sweeps* through the processes from time to time. The pages of those that have waited for [`WAITED`] go back
//! to the system. A process that goes deep again pays a page fault for each page, which is little after such a wait.
//!
//! A switch keeps no account for this. It notes the time and the stack pointer anyway, for the listing of processes and
//! for the prefetch. A sweep handles the processes that began to wait in one range of time, and the next sweep begins
//! where this range ended. So no process is handled twice in one wait.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::deadline::Nanos;
use crate::sched::stack;
use crate::sched::worker::Worker;
use crate::sys::{alarm, stack_pointer};

/// How long a process must have waited before its memory goes back.
const WAITED: Duration = Duration::from_secs(5);
/// With at most this many processes there is no sweep, because there is little to gain.
const FEW: usize = 64;
/// A sweep pauses after it has looked at this many processes, or given back the pages of this many. So a process that
/// wakes meanwhile is not delayed for long: a look takes some 10 ns, and giving pages back about a microsecond.
const LOOKS: usize = 1024;
const RETURNS: usize = 128;
const PAUSE: Duration = Duration::from_millis(50);

/// How far a worker's sweeps have come.
#[derive(Debug)]
pub(super) struct Sweeps {
    /// The next step is due at this time. If there is nothing to do, it is `NEVER`.
    next: Nanos,
    /// The place in the list of all tasks where the present sweep goes on, if there is one.
    at: Option<usize>,
    /// The sweep handles processes that wait since `from` or later, and since before `to`.
    from: Nanos,
    to: Nanos,
    /// Whether the sweep has seen a process that waits since `to` or later.
    saw_later: bool,
    /// The number of resumes when the sweep began. If it stays the same, no process has begun to wait since then.
    resumes: u64,
}

impl Default for Sweeps {
    fn default() -> Sweeps {
        Sweeps {
            next: Nanos::NEVER,
            at: None,
            from: Nanos(0),
            to: Nanos(0),
            saw_later: false,
            resumes: 0,
        }
    }
}

impl Sweeps {
    /// Plans the next sweep if a process may have begun to wait.
    fn plan(&mut self, now: Nanos, resumes: u64) {
        if self.next == Nanos::NEVER && self.resumes != resumes {
            self.next = now.after(WAITED);
        }
    }

    fn begin(&mut self, now: Nanos, resumes: u64) -> usize {
        *self.at.get_or_insert_with(|| {
            self.from = self.to;
            self.to = now.before(WAITED).max(self.from);
            self.saw_later = false;
            self.resumes = resumes;
            0
        })
    }

    /// Ends a step. `at` is the place where the sweep goes on, or `None` at its end.
    fn pause(&mut self, now: Nanos, at: Option<usize>) {
        self.at = at;
        self.next = match at {
            Some(_) => now.after(PAUSE),
            None if self.saw_later => now.after(WAITED),
            None => Nanos::NEVER,
        };
    }
}

impl Worker {
    /// Takes a step of a sweep if one is due. A worker calls this before each sleep. Makes sure that the sleep ends when
    /// the next step is due. If the reactor has no alarm for that, the result is how long the worker may sleep.
    #[inline]
    pub(super) fn trim(&'static self) -> Option<Duration> {
        let worth_it = stack_pointer::IS_EXACT && self.live.load(Ordering::Relaxed) > FEW;
        if worth_it && !self.reactor.is_set(alarm::TRIM) {
            self.sweep()
        } else {
            None
        }
    }

    #[cold]
    fn sweep(&'static self) -> Option<Duration> {
        self.tick();
        let (now, resumes) = (self.coarse_now(), self.progress());
        let due = self.with_local(|local| {
            local.sweeps.plan(now, resumes);
            local.sweeps.next <= now
        });
        if due {
            self.sweep_on(now, resumes);
        }
        let next = self.with_local(|local| {
            local.sweeps.plan(now, resumes);
            local.sweeps.next
        });
        if next == Nanos::NEVER {
            return None;
        }
        let after = next.left(now);
        (!self.reactor.set_alarm(alarm::TRIM, after)).then_some(after)
    }

    fn sweep_on(&'static self, now: Nanos, resumes: u64) {
        let (mut at, from, to) = self.with_local(|local| {
            let at = local.sweeps.begin(now, resumes);
            (at, local.sweeps.from, local.sweeps.to)
        });
        let tasks = stack::tasks_from(at, LOOKS);
        let mut returns = 0;
        let mut saw_later = false;
        for task in &tasks {
            if returns == RETURNS {
                break;
            }
            at += 1;
            if !task.is_owned_by(self) {
                continue;
            }
            let Some((since, stack_pointer)) = task.suspended() else {
                continue;
            };
            if since >= to {
                saw_later = true;
            } else if since >= from {
                // SAFETY: this is the loop of the worker that owns the task. So its process does not run, and the stack
                // pointer is where it was suspended.
                unsafe { stack::give_back_below(task, stack_pointer) };
                returns += 1;
            }
        }
        let more = returns == RETURNS || tasks.len() == LOOKS;
        self.with_local(|local| {
            local.sweeps.saw_later |= saw_later;
            local.sweeps.pause(now, more.then_some(at));
        });
    }
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn sweeps_handle_each_time_once_and_end_when_nothing_has_run() {
        let mut sweeps = Sweeps::default();
        let at = |seconds: u64| Nanos(seconds * SECOND);
        // Nothing has run yet, so there is nothing to do.
        sweeps.plan(at(0), 0);
        assert_eq!(sweeps.next, Nanos::NEVER);
        sweeps.plan(at(1), 7);
        assert_eq!(sweeps.next, at(6));
        sweeps.plan(at(2), 8);
        assert_eq!(sweeps.next, at(6), "a plan stays");

        assert_eq!(sweeps.begin(at(6), 8), 0);
        assert_eq!((sweeps.from, sweeps.to), (at(0), at(1)));
        sweeps.pause(at(6), Some(1024));
        assert_eq!(sweeps.next, at(6).after(PAUSE));
        // It goes on where it was, with the same range.
        assert_eq!(sweeps.begin(at(7), 9), 1024);
        assert_eq!((sweeps.from, sweeps.to), (at(0), at(1)));
        sweeps.saw_later = true;
        sweeps.pause(at(7), None);
        assert_eq!(sweeps.next, at(12));

        assert_eq!(sweeps.begin(at(12), 9), 0);
        assert_eq!((sweeps.from, sweeps.to), (at(1), at(7)));
        sweeps.pause(at(12), None);
        assert_eq!(sweeps.next, Nanos::NEVER);
        sweeps.plan(at(13), 9);
        assert_eq!(sweeps.next, Nanos::NEVER, "no process has run since");
        sweeps.plan(at(14), 10);
        assert_eq!(sweeps.next, at(19));
    }
}
