//! Which process runs where and when: the workers, and the tasks that they run.
//!
//! | file | idea |
//! |---|---|
//! | `scheduler` | what the workers have in common |
//! | `worker` | the thread that runs processes |
//! | `placement` | which worker a new process goes to |
//! | `sleep` | how a worker goes to sleep and wakes |
//! | `task` | the slot that a process runs in; park and unpark |
//! | `info` | number, name, place and state of a process |
//! | `asked` | questions that parked processes answer, for backtraces |
//! | `stop` | why the waits of a process fail: it was cancelled, or its deadline has passed |
//! | `locals` | values of which each process has its own copy |
//! | `ready` | the queue of woken processes |
//! | `timer` | one heap per worker |
//! | `alarms` | times at which the futures of a process are polled again |
//! | `park` | waits that work in processes and on threads |
//! | `waker` | how a process or thread waits for a future |
//! | `sends` | sends of several processes, made with one system call |
//! | `stack`, `overflow` | stacks with guards, and what happens at the guard |
//! | `trim` | gives the memory of stacks back whose processes wait for long |
//! | `panics` | names the process that panics |
//! | `threadlike` | processes that are threads to all code in them |
//! | `threads` | threads for code that blocks |
//! | `counter`, `traffic` | the counters for `process::metrics` |
//! | `watchdog` | names a process that keeps its worker for too long |
//! | `trace`, `no_trace` | events and spans for the crate `tracing`, with the feature `tracing` |

pub(crate) mod alarms;
pub(crate) mod asked;
pub(crate) mod counter;
pub(crate) mod info;
pub(crate) mod locals;
#[cfg(not(feature = "tracing"))]
pub(crate) mod no_trace;
pub(crate) mod overflow;
pub(crate) mod panics;
pub(crate) mod park;
pub(crate) mod placement;
pub(crate) mod ready;
pub(crate) mod scheduler;
pub(crate) mod sends;
mod sleep;
pub(crate) mod stack;
pub(crate) mod stop;
pub(crate) mod task;
pub(crate) mod threadlike;
pub(crate) mod threads;
pub(crate) mod timer;
#[cfg(feature = "tracing")]
pub(crate) mod trace;
pub(crate) mod traffic;
mod trim;
pub(crate) mod waker;
pub(crate) mod watchdog;
pub(crate) mod worker;

#[cfg(not(feature = "tracing"))]
pub(crate) use no_trace as trace;

use crate::sys::Events;
use worker::Worker;

/// What a worker's loop calls on the floor above: the descriptors that its reactor watches.
pub(crate) trait Watched: Events + 'static {
    /// Called after each look at the reactor and before each sleep. Returns whether it may have woken processes.
    fn settle(worker: &'static Worker) -> bool;
}
