//! Functions that sleep or yield.

use std::ffi::{c_int, c_uint};
use std::ptr;

use libc::{clockid_t, timespec, useconds_t};
use std_net_runtime::threadlike::{self, Until};

use crate::library::library;
use crate::raw::{self, finish};

/// `clock_nanosleep(2)`. A process sleeps for the whole time, even if it is cancelled, because callers do not expect
/// less.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let wanted = unsafe { time.as_ref() }.and_then(|time| raw::from_timespec(*time));
    let known = matches!(
        clock,
        libc::CLOCK_MONOTONIC | libc::CLOCK_REALTIME | libc::CLOCK_BOOTTIME
    );
    let process = threadlike::current().filter(|_| known);
    let (Some(process), Some(wanted)) = (process, wanted) else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(clock_nanosleep(clock, flags, time, left) -> c_int) };
    };
    let errno = raw::errno();
    if flags & libc::TIMER_ABSTIME == 0 {
        process.sleep(Until::after(Some(wanted)));
    } else {
        // The clock may be set meanwhile, so the remaining time is computed again after each sleep.
        loop {
            let left = raw::left_until(clock, wanted);
            if left.is_zero() {
                break;
            }
            process.sleep(Until::after(Some(left)));
        }
    }
    raw::set_errno(errno);
    0
}

/// `nanosleep(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    if threadlike::current().is_none() {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(nanosleep(time, left) -> c_int) };
    }
    // SAFETY: the caller keeps this function's contract.
    let error = unsafe { clock_nanosleep(libc::CLOCK_MONOTONIC, 0, time, left) };
    finish(raw::failed(error)) as c_int
}

/// `usleep(3)`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn usleep(micros: useconds_t) -> c_int {
    let time = timespec {
        tv_sec: i64::from(micros / 1_000_000),
        tv_nsec: i64::from(micros % 1_000_000) * 1000,
    };
    // SAFETY: the timespec is live. Null means that the remaining time is not asked for.
    unsafe { nanosleep(&raw const time, ptr::null_mut()) }
}

/// `sleep(3)`. Returns the seconds that are left if a signal has ended the sleep.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sleep(seconds: c_uint) -> c_uint {
    let mut time = timespec {
        tv_sec: i64::from(seconds),
        tv_nsec: 0,
    };
    // SAFETY: the timespec is live. It also takes the remaining time.
    if unsafe { nanosleep(&raw const time, &raw mut time) } == 0 {
        return 0;
    }
    c_uint::try_from(time.tv_sec).unwrap_or(0) + c_uint::from(time.tv_nsec >= 500_000_000)
}

/// `sched_yield(2)`. A process lets the other processes of its worker run. Code that spins for a lock calls this, and
/// another process of the worker may hold that lock.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sched_yield() -> c_int {
    match threadlike::current() {
        Some(process) => {
            process.yield_now();
            0
        }
        // SAFETY: the call has no preconditions.
        None => unsafe { library!(sched_yield() -> c_int) },
    }
}
