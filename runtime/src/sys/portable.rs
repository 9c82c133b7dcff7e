//! The reactor over the `polling` crate, for every system that this crate supports.
//!
//! It is one-shot, because all backends of `polling` offer that. It cannot distinguish the end of a stream from data.
//! So it reports the read side as closed with every event, and short reads then prove nothing.

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
    /// Whether a thread has woken the worker. The poller does not distinguish that from a timeout.
    woken: AtomicBool,
    events: UnsafeCell<Events>,
}

// SAFETY: `events` is used only in `wait`, and by its contract only one thread calls that.
unsafe impl Sync for Reactor {}
// SAFETY: the reason is the same as for Sync. An event buffer is plain memory.
unsafe impl Send for Reactor {}

impl Reactor {
    /// Whether a report must be requested again by `rearm`.
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
        // This fails only if the descriptor is not registered, and then nothing is to be done.
        let _ = self.poller.delete(fd);
    }

    /// No process is threadlike with this reactor.
    #[allow(clippy::unused_self, reason = "the other one has it")]
    pub(crate) fn tell_again(&self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits at most `timeout`, or without a limit, and passes the events on. Returns whether an event or a wake-up
    /// came.
    ///
    /// # Safety
    ///
    /// Only one thread calls this, and it does not call it from within itself.
    pub(crate) unsafe fn wait<E: Handler>(&self, timeout: Option<Duration>) -> bool {
        // SAFETY: by the contract of this function, this is the only user of `events`.
        let events = unsafe { &mut *self.events.get() };
        events.clear();
        // The wait was interrupted, or memory is short. The caller looks at its queues and comes back.
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

    /// There is no alarm here. No short read is trusted, so no check for them is needed. For a trim, the worker sleeps
    /// with a timeout.
    #[allow(clippy::unused_self, reason = "the other one has timers")]
    pub(crate) fn set_alarm(&self, _: usize, _: Duration) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "the other one has timers")]
    pub(crate) fn drop_alarm(&self, _: usize) {}

    #[allow(clippy::unused_self, reason = "the other one has timers")]
    pub(crate) fn is_set(&self, _: usize) -> bool {
        false
    }

    pub(crate) fn wake(&self) {
        self.woken.store(true, Ordering::Relaxed);
        // This fails only if the poller is gone, and reactors live for ever.
        let _ = self.poller.notify();
    }
}
