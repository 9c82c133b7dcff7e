//! [`metrics`]: how many processes there are and what they do, in numbers. Programs can report these. The single processes are in `list`.

use crate::process::list::{State, state};
use crate::sched::scheduler::Scheduler;
use crate::sched::stack;
use crate::sched::traffic::Totals;

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
    /// How many connections were accepted, in processes and on threads.
    pub accepted: u64,
    /// How many bytes sockets have received, in processes and on threads. Always 0 without the feature `metrics`,
    /// because counting them costs a few instructions for each receive and send.
    pub received_bytes: u64,
    /// How many bytes sockets have sent. Always 0 without the feature `metrics`.
    pub sent_bytes: u64,
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
    let mut all = Metrics::default();
    all.add_traffic(Totals::of_threads());
    let Some(scheduler) = Scheduler::started() else {
        return all;
    };
    let (mut begun, mut placed) = (0, 0);
    for worker in scheduler.workers() {
        all.add_traffic(worker.traffic.totals());
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

impl Metrics {
    fn add_traffic(&mut self, traffic: Totals) {
        self.accepted += traffic.accepted;
        self.received_bytes += traffic.received;
        self.sent_bytes += traffic.sent;
    }

    /// Reports the numbers as one event of the crate `tracing`, with the target `std_net` and the level `INFO`. The
    /// numbers of the workers are added up. Call it from time to time in a process or thread of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::process;
    ///
    /// let reports = process::spawn(|| {
    ///     while process::check_cancelled().is_ok() {
    ///         # #[cfg(feature = "tracing")]
    ///         process::metrics().trace();
    ///         process::sleep(Duration::from_secs(10));
    ///     }
    /// });
    /// // The service runs here.
    /// reports.cancel();
    /// ```
    #[cfg(feature = "tracing")]
    pub fn trace(&self) {
        let sum = |number: fn(&WorkerMetrics) -> u64| self.workers.iter().map(number).sum::<u64>();
        let now = &self.processes;
        tracing::event!(
            target: "std_net",
            tracing::Level::INFO,
            spawned = self.spawned,
            ended = self.ended,
            new = now.new,
            ready = now.ready,
            running = now.running,
            readable = now.readable,
            writable = now.writable,
            sleeping = now.sleeping,
            joining = now.joining,
            future = now.future,
            blocking = now.blocking,
            accepted = self.accepted,
            received_bytes = self.received_bytes,
            sent_bytes = self.sent_bytes,
            workers = self.workers.len(),
            turns = sum(|worker| worker.turns),
            remote_wakes = sum(|worker| worker.remote_wakes),
            reactor_turns = sum(|worker| worker.reactor_turns),
            stacks = self.stacks,
            stacks_claimed = self.stacks_claimed,
            stacks_warm = self.stacks_warm,
            "metrics"
        );
    }
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
