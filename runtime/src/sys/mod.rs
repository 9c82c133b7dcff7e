//! The platform: every call of the C library or the kernel that neither std nor socket2 offers in the form needed here.
//! This module has no policy and knows nothing about processes.
//!
//! # What a platform provides
//!
//! The folders `linux` and `bsd` (macOS and FreeBSD) both have these files. `platform` is the folder for the target.
//!
//! | file | what | Linux | macOS, FreeBSD |
//! |---|---|---|---|
//! | `control` | the kinds of control messages and their numbers | all | descriptors, packet info, hops, type of service, time |
//! | `memory` | mappings for stacks, guards by advice | `MADV_GUARD_INSTALL` | guards by `mprotect` |
//! | `socket` | accept, flags, `SENDS_HEED_DONTWAIT` | `accept4` | `accept4` or `accept`, `SO_NOSIGPIPE` |
//! | `thread` | clock, `poll`, signals, `exec` | `ppoll`, `sigtimedwait`, `execvpe` | `poll`, `sigwait`, `execvpe` or `execvp` |
//! | `transfer` | files and streams sent without a copy in the program | `sendfile`, `splice` | `sendfile` |
//! | `wake_fd` | a descriptor that wakes a waiting thread | `eventfd` | a pipe |
//!
//! In addition there is one of each of these:
//!
//! | name | what | implementations |
//! |---|---|---|
//! | `Reactor` | waits for descriptors: `new`, `add`, `rearm`, `remove`, `wait`, `wake`, `set_alarm`, `drop_alarm`, `is_set`, `REPORTS_ONCE` | `linux/epoll`; `portable` over the `polling` crate: kqueue, and on Linux with `--cfg std_net_portable` |
//! | `Ring` | several sends by one call: `new`, `make` | `linux/ring`; `no_ring` |
//! | `Accepts` | an accept that cannot block: `new`, `accept` | `linux/ring`; `no_ring` |
//!
//! These parts use the ones above, and are the same on every platform:
//!
//! | name | what |
//! |---|---|
//! | `poll` | the wait of a plain thread |
//! | `looks` | a check of many descriptors at once: `poll(2)` |
//! | `lock` | the runtime's own lock, which does not wait through interposed functions |
//! | `stack_pointer` | the register that holds the stack pointer; elsewhere an address near it |
//! | `thread_pointer` | the register that leads to the thread-locals; only on Linux on x86-64 |
//! | `alarm` | the numbers of a reactor's alarms |
//! | `clock` | a clock that is cheap to read, but a few milliseconds late |
//! | `sigpipe` | suppresses `SIGPIPE` for calls without `MSG_NOSIGNAL` |
//! | `mmsg` | several messages by one call or by a loop |
//! | `inherit` | descriptors from the parent OS process, and to a child |
//! | `tell` | a line for standard error that never panics |
//! | `recv`, `send`, `recvmsg` | these calls without glibc's additions (this file) |

#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_vendor = "apple")))]
compile_error!("std_net knows Linux, FreeBSD and macOS; see docs/platforms.md");

pub(crate) mod alarm;
#[cfg(not(target_os = "linux"))]
mod bsd;
pub(crate) mod clock;
pub(crate) mod control;
pub mod inherit;
#[cfg(target_os = "linux")]
mod linux;
pub(crate) mod lock;
pub(crate) mod looks;
pub(crate) mod mmsg;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
)))]
mod no_ring;
pub(crate) mod poll;
#[cfg(any(std_net_portable, not(target_os = "linux")))]
mod portable;
pub(crate) mod sigpipe;
pub(crate) mod stack_pointer;
pub(crate) mod tell;
pub(crate) mod thread_pointer;
pub(crate) mod wake_fd;

use std::cell::Cell;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
#[cfg(target_os = "linux")]
use std::time::Duration;

use libc::c_int;
use rustix::net::{RecvFlags, SendFlags};

#[cfg(not(target_os = "linux"))]
use bsd as platform;
#[cfg(target_os = "linux")]
use linux as platform;

#[cfg(all(target_os = "linux", not(std_net_portable)))]
pub(crate) use linux::epoll::Reactor;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
))]
pub(crate) use linux::ring::{Accepts, Ring};
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
)))]
pub(crate) use no_ring::{Accepts, Ring};
#[cfg(target_os = "linux")]
pub use platform::control::{UDP_GRO, UDP_SEGMENT};
pub(crate) use platform::memory;
pub(crate) use platform::socket::{
    CLOSE_ON_EXEC, CONNECT_RESUMES, NO_SIGNAL, SENDS_HEED_DONTWAIT, accept_any, accept_from, adopt,
    received,
};
pub(crate) use platform::transfer::{Pipe, pipes_of_thread, send_file, use_pipes_of_thread};
#[cfg(any(std_net_portable, not(target_os = "linux")))]
pub(crate) use portable::Reactor;

/// The reason why a ring has accepted no connection.
#[allow(dead_code, reason = "where there is no ring none refuses")]
pub(crate) enum Refused {
    /// The `errno` of `accept4(2)`.
    Error(c_int),
    /// The ring itself failed.
    Broken,
}

/// Maps new memory at an address that the kernel chooses. It is an anonymous private mapping, all zero, with these
/// additional flags.
pub(crate) fn map(len: usize, flags: c_int) -> io::Result<*mut libc::c_void> {
    // SAFETY: no address and no file are given.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(base)
    }
}

/// Turns -1 from a system call into the error of `errno`.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Does the same for calls that return a byte count.
pub(crate) fn cvt_len(result: libc::ssize_t) -> io::Result<usize> {
    // A negative count can only be -1.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Makes every child of a later `fork(2)` call `f`. `f` must be async-signal-safe.
pub(crate) fn in_forked_children(f: extern "C" fn()) -> io::Result<()> {
    // SAFETY: the function exists as long as the program.
    let error = unsafe { libc::pthread_atfork(None, None, Some(f)) };
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

/// Sets `errno` to 0. Call this before a function that leaves an error only there.
pub(crate) fn clear_errno() {
    // SAFETY: every thread has its own `errno`.
    #[cfg(target_os = "linux")]
    unsafe {
        *libc::__errno_location() = 0;
    }
}

/// `recv(2)`, but not glibc's function. glibc's is a cancellation point, which costs two more calls in a program with
/// several threads. The system call is inlined, because each return after one is mispredicted.
#[inline]
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
    #[cfg(not(target_os = "linux"))]
    let buf = {
        let most = buf.len().min(platform::socket::MOST_BYTES);
        &mut buf[..most]
    };
    let flags = RecvFlags::from_bits_retain(flags.cast_unsigned());
    let (_, len) = rustix::net::recv(fd, buf, flags)?;
    Ok(len)
}

/// `send(2)`, by a direct system call like [`recv`].
#[inline]
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8], flags: c_int) -> io::Result<usize> {
    let flags = SendFlags::from_bits_retain(flags.cast_unsigned());
    #[cfg(not(target_os = "linux"))]
    let buf = &buf[..buf.len().min(platform::socket::MOST_BYTES)];
    rustix::net::send(fd, buf, flags).map_err(|e| send_error(e.into()))
}

/// The error of a send on a connection. macOS may answer `EPROTOTYPE` while the connection is being taken down, and
/// `EPIPE` a moment later.
pub(crate) fn send_error(error: io::Error) -> io::Error {
    if cfg!(target_vendor = "apple") && error.raw_os_error() == Some(libc::EPROTOTYPE) {
        io::Error::from_raw_os_error(libc::EPIPE)
    } else {
        error
    }
}

/// `recvmsg(2)`, by a direct system call like [`recv`].
///
/// # Safety
///
/// Every pointer in `msg` is null or valid for writes of the length beside it.
#[inline]
pub(crate) unsafe fn recvmsg(fd: RawFd, msg: *mut libc::msghdr, flags: c_int) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller keeps this function's contract.
    let n = unsafe { libc::syscall(libc::SYS_recvmsg, fd, msg, flags) };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: the caller keeps this function's contract.
    let n = unsafe { libc::recvmsg(fd, msg, flags) };
    cvt_len(n as libc::ssize_t)
}

/// A duration for the kernel. One that is too long for its type becomes 68 years.
#[cfg(target_os = "linux")]
pub(crate) fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: all-zero is a valid timespec.
    let mut spec: libc::timespec = unsafe { std::mem::zeroed() };
    // No caller waits longer, and this value fits into 32 bits too.
    spec.tv_sec = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).into();
    // The value is below 1,000,000,000, so it fits.
    spec.tv_nsec = duration.subsec_nanos() as _;
    spec
}

/// Calls `f` again as long as a signal interrupts it, as std does. Only this function does that.
///
/// # Errors
///
/// The error of `f`, except `Interrupted`.
pub fn retry_interrupted<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match f() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The receiver of a reactor's events: a type that knows what the keys mean.
#[allow(
    dead_code,
    reason = "the portable reactor does not see its next events"
)]
pub(crate) trait Events {
    /// Asks the processor to fetch what an event for this key uses first.
    fn prefetch(key: u64);

    /// Asks the processor to fetch what the event uses next. The first part was fetched before.
    ///
    /// # Safety
    ///
    /// `key` was given to the reactor's `add`.
    unsafe fn prefetch_waiter(key: u64);

    /// Handles an event for this key. `bits` are the directions, as `wake` names them.
    ///
    /// # Safety
    ///
    /// `key` was given to the reactor's `add`.
    unsafe fn event(key: u64, bits: u64);
}

/// A send for a `Ring` to make. It does not wait.
pub(crate) struct RingSend {
    pub(crate) fd: RawFd,
    /// The buffer, which is valid until there is an outcome.
    pub(crate) buf: *const [u8],
    pub(crate) flags: c_int,
    /// The number of bytes sent, or a negative error number, as the kernel returns it.
    pub(crate) outcome: Cell<Option<c_int>>,
}

/// The largest number of sends that a `Ring` takes at once.
pub(crate) const RING_ENTRIES: u32 = 64;
