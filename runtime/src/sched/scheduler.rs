//! What the workers have in common. There is one in an OS process, and it never ends.

use std::fmt;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sched::stack::{self, Pool};
use crate::sched::worker::Worker;
use crate::sys;
use crate::sys::lock::Lock;

pub(crate) struct Scheduler {
    workers: Vec<&'static Worker>,
    default_pool: &'static Pool,
    /// Whether processes that do not say otherwise are threadlike.
    pub(crate) threadlike: bool,
    /// Every pool that a process was ever claimed from.
    pools: Lock<Vec<&'static Pool>>,
    /// Whether there are more than the default one.
    other_pools: AtomicBool,
}

static SCHEDULER: OnceLock<&'static Scheduler> = OnceLock::new();
/// The same, for a thread that has no part in it yet; null again in a forked child, which has none of the threads.
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
        // SAFETY: null, or one that lives for ever.
        unsafe { USABLE.load(Ordering::Acquire).as_ref() }
    }

    /// Whether this is a forked child of a program that has started one.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) if it is: nobody would run a process here.
    pub(crate) fn check_not_forked() -> io::Result<()> {
        if FORKED.load(Ordering::Relaxed) {
            let text =
                "the runtime was started before the fork, and its threads are in the parent only";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(())
    }

    /// Makes workers that nobody runs yet. [`publish`](Self::publish) lets everybody use them.
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
            pools: Lock::new(vec![default_pool]),
            other_pools: AtomicBool::new(false),
        })))
    }

    /// Makes it the one of this OS process.
    ///
    /// # Errors
    ///
    /// That of `pthread_atfork(3)`: no memory.
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

    /// The pool of processes that did not ask for a stack size.
    #[inline]
    pub(crate) fn default_pool() -> &'static Pool {
        SCHEDULER.get().expect("called by a worker").default_pool
    }

    /// The pool for processes with stacks of `bytes`.
    pub(crate) fn pool(&self, bytes: usize) -> io::Result<&'static Pool> {
        let pool = stack::pool(bytes)?;
        let mut pools = self.pools.lock();
        if !pools.iter().any(|p| std::ptr::eq(*p, pool)) {
            pools.push(pool);
            self.other_pools.store(true, Ordering::Relaxed);
        }
        Ok(pool)
    }

    pub(crate) fn pools(&self) -> Vec<&'static Pool> {
        self.pools.lock().clone()
    }

    /// Whether unused stacks hold memory that could be given back. Asked before every sleep: looks
    /// at the list of pools only if there is more than the default one.
    #[inline]
    pub(crate) fn has_cold_stacks(&self, keep: usize) -> bool {
        self.default_pool.is_cold(keep)
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
