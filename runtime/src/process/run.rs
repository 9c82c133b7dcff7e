//! [`Builder::run`]: the calling thread as the one worker.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use super::join::Packet;
use super::{body, boxed};
use crate::reactor::source::Source;
use crate::runtime::{Builder, invalid, start_thread};
use crate::sched::info::{Info, Kind};
use crate::sched::placement::Start;
use crate::sched::scheduler::Scheduler;

impl Builder {
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
    /// use std_net::{process, runtime};
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
        let scheduler = self.start_new()?;
        let result = run_here(scheduler, main);
        // From now on what is spawned is none of this thread's business.
        start_thread(scheduler, scheduler.workers()[0])?;
        match result? {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Runs `f` as a process on the calling thread, which is the only worker until all
/// processes have ended.
#[track_caller]
fn run_here<T>(
    scheduler: &'static Scheduler,
    f: impl FnOnce() -> T,
) -> io::Result<thread::Result<T>> {
    /// What the process runs and all it leaves behind.
    struct OnThisThread<F>(F);

    // SAFETY: it is not sent: `Worker::run_here` begins the process on the calling thread, where it
    // stays.
    unsafe impl<F> Send for OnThisThread<F> {}

    impl<F: FnOnce()> OnThisThread<F> {
        fn call(self) {
            (self.0)();
        }
    }

    let mut info = Info::new(None, Location::caller());
    if scheduler.threadlike {
        // What it runs need not be `Send`, so it has no other thread-locals than those of this thread.
        info.kind = Kind::OnItsThread;
    }
    let pool = Scheduler::default_pool();
    pool.claim()?;
    let packet = Packet::new(None);
    let main = OnThisThread(body(Arc::clone(&packet), f));
    // SAFETY: the process has ended when `Worker::run_here` returns, and if that unwinds, nothing goes
    // on.
    let main = unsafe { boxed(move || main.call()) };
    let start = Start {
        info: Arc::new(info),
        pool,
        main,
    };
    let worker = scheduler.workers()[0];
    if catch_unwind(AssertUnwindSafe(|| {
        worker.run_here::<Source>(scheduler, start)
    }))
    .is_err()
    {
        std::process::abort();
    }
    Ok(packet.join())
}
