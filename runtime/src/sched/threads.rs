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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

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
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// The OS process that the threads are in: a forked child has none of them.
    owner: u32,
    queue: VecDeque<(Job, Arc<Ticket>)>,
    threads: usize,
    idle: usize,
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
            state: Mutex::new(State {
                owner: 0,
                queue: VecDeque::new(),
                threads: 0,
                idle: 0,
                given_up: 0,
            }),
            work: Condvar::new(),
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
        if state.idle > state.queue.len() {
            state.queue.push_back((job, Arc::clone(&ticket)));
            self.work.notify_one();
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
                if state.queue.len() > state.idle && state.threads < self.all {
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
        let mut state = self.lock();
        loop {
            while let Some((job, ticket)) = state.queue.pop_front() {
                ticket.set(RUNNING);
                drop(state);
                // A panic is its own affair: who waits for its result finds none.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                if ticket.get() == GIVEN_UP {
                    state.given_up -= 1;
                }
                ticket.set(DONE);
            }
            state.idle += 1;
            let (waited, timeout) = self
                .work
                .wait_timeout_while(state, IDLE, |state| state.queue.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            state = waited;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let here = process::id();
        if state.owner != here {
            // The first use, or a forked child, which has none of the threads.
            state.owner = here;
            // What the parent's jobs hold is the parent's.
            mem::forget(mem::take(&mut state.queue));
            (state.threads, state.idle, state.given_up) = (0, 0, 0);
        }
        state
    }
}

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
