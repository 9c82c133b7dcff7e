//! Lightweight processes: code that reads like a thread's, and waits without holding one.
//!
//! | what | what it is |
//! |---|---|
//! | [`spawn`], [`Builder`] | begin a process |
//! | [`JoinHandle`], [`Process`] | wait for its end, cancel it |
//! | [`scope`](scope()) | processes that borrow |
//! | [`Group`] | processes that are stopped together |
//! | [`channel`] | channels between processes and threads |
//! | [`select!`] | whichever of several things comes first |
//! | [`Mutex`], [`RwLock`], [`Semaphore`], [`Event`] | locks that park |
//! | [`sleep`], [`yield_now`], [`delay`] | waiting for a time |
//! | [`blocking()`] | runs code that blocks its thread |
//! | [`block_on`] | waits for a future |
//! | [`Local`] | a value of which each process has its own |
//! | [`list()`], [`metrics()`] | all processes, for debugging; the same in numbers |

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

/// Starts a lightweight process that runs `f`; the handle gives its result.
///
/// Inside it every operation of a socket that would block parks the process, and its worker thread
/// runs others meanwhile. It stays on the worker on which it begins. The runtime starts itself at
/// the first spawn.
///
/// # Panics
///
/// If no process can be made: no memory for a stack, or bad settings in the environment.
/// [`Builder::spawn`] returns the error instead.
///
/// # Soundness
///
/// A process never moves between threads, so values that are not [`Send`] may live across a wait
/// and a thread-local is the same one before and after. But other processes run on the same thread
/// during a wait. So these two, which are sound on threads, are not across a wait in any stackful
/// coroutine in Rust, here or elsewhere:
///
/// - a *scoped* value in a thread-local, as `scoped_tls::set` makes it: set it, wait, and another
///   process of this worker may set and restore it in the wrong order. Pass the value as an
///   argument, or use [`Local`].
/// - a `thread_local!` whose *initialiser* waits: another process may begin the same initialiser
///   meanwhile. Initialise without waiting.
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

/// A process with a name or a stack size of its own, as [`std::thread::Builder`].
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
}

impl Builder {
    /// No name, the runtime's stack size.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the process: in its handle, in listings, in the messages of a stack overflow and of
    /// the watchdog.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// The size of its stack in bytes: 16 KiB to 1 GiB, rounded up to whole pages. Memory is used
    /// only as far as the process really goes down. A panic that prints its backtrace needs 32 KiB,
    /// `println!` 8 KiB.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// When the process is to have ended: a duration from now, or an instant. Past it all its waits
    /// fail as those of a process that was cancelled, but with
    /// [`TimedOut`](io::ErrorKind::TimedOut).
    ///
    /// What the process spawns belongs to it, and so does what that spawns: the deadline is theirs too
    /// unless they have a nearer one, and a cancel of the process reaches them. This is what a
    /// `context.Context` is in Go. A process without a deadline pays nothing for it.
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

    /// Makes the process belong to `group`, with all that it spawns.
    pub fn group(mut self, group: &Group) -> Builder {
        self.group = Some(group.clone());
        self
    }

    /// Makes the process belong to nobody, also where the one that spawns it has a deadline or belongs to a
    /// [`Group`]. Processes of a [`scope`] belong to its owner in any case.
    pub fn detached(mut self) -> Builder {
        self.detached = true;
        self
    }

    /// Whether the process is a thread to all code that runs in it: std's sockets, sleeps and locks, blocking
    /// crates and C libraries park it instead of blocking its worker, and it has thread-locals of its own. If
    /// nothing is said, as the runtime's [`Builder::threadlike`](crate::runtime::Builder::threadlike).
    ///
    /// This needs the crate `std_net_interpose`, named once in `main.rs`: `use std_net_interpose as _;`. A
    /// switch then takes 70 ns instead of 40, and a process that waits 5 KB more.
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

    /// To whom the new process belongs.
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
        let mut info = Info::new(self.name, Location::caller());
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
    /// [`Unsupported`](io::ErrorKind::Unsupported), with the reason, if it is to be threadlike and cannot be
    /// one in this program;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a stack size out of range or bad settings
    /// in the environment; the error of `mmap(2)` or `madvise(2)` when there is no room for another
    /// stack; an error of starting the runtime.
    // Inlined, with what it calls: so `process::spawn`, which knows all settings to be the usual ones, asks for none.
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

/// Starts a process whose end and result are told to `packet`; `scoped` if it belongs to the calling one
/// in any case.
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
    let pool = match builder.stack_size {
        Some(bytes) => scheduler.pool(bytes)?,
        None => Scheduler::default_pool(),
    };
    let kind = if builder.threadlike.unwrap_or(scheduler.threadlike) {
        threadlike::check()?;
        Kind::Threadlike
    } else {
        Kind::Ordinary
    };
    let parent = builder.parent(scoped);
    let info = Arc::new(builder.info(parent.as_ref(), kind));
    // SAFETY: `main` is consumed by the process, which lets go of everything in it when it drops
    // `packet`; the caller sees to it that the borrows last so long.
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
        // This process cannot be suspended until it has unwound, and the new one might be waited
        // for: it must not need this worker.
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

/// What a process runs: `f`, and then it tells `packet` of its end and result.
fn body<T>(packet: Arc<Packet<T>>, f: impl FnOnce() -> T) -> impl FnOnce() {
    move || {
        let mut result = catch_unwind(AssertUnwindSafe(f));
        // Values of `Local`s may do I/O when dropped, so they go while the process still is one.
        while let Err(panic) = catch_unwind(locals::drop_all) {
            result = Err(panic);
        }
        // None if it was spawned while a panic unwound: then this is a thread.
        if let Some(task) = task::current() {
            trace::ended(task.info(), result.is_err());
            // Those of threads go before the end is told: a caller that joins finds them gone, as with a thread.
            if task.has_own_thread_locals() {
                threadlike::end();
            }
            task.unlist();
            task.info().end();
        }
        packet.finish(result);
    }
}

/// `main` without its lifetime.
///
/// # Safety
///
/// What it borrows outlives the process that runs it.
unsafe fn boxed(main: impl FnOnce() + Send) -> Box<dyn Main> {
    let main: Box<dyn Main + '_> = Box::new(main);
    // SAFETY: only the lifetime changes, by the contract of this function.
    unsafe { mem::transmute(main) }
}

/// The process that calls this; `None` on a plain thread.
#[must_use]
pub fn current() -> Option<Process> {
    task::current().map(|task| Process {
        info: Arc::clone(task.info()),
    })
}

/// Runs a computation of `std_net`'s own on the stack of the worker's thread. It must not wait, and
/// sees no process.
#[doc(hidden)]
pub fn on_thread_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    task::on_thread_stack(f)
}
