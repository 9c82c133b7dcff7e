//! System calls without the C library. Its functions cannot be used for them, because this crate replaces those.

use std::arch::asm;
use std::ffi::{c_int, c_long};
use std::mem;
use std::ptr;
use std::time::Duration;

use libc::{iovec, pollfd, socklen_t, timespec};

/// The flag of `preadv2(2)` and `pwritev2(2)` by which they do not wait.
pub(crate) const RWF_NOWAIT: c_int = 8;

/// Makes one system call. A negative result is an error number.
///
/// # Safety
///
/// The same as for the system call: each pointer among the arguments is valid for what the kernel does with it.
#[inline(always)]
pub(crate) unsafe fn call(number: c_long, args: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the caller keeps this function's contract. The kernel changes rax, rcx, r11 and memory.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// `sys!(NUMBER, a, b, ...)` converts each argument to a word and passes zeros for the rest.
macro_rules! sys {
    ($number:expr $(, $arg:expr)* $(,)?) => {{
        let given = [$($arg as usize),*];
        let mut args = [0_usize; 6];
        args[..given.len()].copy_from_slice(&given);
        $crate::raw::call($number, args)
    }};
}
pub(crate) use sys;

/// Turns a result into the C library's form: -1 and `errno` for an error. A success does not touch `errno`.
#[inline(always)]
pub(crate) fn finish(result: isize) -> isize {
    if (-4095..0).contains(&result) {
        set_errno(-result as c_int);
        return -1;
    }
    result
}

pub(crate) fn errno() -> c_int {
    // SAFETY: every thread has an `errno`, at this address.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: every thread has an `errno`, at this address.
    unsafe { *libc::__errno_location() = errno };
}

/// An error number as the result of a system call.
pub(crate) const fn failed(errno: c_int) -> isize {
    -(errno as isize)
}

pub(crate) const AGAIN: isize = failed(libc::EAGAIN);

/// Whether this result of `preadv2(2)` or `pwritev2(2)` with `RWF_NOWAIT` says that no such attempt can be made. The
/// kernel does not have the flag for every kind of file, and sandboxes refuse the whole call. They do so with errors that
/// a read or a write can have too. So this asks once more, for no descriptor: the kernel itself answers `EBADF`.
pub(crate) fn cannot_try(number: c_long, result: isize) -> bool {
    if result == failed(libc::EOPNOTSUPP) || result == failed(libc::ENOSYS) {
        return true;
    }
    if result != failed(libc::EPERM) && result != failed(libc::EINVAL) {
        return false;
    }
    // SAFETY: the call passes no memory.
    let asked = unsafe {
        sys!(
            number,
            -1_isize,
            ptr::null::<iovec>(),
            0,
            -1_isize,
            0,
            RWF_NOWAIT
        )
    };
    asked != failed(libc::EBADF)
}

/// The value of an option of `SOL_SOCKET` that is an int. `None` if it cannot be had, as of a file that is no socket.
pub(crate) fn int_option(fd: c_int, option: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut len = mem::size_of::<c_int>() as socklen_t;
    // SAFETY: there is room for an int, and its length.
    let result = unsafe {
        sys!(
            libc::SYS_getsockopt,
            fd,
            libc::SOL_SOCKET,
            option,
            &raw mut value,
            &raw mut len
        )
    };
    (result == 0).then_some(value)
}

/// The value of `SO_RCVTIMEO` or `SO_SNDTIMEO`. `None` if it is not set or if this is not a socket.
pub(crate) fn timeout(fd: c_int, option: c_int) -> Option<Duration> {
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let mut len = mem::size_of_val(&time) as socklen_t;
    // SAFETY: there is room for a timeval, and its length.
    let result = unsafe {
        sys!(
            libc::SYS_getsockopt,
            fd,
            libc::SOL_SOCKET,
            option,
            &raw mut time,
            &raw mut len
        )
    };
    (result == 0 && (time.tv_sec, time.tv_usec) != (0, 0)).then(|| from_timeval(time))
}

/// `poll(2)` with a timeout of zero, so it does not wait.
///
/// # Safety
///
/// `fds` leads to `count` writable pollfds.
pub(crate) unsafe fn poll_now(fds: *mut pollfd, count: usize) -> isize {
    // SAFETY: the caller keeps this function's contract.
    unsafe { sys!(libc::SYS_poll, fds, count, 0) }
}

/// Which of `events` the descriptor reports now.
pub(crate) fn poll_one(fd: c_int, events: i16) -> i16 {
    let mut poll = pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: there is one pollfd, and it is live.
    unsafe { poll_now(&raw mut poll, 1) };
    poll.revents
}

/// Converts a time that a program has passed. Returns `None` if it is negative or out of range. The kernel refuses such
/// a time.
pub(crate) fn from_timespec(time: timespec) -> Option<Duration> {
    let nanos = u32::try_from(time.tv_nsec)
        .ok()
        .filter(|n| *n < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, nanos))
}

pub(crate) fn from_timeval(time: libc::timeval) -> Duration {
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(micros)
}

/// The time that is left until `at` on this clock.
pub(crate) fn left_until(clock: libc::clockid_t, at: Duration) -> Duration {
    let mut now = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the timespec is live.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    at.saturating_sub(from_timespec(now).unwrap_or_default())
}
