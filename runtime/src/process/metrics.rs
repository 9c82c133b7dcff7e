//! [`metrics`]: how many processes there are and what they do, in numbers, for a program that reports them. Not
//! which; see `list`.

use crate::process::list::{State, state};
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;

/// What [`metrics`] has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Processes that were spawned, since the start of the program.
    pub spawned: u64,
    /// Of these, the ones that have ended.
    pub ended: u64,
    /// The ones that there are now.
    pub processes: ByState,
    /// What each worker has done.
    pub workers: Vec<WorkerMetrics>,
    /// Stacks that exist, each of one process or unused.
    pub stacks: usize,
    /// Processes that have a stack, or a claim on one.
    pub stacks_claimed: usize,
    /// Unused stacks that still hold memory, but for the few that workers keep to themselves.
    pub stacks_warm: usize,
}

/// How many processes are in each [`State`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ByState {
    /// Spawned, and wait for their first turn.
    pub new: usize,
    /// Wait for their turn.
    pub ready: usize,
    /// Run.
    pub running: usize,
    /// Wait for data, a connection or the end of a stream.
    pub readable: usize,
    /// Wait for room to send, or for a connect.
    pub writable: usize,
    /// Sleep.
    pub sleeping: usize,
    /// Wait for other processes: in `join` or `scope`.
    pub joining: usize,
    /// Wait for a future: a channel, a lock, an event.
    pub future: usize,
    /// Wait for their `blocking` code.
    pub blocking: usize,
}

/// What a worker has done, and what lies before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// The processes that it has.
    pub processes: usize,
    /// Of these, the ones that wait for their first turn, and may still go elsewhere.
    pub new: usize,
    /// Turns that it gave to processes. Each ended with a wait, or with the process.
    pub turns: u64,
    /// Wake-ups that other threads have sent to it.
    pub remote_wakes: u64,
    /// Looks at its reactor, each a system call.
    pub reactor_turns: u64,
}

/// Counts, at about this moment. A look at the processes takes time in proportion to the most that there have been
/// at once; the rest is counted anyway, and costs nothing when nobody asks.
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
