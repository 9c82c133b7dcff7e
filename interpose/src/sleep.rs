//! Sleeping and yielding.

use std::ffi::{c_int, c_uint};
use std::ptr;

use libc::{clockid_t, timespec, useconds_t};
use std_net_runtime::threadlike::{self, Until};

use crate::raw::{self, finish, sys};

/// `clock_nanosleep(2)`. A process sleeps to the end, also when it is cancelled: no caller expects less.
///
/// # Safety
///
/// As the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    // SAFETY: the caller's.
    let wanted = unsafe { time.as_ref() }.and_then(|time| raw::from_timespec(*time));
    let known = matches!(
        clock,
        libc::CLOCK_MONOTONIC | libc::CLOCK_REALTIME | libc::CLOCK_BOOTTIME
    );
    let process = threadlike::current().filter(|_| known);
    let (Some(process), Some(wanted)) = (process, wanted) else {
        // SAFETY: the caller's.
        let result = unsafe { sys!(libc::SYS_clock_nanosleep, clock, flags, time, left) };
        // This one returns the error itself.
        return -result as c_int;
    };
    let errno = raw::errno();
    if flags & libc::TIMER_ABSTIME == 0 {
        process.sleep(Until::after(Some(wanted)));
    } else {
        // The clock may be set meanwhile: looked at again.
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
/// As the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    if threadlike::current().is_none() {
        // SAFETY: the caller's.
        return finish(unsafe { sys!(libc::SYS_nanosleep, time, left) }) as c_int;
    }
    // SAFETY: the caller's.
    let error = unsafe { clock_nanosleep(libc::CLOCK_MONOTONIC, 0, time, left) };
    finish(raw::failed(error)) as c_int
}

/// `usleep(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn usleep(micros: useconds_t) -> c_int {
    let time = timespec {
        tv_sec: i64::from(micros / 1_000_000),
        tv_nsec: i64::from(micros % 1_000_000) * 1000,
    };
    // SAFETY: a live timespec; what is left nobody asks.
    unsafe { nanosleep(&raw const time, ptr::null_mut()) }
}

/// `sleep(3)`: returns the seconds that are left, if a signal has ended it.
#[unsafe(no_mangle)]
pub extern "C" fn sleep(seconds: c_uint) -> c_uint {
    let mut time = timespec {
        tv_sec: i64::from(seconds),
        tv_nsec: 0,
    };
    // SAFETY: a live timespec, which takes what is left.
    if unsafe { nanosleep(&raw const time, &raw mut time) } == 0 {
        return 0;
    }
    c_uint::try_from(time.tv_sec).unwrap_or(0) + c_uint::from(time.tv_nsec >= 500_000_000)
}

/// `sched_yield(2)`: a process lets the others of its worker run. Whoever spins for a lock that one of them holds
/// calls this.
#[unsafe(no_mangle)]
pub extern "C" fn sched_yield() -> c_int {
    match threadlike::current() {
        Some(process) => {
            process.yield_now();
            0
        }
        // SAFETY: no preconditions.
        None => finish(unsafe { sys!(libc::SYS_sched_yield) }) as c_int,
    }
}
