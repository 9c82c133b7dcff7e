//! Threadlike processes: a process that is a thread to all code that runs in it. Code that would block the thread parks
//! the process instead, even code that knows nothing of processes. The process also has its own thread-locals.
//!
//! Both features come from an *interposer*, the crate `std_net_interpose`. It defines the C library's blocking
//! functions and knows how that library lays out a thread's block. The runtime knows neither. It switches the thread
//! pointer together with the stack, and it offers the interposer's functions a way to wait.
//!
//! The runtime's own thread-locals must also work in a threadlike process. When a process begins, the runtime writes
//! the pointers to the process and its worker into the process's block. What belongs to the thread (buffers, pipes) is
//! reached through a pointer to the thread's copy.

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use crate::buffers::pool;
use crate::deadline::Nanos;
use crate::sched::stack::Stack;
use crate::sched::stop::Stopped;
use crate::sched::task::{self, Task, Waiting};
use crate::sched::worker::Worker;
use crate::sys::Reactor;
use crate::sys::lock::{self, Lock};
use crate::sys::tell::tell;
use crate::sys::{pipes_of_thread, use_pipes_of_thread};

/// The functions that the interposer offers to the runtime.
#[derive(Debug)]
pub struct Interposer {
    /// Whether processes can be threadlike in this program. The error is the reason why not. It is called only once.
    pub check: fn() -> Result<(), String>,
    /// The bytes of memory that [`make`](Self::make) needs at an address that is a multiple of 64. The same in all
    /// calls after a successful `check`.
    pub room: fn() -> usize,
    /// Makes a block of thread-locals in this memory, for the process with this number, which will run on the calling
    /// thread. Returns its thread pointer, or null if the C library has no memory for its tables.
    ///
    /// # Safety
    ///
    /// `check` has succeeded. The address is a multiple of 64, and `room` bytes there belong to the block until `free`.
    pub make: unsafe fn(u64, *mut u8) -> *mut u8,
    /// The process calls this when it begins. Its block is current already.
    pub begin: fn(),
    /// The process calls this when it ends. It runs the destructors of the process's thread-locals.
    pub end: fn(),
    /// Frees what the C library has allocated for a block, on the thread of its process. From now on the memory of the
    /// block is unused.
    ///
    /// # Safety
    ///
    /// The block is from `make`, and its process has ended.
    pub free: unsafe fn(*mut u8),
}

static INTERPOSER: AtomicPtr<Interposer> = AtomicPtr::new(ptr::null_mut());

/// Registers the interposer with the runtime. Call this before `main`.
pub fn install(interposer: &'static Interposer) {
    INTERPOSER.store(ptr::from_ref(interposer).cast_mut(), Ordering::Release);
}

fn interposer() -> Option<&'static Interposer> {
    // SAFETY: the pointer is null or comes from a `'static` reference.
    unsafe { INTERPOSER.load(Ordering::Acquire).as_ref() }
}

/// Checks whether processes can be threadlike in this program.
///
/// # Errors
///
/// [`Unsupported`](io::ErrorKind::Unsupported) with the reason if they cannot.
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
        // The check runs foreign code, so it runs without the lock. It does no harm if it runs twice.
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

// The life of a process. The task calls these functions.

thread_local! {
    /// The threadlike process, in its own thread-locals. It is `None` on all other threads.
    static THREADLIKE: Cell<Option<&'static Task>> = const { Cell::new(None) };
}

/// The thread's own data that a process must be able to reach.
#[derive(Clone, Copy)]
pub(crate) struct OfThread {
    worker: &'static Worker,
    pools: *const (),
    pipes: *const (),
}

impl OfThread {
    /// Collects the data of the calling thread, which runs this worker.
    pub(crate) fn of(worker: &'static Worker) -> OfThread {
        OfThread {
            worker,
            pools: pool::of_thread(),
            pipes: pipes_of_thread(),
        }
    }
}

/// The bytes above a slot that a threadlike process needs for its thread-locals. `check` must have succeeded.
pub(crate) fn room() -> usize {
    interposer().map_or(0, |interposer| (interposer.room)())
}

/// Makes a block of thread-locals in the room of `stack`, for a process that will run there on this thread.
pub(crate) fn make(process: u64, stack: &Stack) -> *mut u8 {
    let interposer = interposer().expect("a threadlike process was spawned");
    let (place, len) = stack.room();
    assert!(len > 0 && len >= room(), "the stack is from another pool");
    // SAFETY: a process is threadlike only after `check` has succeeded. The room of a stack begins at a multiple of 64,
    // and it belongs to the process until it gives the stack back, after `free`.
    let block = unsafe { (interposer.make)(process, place) };
    if block.is_null() {
        // The program aborts, as it does when there is no memory for a box: no caller can handle this error.
        tell(format_args!(
            "std_net: no memory for the thread-locals of process {process}"
        ));
        std::process::abort();
    }
    block
}

/// The process calls this before anything else. Its block is current already.
#[inline(never)]
pub(crate) fn begin(task: &'static Task, of_thread: OfThread) {
    task::make_current(task);
    of_thread.worker.make_current();
    // SAFETY: the pointers are from this thread. It runs a worker, so it ends after its processes.
    unsafe {
        pool::use_of_thread(of_thread.pools);
        use_pipes_of_thread(of_thread.pipes);
    }
    if let Some(interposer) = interposer() {
        (interposer.begin)();
    }
    THREADLIKE.set(Some(task));
}

/// A process with thread-locals of its own calls this at its end. It does what threads do at their end.
#[inline(never)]
pub(crate) fn end() {
    if let Some(interposer) = interposer() {
        (interposer.end)();
    }
}

/// Frees the block of a process that has ended.
pub(crate) fn free(block: *mut u8) {
    if let Some(interposer) = interposer() {
        // SAFETY: the block is from `make`, and the process has left its stack for the last time.
        unsafe { (interposer.free)(block) };
    }
}

/// Marks the running process. This is for a process that uses the thread-locals of its thread.
pub(crate) fn set_current(task: Option<&'static Task>) {
    THREADLIKE.set(task);
}

// What the interposer's functions use to wait.

/// The calling threadlike process. The result is `None` on a plain thread and in an ordinary process. It is also `None`
/// in a signal handler that has its own stack, while the runtime holds a lock, and in a child after `fork(2)`. In all
/// these cases each function is a plain system call.
#[inline]
#[must_use]
pub fn current() -> Option<Threadlike> {
    let task = THREADLIKE.get()?;
    let here = 0_u8;
    let parks = task.is_on_stack(ptr::from_ref(&here) as usize) && !lock::is_held();
    parks.then_some(Threadlike(task))
}

/// Call this in the child after `fork(2)`. There, no thread is a threadlike process any more.
pub(crate) fn in_child() {
    THREADLIKE.set(None);
}

/// A threadlike process: the caller itself, or a process to wake.
#[derive(Clone, Copy, Debug)]
pub struct Threadlike(pub(crate) &'static Task);

impl Threadlike {
    /// Waits for [`unpark`](Self::unpark), at most until `until`. May return early. Only the process itself may call
    /// this.
    pub fn park(self, until: Until) {
        self.0.park(until.0, Waiting::Blocking);
    }

    /// Wakes the process. An extra wake-up is harmless, even if another process has this slot by now.
    pub fn unpark(self) {
        self.0.unpark();
    }

    /// Sleeps until `until`. A cancel does not end the sleep early, because code that calls `sleep(3)` does not expect
    /// that.
    pub fn sleep(self, until: Until) {
        while !until.has_passed() {
            self.0.park(until.0, Waiting::Sleep);
        }
    }

    /// Lets other processes run first.
    pub fn yield_now(self) {
        self.0.yield_now();
    }

    /// The error number with which its waits fail: `ECANCELED` if it was cancelled, `ETIMEDOUT` if its deadline has
    /// passed. `None` if they do not fail.
    #[must_use]
    pub fn stopped(self) -> Option<i32> {
        self.0.stopped().map(|why| match why {
            Stopped::Cancelled => libc::ECANCELED,
            Stopped::TimedOut => libc::ETIMEDOUT,
        })
    }

    /// Counts one operation. After many operations without a wait it lets other processes run, as std_net's own
    /// operations do.
    #[inline]
    pub fn spend(self) {
        self.0.spend();
    }

    /// The lowest address of its stack, and the address just past the highest.
    #[must_use]
    pub fn stack(self) -> (usize, usize) {
        self.0.stack_bounds()
    }
}

/// A point in time, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until(pub(crate) Nanos);

impl Until {
    /// This time never comes.
    pub const NEVER: Until = Until(Nanos::NEVER);

    /// The time after `wait` from now on. `None` means never.
    #[must_use]
    pub fn after(wait: Option<Duration>) -> Until {
        Until(wait.map_or(Nanos::NEVER, |wait| Nanos::now().after(wait)))
    }

    /// Whether this time has come.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0.has_passed()
    }
}
