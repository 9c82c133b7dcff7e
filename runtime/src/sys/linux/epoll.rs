//! The reactor on Linux: epoll, edge-triggered, with both directions in one registration.
//!
//! It uses epoll directly, because a trusted short read needs `EPOLLRDHUP`, and because a wait must be a single system
//! call.

use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::c_int;

use crate::sys::wake_fd::WakeFd;
use crate::sys::{Events, alarm, cvt, timespec};
use crate::wake::{READ_CLOSED, READABLE, URGENT, WRITABLE};

const EVENTS: usize = 1024;
/// How many events ahead a source is fetched into the processor's caches, and the task that waits for it.
const SOURCE_AHEAD: usize = 6;
const TASK_AHEAD: usize = 3;
const EDGES: c_int =
    libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET;
/// No source has these keys, because sources are aligned. The alarms have the keys from `ALARM` to `LAST`.
const WAKE: u64 = 1;
const ALARM: u64 = 2;
const LAST: u64 = ALARM + alarm::COUNT as u64 - 1;

pub(crate) struct Reactor {
    epoll: OwnedFd,
    /// Raised to wake the worker. It is edge-triggered, so it never needs to be read.
    waker: WakeFd,
    alarms: [OnceLock<Alarm>; alarm::COUNT],
    /// Whether the kernel may have `epoll_pwait2(2)`. It is false after the first refusal.
    counts_nanos: AtomicBool,
    events: UnsafeCell<Box<[libc::epoll_event; EVENTS]>>,
}

/// A timer of the kernel that ends a wait. Unlike a timeout, it costs the wait nothing.
struct Alarm {
    timer: OwnedFd,
    set: AtomicBool,
}

// SAFETY: `events` is used only in `wait`, and by its contract only one thread calls that.
unsafe impl Sync for Reactor {}

impl Reactor {
    /// Whether a report must be requested again by `rearm`.
    pub(crate) const REPORTS_ONCE: bool = false;

    pub(crate) fn new() -> io::Result<Reactor> {
        // SAFETY: the call has no preconditions.
        let epoll = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: epoll_create1 has just made this descriptor, and no other code owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let reactor = Reactor {
            epoll,
            waker: WakeFd::new()?,
            alarms: [const { OnceLock::new() }; alarm::COUNT],
            counts_nanos: AtomicBool::new(true),
            events: UnsafeCell::new(Box::new([libc::epoll_event { events: 0, u64: 0 }; EVENTS])),
        };
        reactor.control(
            libc::EPOLL_CTL_ADD,
            reactor.waker.as_fd(),
            libc::EPOLLIN | libc::EPOLLET,
            WAKE,
        )?;
        Ok(reactor)
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, EDGES, key)
    }

    /// Makes the kernel report the readiness of a watched descriptor again.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the descriptor is not watched.
    pub(crate) fn tell_again(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, EDGES, key)
    }

    /// This is not needed here, because a registered descriptor reports every event.
    #[inline]
    #[allow(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the other one can fail"
    )]
    pub(crate) fn rearm(&self, _: BorrowedFd<'_>, _: u64, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        // This fails only if the descriptor is not registered, and then nothing is to be done.
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    fn control(
        &self,
        operation: c_int,
        fd: BorrowedFd<'_>,
        events: c_int,
        key: u64,
    ) -> io::Result<()> {
        let events = events.cast_unsigned();
        let mut event = libc::epoll_event { events, u64: key };
        // SAFETY: the event is live, and both descriptors are open.
        cvt(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &raw mut event,
            )
        })
        .map(drop)
    }

    /// Waits at most `timeout`, or without a limit, and passes the events on. Returns whether an event came.
    ///
    /// # Safety
    ///
    /// Only one thread calls this, and it does not call it from within itself.
    pub(crate) unsafe fn wait<E: Events>(&self, timeout: Option<Duration>) -> bool {
        // SAFETY: by the contract of this function, this is the only user of `events`.
        let events = unsafe { &mut **self.events.get() };
        let count = match timeout {
            // This is the cheaper call, and it is enough without a timeout.
            None => epoll_wait(self.epoll.as_raw_fd(), events, -1),
            Some(Duration::ZERO) => epoll_wait(self.epoll.as_raw_fd(), events, 0),
            Some(timeout) => self.wait_timeout(events, timeout),
        };
        // An error means that the wait was interrupted or that memory is short. The caller looks at its queues and
        // comes back.
        let count = usize::try_from(count).unwrap_or(0);
        let events = &events[..count];
        for (i, event) in events.iter().enumerate() {
            if let Some(soon) = events.get(i + SOURCE_AHEAD) {
                E::prefetch(soon.u64);
            }
            if let Some(next) = events.get(i + TASK_AHEAD)
                && next.u64 > LAST
            {
                // SAFETY: the key was given to `add`, as the comment below says.
                unsafe { E::prefetch_waiter(next.u64) };
            }
            let (flags, key) = (event.events.cast_signed(), event.u64);
            match key {
                WAKE => {}
                ALARM..=LAST => self.drop_alarm((key - ALARM) as usize),
                // SAFETY: every key except WAKE and those of the alarms was given to `add`.
                _ => unsafe { E::event(key, bits(flags)) },
            }
        }
        count > 0
    }

    /// `epoll_pwait2(2)`, whose timeout is in nanoseconds. Linux before 5.11, emulators and sandboxes do not have it.
    /// Then `epoll_wait(2)` waits up to a millisecond longer.
    fn wait_timeout(&self, events: &mut [libc::epoll_event; EVENTS], timeout: Duration) -> c_int {
        if self.counts_nanos.load(Ordering::Relaxed) {
            let count = epoll_pwait2(self.epoll.as_raw_fd(), events, &timespec(timeout));
            // The arguments are valid, so any other error means that the call is not available. A sandbox may report
            // that by ENOSYS, EPERM or EINVAL, and it may begin to do so later.
            if count >= 0 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
                return count;
            }
            self.counts_nanos.store(false, Ordering::Relaxed);
        }
        epoll_wait(self.epoll.as_raw_fd(), events, millis(timeout))
    }

    pub(crate) fn wake(&self) {
        self.waker.raise();
    }

    /// Makes the present or next wait end when `after` has passed. If this alarm is already set, it stays. Returns
    /// whether it is set.
    pub(crate) fn set_alarm(&self, which: usize, after: Duration) -> bool {
        let Some(alarm) = self.alarm(which) else {
            return false;
        };
        if !alarm.set.load(Ordering::Relaxed) {
            let set = alarm.start(after).is_ok();
            alarm.set.store(set, Ordering::Relaxed);
        }
        alarm.set.load(Ordering::Relaxed)
    }

    fn alarm(&self, which: usize) -> Option<&Alarm> {
        let place = &self.alarms[which];
        if place.get().is_none() {
            let new = Alarm::new().ok()?;
            self.control(
                libc::EPOLL_CTL_ADD,
                new.timer.as_fd(),
                libc::EPOLLIN | libc::EPOLLET,
                ALARM + which as u64,
            )
            .ok()?;
            // If another thread has set one at the same moment, this one is dropped and its descriptor is closed.
            let _ = place.set(new);
        }
        place.get()
    }

    /// Cancels interest in the alarm. It may still ring, and the next `set_alarm` starts it again.
    pub(crate) fn drop_alarm(&self, which: usize) {
        if let Some(alarm) = self.alarms[which].get() {
            alarm.set.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the alarm is set and has not rung.
    #[inline]
    pub(crate) fn is_set(&self, which: usize) -> bool {
        self.alarms[which]
            .get()
            .is_some_and(|alarm| alarm.set.load(Ordering::Relaxed))
    }
}

impl Alarm {
    fn new() -> io::Result<Alarm> {
        // SAFETY: the call has no preconditions.
        let timer = cvt(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) })?;
        Ok(Alarm {
            // SAFETY: timerfd_create has just made this descriptor, and no other code owns it.
            timer: unsafe { OwnedFd::from_raw_fd(timer) },
            set: AtomicBool::new(false),
        })
    }

    /// Starts the timer, which rings once. It is never read: as it is edge-triggered, each expiry is a new event.
    fn start(&self, after: Duration) -> io::Result<()> {
        // SAFETY: all-zero is a valid itimerspec.
        let mut spec: libc::itimerspec = unsafe { mem::zeroed() };
        spec.it_value = timespec(after);
        // SAFETY: the timer is open and the specification is live. The old value is not asked for.
        cvt(unsafe {
            libc::timerfd_settime(self.timer.as_raw_fd(), 0, &raw const spec, ptr::null_mut())
        })
        .map(drop)
    }
}

/// Whole milliseconds, rounded up. A wait that ends too early would begin again at once, and the worker would spin.
fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

/// `epoll_wait(2)`, by a direct system call like [`recv`](crate::sys::recv). On processors without this system call,
/// glibc's function is used.
#[inline]
fn epoll_wait(epoll: RawFd, events: &mut [libc::epoll_event], millis: c_int) -> c_int {
    let len = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the buffer is live and has `len` events.
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
    // SAFETY: the buffer is live and has `len` events.
    let n = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), len, millis) };
    n as c_int
}

/// `epoll_pwait2(2)`, called by its number. glibc has it since 2.35, and musl does not have it. A program that names
/// the function does not start with a C library that lacks it.
fn epoll_pwait2(epoll: RawFd, events: &mut [libc::epoll_event], timeout: &libc::timespec) -> c_int {
    // SAFETY: the buffer is live and has `len` events, and the timespec is live. There is no signal mask, so its size
    // is 0.
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

#[inline]
fn bits(flags: c_int) -> u64 {
    let mut bits = 0;
    if flags & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0 {
        bits |= READABLE;
    }
    if flags & (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) != 0 {
        bits |= WRITABLE;
    }
    if flags & (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0 {
        bits |= READ_CLOSED;
    }
    if flags & libc::EPOLLPRI != 0 {
        bits |= READABLE | URGENT;
    }
    bits
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;

    struct Nothing;

    impl Events for Nothing {
        fn prefetch(_: u64) {}

        unsafe fn prefetch_waiter(_: u64) {}

        unsafe fn event(key: u64, _: u64) {
            panic!("an event for {key}, which was never added");
        }
    }

    const SOON: Duration = Duration::from_millis(1);
    const LATE: Duration = Duration::from_secs(60);

    /// Whether the alarm ends a wait.
    fn rings(reactor: &Reactor) -> bool {
        // SAFETY: only this thread knows the reactor, and it is not inside `wait`.
        unsafe { reactor.wait::<Nothing>(Some(LATE)) }
    }

    #[test]
    fn an_alarm_rings_each_time_it_is_set() {
        let reactor = Reactor::new().unwrap();
        for _ in 0..3 {
            assert!(reactor.set_alarm(alarm::LOOK, SOON));
            assert!(rings(&reactor));
        }
    }

    #[test]
    fn without_epoll_pwait2_a_wait_with_a_timeout_hears_events_and_does_not_end_early() {
        let reactor = Reactor::new().unwrap();
        reactor.counts_nanos.store(false, Ordering::Relaxed);
        reactor.wake();
        // The event is there already. It is reported, well before the timeout.
        assert!(rings(&reactor));
        let timeout = Duration::from_micros(1500);
        let begin = std::time::Instant::now();
        // SAFETY: only this thread knows the reactor, and it is not inside `wait`.
        let woken = unsafe { reactor.wait::<Nothing>(Some(timeout)) };
        assert!(!woken && begin.elapsed() >= timeout);
        assert!(!reactor.counts_nanos.load(Ordering::Relaxed));
    }

    #[test]
    fn milliseconds_are_rounded_up() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(7)), 7);
        assert_eq!(millis(Duration::from_micros(7001)), 8);
        assert_eq!(millis(Duration::MAX), c_int::MAX);
    }

    #[test]
    fn an_alarm_stays_as_it_is_set_until_it_is_dropped() {
        let reactor = Reactor::new().unwrap();
        assert!(reactor.set_alarm(alarm::LOOK, SOON) && reactor.set_alarm(alarm::LOOK, 2 * LATE));
        assert!(rings(&reactor));
        assert!(reactor.set_alarm(alarm::LOOK, 2 * LATE));
        reactor.drop_alarm(alarm::LOOK);
        assert!(reactor.set_alarm(alarm::LOOK, SOON));
        assert!(rings(&reactor));
    }

    #[test]
    fn one_alarm_does_not_hold_the_other_up() {
        let reactor = Reactor::new().unwrap();
        assert!(!reactor.is_set(alarm::TRIM));
        assert!(reactor.set_alarm(alarm::TRIM, LATE));
        assert!(reactor.set_alarm(alarm::LOOK, SOON));
        assert!(rings(&reactor));
        assert!(reactor.is_set(alarm::TRIM) && !reactor.is_set(alarm::LOOK));
    }
}
