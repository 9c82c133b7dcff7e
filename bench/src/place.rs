//! Where a process runs: its core and its scheduling policy.

use std::io;
use std::mem;

/// Moves the calling thread, and all that it starts from now on, to a core (or to all of them), and
/// gives it the policy for batch work: without it preemption alone decides the order in which a
/// server and its load on one core take turns.
pub(crate) fn take(cpu: Option<usize>, batch: bool) -> io::Result<()> {
    // SAFETY: all-zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    let cpus = match cpu {
        Some(cpu) => cpu..cpu + 1,
        None => 0..libc::CPU_SETSIZE as usize,
    };
    for cpu in cpus {
        // SAFETY: below CPU_SETSIZE, or ignored.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: a live set of that size.
    if unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &raw const set) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let policy = if batch {
        libc::SCHED_BATCH
    } else {
        libc::SCHED_OTHER
    };
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: a live parameter.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const param) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
