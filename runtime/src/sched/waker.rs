//! How a process or thread waits for a future, and the wakers for that.
//!
//! The waker of a process is a pointer to its slot (see `task`). Slots are never unmapped, so a waker needs no
//! reference count and no allocation, and a late wake-up costs at most one extra poll.
//!
//! The park token alone does not suffice, because a wait inside the poll may take it. So a waker also sets the flag
//! `woken` in the slot. A socket that the future waits for may know the process by its slot instead, and give only the
//! token (`Task::register_for_future`). Therefore the future is polled again in these cases:
//!
//! 1. The flag is set.
//! 2. The process comes back from a park of this wait.
//! 3. The process was suspended during the poll, or a wait in the poll has taken a token. That wait may have taken a
//!    wake-up of the future, and the process may have lost its place in the slot of the socket.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};

use crate::deadline::Nanos;
use crate::sched::park::{self, Unparker};
use crate::sched::task::{Task, Waiting};

/// A wait for a future, in a process or on a thread.
pub(crate) enum FutureWait {
    Process {
        task: &'static Task,
        /// Whether this wait is inside the poll of another future.
        nested: bool,
        /// Whether the next turn must poll, for the second and the third reason.
        again: Cell<bool>,
    },
    Thread(Arc<Signal>),
}

impl FutureWait {
    #[inline]
    pub(crate) fn begin() -> FutureWait {
        match park::suspendable() {
            Some(task) => FutureWait::Process {
                task,
                nested: task.begin_future(),
                again: Cell::new(false),
            },
            None => FutureWait::Thread(Arc::new(Signal {
                woken: AtomicBool::new(false),
                unparker: park::unparker(),
            })),
        }
    }

    pub(crate) fn waker(&self) -> Waker {
        match self {
            FutureWait::Process { task, .. } => of_task(task),
            FutureWait::Thread(signal) => Waker::from(Arc::clone(signal)),
        }
    }

    /// Polls by `poll`, and notices whether the process was suspended meanwhile.
    #[inline]
    pub(crate) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let FutureWait::Process { task, again, .. } = self else {
            return poll(context);
        };
        let before = task.worker().progress();
        let polled = poll(context);
        if task.worker().progress() != before {
            task.leave_future_slot();
            again.set(true);
        }
        polled
    }

    /// Whether the future must be polled again. This takes the wake-up.
    #[inline]
    pub(crate) fn take_woken(&self) -> bool {
        match self {
            // Both are taken, because one poll answers both.
            FutureWait::Process { task, again, .. } => task.take_woken() | again.replace(false),
            FutureWait::Thread(signal) => signal.woken.swap(false, Ordering::SeqCst),
        }
    }

    /// Whether there is a wake-up. It stays.
    pub(crate) fn is_woken(&self) -> bool {
        match self {
            FutureWait::Process { task, again, .. } => task.is_woken() || again.get(),
            FutureWait::Thread(signal) => signal.woken.load(Ordering::SeqCst),
        }
    }

    /// Waits for a wake-up, at most until `until`. May return early.
    #[inline]
    pub(crate) fn park(&self, until: Nanos) {
        match self {
            FutureWait::Process { task, again, .. } => {
                task.park(until, Waiting::Future);
                again.set(true);
            }
            FutureWait::Thread(_) => park::park(until, Waiting::Future),
        }
    }
}

impl Drop for FutureWait {
    #[inline]
    fn drop(&mut self) {
        if let FutureWait::Process { task, nested, .. } = self {
            task.end_future(*nested);
        }
    }
}

/// Tells a thread to poll its future again.
pub(crate) struct Signal {
    woken: AtomicBool,
    unparker: Unparker,
}

impl Wake for Signal {
    fn wake(self: Arc<Signal>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Signal>) {
        self.woken.store(true, Ordering::SeqCst);
        self.unparker.unpark();
    }
}

// The waker of a process.

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, forget);

fn of_task(task: &'static Task) -> Waker {
    // SAFETY: the functions below keep the contract of `RawWaker`: the pointer leads to a slot, which lives for ever
    // and which any thread may wake, so a copy needs nothing and a drop frees nothing.
    unsafe { Waker::new(ptr::from_ref(task).cast(), &VTABLE) }
}

/// The process that `waker` wakes, if it is the waker of a process and not of other code that drives futures.
#[inline]
pub(crate) fn task_of(waker: &Waker) -> Option<&'static Task> {
    // SAFETY: only `of_task` makes wakers with this table, and their pointers lead to slots, which live for ever.
    ptr::eq(waker.vtable(), &raw const VTABLE).then(|| unsafe { &*waker.data().cast::<Task>() })
}

unsafe fn clone(task: *const ()) -> RawWaker {
    RawWaker::new(task, &VTABLE)
}

unsafe fn wake(task: *const ()) {
    // SAFETY: the pointer comes from `of_task`.
    let task: &'static Task = unsafe { &*task.cast::<Task>() };
    task.wake_future();
}

unsafe fn forget(_: *const ()) {}
