//! What the workers have in common. There is one in an OS process, and it never ends.

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sched::stack::{self, Pool};
use crate::sched::worker::Worker;
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

impl Scheduler {
    /// The scheduler, if it has been started.
    pub(crate) fn started() -> Option<&'static Scheduler> {
        SCHEDULER.get().copied()
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
    pub(crate) fn publish(&'static self) -> &'static Scheduler {
        SCHEDULER.get_or_init(|| self)
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
