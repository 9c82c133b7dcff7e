//! The runtime: its settings, and its start at the first spawn.

use std::env;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::reactor::source::Source;
use crate::sched::scheduler::Scheduler;
use crate::sched::stack::{self, Pool};
use crate::sched::worker::Worker;
use crate::sched::{overflow, panics, threadlike, watchdog};

/// Settings of the runtime, for programs that do not want the defaults.
///
/// Nothing needs to be set: the runtime starts itself at the first [`spawn`](crate::process::spawn). Environment
/// variables can change the same settings without a change to the program. A setting of the program takes precedence.
/// If a variable is invalid, the start fails with an error that names it. If nothing else starts the runtime, this is
/// the first spawn.
///
/// | method | variable | default |
/// |---|---|---|
/// | [`workers`](Self::workers) | `STD_NET_WORKERS` | the number of processors |
/// | [`stack_size`](Self::stack_size) | `STD_NET_STACK_SIZE` (bytes) | 128 KiB |
/// | [`threadlike`](Self::threadlike) | `STD_NET_THREADLIKE` (1 or 0) | no |
/// | [`watchdog`](Self::watchdog) | `STD_NET_WATCHDOG` (milliseconds, 0 is off) | 5 s; off with [`run`](Self::run) |
///
/// # Examples
///
/// ```
/// use std_net::runtime::Builder;
///
/// Builder::new().workers(2).stack_size(256 << 10).start()?;
/// // It runs now, and there is only one.
/// assert!(Builder::new().start().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `start`"]
pub struct Builder {
    pub(crate) workers: Option<usize>,
    stack_size: Option<usize>,
    watchdog: Option<Duration>,
    #[cfg(feature = "signals")]
    pub(crate) dump_on: Option<(i32, fn())>,
    threadlike: Option<bool>,
    /// Whether the thread that starts the runtime is the only worker.
    pub(crate) here: bool,
}

impl Builder {
    /// Makes a builder with the defaults.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets the number of worker threads: 1 to 1024.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = Some(workers);
        self
    }

    /// Sets the stack size in bytes for processes that do not choose one: 16 KiB to 1 GiB, rounded up to whole pages.
    /// Only the part of a stack that a process uses takes memory.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets how long a process may keep its worker before a warning on standard error names the process. Zero turns the
    /// warning off.
    pub fn watchdog(mut self, limit: Duration) -> Builder {
        self.watchdog = Some(limit);
        self
    }

    /// Sets whether processes are threadlike by default, so that all code in them sees a thread. See
    /// [`process::Builder::threadlike`](crate::process::Builder::threadlike). With [`run`](Self::run), `main` itself
    /// keeps the thread-locals of its thread, because it need not be [`Send`].
    pub fn threadlike(mut self, threadlike: bool) -> Builder {
        self.threadlike = Some(threadlike);
        self
    }

    /// Starts the runtime with these settings.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if the runtime is already running.
    /// [`Unsupported`](io::ErrorKind::Unsupported), with the reason, if processes should be threadlike and cannot be in
    /// this program. [`InvalidInput`](io::ErrorKind::InvalidInput) for a value out of range, or for an environment
    /// variable that is not a number. The error of the system if a thread or a reactor cannot be made.
    pub fn start(self) -> io::Result<()> {
        self.start_new().map(drop)
    }

    pub(crate) fn start_new(self) -> io::Result<&'static Scheduler> {
        let mut new = false;
        let scheduler = get_or_start(|| {
            new = true;
            self
        })?;
        if new {
            Ok(scheduler)
        } else {
            Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the runtime runs already",
            ))
        }
    }

    fn resolve(self) -> io::Result<Settings> {
        let processors = || thread::available_parallelism().map_or(1, usize::from);
        let workers = Setting::of("STD_NET_WORKERS", self.workers, processors)?;
        if !(1..=1024).contains(&workers.value) {
            return Err(workers.wrong(invalid(format!(
                "{} workers are not within 1..=1024",
                workers.value
            ))));
        }
        let stack_size = Setting::of("STD_NET_STACK_SIZE", self.stack_size, || {
            stack::DEFAULT_SIZE
        })?;
        let threadlike = match self.threadlike {
            Some(threadlike) => threadlike,
            None => from_env("STD_NET_THREADLIKE")?.is_some_and(|n| n != 0),
        };
        let room = if threadlike {
            threadlike::check()?;
            threadlike::room()
        } else {
            0
        };
        let pool = stack::pool(stack_size.value, room).map_err(|e| stack_size.wrong(e))?;
        // This maps the first stacks. If there is no room for them, the start should fail.
        pool.claim().map_err(|e| stack_size.wrong(e))?;
        pool.unclaim();
        let watchdog = match self.watchdog {
            Some(limit) => limit,
            None => match from_env("STD_NET_WATCHDOG")? {
                Some(millis) => Duration::from_millis(millis as u64),
                // The watchdog would be a second thread.
                None if self.here => Duration::ZERO,
                None => Duration::from_secs(5),
            },
        };
        Ok(Settings {
            workers: workers.value,
            threadlike,
            pool,
            watchdog,
            #[cfg(feature = "signals")]
            dump_on: self.dump_on,
            here: self.here,
        })
    }
}

struct Settings {
    workers: usize,
    threadlike: bool,
    pool: &'static Pool,
    watchdog: Duration,
    #[cfg(feature = "signals")]
    dump_on: Option<(i32, fn())>,
    here: bool,
}

/// A number, and the name of the variable that it comes from, if it does.
struct Setting {
    value: usize,
    variable: Option<&'static str>,
}

impl Setting {
    /// The value from the program, or from the variable, or the default.
    fn of(
        variable: &'static str,
        set: Option<usize>,
        default: impl FnOnce() -> usize,
    ) -> io::Result<Setting> {
        let (value, variable) = match (set, set.is_none().then(|| from_env(variable))) {
            (Some(value), _) => (value, None),
            (None, Some(Ok(Some(value)))) => (value, Some(variable)),
            (None, Some(Err(error))) => return Err(error),
            (None, _) => (default(), None),
        };
        Ok(Setting { value, variable })
    }

    /// Adds the name of the variable to `error`.
    fn wrong(&self, error: io::Error) -> io::Error {
        match self.variable {
            Some(variable) => io::Error::new(
                error.kind(),
                format!("{variable} is {}: {error}", self.value),
            ),
            None => error,
        }
    }
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

pub(crate) fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Starts the runtime with its defaults, unless it runs already.
#[doc(hidden)]
pub fn ensure_started() -> io::Result<()> {
    get().map(drop)
}

/// The scheduler. Starts it if it does not run yet. A failed start can be tried again.
pub(crate) fn get() -> io::Result<&'static Scheduler> {
    match Scheduler::started() {
        Some(scheduler) => Ok(scheduler),
        None => get_or_start(Builder::new),
    }
}

#[cold]
fn get_or_start(settings: impl FnOnce() -> Builder) -> io::Result<&'static Scheduler> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(scheduler) = Scheduler::started() {
        return Ok(scheduler);
    }
    Scheduler::check_not_forked()?;
    let settings = settings().resolve()?;
    overflow::install();
    panics::install();
    let scheduler = Scheduler::new(settings.workers, settings.pool, settings.threadlike)?;
    if !settings.here {
        for worker in scheduler.workers() {
            start_thread(scheduler, worker)?;
        }
    }
    watchdog::start(scheduler, settings.watchdog)?;
    #[cfg(feature = "signals")]
    if let Some((signal, dump)) = settings.dump_on {
        call_on(signal, dump)?;
    }
    // This is the last step, so that no code uses an incomplete runtime. After a failure the next spawn tries again,
    // and the threads that were made stay asleep.
    scheduler.publish()
}

/// Makes a thread call `f` whenever this signal comes.
#[cfg(feature = "signals")]
fn call_on(signal: i32, f: fn()) -> io::Result<()> {
    if !(1..=64).contains(&signal) || signal_hook::consts::FORBIDDEN.contains(&signal) {
        return Err(invalid(format!("signal {signal} cannot be taken")));
    }
    let mut signals = signal_hook::iterator::Signals::new([signal])
        .map_err(|error| io::Error::new(error.kind(), format!("signal {signal}: {error}")))?;
    thread::Builder::new()
        .name("std_net-dump".into())
        .spawn(move || signals.forever().for_each(|_| f()))
        .map(drop)
}

/// Starts a thread for the worker, which has none.
pub(crate) fn start_thread(
    scheduler: &'static Scheduler,
    worker: &'static Worker,
) -> io::Result<()> {
    thread::Builder::new()
        .name(format!("std_net-worker-{}", worker.index))
        .spawn(move || worker.run::<Source>(scheduler))
        .map(drop)
}
