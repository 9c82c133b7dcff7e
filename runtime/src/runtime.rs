//! The runtime: its settings, its start at the first spawn, its workers. There is one in an OS
//! process, and it never ends.

use std::env;
use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::process;
use crate::sched::stack::{self, Pool};
use crate::sched::worker::Worker;
use crate::sched::{overflow, watchdog};

/// Settings of the runtime, for programs that want others than the defaults.
///
/// Nothing needs to be set: the runtime starts itself at the first
/// [`spawn`](crate::process::spawn). Environment variables say the same without a change to the
/// program; what the program sets wins.
///
/// | method | variable | default |
/// |---|---|---|
/// | [`workers`](Self::workers) | `STD_NET_WORKERS` | the number of processors |
/// | [`stack_size`](Self::stack_size) | `STD_NET_STACK_SIZE` (bytes) | 128 KiB |
/// | [`watchdog`](Self::watchdog) | `STD_NET_WATCHDOG` (milliseconds, 0 is off) | 5 s in debug builds, else off |
///
/// # Examples
///
/// ```
/// use std_net_runtime::runtime::Builder;
///
/// Builder::new().workers(2).stack_size(256 << 10).start()?;
/// // It runs now, and there is only one.
/// assert!(Builder::new().start().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `start`"]
pub struct Builder {
    workers: Option<usize>,
    stack_size: Option<usize>,
    watchdog: Option<Duration>,
    /// The one worker is the thread that starts it.
    here: bool,
}

impl Builder {
    /// The defaults.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How many worker threads run processes: 1 to 1024.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = Some(workers);
        self
    }

    /// The stack size in bytes of processes that do not ask for another: 16 KiB to 1 GiB, rounded
    /// up to whole pages. Memory is used only as far as a process really goes down its stack.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// How long a process may keep its worker from others before a warning on standard error names
    /// it; zero turns the warning off.
    pub fn watchdog(mut self, limit: Duration) -> Builder {
        self.watchdog = Some(limit);
        self
    }

    /// Starts the runtime with these settings.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if it runs already;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a value out of range or an environment
    /// variable that is not a number; the error of the system when a thread or a reactor cannot be
    /// made.
    pub fn start(self) -> io::Result<()> {
        self.start_new().map(drop)
    }

    /// Runs `main` as a process on the calling thread, and with it every process there will be: the
    /// calling thread is the one worker. Returns what `main` returns, when it has ended **and all
    /// processes have**.
    ///
    /// This is for the `main` of a program that does with one worker: no other thread is made, and a
    /// program of one thread is served faster by the kernel, which need not guard its descriptors
    /// against others. `main` and its result may be what no other thread may have. To leave before
    /// all have ended, cancel them, or call [`std::process::exit`].
    ///
    /// What is spawned after that runs on a thread of its own.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); [`InvalidInput`](io::ErrorKind::InvalidInput) if
    /// [`workers`](Self::workers) asks for more than one (`STD_NET_WORKERS` is not looked at). No process
    /// has run then, but for one error: that of the system if, after the last has ended, no thread
    /// can be made for those to come.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, when all other processes have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net_runtime::{process, runtime};
    ///
    /// let sum = runtime::Builder::new().run(|| {
    ///     let parts: Vec<_> = (1..=4).map(|n| process::spawn(move || n * n)).collect();
    ///     parts.into_iter().map(|part| part.join().unwrap()).sum::<u32>()
    /// })?;
    /// assert_eq!(sum, 30);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<T>(mut self, main: impl FnOnce() -> T) -> io::Result<T> {
        if self.workers.is_some_and(|n| n != 1) {
            return Err(invalid("the calling thread is one worker, not more".into()));
        }
        if thread::panicking() {
            return Err(io::Error::other(
                "no process can wait while this thread unwinds",
            ));
        }
        (self.workers, self.here) = (Some(1), true);
        let runtime = self.start_new()?;
        let result = process::run_here(runtime, main);
        // From now on what is spawned is none of this thread's business.
        runtime.start_thread(runtime.workers()[0])?;
        match result? {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn start_new(self) -> io::Result<&'static Runtime> {
        let mut new = false;
        let runtime = Runtime::get_or_start(|| {
            new = true;
            self
        })?;
        if new {
            Ok(runtime)
        } else {
            Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the runtime runs already",
            ))
        }
    }

    fn resolve(self) -> io::Result<Settings> {
        let processors = || thread::available_parallelism().map_or(1, usize::from);
        let workers = match self.workers {
            Some(n) => n,
            None => from_env("STD_NET_WORKERS")?.unwrap_or_else(processors),
        };
        if !(1..=1024).contains(&workers) {
            return Err(invalid(format!(
                "{workers} workers are not within 1..=1024"
            )));
        }
        let stack_size = match self.stack_size {
            Some(bytes) => bytes,
            None => from_env("STD_NET_STACK_SIZE")?.unwrap_or(stack::DEFAULT_SIZE),
        };
        let watchdog = match self.watchdog {
            Some(limit) => limit,
            None => match from_env("STD_NET_WATCHDOG")? {
                Some(millis) => Duration::from_millis(millis as u64),
                None if cfg!(debug_assertions) => Duration::from_secs(5),
                None => Duration::ZERO,
            },
        };
        Ok(Settings {
            workers,
            pool: stack::pool(stack_size)?,
            watchdog,
            here: self.here,
        })
    }
}

struct Settings {
    workers: usize,
    pool: &'static Pool,
    watchdog: Duration,
    here: bool,
}

fn from_env(name: &str) -> io::Result<Option<usize>> {
    let Some(value) = env::var_os(name) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|text| text.trim().parse().ok());
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(invalid(format!(
            "{name} is {value:?}, which is not a number"
        ))),
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

pub(crate) struct Runtime {
    workers: Vec<&'static Worker>,
    default_pool: &'static Pool,
    /// Every pool that a process was ever claimed from.
    pools: Mutex<Vec<&'static Pool>>,
    /// Whether there are more than the default one.
    other_pools: AtomicBool,
}

static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();

impl Runtime {
    /// The runtime, started if it does not run yet. A failed start can be tried again.
    pub(crate) fn get() -> io::Result<&'static Runtime> {
        match RUNTIME.get() {
            Some(runtime) => Ok(runtime),
            None => Runtime::get_or_start(Builder::new),
        }
    }

    pub(crate) fn started() -> Option<&'static Runtime> {
        RUNTIME.get().copied()
    }

    #[cold]
    fn get_or_start(settings: impl FnOnce() -> Builder) -> io::Result<&'static Runtime> {
        static STARTING: Mutex<()> = Mutex::new(());
        let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = RUNTIME.get() {
            return Ok(runtime);
        }
        let settings = settings().resolve()?;
        overflow::install();
        let workers = (0..settings.workers)
            .map(Worker::leak)
            .collect::<io::Result<Vec<_>>>()?;
        let runtime: &'static Runtime = Box::leak(Box::new(Runtime {
            workers,
            default_pool: settings.pool,
            pools: Mutex::new(vec![settings.pool]),
            other_pools: AtomicBool::new(false),
        }));
        if !settings.here {
            for worker in runtime.workers() {
                runtime.start_thread(worker)?;
            }
        }
        watchdog::start(runtime, settings.watchdog)?;
        // Last, so that nobody uses half a runtime: after a failure the next spawn tries again, and
        // the threads that were made stay asleep.
        Ok(RUNTIME.get_or_init(|| runtime))
    }

    /// Gives the worker, which has none, a thread of its own.
    fn start_thread(&'static self, worker: &'static Worker) -> io::Result<()> {
        thread::Builder::new()
            .name(format!("std_net-worker-{}", worker.index))
            .spawn(move || worker.run(self))
            .map(drop)
    }

    #[inline]
    pub(crate) fn workers(&self) -> &[&'static Worker] {
        &self.workers
    }

    /// The pool of processes that did not ask for a stack size.
    #[inline]
    pub(crate) fn default_pool() -> &'static Pool {
        RUNTIME.get().expect("called by a worker").default_pool
    }

    /// The pool for processes with stacks of `bytes`.
    pub(crate) fn pool(&self, bytes: usize) -> io::Result<&'static Pool> {
        let pool = stack::pool(bytes)?;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if !pools.iter().any(|p| std::ptr::eq(*p, pool)) {
            pools.push(pool);
            self.other_pools.store(true, Ordering::Relaxed);
        }
        Ok(pool)
    }

    pub(crate) fn pools(&self) -> Vec<&'static Pool> {
        self.pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}
