//! The slot a process runs in: its coroutine, its park token, its timer. Not the process as its
//! users see it; see `process`.
//!
//! Slots belong to one worker for ever, are reused and never freed. So a pointer to one can be
//! kept by any waker at no cost, and a late wake-up at worst wakes the slot's next process, which
//! like every waiter looks again and parks again.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::deadline::Nanos;
use crate::process::info::Info;
use crate::process::local::Locals;
use crate::stack::Stack;
use crate::wake::Token;
use crate::worker::Worker;

/// How many operations a process may do before it lets others run.
const BUDGET: u32 = 64;

#[repr(align(128))]
pub(crate) struct Task {
    token: Token,
    pub(crate) worker: &'static Worker,
    /// Link in the worker's inbox; used by whoever turned PARKED into NOTIFIED.
    pub(crate) next: AtomicPtr<Task>,
    owned: Owned,
    /// For the listing of processes, by any thread.
    listed: Mutex<Option<Arc<Info>>>,
    waiting: AtomicU64,
    since: AtomicU64,
}

/// What only the worker's own thread touches.
struct Owned {
    coroutine: UnsafeCell<Option<Coroutine<(), (), (), Stack>>>,
    yielder: Cell<*const Yielder<(), ()>>,
    info: UnsafeCell<Option<Arc<Info>>>,
    locals: UnsafeCell<Locals>,
    budget: Cell<u32>,
    timer: Timer,
}

pub(crate) struct Timer {
    /// When the process wants to be woken.
    pub(crate) wanted: Cell<Nanos>,
    /// The time of its live entry in the heap; `NEVER` if it has none.
    pub(crate) armed: Cell<Nanos>,
}

// SAFETY: everything but `owned` is atomic or locked. `owned` is touched by the thread of `worker`
// only: the functions that do so are reached through `current`, which is set on that thread alone,
// or from the worker's loop, and check it in debug builds.
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

/// The task whose process calls this, or `None` on a plain thread.
#[inline]
pub(crate) fn current() -> Option<&'static Task> {
    CURRENT.get()
}

/// Runs `f`, which computes and does not wait, on the stack of the worker's thread: what goes deep
/// need not make the stack of each process deep, whose pages stay with it. To `f` it is as on a plain
/// thread; a wait in it blocks the worker.
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
    let yielder = unsafe { &*task.owned.yielder.get() };
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
        if let Some(info) = unsafe { &*task.owned.info.get() } {
            f(info.id.get(), info.name());
        }
    }
}

impl Task {
    /// Makes a slot that lives for ever.
    pub(crate) fn leak(worker: &'static Worker) -> &'static Task {
        Box::leak(Box::new(Task {
            token: Token::new(),
            worker,
            next: AtomicPtr::new(ptr::null_mut()),
            owned: Owned {
                coroutine: UnsafeCell::new(None),
                yielder: Cell::new(ptr::null()),
                info: UnsafeCell::new(None),
                locals: UnsafeCell::new(Locals::new()),
                budget: Cell::new(0),
                timer: Timer {
                    wanted: Cell::new(Nanos::NEVER),
                    armed: Cell::new(Nanos::NEVER),
                },
            },
            listed: Mutex::new(None),
            waiting: AtomicU64::new(0),
            since: AtomicU64::new(0),
        }))
    }

    // By the worker's loop.

    /// Puts a process into this empty slot. `main` must not unwind.
    pub(crate) fn begin(
        &'static self,
        stack: Stack,
        info: Arc<Info>,
        main: impl FnOnce() + 'static,
    ) {
        self.check_owner();
        info.set_task(self);
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&info));
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            self.owned.yielder.set(yielder);
            main();
        });
        // SAFETY: owner's thread, and no reference into these cells is held across a call.
        unsafe {
            *self.owned.info.get() = Some(info);
            *self.owned.coroutine.get() = Some(coroutine);
        }
    }

    /// Runs the process until it waits; gives its stack back if it has ended.
    pub(crate) fn resume(&'static self) -> Option<Stack> {
        self.check_owner();
        self.owned.budget.set(BUDGET);
        CURRENT.set(Some(self));
        // SAFETY: owner's thread; the process itself never touches `coroutine`, so this is the only
        // reference. A queued or just begun task has a coroutine.
        let coroutine = unsafe { (*self.owned.coroutine.get()).as_mut() };
        let result = coroutine.expect("a queued task has a process").resume(());
        CURRENT.set(None);
        match result {
            CoroutineResult::Yield(()) => None,
            CoroutineResult::Return(()) => Some(self.end()),
        }
    }

    fn end(&'static self) -> Stack {
        self.owned.timer.wanted.set(Nanos::NEVER);
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // SAFETY: as in `begin`; the coroutine has returned.
        let (coroutine, info) = unsafe {
            (
                (*self.owned.coroutine.get()).take(),
                (*self.owned.info.get()).take(),
            )
        };
        drop(info);
        coroutine.expect("it has just returned").into_stack()
    }

    pub(crate) fn timer(&self) -> &Timer {
        self.check_owner();
        &self.owned.timer
    }

    // By the process itself, as `current()`.

    /// Waits for the token, at most until `until`. May return early: every caller looks again.
    pub(crate) fn park(&'static self, until: Nanos, waiting: Waiting) {
        if self.token.begin_park() {
            if until != Nanos::NEVER {
                self.worker.want_timer(self, until);
            }
            self.suspend(waiting);
            self.owned.timer.wanted.set(Nanos::NEVER);
        }
        self.token.end_park();
    }

    /// Lets the worker run others first.
    pub(crate) fn yield_now(&'static self) {
        // The token stays: taking it back could swallow one that was given meanwhile. At worst
        // the next park returns early.
        self.token.give_to_self();
        self.worker.push_local(self);
        self.suspend(Waiting::Yield);
    }

    fn suspend(&'static self, waiting: Waiting) {
        self.check_owner();
        self.waiting.store(waiting.pack(), Ordering::Relaxed);
        self.since
            .store(self.worker.coarse_now().0, Ordering::Relaxed);
        // SAFETY: set when the process began, and valid for as long as it runs.
        unsafe { &*self.owned.yielder.get() }.suspend(());
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Counts one operation; after a budget of them without a suspension others get their turn.
    #[inline]
    pub(crate) fn spend(&'static self) {
        let left = self.owned.budget.get();
        if left == 0 {
            self.yield_when_possible();
        } else {
            self.owned.budget.set(left - 1);
        }
    }

    #[cold]
    fn yield_when_possible(&'static self) {
        if !std::thread::panicking() {
            self.yield_now();
        }
    }

    /// The process in this slot.
    pub(crate) fn info(&self) -> &Arc<Info> {
        self.check_owner();
        // SAFETY: owner's thread; it changes only between processes.
        unsafe { (*self.owned.info.get()).as_ref() }.expect("called by the process itself")
    }

    /// Runs `f` with the process-local values; `f` must not reach them again.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce(&mut Locals) -> R) -> R {
        self.check_owner();
        // SAFETY: owner's thread, and `f` neither waits nor comes back here: `process::local` is
        // the only caller and runs no user code in it.
        f(unsafe { &mut *self.owned.locals.get() })
    }

    // By anyone.

    /// Gives the token: wakes the process if it is parked.
    #[inline]
    pub(crate) fn unpark(&'static self) {
        if self.token.give() {
            self.worker.push(self);
        }
    }

    /// The process in this slot, what it waits for, and since when, at about this moment.
    pub(crate) fn snapshot(&self) -> Option<(Arc<Info>, Waiting, bool, Nanos)> {
        let info = self
            .listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
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
            self.worker.is_current(),
            "a task was touched from a foreign thread"
        );
    }
}

impl Waiting {
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
