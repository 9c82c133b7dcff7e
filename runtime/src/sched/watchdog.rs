//! Names a process that keeps its worker for too long. The cause may be a computation, a blocking call, or a
//! `std::sync::Mutex` that another process of the same worker holds. The watchdog only warns.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::sched::scheduler::Scheduler;
use crate::sched::stack;
use crate::sched::task::Waiting;
use crate::sched::trace;
use crate::sys::tell::tell;

/// Starts the watchdog thread, if there is a limit.
pub(crate) fn start(scheduler: &'static Scheduler, limit: Duration) -> io::Result<()> {
    if limit.is_zero() {
        return Ok(());
    }
    thread::Builder::new()
        .name("std_net-watchdog".into())
        .spawn(move || watch(scheduler, limit))?;
    Ok(())
}

fn watch(scheduler: &'static Scheduler, limit: Duration) {
    let mut last: Vec<(u64, bool)> = vec![(0, true); scheduler.workers().len()];
    loop {
        // Each stall causes one warning, after one to two times the limit.
        thread::sleep(limit);
        for (worker, (resumes, warned)) in scheduler.workers().iter().zip(&mut last) {
            let now = worker.resumes.load(Ordering::Relaxed);
            if now != *resumes || !worker.busy.load(Ordering::Relaxed) {
                (*resumes, *warned) = (now, false);
            } else if !*warned {
                *warned = true;
                for task in stack::tasks().iter().filter(|t| t.is_owned_by(worker)) {
                    if let Some((info, Waiting::Nothing, ..)) = task.snapshot()
                        && !trace::slow(&info, limit)
                    {
                        tell(format_args!(
                            "std_net: {info} has kept its worker for more than {limit:?}; \
                             nothing else runs there"
                        ));
                    }
                }
            }
        }
    }
}
