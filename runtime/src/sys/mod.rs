//! The platform: every call of the C library or the kernel that neither std nor socket2 offers in the
//! form needed here. No policy, and nothing of processes.
//!
//! # What a platform provides
//!
//! | name | what | Linux |
//! |---|---|---|
//! | `Reactor` | waits for descriptors: `new`, `add`, `remove`, `wait`, `wake`, `set_alarm`, `drop_alarm`, `rearm` where it reports once | `linux/epoll`, or `portable` over `polling` |
//! | `Ring` | several sends by one call: `new`, `make`; or none | `linux/ring`, else `no_ring` |
//! | `eventfd` | a counter that a thread waits for beside a socket | `eventfd` |
//! | `poll` | how a plain thread waits: `ppoll(2)` | `poll` |
//! | `looks` | a look at many descriptors at once: `poll(2)` | `looks` |
//! | `clock` | a clock that is cheap to read, and a few milliseconds late | `clock` |
//! | `sigpipe` | no `SIGPIPE` from calls without `MSG_NOSIGNAL` | `sigpipe` |
//! | `inherit` | descriptors from the program before, and to the next | `inherit` |
//! | `recv`, `send`, `recvmsg` | without what glibc puts around them | this file |

pub(crate) mod clock;
pub(crate) mod eventfd;
pub mod inherit;
#[cfg(target_os = "linux")]
mod linux;
pub(crate) mod looks;
pub(crate) mod mmsg;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
)))]
mod no_ring;
pub(crate) mod poll;
#[cfg(std_net_portable)]
mod portable;
pub(crate) mod sigpipe;

use std::cell::Cell;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use libc::c_int;
use rustix::net::{RecvFlags, SendFlags};

#[cfg(not(std_net_portable))]
pub(crate) use linux::epoll::Reactor;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
))]
pub(crate) use linux::ring::Ring;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(std_net_portable)
)))]
pub(crate) use no_ring::Ring;
#[cfg(std_net_portable)]
pub(crate) use portable::Reactor;

/// Turns the -1 of a system call into the error of `errno`.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The same for calls that return a byte count.
pub(crate) fn cvt_len(result: libc::ssize_t) -> io::Result<usize> {
    // A negative count is only ever -1.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// `recv(2)`. Not glibc's: that is a cancellation point, which costs a process of several threads two
/// calls more; and the system call is built in, because each return behind one is mispredicted.
#[inline]
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
    let flags = RecvFlags::from_bits_retain(flags.cast_unsigned());
    let (_, len) = rustix::net::recv(fd, buf, flags)?;
    Ok(len)
}

/// `send(2)`, as [`recv`].
#[inline]
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8], flags: c_int) -> io::Result<usize> {
    let flags = SendFlags::from_bits_retain(flags.cast_unsigned());
    Ok(rustix::net::send(fd, buf, flags)?)
}

/// `recvmsg(2)`, as [`recv`].
///
/// # Safety
///
/// Every pointer in `msg` is null or valid for writes of the length beside it.
#[inline]
pub(crate) unsafe fn recvmsg(fd: RawFd, msg: *mut libc::msghdr, flags: c_int) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller's.
    let n = unsafe { libc::syscall(libc::SYS_recvmsg, fd, msg, flags) };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: the caller's.
    let n = unsafe { libc::recvmsg(fd, msg, flags) };
    cvt_len(n as libc::ssize_t)
}

/// `epoll_wait(2)`, as [`recv`]. On processors where it is no system call of its own, glibc's.
#[cfg(not(std_net_portable))]
#[inline]
pub(crate) fn epoll_wait(epoll: RawFd, events: &mut [libc::epoll_event], millis: c_int) -> c_int {
    let len = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a live buffer of so many events.
    let n = unsafe {
        libc::syscall(
            libc::SYS_epoll_wait,
            epoll,
            events.as_mut_ptr(),
            len,
            millis,
        )
    };
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: as above.
    let n = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), len, millis) };
    n as c_int
}

/// `epoll_pwait2(2)`. By its number: glibc has it since 2.35 and musl never had it, and a program
/// that names it does not start where it is missing.
#[cfg(not(std_net_portable))]
pub(crate) fn epoll_pwait2(
    epoll: RawFd,
    events: &mut [libc::epoll_event],
    timeout: &libc::timespec,
) -> c_int {
    // SAFETY: a live buffer of so many events and a live timespec; no signal mask, of size 0.
    let n = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll,
            events.as_mut_ptr(),
            c_int::try_from(events.len()).unwrap_or(c_int::MAX),
            std::ptr::from_ref(timeout),
            std::ptr::null::<libc::sigset_t>(),
            0_usize,
        )
    };
    n as c_int
}

/// Calls `f` again for as long as a signal interrupts it, as std does where it retries.
pub(crate) fn retry_interrupted<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match f() {
            Err(e) if e.raw_os_error() == Some(libc::EINTR) => {}
            other => return other,
        }
    }
}

/// What a reactor hands its events to: whoever knows what the keys stand for.
#[cfg_attr(
    std_net_portable,
    allow(
        dead_code,
        reason = "the portable reactor does not see its next events"
    )
)]
pub(crate) trait Events {
    /// Has the processor fetch what an event for this key will touch first.
    fn prefetch(key: u64);

    /// Has the processor fetch what it will touch next; the first has been fetched.
    ///
    /// # Safety
    ///
    /// `key` was given to the reactor's `add`.
    unsafe fn prefetch_waiter(key: u64);

    /// An event has come for this key, of directions in `bits` as `wake` names them.
    ///
    /// # Safety
    ///
    /// `key` was given to the reactor's `add`.
    unsafe fn event(key: u64, bits: u64);
}

/// A send for a `Ring` to make. It does not wait.
pub(crate) struct RingSend {
    pub(crate) fd: RawFd,
    /// Valid until there is an outcome.
    pub(crate) buf: *const [u8],
    pub(crate) flags: c_int,
    /// How many bytes were taken, or an error number below 0, as the kernel says it.
    pub(crate) outcome: Cell<Option<c_int>>,
}

/// How many sends a `Ring` takes at a time, at most.
pub(crate) const RING_ENTRIES: u32 = 64;
