//! [`Builder::run`]: the calling thread as the only worker.

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
    /// Runs `main` as a process on the calling thread, and all other processes too: the calling thread is the only
    /// worker. Returns the result of `main`, when `main` has ended **and all processes have**.
    ///
    /// This is for the `main` of a program that needs only one worker. No other thread is made, and the kernel is
    /// faster for a program with one thread, because it need not protect its descriptors against other threads. `main`
    /// and its result need not be `Send`. To return before all processes have ended, cancel them, or call
    /// [`std::process::exit`].
    ///
    /// Processes spawned after that run on a separate thread.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Self::start). [`InvalidInput`](io::ErrorKind::InvalidInput) if
    /// [`workers`](Self::workers) asks for more than one (`STD_NET_WORKERS` is ignored). In these cases no process has
    /// run. There is one other error: that of the system if no thread can be made for later processes, after the last
    /// process has ended.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, after all other processes have ended.
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
        // Processes that are spawned from now on run on another thread.
        start_thread(scheduler, scheduler.workers()[0])?;
        match result? {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Runs `f` as a process on the calling thread, which is the only worker until all processes have ended.
#[track_caller]
fn run_here<T>(
    scheduler: &'static Scheduler,
    f: impl FnOnce() -> T,
) -> io::Result<thread::Result<T>> {
    /// The code of the process and everything that it leaves behind.
    struct OnThisThread<F>(F);

    // SAFETY: the value is not sent to another thread: `Worker::run_here` begins the process on the calling thread, and
    // it stays there.
    unsafe impl<F> Send for OnThisThread<F> {}

    impl<F: FnOnce()> OnThisThread<F> {
        fn call(self) {
            (self.0)();
        }
    }

    let mut info = Info::new(None, Location::caller());
    if scheduler.threadlike {
        // The code need not be `Send`, so it uses the thread-locals of this thread.
        info.kind = Kind::OnItsThread;
    }
    let pool = Scheduler::default_pool();
    pool.claim()?;
    let packet = Packet::new(None);
    let main = OnThisThread(body(Arc::clone(&packet), f));
    // SAFETY: the process has ended when `Worker::run_here` returns. If that call unwinds, no process goes on.
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
