//! The slot in which a process runs: its coroutine, its park token and its timer. The process as its users see it is in
//! `process`.
//!
//! A slot lies at the top of its stack (see `stack`). It is reused and never unmapped. So any waker can keep a pointer
//! to a slot at no cost. At worst, a late wake-up wakes the slot's next process. Like every waiter, that process looks
//! again and parks again.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::deadline::Nanos;
use crate::prefetch::prefetch;
use crate::sched::asked::{self, ASKED};
use crate::sched::info::{Info, Kind};
use crate::sched::locals::Locals;
use crate::sched::stack::Stack;
use crate::sched::stop::Stopped;
use crate::sched::threadlike::{self, OfThread};
use crate::sched::trace::Spans;
use crate::sched::worker::Worker;
use crate::sys::lock::Lock;
use crate::sys::{stack_pointer, thread_pointer};
use crate::wake::Token;

/// How many operations a process may do before it lets other processes run.
const BUDGET: u8 = 64;

/// The coroutine of a process, suspended or running.
type Process = Coroutine<(), (), (), Stack>;

/// The fields that every wake-up and every wait use are in the first three cache lines.
#[repr(C, align(64))]
pub(crate) struct Task {
    token: Token,
    /// The [`Stopped::code`] with which its waits fail, or 0. [`ASKED`] may be added.
    stopped: AtomicU8,
    kind: Cell<Kind>,
    budget: Cell<u8>,
    /// Whether the future that the process waits for must be polled again. See `waker`.
    woken: AtomicBool,
    /// Whether the process polls a future now.
    polls: Cell<bool>,
    /// Whether it is entered in the slot `registered` for a future. Then it stays there in all its waits.
    stands_for_future: Cell<bool>,
    /// Null while no worker has the slot. It is set and cleared on that worker's thread. So a caller that finds its own
    /// worker here owns the slot until it returns to the worker's loop.
    worker: AtomicPtr<Worker>,
    coroutine: UnsafeCell<Option<Process>>,
    yielder: Cell<*const Yielder<(), ()>>,
    /// Where the process was suspended. The stack is fetched from here before the process goes on.
    stack_pointer: Cell<*const u8>,
    /// The slot of a source in which the process is entered as a waiter. It stays there until the process waits for
    /// something else, so the next wait for the same source costs nothing.
    registered: Cell<Option<&'static AtomicPtr<Task>>>,
    /// The socket for which it waits. It is fetched into the cache too.
    handle: Cell<*const u8>,
    timer: Timer,
    waiting: AtomicU64,
    since: AtomicU64,
    /// The link in the worker's inbox. It belongs to the thread that has sent the task.
    pub(crate) next: AtomicPtr<Task>,
    info: UnsafeCell<Option<Arc<Info>>>,
    /// The thread-locals of a threadlike process. Null if it has none of its own.
    block: Cell<*mut u8>,
    /// The lowest address of the stack, where its guard begins.
    lowest: usize,
    /// The tracing spans that the process has entered, while it waits.
    spans: Spans,
    // The fields below are rarely used.
    /// The deadline of the process. Its timer uses this time when no wait needs an earlier one.
    limit: Cell<Nanos>,
    /// Whether the processes that it spawns belong to it.
    leads: Cell<bool>,
    locals: UnsafeCell<Locals>,
    /// The identity of the process. Any thread uses it, to list and to cancel.
    listed: Lock<Option<Arc<Info>>>,
}

pub(crate) struct Timer {
    /// When the process wants to wake.
    pub(crate) wanted: Cell<Nanos>,
    /// The time of its live entry in the heap, or `NEVER` if it has none.
    pub(crate) armed: Cell<Nanos>,
}

// SAFETY: only the thread of `worker` uses the fields that are neither atomic nor locked. The functions that use them
// are reached through `current`, which is set on that thread alone, or from the worker's loop. Debug builds check this.
unsafe impl Sync for Task {}
// SAFETY: the reason for `Sync` holds here too. A reference does not depend on the thread that holds it.
unsafe impl Send for Task {}

/// What a process waits for, as the listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    Nothing,
    Readable(i32),
    Writable(i32),
    Sleep,
    Join,
    Future,
    Scope,
    Blocking,
    Yield,
}

thread_local! {
    static CURRENT: Cell<Option<&'static Task>> = const { Cell::new(None) };
}

/// Sets the current task in the thread-locals of a threadlike process. There it never changes.
pub(crate) fn make_current(task: &'static Task) {
    CURRENT.set(Some(task));
}

/// The task of the calling process, or `None` on a plain thread.
#[inline]
pub(crate) fn current() -> Option<&'static Task> {
    CURRENT.get()
}

/// Counts one operation of the calling process, as [`Task::spend`]. A plain thread counts nothing.
#[inline]
pub(crate) fn spend() {
    if let Some(task) = current() {
        task.spend();
    }
}

/// Runs `f` on the stack of the worker's thread. A deep computation then does not touch pages of the process's own
/// stack, which would remain allocated. `f` must not wait: for `f` this is a plain thread, and a wait in it blocks the
/// worker.
pub(crate) fn on_thread_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    /// Makes the task current again, even if `f` panics.
    struct Restore(&'static Task);

    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(Some(self.0));
        }
    }

    let Some(task) = current() else {
        return f();
    };
    task.check_owner();
    // SAFETY: the pointer was set when the process began, and it is valid while the process runs. The process runs now.
    // So the worker is in `resume`, and its stack is free below that frame.
    let yielder = unsafe { &*task.yielder.get() };
    // No code may suspend the process while the thread's stack is in use. Without a current task, no code can.
    CURRENT.set(None);
    let _restore = Restore(task);
    // A panic cannot cross from one stack to another, so it is caught and resumed here.
    match yielder.on_parent_stack(|| catch_unwind(AssertUnwindSafe(f))) {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

/// Runs `f` with the id and name of the process on this thread. This is safe in a signal handler.
pub(crate) fn with_running_name(f: impl FnOnce(u64, Option<&str>)) {
    if let Some(task) = current() {
        // SAFETY: `current` is set on this thread only while the worker's loop is suspended below this process. So
        // nothing changes `info` meanwhile.
        if let Some(info) = unsafe { &*task.info.get() } {
            f(info.id.get(), info.name());
        }
    }
}

impl Task {
    /// The empty slot of a stack whose guard begins at `lowest`.
    pub(crate) fn new(lowest: usize) -> Task {
        Task {
            token: Token::new(),
            stopped: AtomicU8::new(0),
            kind: Cell::new(Kind::Ordinary),
            budget: Cell::new(0),
            woken: AtomicBool::new(false),
            polls: Cell::new(false),
            stands_for_future: Cell::new(false),
            worker: AtomicPtr::new(ptr::null_mut()),
            coroutine: UnsafeCell::new(None),
            yielder: Cell::new(ptr::null()),
            stack_pointer: Cell::new(ptr::null()),
            registered: Cell::new(None),
            handle: Cell::new(ptr::null()),
            timer: Timer {
                wanted: Cell::new(Nanos::NEVER),
                armed: Cell::new(Nanos::NEVER),
            },
            waiting: AtomicU64::new(0),
            since: AtomicU64::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            info: UnsafeCell::new(None),
            block: Cell::new(ptr::null_mut()),
            lowest,
            spans: Spans::new(),
            limit: Cell::new(Nanos::NEVER),
            leads: Cell::new(false),
            locals: UnsafeCell::new(Locals::new()),
            listed: Lock::new(None),
        }
    }

    /// An empty slot that belongs to a worker.
    #[cfg(all(test, not(std_net_loom)))]
    pub(crate) fn of(worker: &'static Worker) -> Task {
        let task = Task::new(0);
        task.worker
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Relaxed);
        task
    }

    // Called by the worker's loop.

    /// Puts a process into the slot of this stack. It will run on `worker`, whose thread calls this. `main` must not
    /// unwind.
    pub(crate) fn begin(
        worker: &'static Worker,
        stack: Stack,
        info: Arc<Info>,
        main: impl FnOnce() + 'static,
    ) -> &'static Task {
        let task = stack.task();
        task.worker
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
        // A late wake-up of the previous process may have left a token.
        task.token.end_park();
        info.set_task(task);
        {
            let mut listed = task.listed.lock();
            *listed = Some(Arc::clone(&info));
            // This follows `set_task`. So a concurrent stop either finds the task, or it is found here.
            task.stopped.store(info.stop_code(), Ordering::Relaxed);
        }
        let (deadline, leads) = info.limits();
        task.leads.set(leads);
        if deadline != Nanos::NEVER {
            task.limit.set(deadline);
            worker.want_timer(task, deadline);
        }
        task.kind.set(info.kind);
        let of_thread = (info.kind == Kind::Threadlike).then(|| {
            task.block.set(threadlike::make(info.id.get(), &stack));
            OfThread::of(worker)
        });
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            task.yielder.set(yielder);
            if let Some(of_thread) = of_thread {
                // These are the first accesses to the thread-locals of the process.
                threadlike::begin(task, of_thread);
            }
            main();
        });
        // SAFETY: this is the owner's thread, and no reference into these cells lives across a call.
        unsafe {
            *task.info.get() = Some(info);
            *task.coroutine.get() = Some(coroutine);
        }
        task
    }

    /// Runs the process until it waits. Returns its stack if it has ended.
    #[inline]
    pub(crate) fn resume(&'static self) -> Option<Stack> {
        self.check_owner();
        self.budget.set(BUDGET);
        // SAFETY: this is the owner's thread. The process itself never uses `coroutine`, so this is the only reference.
        // A queued or new task has a coroutine.
        let coroutine = unsafe { (*self.coroutine.get()).as_mut() };
        let coroutine = coroutine.expect("a queued task has a process");
        let result = if self.kind.get() == Kind::Ordinary {
            self.spans.enter();
            CURRENT.set(Some(self));
            let result = coroutine.resume(());
            CURRENT.set(None);
            self.spans.leave();
            result
        } else {
            self.resume_threadlike(coroutine)
        };
        match result {
            CoroutineResult::Yield(()) => None,
            CoroutineResult::Return(()) => Some(self.end()),
        }
    }

    /// Runs a process that is not an ordinary one.
    #[inline(never)]
    fn resume_threadlike(&'static self, coroutine: &mut Process) -> CoroutineResult<(), ()> {
        let block = self.block.get();
        if block.is_null() {
            self.spans.enter();
            CURRENT.set(Some(self));
            threadlike::set_current(Some(self));
            let result = coroutine.resume(());
            threadlike::set_current(None);
            CURRENT.set(None);
            self.spans.leave();
            return result;
        }
        // SAFETY: the block belongs to this process, and no other code uses it.
        unsafe { resume_with(coroutine, block) }
    }

    fn end(&'static self) -> Stack {
        self.deregister();
        self.spans.end();
        let block = self.block.replace(ptr::null_mut());
        if !block.is_null() {
            threadlike::free(block);
        }
        self.timer.wanted.set(Nanos::NEVER);
        self.limit.set(Nanos::NEVER);
        // SAFETY: this is the owner's thread, as in `begin`. The coroutine has returned.
        let (coroutine, info) =
            unsafe { ((*self.coroutine.get()).take(), (*self.info.get()).take()) };
        drop(info);
        coroutine.expect("it has just returned").into_stack()
    }

    /// Since when the process is suspended, and its stack pointer; `None` if the slot is empty. Call this in the loop of
    /// the worker that owns the slot.
    pub(crate) fn suspended(&self) -> Option<(Nanos, usize)> {
        self.check_owner();
        // SAFETY: this is the owner's thread, and the process itself never uses `coroutine`.
        let coroutine = unsafe { (*self.coroutine.get()).as_ref() };
        coroutine.map(|_| {
            let since = Nanos(self.since.load(Ordering::Relaxed));
            (since, self.stack_pointer.get() as usize)
        })
    }

    /// Takes the empty slot away from its worker, whose thread calls this. From now on this worker is not taken for the
    /// owner of the slot.
    pub(crate) fn disown(&self) {
        // The entry stays in the worker's heap, but it is dead.
        self.timer.armed.set(Nanos::NEVER);
        self.worker.store(ptr::null_mut(), Ordering::Release);
    }

    /// Fetches into the cache what a wake-up touches.
    #[inline]
    pub(crate) fn prefetch(&self) {
        let slot: *const Task = self;
        prefetch(slot);
        prefetch(slot.cast::<u8>().wrapping_add(64));
    }

    /// Fetches into the cache what the process touches first. The slot itself was fetched before.
    #[inline]
    pub(crate) fn prefetch_stack(&self) {
        let top = self.stack_pointer.get();
        for line in 0..STACK_LINES {
            prefetch(top.wrapping_add(64 * line).wrapping_sub(128));
        }
        prefetch(self.handle.get());
        if self.stands_for_future.get() {
            self.prefetch_poll();
        }
    }

    /// Fetches what a poll touches: the future lies above the point of suspension, and the frames of its functions lie
    /// below.
    #[inline(never)]
    fn prefetch_poll(&self) {
        let top = self.stack_pointer.get();
        for line in 3..LINES_OF_POLL {
            prefetch(top.wrapping_sub(64 * line));
        }
        for line in STACK_LINES - 2..LINES_OF_FUTURE {
            prefetch(top.wrapping_add(64 * line));
        }
    }

    pub(crate) fn timer(&self) -> &Timer {
        self.check_owner();
        &self.timer
    }

    /// Whether the calling worker owns the slot.
    #[inline]
    pub(crate) fn is_owned_by(&self, worker: &Worker) -> bool {
        ptr::eq(self.worker.load(Ordering::Acquire), worker)
    }

    /// Gives the token, for a worker that resumes the process directly and not through a queue. Returns whether the
    /// worker must resume it: the process was parked and is in no queue.
    #[inline]
    pub(crate) fn wake_here(&self) -> bool {
        self.check_owner();
        self.token.give()
    }

    /// Handles a task from the inbox of `worker`, on the thread of `worker`.
    pub(crate) fn arrive(&'static self, worker: &Worker) {
        self.token.arrive();
        if self.is_owned_by(worker) {
            if self.token.give() {
                worker.push_local(self);
            }
        } else {
            // The slot belongs to another worker now. The wake-up may be for the process there.
            self.unpark();
        }
    }

    // Called by the process itself, through `current()`.

    /// The worker on which the process runs.
    #[inline]
    pub(crate) fn worker(&self) -> &'static Worker {
        self.check_owner();
        // SAFETY: the pointer is set to a worker from before the process begins until it ends, and workers live for
        // ever.
        unsafe { &*self.worker.load(Ordering::Relaxed) }
    }

    /// Enters the process in this slot of a source, if the slot is free. Takes it out of its previous slot. Returns
    /// whether it is entered.
    pub(crate) fn register(&'static self, slot: &'static AtomicPtr<Task>) -> bool {
        self.deregister();
        let (null, this) = (ptr::null_mut(), ptr::from_ref(self).cast_mut());
        let free = slot.compare_exchange(null, this, Ordering::SeqCst, Ordering::SeqCst);
        if free.is_ok() {
            self.registered.set(Some(slot));
            // After the entry, the process must read current values. Not all of these reads are SeqCst, so a fence is
            // needed. On x86-64 the exchange is a fence already.
            if cfg!(not(target_arch = "x86_64")) {
                fence(Ordering::SeqCst);
            }
        }
        free.is_ok()
    }

    /// Takes the process out of the source in which it is entered.
    pub(crate) fn deregister(&self) {
        if let Some(slot) = self.registered.take() {
            let this = ptr::from_ref(self).cast_mut();
            // This fails if the source was freed meanwhile.
            let _ =
                slot.compare_exchange(this, ptr::null_mut(), Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Enters the process in this slot of a source, for a future that it polls now. It stays there until the wait for
    /// the future ends. Returns whether it is entered: it is not if the slot is another waiter's, or if the process
    /// stands in another slot for a future.
    #[inline]
    pub(crate) fn register_for_future(&'static self, slot: &'static AtomicPtr<Task>) -> bool {
        let holds = |slot: &AtomicPtr<Task>| ptr::eq(slot.load(Ordering::Relaxed), self);
        if !holds(slot) {
            if self.stands_for_future.get() && self.registered.get().is_some_and(holds) {
                return false;
            }
            if !self.register(slot) {
                return false;
            }
        }
        self.stands_for_future.set(true);
        true
    }

    // Waits for a future. See `waker`.

    /// A wait for a future begins. Returns whether it is inside the poll of another future.
    #[inline]
    pub(super) fn begin_future(&self) -> bool {
        self.check_owner();
        let nested = self.polls.replace(true);
        if !nested {
            self.woken.store(false, Ordering::Relaxed);
            self.stands_for_future.set(false);
        }
        nested
    }

    /// A wait for a future ends.
    #[inline]
    pub(super) fn end_future(&self, nested: bool) {
        self.polls.set(nested);
        if nested {
            // It may have taken wake-ups of the outer future.
            self.woken.store(true, Ordering::Relaxed);
        } else {
            self.stands_for_future.set(false);
        }
    }

    /// The process was suspended during the poll. From now on another socket may have the slot in which it stands.
    #[cold]
    pub(super) fn leave_future_slot(&self) {
        self.stands_for_future.set(false);
    }

    #[inline]
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Takes the wake-up of a future, if there is one.
    #[inline]
    pub(super) fn take_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed) && self.woken.swap(false, Ordering::AcqRel)
    }

    /// Wakes the process, and makes it poll its future again. Any thread may call this.
    #[inline]
    pub(super) fn wake_future(&'static self) {
        self.woken.store(true, Ordering::Release);
        self.unpark();
    }

    /// Whether the process has its own thread-locals.
    #[inline]
    pub(crate) fn has_own_thread_locals(&self) -> bool {
        self.kind.get() == Kind::Threadlike
    }

    /// The lowest address of the stack, and the address just past the highest.
    pub(crate) fn stack_bounds(&self) -> (usize, usize) {
        // The slot itself lies above the stack.
        (self.lowest, ptr::from_ref(self) as usize)
    }

    /// Whether this address lies on the process's stack, and not on the stack of a signal handler or of the worker.
    #[inline]
    pub(crate) fn is_on_stack(&self, address: usize) -> bool {
        let (lowest, end) = self.stack_bounds();
        (lowest..end).contains(&address)
    }

    /// Remembers what the process will use first when it goes on.
    #[inline]
    pub(crate) fn set_handle<T>(&self, handle: &T) {
        self.handle.set(ptr::from_ref(handle).cast());
    }

    /// Waits for the token, at most until `until`. May return early, so every caller looks again.
    #[inline]
    pub(crate) fn park(&'static self, until: Nanos, waiting: Waiting) {
        let for_descriptor = matches!(waiting, Waiting::Readable(_) | Waiting::Writable(_));
        if !for_descriptor && !self.stands_for_future.get() {
            self.deregister();
            // Some waits do not heed a stop, so nothing else looks here.
            let _ = self.is_stopped();
        }
        if self.token.begin_park() {
            if until == Nanos::NEVER {
                self.suspend(waiting);
            } else {
                self.worker().want_timer(self, until.min(self.limit.get()));
                self.suspend(waiting);
                self.timer.wanted.set(Nanos::NEVER);
                let limit = self.limit.get();
                if limit != Nanos::NEVER {
                    // The timer of the wait may have expired, and then the deadline of the process has no entry any
                    // more.
                    self.worker().want_timer(self, limit);
                }
            }
        } else {
            // The token may have been for a future in whose poll this wait is.
            self.woken.store(true, Ordering::Relaxed);
        }
        self.token.end_park();
    }

    /// Lets the worker run other processes first.
    pub(crate) fn yield_now(&'static self) {
        self.token.begin_yield();
        self.worker().push_local(self);
        self.suspend(Waiting::Yield);
        self.token.end_yield();
    }

    #[inline]
    fn suspend(&'static self, waiting: Waiting) {
        self.waiting.store(waiting.pack(), Ordering::Relaxed);
        self.since
            .store(self.worker().coarse_now().0, Ordering::Relaxed);
        self.stack_pointer.set(stack_pointer::get());
        // SAFETY: the pointer was set when the process began, and it is valid while the process runs.
        unsafe { &*self.yielder.get() }.suspend(());
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Counts one operation. After `BUDGET` operations without a suspension, other processes get their turn.
    #[inline]
    pub(crate) fn spend(&'static self) {
        let left = self.budget.get();
        if left == 0 {
            self.yield_when_possible();
        } else {
            self.budget.set(left - 1);
        }
    }

    #[cold]
    fn yield_when_possible(&'static self) {
        if !std::thread::panicking() || self.has_own_thread_locals() {
            self.yield_now();
        }
    }

    /// Takes the process off the listing. The process calls this before it reports its end, so a caller that then looks
    /// at the listing does not find it.
    pub(crate) fn unlist(&self) {
        *self.listed.lock() = None;
    }

    /// The process in this slot.
    pub(crate) fn info(&self) -> &Arc<Info> {
        self.check_owner();
        // SAFETY: this is the owner's thread, and the value changes only between two processes.
        unsafe { (*self.info.get()).as_ref() }.expect("called by the process itself")
    }

    /// Whether the waits of the process fail. If the process was asked something, it answers now.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped().is_some()
    }

    /// Why the waits of the process fail, if they do. If the process was asked something, it answers now.
    #[inline]
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        match self.stopped.load(Ordering::Acquire) {
            0 => None,
            code => self.stopped_or_asked(code),
        }
    }

    #[cold]
    fn stopped_or_asked(&self, code: u8) -> Option<Stopped> {
        if code & ASKED != 0 {
            self.stopped.fetch_and(!ASKED, Ordering::AcqRel);
            asked::answer(self.info());
        }
        Stopped::of(code & !ASKED)
    }

    /// Whether the processes that it spawns belong to it.
    #[inline]
    pub(crate) fn leads(&self) -> bool {
        self.leads.get()
    }

    /// Called on the worker's thread when a timer of this slot has expired. If it was the deadline of the process, the
    /// process and all that belong to it are stopped.
    pub(crate) fn check_limit(&'static self, now: Nanos) {
        self.check_owner();
        if self.limit.get() <= now {
            // This happens only once. The process may go on with waits that no deadline ends.
            self.limit.set(Nanos::NEVER);
            let info = Arc::clone(self.info());
            info.stop(Stopped::TimedOut);
        }
    }

    /// Runs `f` with the process-local values. `f` must not use them by another way.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce(&mut Locals) -> R) -> R {
        self.check_owner();
        // SAFETY: this is the owner's thread. `f` neither waits nor comes back here: `locals` is the only caller, and
        // it runs no user code in `f`.
        f(unsafe { &mut *self.locals.get() })
    }

    // Called by any thread.

    /// Gives the token, and wakes the process if it is parked.
    #[inline]
    pub(crate) fn unpark(&'static self) {
        // SAFETY: the pointer is null or leads to a worker, and workers live for ever.
        let Some(worker) = (unsafe { self.worker.load(Ordering::Acquire).as_ref() }) else {
            // The process has ended.
            return;
        };
        if worker.is_current() {
            if self.token.give() {
                worker.push_local(self);
            }
        } else if self.token.send() {
            worker.push_remote(self);
        }
    }

    /// Makes the waits of the process fail, if it still is the process in this slot. Returns whether it is.
    pub(crate) fn stop(&self, info: &Info, why: Stopped) -> bool {
        self.if_here(info, || {
            self.stopped.fetch_or(why.code(), Ordering::Release);
        })
    }

    /// Makes the process answer, if it still is the process in this slot.
    pub(crate) fn ask(&'static self, info: &Info) {
        let is_here = self.if_here(info, || {
            self.stopped.fetch_or(ASKED, Ordering::Release);
        });
        if is_here {
            self.unpark();
        }
    }

    /// Whether this is still the process in this slot.
    pub(crate) fn has(&self, info: &Info) -> bool {
        self.if_here(info, || ())
    }

    /// Calls `f` if this is still the process in this slot. Returns whether it is. It is until `f` returns.
    fn if_here(&self, info: &Info, f: impl FnOnce()) -> bool {
        let listed = self.listed.lock();
        let is_here = listed
            .as_ref()
            .is_some_and(|l| ptr::eq(&raw const **l, info));
        if is_here {
            f();
        }
        is_here
    }

    /// The process in this slot, what it waits for, whether it was notified, and since when, at about this moment.
    pub(crate) fn snapshot(&self) -> Option<(Arc<Info>, Waiting, bool, Nanos)> {
        let info = self.listed.lock().clone()?;
        let waiting = Waiting::unpack(self.waiting.load(Ordering::Relaxed));
        let notified = self.token.is_given();
        Some((
            info,
            waiting,
            notified,
            Nanos(self.since.load(Ordering::Relaxed)),
        ))
    }

    #[inline]
    fn check_owner(&self) {
        debug_assert!(
            crate::sched::worker::current().is_some_and(|w| self.is_owned_by(w)),
            "a task was touched from a foreign thread"
        );
    }
}

/// Runs the process with its own thread-locals. Neither this function nor any code inlined into it uses a thread-local.
///
/// # Safety
///
/// `block` belongs to the process of `coroutine`.
#[inline(never)]
unsafe fn resume_with(coroutine: &mut Process, block: *mut u8) -> CoroutineResult<(), ()> {
    let of_thread = thread_pointer::get();
    // SAFETY: the caller keeps this function's contract. Until the pointer is set back, only the process uses
    // thread-locals.
    unsafe { thread_pointer::set(block) };
    let result = coroutine.resume(());
    // SAFETY: the thread's own block becomes current again.
    unsafe { thread_pointer::set(of_thread) };
    result
}

/// How many cache lines of a stack are fetched ahead: two lines below the point of suspension, where the switch keeps
/// the registers, and the frames of the operation above it.
const STACK_LINES: usize = 10;
/// The same for a process that waits for a socket in a future. An HTTP server of hyper uses this much: 3 KiB below the
/// point of suspension, and 2 KiB above it.
const LINES_OF_POLL: usize = 48;
const LINES_OF_FUTURE: usize = 30;

#[cfg(not(std_net_loom))]
const _: () = assert!(std::mem::offset_of!(Task, info) <= 128);

impl Waiting {
    #[inline]
    fn pack(self) -> u64 {
        let (kind, fd) = match self {
            Waiting::Nothing => (0, 0),
            Waiting::Readable(fd) => (1, fd),
            Waiting::Writable(fd) => (2, fd),
            Waiting::Sleep => (3, 0),
            Waiting::Join => (4, 0),
            Waiting::Future => (5, 0),
            Waiting::Scope => (6, 0),
            Waiting::Blocking => (7, 0),
            Waiting::Yield => (8, 0),
        };
        kind << 32 | u64::from(fd.cast_unsigned())
    }

    fn unpack(packed: u64) -> Waiting {
        let fd = (packed as u32).cast_signed();
        match packed >> 32 {
            1 => Waiting::Readable(fd),
            2 => Waiting::Writable(fd),
            3 => Waiting::Sleep,
            4 => Waiting::Join,
            5 => Waiting::Future,
            6 => Waiting::Scope,
            7 => Waiting::Blocking,
            8 => Waiting::Yield,
            _ => Waiting::Nothing,
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("process", &self.snapshot())
            .finish_non_exhaustive()
    }
}
