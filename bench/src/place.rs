//! Where an OS process runs: its core and its scheduling policy.

use std::io;
use std::mem;

/// Moves the calling thread to a core, or to all cores, and sets its policy. All that it starts from now
/// on inherits both. Without the policy for batch work, preemption alone decides in which order a server
/// and its load take turns on one core.
pub(crate) fn take(cpu: Option<usize>, batch: bool) -> io::Result<()> {
    // SAFETY: a `cpu_set_t` of zeros is valid: it is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    let cpus = match cpu {
        Some(cpu) => cpu..cpu + 1,
        None => 0..libc::CPU_SETSIZE as usize,
    };
    for cpu in cpus {
        // SAFETY: `CPU_SET` ignores a number from CPU_SETSIZE on.
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
    // SAFETY: the parameter lives during the call.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const param) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
