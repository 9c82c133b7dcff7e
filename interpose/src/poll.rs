//! Functions that wait for several descriptors: `poll(2)`, `select(2)`, `epoll_wait(2)`.
//!
//! The worker's reactor watches each descriptor and reports every event of it. Whether such an event is one that the
//! caller waits for, the kernel decides: this module repeats the call with a timeout of zero. A signal mask is not
//! applied, because no signal ends the wait of a process.

use std::ffi::{c_int, c_short};
use std::fs;
use std::time::Duration;

use libc::{epoll_event, fd_set, nfds_t, pollfd, sigset_t, size_t, timespec, timeval};
use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike, Until, Watch};

use crate::library::library;
use crate::raw::{self, failed, finish, sys};
use crate::receive::check_room;
use crate::wait::{Waited, Waiter, park};

/// `poll(2)`.
///
/// # Safety
///
/// `fds` leads to `count` writable pollfds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    let process = threadlike::current().filter(|_| timeout != 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(poll(fds, count, timeout) -> c_int) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { poll_parking(process, fds, count as usize, millis(timeout)) }) as c_int
}

/// A negative number of milliseconds means no timeout.
fn millis(timeout: c_int) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

/// The name of `poll` in code that was compiled with `-D_FORTIFY_SOURCE`, if the compiler knows the size of the array.
///
/// # Safety
///
/// The same as for [`poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __poll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: c_int,
    room: size_t,
) -> c_int {
    check_room(count as usize, room / size_of::<pollfd>());
    // SAFETY: the caller keeps this function's contract.
    unsafe { poll(fds, count, timeout) }
}

/// `ppoll(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let wait = unsafe { timeout.as_ref() }.map(|time| raw::from_timespec(*time));
    let waits = !matches!(wait, Some(None | Some(Duration::ZERO)));
    let process = threadlike::current().filter(|_| waits);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(ppoll(fds, count, timeout, mask) -> c_int) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { poll_parking(process, fds, count as usize, wait.flatten()) }) as c_int
}

/// `ppoll` with the check of [`__poll_chk`].
///
/// # Safety
///
/// The same as for [`ppoll`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
    room: size_t,
) -> c_int {
    check_room(count as usize, room / size_of::<pollfd>());
    // SAFETY: the caller keeps this function's contract.
    unsafe { ppoll(fds, count, timeout, mask) }
}

const WRITE: c_short = libc::POLLOUT | libc::POLLWRNORM;

#[inline(never)]
unsafe fn poll_parking(
    process: Threadlike,
    fds: *mut pollfd,
    count: usize,
    wait: Option<Duration>,
) -> isize {
    let until = Until::after(wait);
    // SAFETY: the caller keeps this function's contract.
    let look = || unsafe { raw::poll_now(fds, count) };
    process.spend();
    let ready = look();
    if ready != 0 {
        return ready;
    }
    let fds = if count == 0 {
        &mut []
    } else {
        // SAFETY: the caller keeps this function's contract. The kernel has just accepted `count` pollfds.
        unsafe { std::slice::from_raw_parts_mut(fds, count) }
    };
    let Some((owners, mut watches)) = watches(fds) else {
        return failed(libc::EINVAL);
    };
    if watches.is_empty() {
        return sleep(process, until);
    }
    loop {
        for watch in &mut watches {
            watch.attempt();
        }
        let ready = look();
        if ready != 0 {
            return ready;
        }
        let again = watches
            .iter_mut()
            .fold(false, |again, watch| watch.would_block() | again);
        if again {
            continue;
        }
        match park(process, &mut watches, until) {
            Ok(true) => {}
            Ok(false) => return look(),
            Err(libc::EBADF) => {
                let ready = look();
                let closed = closed(fds, &owners, &watches);
                if ready + closed != 0 {
                    return ready + closed;
                }
            }
            // None of them can ever be ready, such as a file of which only urgent data are asked for.
            Err(libc::EPERM) => return sleep(process, until),
            Err(error) if is_too_nested(error) => return by_looking(process, until, look),
            Err(errno) => return failed(errno),
        }
    }
}

/// One watch for each direction that each of these descriptors asks for, and the place of its descriptor.
fn watches(fds: &[pollfd]) -> Option<(Vec<usize>, Vec<Watch>)> {
    let (mut owners, mut all) = (Vec::new(), Vec::new());
    for (at, poll) in fds.iter().enumerate().filter(|(_, poll)| poll.fd >= 0) {
        // The kernel always reports errors and hang-ups, even if the caller did not ask for them. They arrive with the
        // read direction.
        if poll.events & !WRITE != 0 || poll.events == 0 {
            owners.push(at);
            all.push(Watch::new(poll.fd, Interest::Read)?);
        }
        if poll.events & WRITE != 0 {
            owners.push(at);
            all.push(Watch::new(poll.fd, Interest::Write)?);
        }
    }
    Some((owners, all))
}

/// Says of each descriptor that was closed during the wait that it is closed. The kernel cannot be asked, because the
/// number may belong to another file by now. Returns how many the kernel has not reported.
fn closed(fds: &mut [pollfd], owners: &[usize], watches: &[Watch]) -> isize {
    let mut count = 0;
    for (&at, watch) in owners.iter().zip(watches) {
        let poll = &mut fds[at];
        if watch.is_closed() && poll.revents != libc::POLLNVAL {
            count += isize::from(poll.revents == 0);
            poll.revents = libc::POLLNVAL;
        }
    }
    count
}

/// A wait for nothing but the end of the time.
fn sleep(process: Threadlike, until: Until) -> isize {
    let errno = raw::errno();
    while !until.has_passed() {
        if let Some(errno) = process.stopped() {
            return failed(errno);
        }
        process.park(until);
    }
    raw::set_errno(errno);
    0
}

/// Whether the reactor's epoll cannot watch a descriptor because this is an epoll too: the kernel limits how deep epolls
/// can be within each other, and how many epolls that are within another can have one descriptor (500).
fn is_too_nested(errno: c_int) -> bool {
    matches!(errno, libc::ELOOP | libc::EINVAL)
}

/// A wait for descriptors that the reactor cannot watch: looks again and again, with longer and longer pauses.
fn by_looking(process: Threadlike, until: Until, look: impl Fn() -> isize) -> isize {
    const FIRST_PAUSE: Duration = Duration::from_millis(1);
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let mut pause = FIRST_PAUSE;
    loop {
        let ready = look();
        if ready != 0 || until.has_passed() {
            return ready;
        }
        let slept = sleep(process, Until::after(Some(pause)).min(until));
        if slept != 0 {
            return slept;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `select(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let time = unsafe { timeout.as_ref() };
    let wait = time.map(|time| raw::from_timeval(*time));
    // The kernel refuses a negative time.
    let waits = time.is_none_or(|time| time.tv_usec >= 0) && wait != Some(Duration::ZERO);
    let process = threadlike::current().filter(|_| waits);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(select(count, read, write, except, timeout) -> c_int) };
    };
    let begun = std::time::Instant::now();
    // SAFETY: the caller keeps this function's contract.
    let result = unsafe { select_parking(process, count, [read, write, except], wait) };
    // The kernel's `select` also writes the remaining time into the timeout.
    // SAFETY: the caller keeps this function's contract.
    if let (Some(wait), Some(left)) = (wait, unsafe { timeout.as_mut() }) {
        let rest = wait.saturating_sub(begun.elapsed());
        left.tv_sec = rest.as_secs().cast_signed();
        left.tv_usec = i64::from(rest.subsec_micros());
    }
    finish(result) as c_int
}

/// `pselect(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pselect(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let wait = unsafe { timeout.as_ref() }.map(|time| raw::from_timespec(*time));
    let waits = !matches!(wait, Some(None | Some(Duration::ZERO)));
    let process = threadlike::current().filter(|_| waits);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(pselect(count, read, write, except, timeout, mask) -> c_int) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { select_parking(process, count, [read, write, except], wait.flatten()) })
        as c_int
}

unsafe fn select_parking(
    process: Threadlike,
    count: c_int,
    sets: [*mut fd_set; 3],
    wait: Option<Duration>,
) -> isize {
    let [read, write, except] = sets;
    if count < 0 {
        return failed(libc::EINVAL);
    }
    let mut polls = Vec::new();
    for fd in 0..count.min(most_descriptors(count)) {
        // SAFETY: the caller keeps this function's contract. With many descriptors, a set may be longer than its type.
        let has = |set: *mut fd_set| !set.is_null() && unsafe { is_set(set, fd) };
        let asked = [
            (read, libc::POLLIN),
            (write, libc::POLLOUT),
            (except, libc::POLLPRI),
        ];
        let events = asked
            .iter()
            .filter(|(set, _)| has(*set))
            .fold(0, |all, (_, event)| all | event);
        if events != 0 {
            polls.push(pollfd {
                fd,
                events,
                revents: 0,
            });
        }
    }
    // SAFETY: the pointer leads to `polls.len()` pollfds.
    let waited = unsafe { poll_parking(process, polls.as_mut_ptr(), polls.len(), wait) };
    if waited < 0 {
        return waited;
    }
    if polls.iter().any(|poll| poll.revents & libc::POLLNVAL != 0) {
        return failed(libc::EBADF);
    }
    let mut now = timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // This call writes which descriptors are ready, in the form of `select`.
    // SAFETY: the caller keeps this function's contract.
    unsafe { sys!(libc::SYS_select, count, read, write, except, &raw mut now) }
}

/// How many descriptors `select` looks at, at most. The kernel does not read a set beyond the size of its table of
/// descriptors. So a program may name a count that is larger than its sets, such as the limit of descriptors.
fn most_descriptors(count: c_int) -> c_int {
    if count as usize <= libc::FD_SETSIZE {
        return count;
    }
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("FDSize:"))?;
            line.trim().parse().ok()
        })
        .unwrap_or(count)
}

/// # Safety
///
/// The set is long enough to have a bit for `fd`.
unsafe fn is_set(set: *mut fd_set, fd: c_int) -> bool {
    let fd = fd as usize;
    // SAFETY: the caller keeps this function's contract.
    unsafe { set.cast::<u64>().add(fd / 64).read_unaligned() & 1 << (fd % 64) != 0 }
}

/// `epoll_wait(2)`. An epoll descriptor is itself readable when it has events.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
) -> c_int {
    match threadlike::current().filter(|_| timeout != 0) {
        // SAFETY: the caller keeps this function's contract.
        None => unsafe { library!(epoll_wait(epoll, events, count, timeout) -> c_int) },
        Some(process) => finish(epoll_parking(process, epoll, millis(timeout), || {
            // SAFETY: the caller keeps this function's contract.
            unsafe { sys!(libc::SYS_epoll_wait, epoll, events, count, 0) }
        })) as c_int,
    }
}

/// `epoll_pwait(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
    mask: *const sigset_t,
) -> c_int {
    if threadlike::current().is_some() && timeout != 0 {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { epoll_wait(epoll, events, count, timeout) };
    }
    // SAFETY: the caller keeps this function's contract.
    unsafe { library!(epoll_pwait(epoll, events, count, timeout, mask) -> c_int) }
}

/// `epoll_pwait2(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller keeps this function's contract.
    let wait = unsafe { timeout.as_ref() }.map(|time| raw::from_timespec(*time));
    let waits = !matches!(wait, Some(None | Some(Duration::ZERO)));
    match threadlike::current().filter(|_| waits) {
        // SAFETY: the caller keeps this function's contract.
        None => finish(unsafe {
            sys!(
                libc::SYS_epoll_pwait2,
                epoll,
                events,
                count,
                timeout,
                mask,
                8
            )
        }) as c_int,
        Some(process) => finish(epoll_parking(process, epoll, wait.flatten(), || {
            // SAFETY: the caller keeps this function's contract.
            unsafe { sys!(libc::SYS_epoll_wait, epoll, events, count, 0) }
        })) as c_int,
    }
}

fn epoll_parking(
    process: Threadlike,
    epoll: c_int,
    wait: Option<Duration>,
    look: impl Fn() -> isize,
) -> isize {
    let until = Until::after(wait);
    let mut waiter = Waiter::new(process, epoll, Interest::Read);
    loop {
        if let Err(closed) = waiter.begin() {
            return closed;
        }
        let ready = look();
        if ready != 0 {
            return ready;
        }
        match waiter.wait_until(until) {
            Waited::Again => {}
            Waited::Failed(raw::AGAIN) => return look(),
            Waited::Plain => return failed(libc::EINVAL),
            Waited::Failed(error) if is_too_nested(-error as c_int) => {
                return by_looking(process, until, look);
            }
            Waited::Failed(error) => return error,
        }
    }
}
