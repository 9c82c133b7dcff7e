//! A worker: the thread that runs processes, and its queues. The choice of a worker for a new process is in
//! `placement`, and a worker's sleep is in `sleep`.

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use std::{io, mem};

use crate::deadline::Nanos;
use crate::sched::Watched;
use crate::sched::counter::Counter;
use crate::sched::overflow::AlternateStack;
use crate::sched::placement::Start;
use crate::sched::ready::Ready;
use crate::sched::scheduler::Scheduler;
use crate::sched::sends::{Queued, Sends};
use crate::sched::stack::{Pool, Stack};
use crate::sched::task::Task;
use crate::sched::threads::{POOLS, Pools};
use crate::sched::timer::Timers;
use crate::sched::trace::Outside;
use crate::sched::traffic::Traffic;
use crate::sched::trim::Sweeps;
use crate::sys::Reactor;
use crate::sys::clock::coarse_now;
use crate::sys::lock::Lock;
use crate::sys::looks::Looks;
use crate::wake::Sleeping;

/// The least number of resumes between two looks at the reactor, because each look is a system call. In each round,
/// half as many new processes begin, so that neither these nor the woken ones starve.
const ROUND: usize = 64;
/// The slot of a process is fetched into the cache this many turns before the process runs.
const SLOT_AHEAD: usize = 3;
const STACK_AHEAD: usize = 0;
/// How many unused stacks a worker keeps. They are in its cache.
const OWN_STACKS: usize = 64;

pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) reactor: Reactor,
    /// The tasks that other threads have woken, as a stack linked through `Task::next`.
    pub(super) inbox: AtomicPtr<Task>,
    pub(super) sleeping: Sleeping,
    /// Processes that have not begun. Other workers may steal them.
    pub(super) unbegun: Lock<VecDeque<Start>>,
    pub(super) unbegun_len: AtomicUsize,
    /// The pool that had no stack for one of them. Null if there is no such pool.
    pub(super) starving_for: AtomicPtr<Pool>,
    /// Whether another worker has no stack. Then this worker gives its unused stacks back.
    pub(super) stacks_wanted: AtomicBool,
    /// The number of processes placed here that have not ended.
    pub(super) live: AtomicUsize,
    /// The number of resumes. Other threads use it to see whether this worker makes progress.
    pub(crate) resumes: AtomicU64,
    /// Whether a process runs now.
    pub(crate) busy: AtomicBool,
    /// When this worker last woke another one for a new process.
    pub(super) nudged: AtomicU64,
    pub(super) coarse: AtomicU64,
    /// Counts of processes that have begun here, of wake-ups from other threads, and of looks at the reactor.
    pub(crate) begun: Counter,
    pub(crate) remote_wakes: Counter,
    pub(crate) reactor_turns: Counter,
    /// The threads for what would block this one.
    pub(crate) pools: &'static Pools,
    pub(crate) traffic: Traffic,
    pub(super) local: UnsafeCell<Local>,
}

/// The state that only the worker's own thread uses.
pub(super) struct Local {
    pub(super) ready: Ready<&'static Task>,
    pub(super) timers: Timers,
    /// Unused stacks of the default pool.
    pub(super) stacks: Vec<Stack>,
    /// Unused stacks of the pool for threadlike processes.
    pub(super) threadlike_stacks: Vec<Stack>,
    /// The sockets to check for short reads, for the floor above.
    pub(super) looks: Looks,
    pub(super) sends: Sends,
    pub(super) sweeps: Sweeps,
    /// The [`Worker::progress`] of each worker at the time when this one began to linger.
    pub(super) progress: Vec<u64>,
}

impl Local {
    /// The unused stacks of this pool that the worker keeps. `None` if it keeps none of this pool.
    #[inline]
    fn stacks_of(&mut self, pool: &Pool) -> Option<&mut Vec<Stack>> {
        if ptr::eq(pool, Scheduler::default_pool()) {
            Some(&mut self.stacks)
        } else if Scheduler::is_threadlike_pool(pool) {
            Some(&mut self.threadlike_stacks)
        } else {
            None
        }
    }
}

// SAFETY: everything except `local` is atomic or locked. `local` is reached only through `with_local`, which runs on
// the worker's own thread.
unsafe impl Sync for Worker {}

thread_local! {
    static CURRENT: Cell<Option<&'static Worker>> = const { Cell::new(None) };
}

/// The worker of the calling thread.
pub(crate) fn current() -> Option<&'static Worker> {
    CURRENT.get()
}

impl Worker {
    /// Makes a worker that lives for ever. Its thread is not started yet.
    pub(crate) fn leak(index: usize) -> io::Result<&'static Worker> {
        Ok(Box::leak(Box::new(Worker {
            index,
            reactor: Reactor::new()?,
            inbox: AtomicPtr::new(ptr::null_mut()),
            sleeping: Sleeping::new(),
            unbegun: Lock::default(),
            unbegun_len: AtomicUsize::new(0),
            starving_for: AtomicPtr::new(ptr::null_mut()),
            stacks_wanted: AtomicBool::new(false),
            live: AtomicUsize::new(0),
            resumes: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            nudged: AtomicU64::new(0),
            coarse: AtomicU64::new(Nanos::now().0),
            begun: Counter::default(),
            remote_wakes: Counter::default(),
            reactor_turns: Counter::default(),
            pools: &POOLS,
            traffic: Traffic::default(),
            local: UnsafeCell::new(Local {
                ready: Ready::new(),
                timers: Timers::default(),
                stacks: Vec::new(),
                threadlike_stacks: Vec::new(),
                looks: Looks::default(),
                sends: Sends::default(),
                sweeps: Sweeps::default(),
                progress: Vec::new(),
            }),
        })))
    }

    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        CURRENT.get().is_some_and(|w| ptr::eq(w, self))
    }

    /// Runs `f` with the worker's own state. `f` must not call this function again. So it must call no user code and
    /// resume no process.
    #[inline]
    pub(super) fn with_local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> R {
        debug_assert!(self.is_current());
        // SAFETY: only this thread gets here (the callers are the worker's loop, a process on it, or code that has
        // checked `is_current`). By its contract `f` is never nested.
        f(unsafe { &mut *self.local.get() })
    }

    /// Makes this the worker of the calling thread or threadlike process.
    pub(crate) fn make_current(&'static self) {
        CURRENT.set(Some(self));
    }

    // The worker's loop.

    /// The loop of the worker's own thread. It never returns.
    pub(crate) fn run<W: Watched>(&'static self, scheduler: &'static Scheduler) {
        let _for_overflows = AlternateStack::of_thread();
        CURRENT.set(Some(self));
        self.run_while::<W>(scheduler, || true);
    }

    /// Runs this process at once and then all others, on the calling thread, until none is left. After that another
    /// thread may become this worker, because no process that has begun here still runs.
    pub(crate) fn run_here<W: Watched>(&'static self, scheduler: &'static Scheduler, start: Start) {
        let _for_overflows = AlternateStack::of_thread();
        let _spans = Outside::new();
        CURRENT.set(Some(self));
        self.live.fetch_add(1, Ordering::Relaxed);
        let stack = self.take_stack(start.pool);
        self.begin(stack.expect("nobody else holds any"), start);
        self.run_while::<W>(scheduler, || self.live.load(Ordering::SeqCst) > 0);
        CURRENT.set(None);
    }

    // Not part of its callers: it is to have all registers to itself.
    #[inline(never)]
    fn run_while<W: Watched>(
        &'static self,
        scheduler: &'static Scheduler,
        go_on: impl Fn() -> bool,
    ) {
        let mut linger = false;
        loop {
            self.take_inbox();
            self.give_wanted_stacks();
            // One round runs all processes that are ready now. Those that the next look wakes would queue behind them
            // anyway.
            let round = self.with_local(|local| local.ready.len()).max(ROUND);
            for _ in 0..round {
                let Some(task) = self.with_local(Local::next_ready) else {
                    break;
                };
                self.resume_here(task);
                self.make_due_sends();
            }
            for _ in 0..round / 2 {
                if !self.begin_one(scheduler) {
                    break;
                }
                self.make_due_sends();
            }
            self.make_sends();
            if self.expire_timers() || !self.is_idle() {
                // SAFETY: this is the worker's own thread, and no process of it is inside `wait`.
                unsafe { self.reactor.wait::<W>(Some(Duration::ZERO)) };
                self.reactor_turns.add(1);
                W::settle(self);
                linger = true;
                continue;
            }
            if !go_on() {
                return;
            }
            linger = self.sleep::<W>(scheduler, linger);
        }
    }

    #[inline(never)]
    fn resume(&'static self, task: &'static Task) {
        self.resume_here(task);
    }

    /// The same as part of its caller: a switch gives up all registers, and the loop has none of its own to save.
    #[inline(always)]
    fn resume_here(&'static self, task: &'static Task) {
        self.resumes
            .store(self.resumes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
        let ended = task.resume();
        self.busy.store(false, Ordering::Relaxed);
        if let Some(stack) = ended {
            self.retire(stack);
        }
    }

    fn retire(&self, stack: Stack) {
        let pool = stack.pool();
        self.live.fetch_sub(1, Ordering::Relaxed);
        pool.unclaim();
        self.with_local(|local| match local.stacks_of(pool) {
            Some(own) if !pool.is_starved() => {
                own.push(stack);
                if own.len() > OWN_STACKS {
                    pool.give(own.drain(..OWN_STACKS / 2));
                }
            }
            _ => pool.give(std::iter::once(stack)),
        });
    }

    fn begin_one(&'static self, scheduler: &'static Scheduler) -> bool {
        if self.unbegun_len.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let Some(start) = self.pop_unbegun() else {
            return false;
        };
        let Some(stack) = self.take_stack(start.pool) else {
            // No stack is free. Requeue it at the front. Its claim on a stack is valid, so other workers hold more
            // stacks than they use. Ask them to give those back.
            self.lock_unbegun(|queue| queue.push_front(start));
            for worker in scheduler.workers() {
                if !ptr::eq(*worker, self) {
                    worker.stacks_wanted.store(true, Ordering::SeqCst);
                    worker.wake();
                }
            }
            return false;
        };
        self.begin(stack, start);
        true
    }

    /// Records that the pool has no stack for this worker. The pool calls this on the worker's thread.
    pub(crate) fn starve(&self, pool: &'static Pool) {
        let pool = ptr::from_ref(pool).cast_mut();
        self.starving_for.store(pool, Ordering::SeqCst);
    }

    /// Records that the pool has stacks again. The pool calls this on any thread.
    pub(crate) fn feed(&self) {
        self.starving_for.store(ptr::null_mut(), Ordering::SeqCst);
        self.wake();
    }

    /// Gives unused stacks back if another worker has asked for them.
    #[inline]
    fn give_wanted_stacks(&self) {
        if self.stacks_wanted.load(Ordering::Relaxed) {
            self.stacks_wanted.swap(false, Ordering::SeqCst);
            self.give_stacks();
        }
    }

    #[cold]
    fn give_stacks(&self) {
        let (unused, threadlike) = self.with_local(|local| {
            (
                mem::take(&mut local.stacks),
                mem::take(&mut local.threadlike_stacks),
            )
        });
        Scheduler::default_pool().give(unused.into_iter());
        if let Some(first) = threadlike.first() {
            first.pool().give(threadlike.into_iter());
        }
    }

    fn begin(&'static self, stack: Stack, start: Start) {
        self.begun.add(1);
        let task = Task::begin(self, stack, start.info, || start.main.run());
        self.resume(task);
    }

    fn take_stack(&'static self, pool: &'static Pool) -> Option<Stack> {
        self.with_local(|local| {
            let Some(own) = local.stacks_of(pool) else {
                let mut one = Vec::with_capacity(1);
                pool.take(1, &mut one, self);
                return one.pop();
            };
            if own.is_empty() {
                pool.take(OWN_STACKS / 2, own, self);
            }
            let stack = own.pop();
            if let Some(next) = own.last() {
                next.prefetch();
            }
            stack
        })
    }

    /// Wakes the processes whose times have passed. Returns whether there were any.
    fn expire_timers(&self) -> bool {
        if self.with_local(|l| l.timers.next()) == Nanos::NEVER {
            return false;
        }
        let now = Nanos::now();
        let mut due = Vec::new();
        self.with_local(|local| local.timers.expire(now, self, |task| due.push(task)));
        let any = !due.is_empty();
        for task in due {
            task.check_limit(now);
            task.unpark();
        }
        any
    }

    /// Runs `f` with the sockets to check, on the worker's own thread. `f` must not call this function again.
    #[inline]
    pub(crate) fn with_looks<R>(&self, f: impl FnOnce(&mut Looks) -> R) -> R {
        self.with_local(|local| f(&mut local.looks))
    }

    /// Reads the coarse clock. Called once for each wait.
    pub(crate) fn tick(&self) {
        self.coarse.store(coarse_now().0, Ordering::Relaxed);
    }

    /// The time when this worker last returned from its reactor, on `CLOCK_MONOTONIC_COARSE`. It is used as an
    /// approximate "now".
    #[inline]
    pub(crate) fn coarse_now(&self) -> Nanos {
        Nanos(self.coarse.load(Ordering::Relaxed))
    }

    /// The number of processes placed here that have not ended, and the number of those that have not begun.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let live = self.live.load(Ordering::Relaxed);
        (live, self.unbegun_len.load(Ordering::Relaxed))
    }

    pub(crate) fn progress(&self) -> u64 {
        self.resumes.load(Ordering::Relaxed)
    }

    // Batched sends.

    /// Queues a send, if another process could add one to the batch. Returns whether it was queued.
    ///
    /// # Safety
    ///
    /// The same as for [`Sends::queue`].
    pub(crate) unsafe fn queue_send(&self, send: &Queued) -> bool {
        let others_begin = self.unbegun_len.load(Ordering::Relaxed) > 0;
        self.with_local(|local| {
            let alone = local.ready.is_empty() && local.sends.is_empty() && !others_begin;
            // SAFETY: the caller keeps this function's contract.
            !alone && unsafe { local.sends.queue(send) }
        })
    }

    #[inline]
    fn make_due_sends(&'static self) {
        if self.with_local(|local| local.sends.is_due()) {
            self.make_sends();
        }
    }

    /// Makes the queued sends and runs the processes that have queued them.
    fn make_sends(&'static self) {
        if self.with_local(|local| local.sends.is_empty()) {
            return;
        }
        let made = self.with_local(|local| local.sends.make());
        for (i, task) in made.iter().enumerate() {
            if let Some(next) = made.get(i + 1) {
                next.prefetch_stack();
            }
            self.resume(task);
            if self.with_local(|local| local.sends.is_due()) {
                // These processes have queued new sends already. The remaining ones have their turn after those sends.
                made[i + 1..].iter().for_each(|task| self.push_local(task));
                break;
            }
        }
        self.with_local(|local| local.sends.reuse(made));
    }

    // Woken processes.

    pub(crate) fn want_timer(&self, task: &'static Task, at: Nanos) {
        self.with_local(|local| local.timers.want(task, at));
    }

    /// Queues a task of this worker, on its own thread.
    #[inline]
    pub(crate) fn push_local(&self, task: &'static Task) {
        self.with_local(|local| local.ready.push(task));
    }

    /// Queues a task whose SENT flag was just set. Any thread may call this.
    pub(crate) fn push_remote(&self, task: &'static Task) {
        let mut head = self.inbox.load(Ordering::Relaxed);
        loop {
            task.next.store(head, Ordering::Relaxed);
            let pointer = ptr::from_ref(task).cast_mut();
            match self.inbox.compare_exchange_weak(
                head,
                pointer,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(newer) => head = newer,
            }
        }
        self.wake();
    }

    fn take_inbox(&self) {
        if self.inbox.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut head = self.inbox.swap(ptr::null_mut(), Ordering::AcqRel);
        // The links form a stack, so the list is reversed: the task that came first goes first. The link of a task
        // belongs to the inbox until the task has arrived.
        let mut first = ptr::null_mut();
        let mut arrived = 0;
        // SAFETY: the pointer is null or leads to a task, and tasks live for ever.
        while let Some(task) = unsafe { head.as_ref() } {
            let next = task.next.load(Ordering::Relaxed);
            task.next.store(first, Ordering::Relaxed);
            first = mem::replace(&mut head, next);
        }
        // SAFETY: the reason is the same as for the loop above.
        while let Some(task) = unsafe { first.as_ref() } {
            first = task.next.load(Ordering::Relaxed);
            task.arrive(self);
            arrived += 1;
        }
        self.remote_wakes.add(arrived);
    }
}

impl Local {
    /// The next process to run. The processes behind it are fetched into the processor's caches: first the slot, then
    /// the part of the stack to which the slot points.
    #[inline]
    fn next_ready(&mut self) -> Option<&'static Task> {
        let task = self.ready.pop();
        if let Some(soon) = self.ready.peek(SLOT_AHEAD) {
            soon.prefetch();
        }
        if let Some(next) = self.ready.peek(STACK_AHEAD) {
            next.prefetch_stack();
        }
        task
    }
}

/// The place where a process was spawned, for messages.
pub(crate) type Place = &'static Location<'static>;
