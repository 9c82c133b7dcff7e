//! The slot a process runs in: its coroutine, its park token, its timer. Not the process as its
//! users see it; see `process`.
//!
//! A slot lies at the top of its stack (see `stack`), is reused and never unmapped. So a pointer to
//! one can be kept by any waker at no cost, and a late wake-up at worst wakes the slot's next
//! process, which like every waiter looks again and parks again.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering, fence};

use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::deadline::Nanos;
use crate::prefetch::prefetch;
use crate::sched::info::{Info, Kind};
use crate::sched::locals::Locals;
use crate::sched::stack::Stack;
use crate::sched::stop::Stopped;
use crate::sched::threadlike::{self, OfThread};
use crate::sched::trace::Spans;
use crate::sched::worker::Worker;
use crate::sys::lock::Lock;
use crate::sys::thread_pointer;
use crate::wake::Token;

/// How many operations a process may do before it lets others run.
const BUDGET: u32 = 64;

/// A process, suspended or running.
type Process = Coroutine<(), (), (), Stack>;

/// What every wake-up and every wait touch lies in the first three cache lines.
#[repr(C, align(64))]
pub(crate) struct Task {
    token: Token,
    /// Why its waits fail, as [`Stopped::code`]; 0 while they do not.
    stopped: AtomicU8,
    kind: Cell<Kind>,
    budget: Cell<u32>,
    /// Null while no worker has the slot. Set and cleared on that worker's thread. So a caller that finds
    /// its own worker here owns the slot until it returns to the worker's loop.
    worker: AtomicPtr<Worker>,
    coroutine: UnsafeCell<Option<Process>>,
    yielder: Cell<*const Yielder<(), ()>>,
    /// Where the process was suspended, to fetch its stack before it goes on.
    stack_pointer: Cell<*const u8>,
    /// The place in a source where the process is entered as the one to wake. It stays there while it
    /// waits for nothing else, so that the next wait for the same costs nothing.
    registered: Cell<Option<&'static AtomicPtr<Task>>>,
    /// The socket that it waits for, to fetch that too.
    handle: Cell<*const u8>,
    timer: Timer,
    waiting: AtomicU64,
    since: AtomicU64,
    /// Link in the worker's inbox. Used by the thread that sent the task.
    pub(crate) next: AtomicPtr<Task>,
    info: UnsafeCell<Option<Arc<Info>>>,
    /// What a threadlike process has of its own.
    own: Own,
    /// What the process has entered, while it waits.
    spans: Spans,
    // What is rarely touched.
    /// The deadline of the process: what its timer wants while it wants nothing nearer.
    limit: Cell<Nanos>,
    /// Whether what the process spawns belongs to it.
    leads: Cell<bool>,
    locals: UnsafeCell<Locals>,
    /// For the listing of processes and for cancelling, by any thread.
    listed: Lock<Option<Arc<Info>>>,
}

/// What a threadlike process has of its own.
struct Own {
    /// Its thread-locals; null if there are none.
    block: Cell<*mut u8>,
    /// The lowest address of its stack.
    lowest: Cell<usize>,
}

pub(crate) struct Timer {
    /// When the process wants to be woken.
    pub(crate) wanted: Cell<Nanos>,
    /// The time of its live entry in the heap; `NEVER` if it has none.
    pub(crate) armed: Cell<Nanos>,
}

// SAFETY: what is not atomic or locked is touched by the thread of `worker` only: the functions
// that do so are reached through `current`, which is set on that thread alone, or from the worker's
// loop, and check it in debug builds.
unsafe impl Sync for Task {}
// SAFETY: as above; a reference says nothing about the thread that holds it.
unsafe impl Send for Task {}

/// What a process waits for, for its listing.
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

/// In the thread-locals of a threadlike process, once and for all.
pub(crate) fn make_current(task: &'static Task) {
    CURRENT.set(Some(task));
}

/// The task whose process calls this, or `None` on a plain thread.
#[inline]
pub(crate) fn current() -> Option<&'static Task> {
    CURRENT.get()
}

/// Runs `f` on the stack of the worker's thread. A computation that goes deep then does not touch pages of
/// the process's own stack, which would stay with it. `f` must not wait: to `f` this is a plain thread, and a
/// wait in it blocks the worker.
pub(crate) fn on_thread_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    /// The process is one again, also when `f` panics.
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
    // SAFETY: set when the process began, and valid for as long as it runs. It runs now, so the
    // worker is in `resume`, and its stack is free below that.
    let yielder = unsafe { &*task.yielder.get() };
    // Nothing suspends while the thread's stack is in use: without a current task nothing can.
    CURRENT.set(None);
    let _restore = Restore(task);
    // A panic ends where the stack does, and goes on from here.
    match yielder.on_parent_stack(|| catch_unwind(AssertUnwindSafe(f))) {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

/// Runs `f` with the id and name of the process running on this thread. Safe in a signal handler.
pub(crate) fn with_running_name(f: impl FnOnce(u64, Option<&str>)) {
    if let Some(task) = current() {
        // SAFETY: `current` is set on this thread only while the worker's loop is suspended below
        // this process, so nothing changes `info` meanwhile.
        if let Some(info) = unsafe { &*task.info.get() } {
            f(info.id.get(), info.name());
        }
    }
}

impl Task {
    /// An empty slot.
    pub(crate) fn new() -> Task {
        Task {
            token: Token::new(),
            stopped: AtomicU8::new(0),
            kind: Cell::new(Kind::Ordinary),
            budget: Cell::new(0),
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
            own: Own {
                block: Cell::new(ptr::null_mut()),
                lowest: Cell::new(0),
            },
            spans: Spans::new(),
            limit: Cell::new(Nanos::NEVER),
            leads: Cell::new(false),
            locals: UnsafeCell::new(Locals::new()),
            listed: Lock::new(None),
        }
    }

    /// An empty slot in the hands of a worker.
    #[cfg(all(test, not(std_net_loom)))]
    pub(crate) fn of(worker: &'static Worker) -> Task {
        let task = Task::new();
        task.worker
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Relaxed);
        task
    }

    // By the worker's loop.

    /// Puts a process into the slot of this stack, to run on `worker`, whose thread calls this.
    /// `main` must not unwind.
    pub(crate) fn begin(
        worker: &'static Worker,
        stack: Stack,
        info: Arc<Info>,
        main: impl FnOnce() + 'static,
    ) -> &'static Task {
        let task = stack.task();
        task.worker
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
        // A late wake-up of the process before may have left it.
        task.token.end_park();
        info.set_task(task);
        {
            let mut listed = task.listed.lock();
            *listed = Some(Arc::clone(&info));
            // After `set_task`: a stop either finds the task or is found here.
            task.stopped.store(info.stop_code(), Ordering::Relaxed);
        }
        task.leads.set(info.leads);
        if info.deadline != Nanos::NEVER {
            task.limit.set(info.deadline);
            worker.want_timer(task, info.deadline);
        }
        task.kind.set(info.kind);
        task.own.lowest.set(stack.limit().get());
        let of_thread = (info.kind == Kind::Threadlike).then(|| {
            task.own.block.set(threadlike::allocate(info.id.get()));
            OfThread::of(worker)
        });
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            task.yielder.set(yielder);
            if let Some(of_thread) = of_thread {
                // The first accesses to these thread-locals.
                threadlike::begin(task, of_thread);
            }
            main();
        });
        // SAFETY: owner's thread, and no reference into these cells is held across a call.
        unsafe {
            *task.info.get() = Some(info);
            *task.coroutine.get() = Some(coroutine);
        }
        task
    }

    /// Runs the process until it waits; gives its stack back if it has ended.
    #[inline]
    pub(crate) fn resume(&'static self) -> Option<Stack> {
        self.check_owner();
        self.budget.set(BUDGET);
        // SAFETY: owner's thread; the process itself never touches `coroutine`, so this is the only
        // reference. A queued or just begun task has a coroutine.
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

    /// Runs a process to which thread-locals belong.
    #[inline(never)]
    fn resume_threadlike(&'static self, coroutine: &mut Process) -> CoroutineResult<(), ()> {
        let block = self.own.block.get();
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
        // SAFETY: the block of this process, which nobody else uses.
        unsafe { resume_with(coroutine, block) }
    }

    fn end(&'static self) -> Stack {
        self.deregister();
        self.spans.end();
        let block = self.own.block.replace(ptr::null_mut());
        if !block.is_null() {
            threadlike::free(block);
        }
        self.timer.wanted.set(Nanos::NEVER);
        self.limit.set(Nanos::NEVER);
        // SAFETY: as in `begin`; the coroutine has returned.
        let (coroutine, info) =
            unsafe { ((*self.coroutine.get()).take(), (*self.info.get()).take()) };
        drop(info);
        coroutine.expect("it has just returned").into_stack()
    }

    /// The empty slot is about to leave its worker, whose thread calls this: from now on nobody
    /// takes that for its owner.
    pub(crate) fn disown(&self) {
        // The entry stays in the worker's heap, dead.
        self.timer.armed.set(Nanos::NEVER);
        self.worker.store(ptr::null_mut(), Ordering::Release);
    }

    /// Has the processor fetch what a wake-up touches.
    #[inline]
    pub(crate) fn prefetch(&self) {
        let slot: *const Task = self;
        prefetch(slot);
        prefetch(slot.cast::<u8>().wrapping_add(64));
    }

    /// Has the processor fetch what the process touches first. The slot itself has been fetched.
    #[inline]
    pub(crate) fn prefetch_stack(&self) {
        let top = self.stack_pointer.get();
        for line in 0..STACK_LINES {
            prefetch(top.wrapping_add(64 * line).wrapping_sub(128));
        }
        prefetch(self.handle.get());
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

    /// Gives the token, for a worker that resumes the process itself, without a queue. Returns whether the
    /// worker is to do so: the process waits, and is in no queue.
    #[inline]
    pub(crate) fn wake_here(&self) -> bool {
        self.check_owner();
        self.token.give()
    }

    /// A task has come out of the inbox of `worker`, on whose thread this is.
    pub(crate) fn arrive(&'static self, worker: &Worker) {
        self.token.arrive();
        if self.is_owned_by(worker) {
            if self.token.give() {
                worker.push_local(self);
            }
        } else {
            // The slot has gone to another worker since. The wake-up may be for the process there.
            self.unpark();
        }
    }

    // By the process itself, as `current()`.

    /// The worker on which the process runs.
    #[inline]
    pub(crate) fn worker(&self) -> &'static Worker {
        self.check_owner();
        // SAFETY: set to a worker, which lives for ever, before the process began and until it ends.
        unsafe { &*self.worker.load(Ordering::Relaxed) }
    }

    /// Enters the process in this place of a source, if it is free, and takes it out of the one where it
    /// was. Returns whether it is entered.
    pub(crate) fn register(&'static self, slot: &'static AtomicPtr<Task>) -> bool {
        self.deregister();
        let (null, this) = (ptr::null_mut(), ptr::from_ref(self).cast_mut());
        let free = slot.compare_exchange(null, this, Ordering::SeqCst, Ordering::SeqCst);
        if free.is_ok() {
            self.registered.set(Some(slot));
            // What the process looks at from now on, it must see as it is after its entry. Not all of that
            // is read SeqCst; on x86-64 the exchange is a fence already.
            if cfg!(not(target_arch = "x86_64")) {
                fence(Ordering::SeqCst);
            }
        }
        free.is_ok()
    }

    /// Takes the process out of the source where it is entered.
    fn deregister(&self) {
        if let Some(slot) = self.registered.take() {
            let this = ptr::from_ref(self).cast_mut();
            // Fails when the source has been freed since.
            let _ =
                slot.compare_exchange(this, ptr::null_mut(), Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Whether nobody else has its thread-locals.
    #[inline]
    pub(crate) fn has_own_thread_locals(&self) -> bool {
        self.kind.get() == Kind::Threadlike
    }

    /// The lowest address of the process's stack, and the one past its highest.
    pub(crate) fn stack_bounds(&self) -> (usize, usize) {
        // The slot itself lies above the stack.
        (self.own.lowest.get(), ptr::from_ref(self) as usize)
    }

    /// Whether this lies on the stack of the process: not on that of a signal handler, or of its worker.
    #[inline]
    pub(crate) fn is_on_stack(&self, address: usize) -> bool {
        let (lowest, end) = self.stack_bounds();
        (lowest..end).contains(&address)
    }

    /// Remembers what the process will touch first when it goes on.
    #[inline]
    pub(crate) fn set_handle<T>(&self, handle: &T) {
        self.handle.set(ptr::from_ref(handle).cast());
    }

    /// Waits for the token, at most until `until`. May return early: every caller looks again.
    #[inline]
    pub(crate) fn park(&'static self, until: Nanos, waiting: Waiting) {
        if !matches!(waiting, Waiting::Readable(_) | Waiting::Writable(_)) {
            self.deregister();
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
                    // The nearer one may have come up, and there is no entry any more.
                    self.worker().want_timer(self, limit);
                }
            }
        }
        self.token.end_park();
    }

    /// Lets the worker run others first.
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
        let here = 0u8;
        self.stack_pointer.set(&raw const here);
        // SAFETY: set when the process began, and valid for as long as it runs.
        unsafe { &*self.yielder.get() }.suspend(());
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Counts one operation. After a budget of them without a suspension other processes get their turn.
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

    /// The process is about to tell its end: a caller that then looks for it must not find it in a listing.
    pub(crate) fn unlist(&self) {
        *self.listed.lock() = None;
    }

    /// The process in this slot.
    pub(crate) fn info(&self) -> &Arc<Info> {
        self.check_owner();
        // SAFETY: owner's thread; it changes only between processes.
        unsafe { (*self.info.get()).as_ref() }.expect("called by the process itself")
    }

    /// Whether the waits of the process fail.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) != 0
    }

    /// Why they do.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        Stopped::of(self.stopped.load(Ordering::Acquire))
    }

    /// Whether what the process spawns belongs to it.
    #[inline]
    pub(crate) fn leads(&self) -> bool {
        self.leads.get()
    }

    /// A timer of this slot has come up, on its worker's thread: if it was that of the process's
    /// deadline, it and all that belong to it are stopped.
    pub(crate) fn check_limit(&'static self, now: Nanos) {
        self.check_owner();
        if self.limit.get() <= now {
            // Once: it may go on waiting for what no deadline ends.
            self.limit.set(Nanos::NEVER);
            let info = Arc::clone(self.info());
            info.stop(Stopped::TimedOut);
        }
    }

    /// Runs `f` with the process-local values; `f` must not reach them again.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce(&mut Locals) -> R) -> R {
        self.check_owner();
        // SAFETY: owner's thread, and `f` neither waits nor comes back here: `locals` is
        // the only caller and runs no user code in it.
        f(unsafe { &mut *self.locals.get() })
    }

    // By anyone.

    /// Gives the token: wakes the process if it is parked.
    #[inline]
    pub(crate) fn unpark(&'static self) {
        // SAFETY: only ever null or a worker, and workers live for ever.
        let Some(worker) = (unsafe { self.worker.load(Ordering::Acquire).as_ref() }) else {
            // It has ended.
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

    /// Makes the waits of the process fail if it is still the one in this slot, and says whether it is.
    pub(crate) fn stop(&self, info: &Info, why: Stopped) -> bool {
        let listed = self.listed.lock();
        let is_here = listed
            .as_ref()
            .is_some_and(|l| ptr::eq(&raw const **l, info));
        if is_here {
            self.stopped.store(why.code(), Ordering::Release);
        }
        is_here
    }

    /// The process in this slot, what it waits for, and since when, at about this moment.
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

/// Runs the process with thread-locals of its own. Neither this function nor what is built into it
/// touches a thread-local.
///
/// # Safety
///
/// `block` belongs to the process of `coroutine`.
#[inline(never)]
unsafe fn resume_with(coroutine: &mut Process, block: *mut u8) -> CoroutineResult<(), ()> {
    let of_thread = thread_pointer::get();
    // SAFETY: the caller keeps this function's contract; no thread-local is touched before it is undone but by the process.
    unsafe { thread_pointer::set(block) };
    let result = coroutine.resume(());
    // SAFETY: the thread's own again.
    unsafe { thread_pointer::set(of_thread) };
    result
}

/// How much of a stack is fetched ahead: two lines below the place of suspension, where the switch
/// keeps the registers, and the frames of the operation above it.
const STACK_LINES: usize = 10;

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
