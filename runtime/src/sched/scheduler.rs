//! The state that all workers share. An OS process has one scheduler, and it never ends.

use std::fmt;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sched::stack::{self, Pool};
use crate::sched::threadlike;
use crate::sched::worker::Worker;
use crate::sys;
use crate::sys::lock::Lock;

pub(crate) struct Scheduler {
    workers: Vec<&'static Worker>,
    default_pool: &'static Pool,
    /// Whether processes are threadlike by default.
    pub(crate) threadlike: bool,
    /// The pool for threadlike processes that did not ask for a stack size, once there was one.
    threadlike_pool: OnceLock<&'static Pool>,
    /// All pools that processes have claimed stacks from.
    pools: Lock<Vec<&'static Pool>>,
    /// Whether there are pools besides the two above.
    other_pools: AtomicBool,
}

static SCHEDULER: OnceLock<&'static Scheduler> = OnceLock::new();
/// A pointer to the same scheduler, for threads outside the runtime. It is null again in a forked child, which does not
/// have the worker threads.
static USABLE: AtomicPtr<Scheduler> = AtomicPtr::new(ptr::null_mut());
static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_forked_child() {
    FORKED.store(true, Ordering::Relaxed);
    USABLE.store(ptr::null_mut(), Ordering::Release);
}

impl Scheduler {
    /// The scheduler, if it has been started.
    #[inline]
    pub(crate) fn started() -> Option<&'static Scheduler> {
        // SAFETY: the pointer is null or leads to a scheduler that lives for ever.
        unsafe { USABLE.load(Ordering::Acquire).as_ref() }
    }

    /// Fails in a forked child of a program that had started the runtime before the fork.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) in such a child, because no thread there would run a process.
    pub(crate) fn check_not_forked() -> io::Result<()> {
        if FORKED.load(Ordering::Relaxed) {
            let text =
                "the runtime was started before the fork, and its threads are in the parent only";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(())
    }

    /// Makes workers that no thread runs yet. [`publish`](Self::publish) makes the scheduler available to all threads.
    /// If processes are threadlike by default, the default pool has room for their thread-locals.
    pub(crate) fn new(
        workers: usize,
        default_pool: &'static Pool,
        threadlike: bool,
    ) -> io::Result<&'static Scheduler> {
        let workers = (0..workers)
            .map(Worker::leak)
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Box::leak(Box::new(Scheduler {
            workers,
            default_pool,
            threadlike,
            threadlike_pool: if threadlike {
                OnceLock::from(default_pool)
            } else {
                OnceLock::new()
            },
            pools: Lock::new(vec![default_pool]),
            other_pools: AtomicBool::new(false),
        })))
    }

    /// Makes this the scheduler of the OS process, unless there already is one.
    ///
    /// # Errors
    ///
    /// The error of `pthread_atfork(3)` if there is no memory.
    pub(crate) fn publish(&'static self) -> io::Result<&'static Scheduler> {
        sys::in_forked_children(in_forked_child)?;
        let first = *SCHEDULER.get_or_init(|| self);
        USABLE.store(ptr::from_ref(first).cast_mut(), Ordering::Release);
        Ok(first)
    }

    #[inline]
    pub(crate) fn workers(&self) -> &[&'static Worker] {
        &self.workers
    }

    /// The pool for processes that did not ask for a stack size.
    #[inline]
    pub(crate) fn default_pool() -> &'static Pool {
        SCHEDULER.get().expect("called by a worker").default_pool
    }

    /// The pool for processes with stacks of `bytes`.
    pub(crate) fn pool(&self, bytes: usize) -> io::Result<&'static Pool> {
        self.other_pool(bytes, 0)
    }

    /// The pool for stacks of a size that a process asked for, with `room` bytes above each slot.
    fn other_pool(&self, bytes: usize, room: usize) -> io::Result<&'static Pool> {
        let pool = stack::pool(bytes, room)?;
        if self.list(pool) {
            self.other_pools.store(true, Ordering::Relaxed);
        }
        Ok(pool)
    }

    /// The pool for threadlike processes. `bytes` is the size that the process asked for. Call this after
    /// [`threadlike::check`].
    pub(crate) fn threadlike_pool(&self, bytes: Option<usize>) -> io::Result<&'static Pool> {
        if let Some(bytes) = bytes {
            return self.other_pool(bytes, threadlike::room());
        }
        if let Some(pool) = self.threadlike_pool.get() {
            return Ok(pool);
        }
        let bytes = self.default_pool.usable().min(stack::MAX_SIZE);
        let pool = stack::pool(bytes, threadlike::room())?;
        self.list(pool);
        Ok(self.threadlike_pool.get_or_init(|| pool))
    }

    /// Whether this is the pool of threadlike processes that did not ask for a stack size.
    pub(crate) fn is_threadlike_pool(pool: &Pool) -> bool {
        SCHEDULER
            .get()
            .and_then(|scheduler| scheduler.threadlike_pool.get())
            .is_some_and(|own| ptr::eq(*own, pool))
    }

    /// Enters this pool in the list. Returns whether it is new there.
    fn list(&self, pool: &'static Pool) -> bool {
        let mut pools = self.pools.lock();
        let new = !pools.iter().any(|p| ptr::eq(*p, pool));
        if new {
            pools.push(pool);
        }
        new
    }

    pub(crate) fn pools(&self) -> Vec<&'static Pool> {
        self.pools.lock().clone()
    }

    /// Whether unused stacks hold memory that could be given back. A worker asks this before every sleep, so the list
    /// of pools is read only if there are more than these two.
    #[inline]
    pub(crate) fn has_cold_stacks(&self, keep: usize) -> bool {
        self.default_pool.is_cold(keep)
            || self
                .threadlike_pool
                .get()
                .is_some_and(|pool| pool.is_cold(keep))
            || (self.other_pools.load(Ordering::Relaxed)
                && self.pools().iter().any(|p| p.is_cold(keep)))
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}
