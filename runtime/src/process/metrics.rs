//! [`metrics`]: how many processes there are and what they do, in numbers. Programs can report these. The single processes are in `list`.

use crate::process::list::{State, state};
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;

/// The numbers that [`metrics`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How many processes were spawned since the start of the program.
    pub spawned: u64,
    /// How many of these have ended.
    pub ended: u64,
    /// The numbers of present processes by state.
    pub processes: ByState,
    /// What each worker has done.
    pub workers: Vec<WorkerMetrics>,
    /// How many stacks exist, used and unused.
    pub stacks: usize,
    /// How many processes have a stack or a claim on one.
    pub stacks_claimed: usize,
    /// How many unused stacks still hold memory, without the few that workers keep.
    pub stacks_warm: usize,
}

/// How many processes are in each [`State`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ByState {
    /// They were spawned and wait for their first turn.
    pub new: usize,
    /// They wait for their turn.
    pub ready: usize,
    /// They run.
    pub running: usize,
    /// They wait for data, a connection or the end of a stream.
    pub readable: usize,
    /// They wait for room to send, or for a connect.
    pub writable: usize,
    /// They sleep.
    pub sleeping: usize,
    /// They wait for other processes in `join` or `scope`.
    pub joining: usize,
    /// They wait for a future: a channel, a lock, an event.
    pub future: usize,
    /// They wait for their `blocking` code.
    pub blocking: usize,
}

/// What a worker has done, and how many processes it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// How many processes it has.
    pub processes: usize,
    /// How many of these wait for their first turn, and may still go to another worker.
    pub new: usize,
    /// How many turns it gave to processes. Each turn ended with a wait or with the end of the process.
    pub turns: u64,
    /// How many wake-ups other threads have sent to it.
    pub remote_wakes: u64,
    /// How often it looked at its reactor. Each look is a system call.
    pub reactor_turns: u64,
}

/// Returns the numbers at about this moment. The count by state takes time in proportion to the largest number of
/// processes that existed at once. The other numbers are counted anyway, and they cost nothing if this function is not
/// called.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let before = process::metrics();
/// process::spawn(|| ()).join().unwrap();
/// assert_eq!(process::metrics().spawned, before.spawned + 1);
/// ```
#[must_use]
pub fn metrics() -> Metrics {
    let Some(scheduler) = Scheduler::started() else {
        return Metrics::default();
    };
    let mut all = Metrics::default();
    let (mut begun, mut placed) = (0, 0);
    for worker in scheduler.workers() {
        let (processes, new) = worker.lengths();
        let one = WorkerMetrics {
            processes,
            new,
            turns: worker.progress(),
            remote_wakes: worker.remote_wakes.get(),
            reactor_turns: worker.reactor_turns.get(),
        };
        begun += worker.begun.get();
        placed += one.processes as u64;
        all.processes.new += one.new;
        all.workers.push(one);
    }
    let new = all.processes.new as u64;
    all.spawned = begun + new;
    all.ended = all.spawned.saturating_sub(placed);
    for task in stack::tasks() {
        if let Some((_, waiting, notified, _)) = task.snapshot() {
            all.processes.count(state(waiting, notified));
        }
    }
    for pool in scheduler.pools() {
        let (total, claimed, warm) = pool.counts();
        all.stacks += total;
        all.stacks_claimed += claimed;
        all.stacks_warm += warm;
    }
    all
}

impl ByState {
    fn count(&mut self, state: State) {
        let one = match state {
            State::New => &mut self.new,
            State::Ready => &mut self.ready,
            State::Running => &mut self.running,
            State::Readable(_) => &mut self.readable,
            State::Writable(_) => &mut self.writable,
            State::Sleeping => &mut self.sleeping,
            State::Joining | State::Scope => &mut self.joining,
            State::Future => &mut self.future,
            State::Blocking => &mut self.blocking,
        };
        *one += 1;
    }
}
