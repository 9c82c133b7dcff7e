//! Threads for code that blocks. Their number is bounded. They start when there is work, and end when there was none
//! for a while. The workers, which run processes, are in `worker`.
//!
//! There are two pools, because there are two kinds of jobs. For each job of the program a caller waits until it is
//! done. A lookup may be given up, but nothing can end the C library's call. Its thread is lost until the call returns,
//! and no longer counts against the limit. So no caller has to wait for the end of abandoned work.
//!
//! This is our own code, because the crate `blocking` retries for ever, with its lock held, when no thread can be made.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use parking::{Parker, Unparker};

use crate::deadline::Nanos;
use crate::sched::park;
use crate::sched::task::{self, Waiting};
use crate::sys::lock::{Guard, Lock};

/// A piece of work for a thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The pool for [`process::blocking`](crate::process::blocking).
static WORK: Threads = Threads::new("std_net-blocking", 512, 512);
/// The pool for lookups. Beyond the live ones, it has room for many that were given up.
pub(crate) static LOOKUPS: Threads = Threads::new("std_net-lookup", 128, 1024);

/// What a pool does for its callers. They reach it by this trait, from their worker or from a resolver with a deadline.
/// So a program that has neither does not contain the pools.
pub(crate) trait Pool: Sync {
    /// Runs `job` on a thread of the pool. This is an idle thread or a new one. If the limit is reached, the next free
    /// thread takes the job.
    ///
    /// # Errors
    ///
    /// Returns the job and the reason if no thread can be made. The job is not queued then: the existing threads may
    /// take for ever, or may wait for this very job.
    fn run(&'static self, job: Job) -> Result<Arc<Ticket>, (Job, io::Error)>;

    /// Call this when no caller waits for the job any more. If the job has not begun, it is dropped.
    fn give_up(&'static self, ticket: &Arc<Ticket>);
}

/// The pools that the processes of a worker use.
pub(crate) struct Pools {
    pub(crate) work: &'static dyn Pool,
    pub(crate) lookups: &'static dyn Pool,
}

pub(crate) static POOLS: Pools = Pools {
    work: &WORK,
    lookups: &LOOKUPS,
};

/// How long a thread without work stays alive.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) struct Threads {
    name: &'static str,
    /// The largest number of threads with jobs that callers wait for.
    live: usize,
    /// The largest number of threads in all.
    all: usize,
    state: Lock<State>,
}

struct State {
    /// The OS process that the threads are in. A forked child has none of them.
    owner: u32,
    queue: VecDeque<(Job, Arc<Ticket>)>,
    threads: usize,
    /// The threads that wait for work, in the order in which they became idle.
    idle: VecDeque<Unparker>,
    given_up: usize,
}

/// The state of a job. It changes only under the pool's lock.
pub(crate) struct Ticket(AtomicU8);

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const GIVEN_UP: u8 = 2;
const DONE: u8 = 3;

impl Ticket {
    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, to: u8) {
        self.0.store(to, Ordering::Relaxed);
    }
}

impl Threads {
    const fn new(name: &'static str, live: usize, all: usize) -> Threads {
        Threads {
            name,
            live,
            all,
            state: Lock::new(State {
                owner: 0,
                queue: VecDeque::new(),
                threads: 0,
                idle: VecDeque::new(),
                given_up: 0,
            }),
        }
    }

    fn start_thread(&'static self, state: &mut State) -> io::Result<()> {
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(|| self.serve())?;
        state.threads += 1;
        Ok(())
    }

    /// The loop of a thread of the pool.
    fn serve(&self) {
        let parker = Parker::new();
        let mut state = self.lock();
        loop {
            while let Some((job, ticket)) = state.queue.pop_front() {
                ticket.set(RUNNING);
                drop(state);
                // A panic is ignored here. A caller that waits for the result finds none.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                if ticket.get() == GIVEN_UP {
                    state.given_up -= 1;
                }
                ticket.set(DONE);
            }
            let own = parker.unparker();
            state.idle.push_back(own.clone());
            drop(state);
            parker.park_timeout(IDLE);
            state = self.lock();
            let place = state.idle.iter().position(|u| u.same_parker(&own));
            // No job has woken this thread.
            if let Some(place) = place {
                state.idle.remove(place);
                if state.queue.is_empty() {
                    state.threads -= 1;
                    return;
                }
            }
        }
    }

    fn lock(&self) -> Guard<'_, State> {
        let mut state = self.state.lock();
        let here = process::id();
        if state.owner != here {
            // This is the first use, or a forked child, which has none of the threads.
            state.owner = here;
            // What the parent's jobs hold belongs to the parent, so nothing of it is dropped here.
            mem::forget(mem::take(&mut state.queue));
            mem::forget(mem::take(&mut state.idle));
            (state.threads, state.given_up) = (0, 0);
        }
        state
    }
}

impl Pool for Threads {
    fn run(&'static self, job: Job) -> Result<Arc<Ticket>, (Job, io::Error)> {
        let ticket = Arc::new(Ticket(AtomicU8::new(QUEUED)));
        let mut state = self.lock();
        // The thread that became idle last is taken. Its stack is still in the caches, and the others may end.
        if let Some(idle) = state.idle.pop_back() {
            state.queue.push_back((job, Arc::clone(&ticket)));
            // The lock is held here. This is safe, because no thread parks while it holds the lock.
            idle.unpark();
            return Ok(ticket);
        }
        if state.threads - state.given_up >= self.live {
            state.queue.push_back((job, Arc::clone(&ticket)));
            return Ok(ticket);
        }
        if state.threads >= self.all {
            let text = "too many lookups that were given up are still under way";
            return Err((job, io::Error::other(text)));
        }
        state.queue.push_back((job, Arc::clone(&ticket)));
        if let Err(error) = self.start_thread(&mut state) {
            let (job, _) = state.queue.pop_back().expect("it has just been pushed");
            return Err((job, error));
        }
        Ok(ticket)
    }

    fn give_up(&'static self, ticket: &Arc<Ticket>) {
        let mut state = self.lock();
        let dropped = match ticket.get() {
            QUEUED => {
                let at = state.queue.iter().position(|(_, t)| Arc::ptr_eq(t, ticket));
                at.and_then(|at| state.queue.remove(at))
            }
            RUNNING => {
                ticket.set(GIVEN_UP);
                state.given_up += 1;
                // The thread no longer counts, so another one may start. If none can be made, the existing threads will
                // take the queued jobs.
                if !state.queue.is_empty() && state.threads < self.all {
                    let _ = self.start_thread(&mut state);
                }
                None
            }
            _ => None,
        };
        drop(state);
        drop(dropped);
    }
}

/// Runs `f` on a thread for blocking code while the calling process waits. On a plain thread it runs `f` directly. See
/// [`process::blocking`](crate::process::blocking).
pub(crate) fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Some(task) = task::current() else {
        return f();
    };
    let mut result: Option<thread::Result<T>> = None;
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
            // SAFETY: `blocking` neither returns nor reads the result before `done` is set.
            unsafe { *result.0 = Some(outcome) };
            done.set();
        })
    };
    // SAFETY: only the lifetime changes. When `done` is set, the job has used all that it borrows (it shares only
    // `done`). This function does not return before that: its wait ends only then, and nothing in between unwinds.
    let job: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(job) };
    if let Err((job, _)) = task.worker().pools.work.run(job) {
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
    unparker: park::Unparker,
}

impl Done {
    fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.unparker.unpark();
    }
}

struct SendPtr<T>(*mut T);

// SAFETY: the pointer goes to the one job that writes through it, while its owner waits. T is Send.
unsafe impl<T: Send> Send for SendPtr<T> {}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A job that reports its start, and then runs until it is told to end.
    fn held(begun: &mpsc::Sender<()>) -> (Job, mpsc::Sender<()>) {
        let begun = begun.clone();
        let (end, ends) = mpsc::channel::<()>();
        let job = Box::new(move || {
            begun.send(()).unwrap();
            let _ = ends.recv();
        });
        (job, end)
    }

    fn run(pool: &'static Threads, job: Job) -> Arc<Ticket> {
        pool.run(job).map_err(|(_, error)| error).unwrap()
    }

    #[test]
    fn nobody_waits_behind_what_was_given_up() {
        static POOL: Threads = Threads::new("test", 2, 4);
        let (begun, begins) = mpsc::channel();
        let held: Vec<_> = (0..3).map(|_| held(&begun)).collect();
        let (jobs, ends): (Vec<_>, Vec<_>) = held.into_iter().unzip();
        let tickets: Vec<_> = jobs.into_iter().map(|job| run(&POOL, job)).collect();
        begins.recv().unwrap();
        begins.recv().unwrap();
        assert_eq!(tickets[2].get(), QUEUED, "two at a time");
        POOL.give_up(&tickets[0]);
        begins.recv().unwrap();
        POOL.give_up(&tickets[1]);
        POOL.give_up(&tickets[2]);
        // One more thread can start. After that, too many are lost.
        let (job, end) = self::held(&begun);
        let last = run(&POOL, job);
        begins.recv().unwrap();
        POOL.give_up(&last);
        let Err((_, error)) = POOL.run(Box::new(|| ())) else {
            panic!("there are four threads");
        };
        assert!(error.to_string().contains("given up"), "{error}");
        drop((ends, end));
        let (done, is_done) = mpsc::channel();
        // As soon as one of the lost threads is back, there is room.
        while let Err((job, _)) = {
            let done = done.clone();
            POOL.run(Box::new(move || done.send(()).unwrap()))
        } {
            drop(job);
            thread::yield_now();
        }
        is_done.recv().unwrap();
    }

    #[test]
    fn what_is_given_up_before_it_begins_never_does() {
        static POOL: Threads = Threads::new("test", 1, 1);
        let (begun, begins) = mpsc::channel();
        let (job, end) = held(&begun);
        run(&POOL, job);
        begins.recv().unwrap();
        let (never, is_dropped) = mpsc::channel::<()>();
        let ticket = run(&POOL, Box::new(move || never.send(()).unwrap()));
        POOL.give_up(&ticket);
        assert!(is_dropped.recv().is_err(), "dropped at once, and not run");
        drop(end);
        let (done, is_done) = mpsc::channel();
        run(&POOL, Box::new(|| panic!("this is in the test")));
        run(&POOL, Box::new(move || done.send(()).unwrap()));
        is_done.recv().unwrap();
    }
}
