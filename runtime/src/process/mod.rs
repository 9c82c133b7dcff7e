//! Lightweight processes: code that reads like the code of a thread, but does not hold a thread while it waits.
//!
//! | what | what it is |
//! |---|---|
//! | [`spawn`], [`Builder`] | start a process |
//! | [`JoinHandle`], [`Process`] | wait for its end, cancel it |
//! | [`scope`](scope()) | processes that borrow |
//! | [`Group`] | processes that are stopped together |
//! | [`channel`] | channels between processes and threads |
//! | [`select!`] | waits for the first of several things |
//! | [`Mutex`], [`RwLock`], [`Semaphore`], [`Event`] | locks that park |
//! | [`sleep`], [`yield_now`], [`delay`] | wait for a time |
//! | [`blocking()`] | runs code that blocks its thread |
//! | [`block_on`] | waits for a future |
//! | [`Local`] | a value of which each process has its own copy |
//! | [`list()`], [`backtraces()`], [`metrics()`] | all processes, for debugging; where they wait; the same in numbers |

pub(crate) mod join;
pub(crate) mod local;
pub(crate) mod scope;

#[doc(hidden)]
#[path = "select.rs"]
#[allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for `select!` alone"
)]
pub mod __case;
mod backtraces;
mod blocking;
pub mod channel;
// The list of processes on a signal.
#[cfg(feature = "signals")]
mod dump;
mod future;
mod group;
mod list;
mod metrics;
// The calling thread as the one worker.
mod run;
mod sync;

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::thread;

pub use crate::sched::info::ProcessId;
pub use crate::sched::park::{sleep, yield_now};
pub use crate::sched::stop::{Stopped, check_cancelled, is_cancelled};
#[doc(inline)]
pub use crate::select;
pub use backtraces::backtraces;
pub use blocking::blocking;
pub use future::{Delay, block_on, block_on_deadline, delay};
pub use group::Group;
pub use join::{JoinHandle, Process};
pub use list::{Listed, State, list};
pub use local::Local;
pub use metrics::{ByState, Metrics, WorkerMetrics, metrics};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use sync::{
    Event, Mutex, MutexGuard, OwnedPermit, Permit, RwLock, RwLockReadGuard, RwLockWriteGuard,
    Semaphore,
};

use crate::deadline::{Deadline, Nanos};
use crate::runtime;
use crate::sched::info::{Info, Kind};
use crate::sched::locals;
use crate::sched::park;
use crate::sched::placement::{Main, Start};
use crate::sched::scheduler::Scheduler;
use crate::sched::task;
use crate::sched::threadlike;
use crate::sched::trace;
use crate::sched::worker::Worker;
use join::Packet;

/// Starts a lightweight process that runs `f`. The handle returns its result.
///
/// Inside the process, every socket operation that would block parks the process, and its worker thread runs other
/// processes meanwhile. The process stays on the worker on which it begins. The runtime starts itself at the first
/// spawn.
///
/// # Panics
///
/// If no process can be made, because there is no memory for a stack or because the settings in the environment are
/// invalid. [`Builder::spawn`] returns these errors instead.
///
/// # Soundness
///
/// A process never moves between threads. So values that are not [`Send`] may live across a wait, and a thread-local is
/// the same one before and after. But other processes run on the same thread during a wait. Two things that are sound
/// on threads are therefore not sound across a wait. This is so for every stackful coroutine in Rust:
///
/// - a *scoped* value in a thread-local, as `scoped_tls::set` makes it. If a process sets it and waits, another process
///   of this worker may set and restore it in the wrong order. Pass the value as an argument, or use [`Local`].
/// - a `thread_local!` whose *initialiser* waits. Another process may begin the same initialiser meanwhile. Initialise
///   without waiting.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let sum = process::spawn(|| (1..=10).sum::<u32>());
/// assert_eq!(sum.join().unwrap(), 55);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    expect_spawned(Builder::new().spawn(f))
}

#[track_caller]
fn expect_spawned<H>(spawned: io::Result<H>) -> H {
    match spawned {
        Ok(handle) => handle,
        Err(error) => panic!("failed to spawn a process: {error}"),
    }
}

/// Settings for a new process, such as its name or its stack size, like [`std::thread::Builder`].
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let handle = process::Builder::new().name("deep").stack_size(1 << 20).spawn(|| {
///     process::current().unwrap().name().map(str::to_owned)
/// })?;
/// assert_eq!(handle.join().unwrap().as_deref(), Some("deep"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `spawn`"]
pub struct Builder {
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    deadline: Option<Deadline>,
    group: Option<Group>,
    detached: bool,
    threadlike: Option<bool>,
    place: Option<&'static Location<'static>>,
}

impl Builder {
    /// Makes a builder for a process without a name and with the runtime's stack size.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets the name of the process. It appears in its handle, in listings, and in the messages of a stack overflow and
    /// of the watchdog.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Sets the place in the source that listings and panics show, instead of that of [`spawn`](Self::spawn). A library
    /// that spawns for its caller shows the caller's place.
    #[doc(hidden)]
    pub fn spawned_at(mut self, place: &'static Location<'static>) -> Builder {
        self.place = Some(place);
        self
    }

    /// Sets the stack size in bytes: 16 KiB to 1 GiB, rounded up to whole pages. Only the part of the stack that the
    /// process uses takes memory. A panic that prints its backtrace needs 32 KiB, and `println!` needs 8 KiB.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets the deadline of the process: a duration from now, or an instant. After the deadline all waits of the
    /// process fail as after a cancel, but with [`TimedOut`](io::ErrorKind::TimedOut).
    ///
    /// Then all processes that this process spawns belong to it, and so do all processes that they spawn. Their
    /// deadline is the same, unless they set an earlier one. If this process is cancelled, they are cancelled too. In
    /// Go one would use a `context.Context`. A process without a deadline pays nothing for this.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::process;
    ///
    /// let request = process::Builder::new().deadline(Duration::from_millis(10)).spawn(|| {
    ///     // Belongs to the request.
    ///     let query = process::spawn(|| {
    ///         process::sleep(Duration::MAX);
    ///         process::check_cancelled().unwrap_err().kind()
    ///     });
    ///     query.join().unwrap()
    /// })?;
    /// assert_eq!(request.join().unwrap(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> Builder {
        self.deadline = Some(deadline.into());
        self
    }

    /// Makes the process belong to `group`, together with all that it spawns.
    pub fn group(mut self, group: &Group) -> Builder {
        self.group = Some(group.clone());
        self
    }

    /// Makes the process belong to no other, even if the process that spawns it has a deadline or belongs to a
    /// [`Group`]. Processes of a [`scope`] always belong to its owner.
    pub fn detached(mut self) -> Builder {
        self.detached = true;
        self
    }

    /// Sets whether the process is threadlike, so that it is a thread to all code in it. Then std's sockets, sleeps and
    /// locks, blocking crates and C libraries park it instead of blocking its worker. It also has its own
    /// thread-locals. The default is the runtime's [`Builder::threadlike`](crate::runtime::Builder::threadlike).
    ///
    /// This needs the crate `std_net_interpose`, named once in `main.rs`: `use std_net_interpose as _;`. A switch then
    /// takes 70 ns instead of 40 ns, and a waiting process takes 5 KB more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::process;
    ///
    /// // Without that crate, spawn says so.
    /// let refused = process::Builder::new().threadlike(true).spawn(|| ()).unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::Unsupported);
    /// ```
    pub fn threadlike(mut self, threadlike: bool) -> Builder {
        self.threadlike = Some(threadlike);
        self
    }

    /// The process or group to which the new process belongs.
    #[inline(always)]
    fn parent(&self, scoped: bool) -> Option<Arc<Info>> {
        if let Some(group) = &self.group {
            return Some(Arc::clone(&group.info));
        }
        let task = task::current()?;
        let belongs = scoped || (task.leads() && !self.detached);
        belongs.then(|| Arc::clone(task.info()))
    }

    /// The number, name and place of the new process.
    #[track_caller]
    #[inline(always)]
    fn info(self, parent: Option<&Arc<Info>>, kind: Kind) -> Info {
        let place = self.place.unwrap_or(Location::caller());
        let mut info = Info::new(self.name, place);
        if self.deadline.is_some() || self.group.is_some() {
            info.lead(self.deadline.map_or(Nanos::NEVER, Nanos::from_deadline));
        }
        info.kind = kind;
        if let Some(parent) = parent {
            parent.born_to(&mut info);
        }
        info
    }

    /// Starts the process.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported), with the reason, if the process should be threadlike and cannot be
    /// in this program. [`InvalidInput`](io::ErrorKind::InvalidInput) for a stack size out of range or invalid settings
    /// in the environment. The error of `mmap(2)` or `madvise(2)` if there is no room for another stack. An error of
    /// starting the runtime.
    // This function and those that it calls are inlined, so that `process::spawn` checks no settings: it knows that all
    // are the defaults.
    #[track_caller]
    #[inline(always)]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let packet = Packet::new(None);
        // SAFETY: everything is 'static.
        let process = unsafe { spawn_unchecked(self, false, Arc::clone(&packet), f) }?;
        Ok(JoinHandle { packet, process })
    }
}

/// Starts a process that reports its end and result to `packet`. With `scoped` it always belongs to the calling
/// process.
///
/// # Safety
///
/// What `f` and `T` borrow outlives every clone of `packet`.
#[track_caller]
#[inline(always)]
unsafe fn spawn_unchecked<F, T>(
    builder: Builder,
    scoped: bool,
    packet: Arc<Packet<T>>,
    f: F,
) -> io::Result<Process>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let scheduler = runtime::get()?;
    let (kind, pool) = if builder.threadlike.unwrap_or(scheduler.threadlike) {
        threadlike::check()?;
        let pool = scheduler.threadlike_pool(builder.stack_size)?;
        (Kind::Threadlike, pool)
    } else {
        let pool = match builder.stack_size {
            Some(bytes) => scheduler.pool(bytes)?,
            None => Scheduler::default_pool(),
        };
        (Kind::Ordinary, pool)
    };
    let parent = builder.parent(scoped);
    let info = Arc::new(builder.info(parent.as_ref(), kind));
    // SAFETY: the process consumes `main` and has dropped everything in it when it drops `packet`. The caller makes
    // sure that the borrows live until then.
    let main = unsafe {
        let main = body(packet, f);
        match locals::copies() {
            None => boxed(main),
            Some(copies) => boxed(move || {
                copies.keep();
                main();
            }),
        }
    };
    if task::current().is_some() && park::suspendable().is_none() {
        // This process cannot be suspended while it unwinds, and it may wait for the new one. So the new one must not
        // need this worker.
        thread::Builder::new().spawn(|| main.run())?;
        return Ok(Process { info });
    }
    pool.claim()?;
    trace::spawned(&info);
    if let Some(parent) = parent {
        parent.adopt(&info);
    }
    Worker::place(
        scheduler,
        Start {
            info: Arc::clone(&info),
            pool,
            main,
        },
    );
    Ok(Process { info })
}

/// The code that a process runs: `f`, and then the report of its end and result to `packet`.
fn body<T>(packet: Arc<Packet<T>>, f: impl FnOnce() -> T) -> impl FnOnce() {
    move || {
        let mut result = catch_unwind(AssertUnwindSafe(f));
        // Values of `Local`s may do I/O in their drop, so they are dropped while this still is a process.
        while let Err(panic) = catch_unwind(locals::drop_all) {
            result = Err(panic);
        }
        // None if it was spawned while a panic unwound: then this is a thread.
        if let Some(task) = task::current() {
            trace::ended(task.info(), result.is_err());
            // Thread-locals are dropped before the end is reported. So a caller that joins finds them gone, as with a
            // thread.
            if task.has_own_thread_locals() {
                threadlike::end();
            }
            task.unlist();
            task.info().end();
        }
        packet.finish(result);
    }
}

/// Boxes `main` without its lifetime.
///
/// # Safety
///
/// What it borrows outlives the process that runs it.
unsafe fn boxed(main: impl FnOnce() + Send) -> Box<dyn Main> {
    let main: Box<dyn Main + '_> = Box::new(main);
    // SAFETY: only the lifetime changes. By the contract of this function the borrows live long enough.
    unsafe { mem::transmute(main) }
}

/// The calling process, or `None` on a plain thread.
#[must_use]
pub fn current() -> Option<Process> {
    task::current().map(|task| Process {
        info: Arc::clone(task.info()),
    })
}

/// Runs a computation of `std_net` on the stack of the worker's thread. It must not wait, and it sees no process.
#[doc(hidden)]
pub fn on_thread_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    task::on_thread_stack(f)
}
