//! Threadlike processes: to all code that runs in one, it is a thread. What would block its thread parks
//! it, also in code that knows nothing of processes, and it has thread-locals of its own.
//!
//! Both come from an *interposer*, the crate `std_net_interpose`, which defines the C library's blocking
//! functions and knows how that library lays out a thread's block. The runtime knows neither. It
//! switches the thread pointer with the stack, and offers the interposer what its functions wait with.
//!
//! What the runtime itself keeps per thread it must find in a threadlike process too. What names the
//! process and its worker is written into the process's block when it begins; what belongs to the thread
//! (buffers, pipes) is reached by a pointer to the thread's.

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use crate::buffers::pool;
use crate::deadline::Nanos;
use crate::sched::stop::Stopped;
use crate::sched::task::{self, Task, Waiting};
use crate::sched::worker::Worker;
use crate::sys::Reactor;
use crate::sys::lock::{self, Lock};
use crate::sys::{pipes_of_thread, use_pipes_of_thread};

/// What the interposing crate does for the runtime.
#[derive(Debug)]
pub struct Interposer {
    /// Whether processes can be threadlike in this program, and if not, why. Looked at once.
    pub check: fn() -> Result<(), String>,
    /// Makes a block of thread-locals for the process of this number, to run on the calling thread; null
    /// if there is no memory.
    pub allocate: fn(u64) -> *mut u8,
    /// Called by the process as it begins: the block is in force.
    pub begin: fn(),
    /// Called by the process as it ends: runs the destructors of its thread-locals.
    pub end: fn(),
    /// Frees a block, on the thread of its process.
    ///
    /// # Safety
    ///
    /// It is from `allocate`, and its process has ended.
    pub free: unsafe fn(*mut u8),
}

static INTERPOSER: AtomicPtr<Interposer> = AtomicPtr::new(ptr::null_mut());

/// Tells the runtime of the interposer, before `main`.
pub fn install(interposer: &'static Interposer) {
    INTERPOSER.store(ptr::from_ref(interposer).cast_mut(), Ordering::Release);
}

fn interposer() -> Option<&'static Interposer> {
    // SAFETY: null, or from a reference for ever.
    unsafe { INTERPOSER.load(Ordering::Acquire).as_ref() }
}

/// Whether processes can be threadlike here.
///
/// # Errors
///
/// [`Unsupported`](io::ErrorKind::Unsupported) with the reason.
pub(crate) fn check() -> io::Result<()> {
    static CHECKED: Lock<Option<Result<(), String>>> = Lock::new(None);
    let Some(interposer) = interposer() else {
        return Err(unsupported(
            "the crate std_net_interpose is not linked, or not for this platform (say `use std_net_interpose as _;` in main.rs)",
        ));
    };
    if Reactor::REPORTS_ONCE {
        return Err(unsupported("the portable reactor is in use"));
    }
    let known = CHECKED.lock().clone();
    let checked = known.unwrap_or_else(|| {
        // Not under the lock: it runs code of others. Twice is as good as once.
        let checked = (interposer.check)();
        CHECKED.lock().get_or_insert(checked).clone()
    });
    checked.map_err(|reason| unsupported(&reason))
}

fn unsupported(reason: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("no process can be threadlike here: {reason}"),
    )
}

// The life of a process, by its task.

thread_local! {
    /// The threadlike process, in its own thread-locals; `None` elsewhere.
    static THREADLIKE: Cell<Option<&'static Task>> = const { Cell::new(None) };
}

/// What a process must find that is its thread's.
#[derive(Clone, Copy)]
pub(crate) struct OfThread {
    worker: &'static Worker,
    pools: *const (),
    pipes: *const (),
}

impl OfThread {
    /// On the thread of this worker.
    pub(crate) fn of(worker: &'static Worker) -> OfThread {
        OfThread {
            worker,
            pools: pool::of_thread(),
            pipes: pipes_of_thread(),
        }
    }
}

/// A block of thread-locals for a process that is to run on this thread. `check` has been successful.
pub(crate) fn allocate(process: u64) -> *mut u8 {
    let interposer = interposer().expect("a threadlike process was spawned");
    let block = (interposer.allocate)(process);
    if block.is_null() {
        // As when there is no memory for a box: nobody can be told.
        eprintln!("std_net: no memory for the thread-locals of process {process}");
        std::process::abort();
    }
    block
}

/// Called by the process, with its block in force, before anything else.
#[inline(never)]
pub(crate) fn begin(task: &'static Task, of_thread: OfThread) {
    task::make_current(task);
    of_thread.worker.make_current();
    // SAFETY: those of this thread, on which a worker runs, which ends after its processes.
    unsafe {
        pool::use_of_thread(of_thread.pools);
        use_pipes_of_thread(of_thread.pipes);
    }
    if let Some(interposer) = interposer() {
        (interposer.begin)();
    }
    THREADLIKE.set(Some(task));
}

/// Called by a process that ends: what threads do when they end.
pub(crate) fn end() {
    if task::current().is_some_and(Task::has_own_thread_locals)
        && let Some(interposer) = interposer()
    {
        (interposer.end)();
    }
}

/// Frees the block of a process that has ended.
pub(crate) fn free(block: *mut u8) {
    if let Some(interposer) = interposer() {
        // SAFETY: from `allocate`; the process has returned from its stack for the last time.
        unsafe { (interposer.free)(block) };
    }
}

/// For a process that has the thread-locals of its thread, while it runs.
pub(crate) fn set_current(task: Option<&'static Task>) {
    THREADLIKE.set(task);
}

// What the interposer's functions wait with.

/// The threadlike process that calls this. None on a plain thread and in an ordinary process; none in a
/// signal handler with a stack of its own, none while the runtime holds a lock, and none in the child after
/// `fork(2)`: there every function is the system call it always was.
#[inline]
#[must_use]
pub fn current() -> Option<Threadlike> {
    let task = THREADLIKE.get()?;
    let here = 0_u8;
    let parks = task.is_on_stack(ptr::from_ref(&here) as usize) && !lock::is_held();
    parks.then_some(Threadlike(task))
}

/// In the child after `fork(2)`: nobody is a threadlike process any more.
pub(crate) fn in_child() {
    THREADLIKE.set(None);
}

/// A threadlike process: the one that calls, or one that is to be woken.
#[derive(Clone, Copy, Debug)]
pub struct Threadlike(pub(crate) &'static Task);

impl Threadlike {
    /// Waits for [`unpark`](Self::unpark), at most until `until`. May return early. By the process itself.
    pub fn park(self, until: Until) {
        self.0.park(until.0, Waiting::Blocking);
    }

    /// Wakes it. Once too often is harmless, also when another process has its slot by now.
    pub fn unpark(self) {
        self.0.unpark();
    }

    /// Sleeps until `until`, to the end: a cancel does not wake it, since code that calls `sleep(3)` does
    /// not expect to be woken.
    pub fn sleep(self, until: Until) {
        while !until.has_passed() {
            self.0.park(until.0, Waiting::Sleep);
        }
    }

    /// Lets others run.
    pub fn yield_now(self) {
        self.0.yield_now();
    }

    /// Why its waits fail, as an error number, if they do: `ECANCELED` if it was cancelled, `ETIMEDOUT` past its
    /// deadline.
    #[must_use]
    pub fn stopped(self) -> Option<i32> {
        self.0.stopped().map(|why| match why {
            Stopped::Cancelled => libc::ECANCELED,
            Stopped::TimedOut => libc::ETIMEDOUT,
        })
    }

    /// Lets others run if it has done many operations without a wait, as std_net's own operations do.
    #[inline]
    pub fn spend(self) {
        self.0.spend();
    }

    /// The lowest address of its stack, and the one past its highest.
    #[must_use]
    pub fn stack(self) -> (usize, usize) {
        self.0.stack_bounds()
    }
}

/// A moment, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until(pub(crate) Nanos);

impl Until {
    /// It does not come.
    pub const NEVER: Until = Until(Nanos::NEVER);

    /// So much from now on; `None` is never.
    #[must_use]
    pub fn after(wait: Option<Duration>) -> Until {
        Until(wait.map_or(Nanos::NEVER, |wait| Nanos::now().after(wait)))
    }

    /// Whether it has come.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0.has_passed()
    }
}
