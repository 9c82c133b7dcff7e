//! The reactor on top of the `polling` crate, for every system that crate knows.
//!
//! One-shot, because that is what all its backends offer; it cannot tell the end of a stream from
//! data, so it reports the read side as closed with every event, which turns the short-read rule
//! off.

use std::cell::UnsafeCell;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polling::{Event, Events, Poller};

use crate::sys::Events as Handler;
use crate::wake::{READ_CLOSED, READABLE, WRITABLE};

pub(crate) struct Reactor {
    poller: Poller,
    /// Someone has woken the worker: the poller does not tell that from the end of a timeout.
    woken: AtomicBool,
    events: UnsafeCell<Events>,
}

// SAFETY: `events` is touched in `wait` only, whose contract is that one thread calls it.
unsafe impl Sync for Reactor {}
// SAFETY: as above; an event buffer is plain memory.
unsafe impl Send for Reactor {}

impl Reactor {
    /// Whether a report has to be asked for again by `rearm`.
    pub(crate) const REPORTS_ONCE: bool = true;

    pub(crate) fn new() -> io::Result<Reactor> {
        let capacity = NonZeroUsize::new(1024).expect("not zero");
        Ok(Reactor {
            poller: Poller::new()?,
            woken: AtomicBool::new(false),
            events: UnsafeCell::new(Events::with_capacity(capacity)),
        })
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        // SAFETY: a source calls `remove` before its descriptor is closed.
        unsafe { self.poller.add(fd.as_raw_fd(), Event::all(key as usize)) }
    }

    pub(crate) fn rearm(
        &self,
        fd: BorrowedFd<'_>,
        key: u64,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        self.poller
            .modify(fd, Event::new(key as usize, read, write))
    }

    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        // Fails only if it is not there, which is what is wanted.
        let _ = self.poller.delete(fd);
    }

    /// No process is threadlike here.
    #[allow(clippy::unused_self, reason = "the other one has it")]
    pub(crate) fn tell_again(&self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits at most `timeout`, for ever if there is none, and hands the events on.
    /// Returns whether any came, or a wake-up.
    ///
    /// # Safety
    ///
    /// Only one thread calls this, and not from within itself.
    pub(crate) unsafe fn wait<E: Handler>(&self, timeout: Option<Duration>) -> bool {
        // SAFETY: the only user of `events`, by the contract of this function.
        let events = unsafe { &mut *self.events.get() };
        events.clear();
        // An interruption or a shortage of memory: the caller looks at its queues and comes back.
        if self.poller.wait(events, timeout).is_err() {
            return false;
        }
        for event in events.iter() {
            // The request is used up for both directions, so all waiters must ask again.
            let bits = READABLE | WRITABLE | READ_CLOSED;
            // SAFETY: every key was given to `add` or `rearm`.
            unsafe { E::event(event.key as u64, bits) };
        }
        self.woken.swap(false, Ordering::Relaxed) || !events.is_empty()
    }

    /// Not needed here, where no short read is trusted.
    #[allow(clippy::unused_self, reason = "the other one has a timer")]
    pub(crate) fn set_alarm(&self, _: Duration) -> bool {
        false
    }

    /// Likewise.
    #[allow(clippy::unused_self, reason = "the other one has a timer")]
    pub(crate) fn drop_alarm(&self) {}

    pub(crate) fn wake(&self) {
        self.woken.store(true, Ordering::Relaxed);
        // Fails only if the poller is gone, and reactors live for ever.
        let _ = self.poller.notify();
    }
}
