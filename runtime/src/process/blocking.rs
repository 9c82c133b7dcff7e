//! Code that blocks its thread, out of the workers' way.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::deadline::Nanos;
use crate::process::join::Caught;
use crate::sched::park::{self, Unparker};
use crate::sched::task::{self, Waiting};
use crate::sched::threads;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `f` on a pool of threads and parks the calling process until it is done, so that the other
/// processes of its worker go on. For file access, long computations and libraries that block. Inko's
/// `process.blocking`.
///
/// On a plain thread `f` simply runs. A cancel does not end this wait: `f` may borrow.
///
/// The pool has 512 threads at most; more work than that waits for one to be free. Where the system
/// lets no thread be made, `f` runs here, and keeps the worker meanwhile.
///
/// # Panics
///
/// With the panic of `f`.
///
/// # Examples
///
/// ```
/// use std_net_runtime::process;
///
/// let path = "/etc/hostname";
/// let text = process::spawn(move || process::blocking(|| std::fs::read_to_string(path)));
/// let _ = text.join().unwrap();
/// ```
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if task::current().is_none() {
        return f();
    }
    let mut result: Option<Caught<T>> = None;
    let done = Arc::new(Done {
        flag: AtomicBool::new(false),
        unparker: park::unparker(),
    });
    let job: Box<dyn FnOnce() + Send + '_> = {
        let result = SendPtr(&raw mut result);
        let done = Arc::clone(&done);
        Box::new(move || {
            let result = result;
            let outcome = catch_unwind(AssertUnwindSafe(f));
            // SAFETY: `blocking` does not return, and does not look at it, before `done` is set.
            unsafe { *result.0 = Some(outcome) };
            done.set();
        })
    };
    // SAFETY: only the lifetime changes. The job is gone, but for `done` which it shares, when
    // `done` is set, and this function does not return before: its wait ends for nothing else,
    // and nothing between here and there unwinds.
    let job: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(job) };
    if let Err((job, _)) = threads::WORK.run(job) {
        job();
    }
    while !done.flag.load(Ordering::Acquire) {
        park::park(Nanos::NEVER, Waiting::Blocking);
    }
    match result.expect("the job sets the result before it is done") {
        Ok(value) => value,
        Err(panic) => resume_unwind(panic),
    }
}

struct Done {
    flag: AtomicBool,
    unparker: Unparker,
}

impl Done {
    fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.unparker.unpark();
    }
}

struct SendPtr<T>(*mut T);

// SAFETY: handed to the one job that writes through it while its owner waits; T is Send.
unsafe impl<T: Send> Send for SendPtr<T> {}
