//! Threads for code that blocks: a bounded number of them, made when there is work and ended when
//! there has been none for a while. Not the workers, which run processes; see `worker`.
//!
//! Two pools, because of what their jobs have in common. Somebody waits for each piece of the program's
//! work until it is done. A lookup may be given up, but nothing can end the C library's call: its thread
//! is lost until then, and does not count any more, so that nobody waits behind what nobody waits for.
//!
//! Own code, because the crate `blocking` tries for ever, with its lock held, when no thread can be made.

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

/// What a thread runs.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// For [`process::blocking`](crate::process::blocking).
pub(crate) static WORK: Threads = Threads::new("std_net-blocking", 512, 512);
/// For lookups. As many again and more may have been given up.
pub(crate) static LOOKUPS: Threads = Threads::new("std_net-lookup", 128, 1024);

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) struct Threads {
    name: &'static str,
    /// Threads whose jobs somebody waits for, at most.
    live: usize,
    /// All of them, at most.
    all: usize,
    state: Lock<State>,
}

struct State {
    /// The OS process that the threads are in: a forked child has none of them.
    owner: u32,
    queue: VecDeque<(Job, Arc<Ticket>)>,
    threads: usize,
    /// Those that wait for work, the one that has waited longest first.
    idle: VecDeque<Unparker>,
    given_up: usize,
}

/// Says how far a job is. Changed under the pool's lock.
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

    /// Has a thread run `job`: one that has nothing to do, a new one, or, when there are as many as there
    /// may be, the next that is free.
    ///
    /// # Errors
    ///
    /// The job, and why no thread can be made. It is not queued then: those there are may take for
    /// ever, or wait for this very job.
    pub(crate) fn run(&'static self, job: Job) -> Result<Arc<Ticket>, (Job, io::Error)> {
        let ticket = Arc::new(Ticket(AtomicU8::new(QUEUED)));
        let mut state = self.lock();
        // The one that has rested least: its stack is warm, and the others may end.
        if let Some(idle) = state.idle.pop_back() {
            state.queue.push_back((job, Arc::clone(&ticket)));
            // With the lock held, under which nothing parks.
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

    /// Nobody waits for the job any more. If it has not begun, it is dropped.
    pub(crate) fn give_up(&'static self, ticket: &Arc<Ticket>) {
        let mut state = self.lock();
        let dropped = match ticket.get() {
            QUEUED => {
                let at = state.queue.iter().position(|(_, t)| Arc::ptr_eq(t, ticket));
                at.and_then(|at| state.queue.remove(at))
            }
            RUNNING => {
                ticket.set(GIVEN_UP);
                state.given_up += 1;
                // Its thread makes room for another. If none can be made, those there are come to it.
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

    fn start_thread(&'static self, state: &mut State) -> io::Result<()> {
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(|| self.serve())?;
        state.threads += 1;
        Ok(())
    }

    /// What a thread of the pool does.
    fn serve(&self) {
        let parker = Parker::new();
        let mut state = self.lock();
        loop {
            while let Some((job, ticket)) = state.queue.pop_front() {
                ticket.set(RUNNING);
                drop(state);
                // A panic is its own affair: a caller that waits for its result finds none.
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
            // Nobody has called it.
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
            // The first use, or a forked child, which has none of the threads.
            state.owner = here;
            // What the parent's jobs hold is the parent's.
            mem::forget(mem::take(&mut state.queue));
            mem::forget(mem::take(&mut state.idle));
            (state.threads, state.given_up) = (0, 0);
        }
        state
    }
}

/// Runs `f` on a thread for blocking code while the calling process waits; on a plain thread, here. See
/// [`process::blocking`](crate::process::blocking).
pub(crate) fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if task::current().is_none() {
        return f();
    }
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
            // SAFETY: `blocking` does not return, and does not look at it, before `done` is set.
            unsafe { *result.0 = Some(outcome) };
            done.set();
        })
    };
    // SAFETY: only the lifetime changes. The job is gone, but for `done` which it shares, when
    // `done` is set, and this function does not return before: its wait ends for nothing else,
    // and nothing between here and there unwinds.
    let job: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(job) };
    if let Err((job, _)) = WORK.run(job) {
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

// SAFETY: handed to the one job that writes through it while its owner waits; T is Send.
unsafe impl<T: Send> Send for SendPtr<T> {}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A job that says it has begun, and ends when it is told to.
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
        // One more thread, then there are too many that do not come back.
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
        // As soon as one of them is back, there is room.
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
