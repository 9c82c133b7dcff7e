//! Connections: `connect(2)` and `accept(2)`.

use std::ffi::c_int;
use std::mem::{self, MaybeUninit};
use std::time::Duration;

use libc::{sockaddr, socklen_t};
use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike, Until};

use crate::library::library;
use crate::mode;
use crate::raw::{self, AGAIN, failed, finish, sys};
use crate::wait::{Waited, Waiter};

/// The first and the longest pause between two attempts to connect to a Unix listener whose queue is full. The kernel
/// sends no event when there is room again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// `connect(2)`.
///
/// # Safety
///
/// `addr` is readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let call = || unsafe { sys!(libc::SYS_connect, fd, addr, len) };
    let Some(process) = threadlike::current() else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(connect(fd, addr, len) -> c_int) };
    };
    finish(connect_parking(process, fd, call)) as c_int
}

#[inline(never)]
fn connect_parking(process: Threadlike, fd: c_int, call: impl Fn() -> isize) -> isize {
    let until = Until::after(raw::timeout(fd, libc::SO_SNDTIMEO));
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(result) = mode::without_blocking(fd, &call) else {
            return call();
        };
        if result == AGAIN {
            if let Some(errno) = process.stopped() {
                return failed(errno);
            }
            if until.has_passed() {
                return AGAIN;
            }
            process.sleep(Until::after(Some(pause)).min(until));
            pause = (pause * 2).min(LONGEST_PAUSE);
            continue;
        }
        // `EALREADY` means that an earlier call has begun the connection.
        if result != failed(libc::EINPROGRESS) && result != failed(libc::EALREADY) {
            return result;
        }
        break;
    }
    let mut waiter = Waiter::new(process, fd, Interest::Write);
    loop {
        match waiter.wait_until(until) {
            Waited::Again => {}
            Waited::Plain => return call(),
            // The kernel does the same: after a timeout the connection goes on without the caller.
            Waited::Failed(AGAIN) => return failed(libc::EINPROGRESS),
            Waited::Failed(error) => return error,
        }
        if let Err(closed) = waiter.begin() {
            return closed;
        }
        match outcome(fd) {
            // To the kernel a connect has ended only when a call has returned its success. Until then the next one would
            // return 0 instead of `EISCONN`.
            Some(0) => return call(),
            Some(result) => return result,
            None => {}
        }
    }
}

/// The result of the connect, if it has ended. A wake-up alone proves nothing, because the readiness may be old: only a
/// peer address proves success.
fn outcome(fd: c_int) -> Option<isize> {
    if let Some(error @ 1..) = raw::int_option(fd, libc::SO_ERROR) {
        return Some(failed(error));
    }
    let mut peer = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut len = mem::size_of::<libc::sockaddr_storage>() as socklen_t;
    // SAFETY: there is room for any address, and its length.
    let named = unsafe { sys!(libc::SYS_getpeername, fd, peer.as_mut_ptr(), &raw mut len) };
    (named != failed(libc::ENOTCONN)).then_some(named)
}

/// `accept(2)`.
///
/// # Safety
///
/// `addr` is writable for `*len` bytes, or both pointers are null.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept(
    fd: c_int,
    addr: *mut sockaddr,
    len: *mut socklen_t,
) -> c_int {
    accepted(
        fd,
        // SAFETY: the caller keeps this function's contract.
        || unsafe { sys!(libc::SYS_accept, fd, addr, len) },
        // SAFETY: the caller keeps this function's contract.
        || unsafe { library!(accept(fd, addr, len) -> c_int) },
    )
}

/// `accept4(2)`.
///
/// # Safety
///
/// The same as for [`accept`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept4(
    fd: c_int,
    addr: *mut sockaddr,
    len: *mut socklen_t,
    flags: c_int,
) -> c_int {
    accepted(
        fd,
        // SAFETY: the caller keeps this function's contract.
        || unsafe { sys!(libc::SYS_accept4, fd, addr, len, flags) },
        // SAFETY: the caller keeps this function's contract.
        || unsafe { library!(accept4(fd, addr, len, flags) -> c_int) },
    )
}

#[inline(always)]
fn accepted(fd: c_int, accept: impl Fn() -> isize, plain: impl Fn() -> c_int) -> c_int {
    match threadlike::current() {
        Some(process) => finish(accept_parking(process, fd, accept)) as c_int,
        None => accept_on_thread(fd, plain),
    }
}

#[inline(never)]
fn accept_parking(process: Threadlike, fd: c_int, accept: impl Fn() -> isize) -> isize {
    let mut waiter = Waiter::new(process, fd, Interest::Read);
    loop {
        if let Err(closed) = waiter.begin() {
            return closed;
        }
        let result = match mode::without_blocking(fd, &accept) {
            None => return accept(),
            Some(result) => result,
        };
        if result != AGAIN {
            return result;
        }
        match waiter.wait() {
            Waited::Again => {}
            Waited::Plain => return accept(),
            Waited::Failed(error) => return error,
        }
    }
}

/// On a plain thread this is one system call. It is repeated only if a process had set `O_NONBLOCK` at that moment.
fn accept_on_thread(fd: c_int, accept: impl Fn() -> c_int) -> c_int {
    loop {
        let ended = mode::ended();
        let result = accept();
        if result >= 0 || !mode::any_since(ended) {
            return result;
        }
        let would_block = raw::errno() == libc::EAGAIN && mode::waits(fd) == Some(true);
        // With a timeout, `EAGAIN` may mean that the call has waited and timed out.
        if !would_block || raw::timeout(fd, libc::SO_RCVTIMEO).is_some() {
            return result;
        }
    }
}
