//! How operations of a handle wait: its deadline, its blocking mode, the timeouts of its calls, and what
//! may interrupt them.

use std::any::Any;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use libc::c_int;

use super::halves::Claimed;
use super::{Belonging, Io};
use crate::deadline::{Deadline, Nanos};
use crate::interest::Interest;
use crate::io::notify::{Notifier, Notify};
use crate::io::values::to_microseconds;
use crate::reactor::source::Source;
use crate::sys::lock::{Guard, Lock};
use crate::sys::{cvt, inherit};
use crate::wake::ALL;

/// State of the open file description, which all clones of a socket have in common.
pub(super) struct Shared {
    pub(super) mode: AtomicU8,
    /// Nanoseconds; `u64::MAX` is none; [`UNREAD`] asks the kernel first.
    pub(super) timeouts: [AtomicU64; 2],
    /// What interrupts the waiters, if it was asked for.
    pub(super) notify: OnceLock<Arc<Notify>>,
    /// Someone asks, or has asked, for a shutdown of the read side.
    pub(super) read_shut: AtomicBool,
    /// The `errno` that ended a batch of messages after its first, for the next one to tell.
    pub(super) deferred_error: AtomicI32,
    /// What a crate above keeps for all handles; see [`Io::extension`].
    pub(super) extension: OnceLock<Box<dyn Any + Send + Sync + UnwindSafe + RefUnwindSafe>>,
    /// Which halves have an owner; see `halves`.
    pub(super) halves: Claimed,
    /// Bytes that an owner of the half that reads has given back.
    pub(super) unread: Mutex<Vec<u8>>,
    /// What is dropped with the last handle.
    pub(super) belonging: OnceLock<Box<dyn Belonging>>,
    /// Whether code outside has seen a descriptor of it: one of the three below.
    pub(super) shown: AtomicU8,
    /// The sources of the handles, if there are several: as numbers, see [`Source::key`].
    pub(super) handles: Lock<Vec<u64>>,
}

/// Only we know the descriptor: what we remember of it is true.
pub(super) const HIDDEN: u8 = 0;
/// Others may have changed its mode or its timeouts.
pub(super) const SHOWN: u8 = 1;
/// The same, and another program may have set `O_NONBLOCK` for its own sake: that is passed over.
pub(super) const INHERITED: u8 = 2;

/// Adopted descriptor: `O_NONBLOCK` not looked at yet.
pub(super) const MODE_UNKNOWN: u8 = 0;
pub(super) const MODE_BLOCKING: u8 = 1;
/// The user asked for `set_nonblocking(true)`: nothing waits.
pub(super) const MODE_NONBLOCKING: u8 = 2;
/// The user's mode is blocking; we set `O_NONBLOCK` for calls without a flags argument.
pub(super) const MODE_FORCED: u8 = 3;
/// It is about to be set.
pub(super) const MODE_FORCING: u8 = 4;

pub(super) const UNREAD: u64 = u64::MAX - 1;

impl Shared {
    pub(super) fn new(mode: u8, timeout: u64) -> Arc<Shared> {
        Arc::new(Shared {
            mode: AtomicU8::new(mode),
            timeouts: [AtomicU64::new(timeout), AtomicU64::new(timeout)],
            notify: OnceLock::new(),
            read_shut: AtomicBool::new(false),
            deferred_error: AtomicI32::new(0),
            extension: OnceLock::new(),
            halves: Claimed::default(),
            unread: Mutex::new(Vec::new()),
            belonging: OnceLock::new(),
            shown: AtomicU8::new(HIDDEN),
            handles: Lock::default(),
        })
    }

    pub(super) fn fresh() -> Arc<Shared> {
        Shared::new(MODE_BLOCKING, u64::MAX)
    }

    /// A descriptor is about to be shown to code outside, which may change what was remembered of it.
    pub(super) fn show(&self) {
        let order = Ordering::Relaxed;
        let _ = self.shown.compare_exchange(HIDDEN, SHOWN, order, order);
    }

    /// Puts the source of one of several handles on the list.
    pub(super) fn enlist(&self, source: &'static Source) {
        let mut handles = self.lock_handles();
        // SAFETY: made by `key`, here.
        handles.retain(|key| unsafe { Source::of(*key) }.is_some());
        let key = source.key();
        if !handles.contains(&key) {
            handles.push(key);
        }
    }

    fn lock_handles(&self) -> Guard<'_, Vec<u64>> {
        self.handles.lock()
    }
}

impl Io {
    /// Sets the deadline of this handle: every operation that has not ended by then fails with
    /// [`TimedOut`](io::ErrorKind::TimedOut), even with data ready. Operations that wait already
    /// follow the change, but for those of a plain thread that began without a deadline: they wait
    /// in the kernel, as std's.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.set(Nanos::from_deadline(deadline));
        if let Some(source) = self.source.get() {
            source.wake(ALL);
        }
    }

    /// The deadline set on this handle.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline.get().to_instant().into()
    }
    /// Chooses whether operations wait at all. Corresponds to `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        // A blocking socket that nobody has asked about needs no state, but the user may have
        // changed the mode behind our back, so the call is made in any case.
        self.set_o_nonblock(nonblocking)?;
        let mode = if nonblocking {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        self.set_mode(mode);
        Ok(())
    }

    /// Says of an adopted descriptor that its user wants to wait, whatever mode it is in: one that
    /// came from another program, which may share it still, is best left as it is.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_GETFL)`.
    pub fn regard_as_blocking(&self) -> io::Result<()> {
        let mode = if self.sock().nonblocking()? {
            MODE_FORCED
        } else {
            MODE_BLOCKING
        };
        self.set_mode(mode);
        let shared = self.shared.get_or_init(Shared::fresh);
        shared.shown.store(INHERITED, Ordering::Relaxed);
        Ok(())
    }

    fn set_mode(&self, mode: u8) {
        let shared = self.shared.get_or_init(Shared::fresh);
        shared.mode.store(mode, Ordering::SeqCst);
    }

    /// One call, where `fcntl(2)` needs two.
    pub(super) fn set_o_nonblock(&self, on: bool) -> io::Result<()> {
        let mut on = c_int::from(on);
        // SAFETY: a live int.
        cvt(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::FIONBIO, &raw mut on) }).map(drop)
    }

    /// Whether the user chose non-blocking operations.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_GETFL)`, which is asked for adopted descriptors only.
    pub fn user_nonblocking(&self) -> io::Result<bool> {
        let Some(shared) = self.shared.get() else {
            return Ok(false);
        };
        let mode = shared.mode.load(Ordering::SeqCst);
        if mode != MODE_UNKNOWN {
            return Ok(mode == MODE_NONBLOCKING);
        }
        let nonblocking = self.sock().nonblocking()?;
        let mode = if nonblocking {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        // Someone may have set the mode meanwhile: theirs is newer.
        let seen = shared
            .mode
            .compare_exchange(MODE_UNKNOWN, mode, Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|newer| newer, |_| mode);
        Ok(seen == MODE_NONBLOCKING)
    }

    /// A handle that interrupts the waiters of this socket, on any of its handles. From now on a
    /// plain thread waits with `ppoll(2)`, so that it can be told; one that is in the kernel already is not,
    /// nor is a process that waits already on another handle.
    ///
    /// # Errors
    ///
    /// The error of `eventfd(2)`.
    pub fn notifier(&self) -> io::Result<Notifier> {
        let shared = self.shared.get_or_init(Shared::fresh);
        let notify = match shared.notify.get() {
            Some(notify) => notify,
            None => {
                let new = Arc::new(Notify::new()?);
                shared.notify.get_or_init(|| new)
            }
        };
        let notifier = Notifier(Arc::clone(notify));
        // A waiter enters itself and then looks whether there is a notifier; this is the other way round.
        fence(Ordering::SeqCst);
        // Processes that wait already wait again, so as to be told.
        self.each_source(|source| source.wake(ALL));
        Ok(notifier)
    }

    /// The sources of this handle and of its clones, as far as they have any.
    pub(super) fn each_source(&self, f: impl Fn(&'static Source)) {
        if let Some(shared) = self.shared.get() {
            for key in shared.lock_handles().iter() {
                // SAFETY: made by `key`, in `enlist`.
                if let Some(source) = unsafe { Source::of(*key) } {
                    f(source);
                }
            }
        }
        if let Some(source) = self.source.get() {
            f(source);
        }
    }

    /// Whether code outside has seen the descriptor, or a duplicate of it.
    pub(super) fn is_shown(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| s.shown.load(Ordering::Relaxed) != HIDDEN)
    }

    /// Asks the kernel for what code outside may have changed: the mode, and the timeout of a direction.
    ///
    /// # Errors
    ///
    /// The errors of `fcntl(F_GETFL)` and `getsockopt(2)`.
    pub(super) fn ask_kernel(&self, interest: Interest) -> io::Result<()> {
        let Some(shared) = self.shared.get() else {
            return Ok(());
        };
        if let Some(cell) = shared.timeouts.get(interest as usize) {
            cell.store(self.timeout_in_kernel(interest)?, Ordering::SeqCst);
        }
        let known = shared.mode.load(Ordering::SeqCst);
        let inherited = shared.shown.load(Ordering::Relaxed) == INHERITED;
        if inherited || matches!(known, MODE_FORCED | MODE_FORCING) {
            // Whose `O_NONBLOCK` it is cannot be told.
            return Ok(());
        }
        let mode = if self.sock().nonblocking()? && !inherit::was_passed(self.fd.as_fd()) {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        let order = Ordering::SeqCst;
        // Someone may have set it meanwhile: theirs is newer.
        let _ = shared.mode.compare_exchange(known, mode, order, order);
        Ok(())
    }

    pub(super) fn notify(&self) -> Option<&Arc<Notify>> {
        self.shared.get()?.notify.get()
    }

    /// Whether a plain thread must not wait in the kernel's own way.
    pub(super) fn must_poll(&self) -> bool {
        self.shared.get().is_some_and(|shared| {
            matches!(
                shared.mode.load(Ordering::SeqCst),
                MODE_FORCED | MODE_FORCING
            ) || shared.notify.get().is_some()
        })
    }

    pub(super) fn is_forced(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| s.mode.load(Ordering::SeqCst) == MODE_FORCED)
    }

    /// Whether `O_NONBLOCK` is, or is about to be, of our making.
    pub(super) fn is_forced_by_us(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| matches!(s.mode.load(Ordering::SeqCst), MODE_FORCED | MODE_FORCING))
    }

    /// Puts the descriptor into `O_NONBLOCK`, remembering that the user did not ask for it. Once, unless
    /// others can take it away again.
    pub(crate) fn force_nonblocking(&self, interest: Interest) -> io::Result<()> {
        if self.is_forced() {
            return if self.is_shown() {
                self.set_o_nonblock(true)
            } else {
                Ok(())
            };
        }
        if self.is_shown() {
            self.ask_kernel(interest)?;
        }
        if self.user_nonblocking()? {
            return Ok(());
        }
        let mode = &self.shared.get_or_init(Shared::fresh).mode;
        let order = Ordering::SeqCst;
        // First, so that a caller that finds the flag set knows whose it is.
        let before = mode.swap(MODE_FORCING, order);
        let forced = self.set_o_nonblock(true);
        let now = if forced.is_ok() { MODE_FORCED } else { before };
        let _ = mode.compare_exchange(MODE_FORCING, now, order, order);
        forced
    }

    /// Keeps an error that the kernel has told while there was something else to tell.
    pub(crate) fn defer_error(&self, error: &io::Error) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        shared.deferred_error.store(errno, Ordering::SeqCst);
    }

    /// What [`defer_error`](Self::defer_error) has kept.
    pub(crate) fn take_deferred_error(&self) -> Option<io::Error> {
        let deferred = &self.shared.get()?.deferred_error;
        let errno = deferred.swap(0, Ordering::SeqCst);
        (errno != 0).then(|| io::Error::from_raw_os_error(errno))
    }

    /// Sets the per-call timeout of one direction, `SO_RCVTIMEO` or `SO_SNDTIMEO`; `None` waits
    /// for ever.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration; the error of
    /// `setsockopt(2)`.
    pub fn set_timeout(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        // The kernel counts microseconds, and 0 of them is "for ever".
        let timeout = timeout.map(to_microseconds);
        match interest {
            Interest::Read => self.sock().set_read_timeout(timeout)?,
            Interest::Write => self.sock().set_write_timeout(timeout)?,
            Interest::Hangup => return Err(io::ErrorKind::InvalidInput.into()),
        }
        let nanos = timeout.map_or(u64::MAX, |t| {
            u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)
        });
        self.timeout_cell(interest).store(nanos, Ordering::SeqCst);
        Ok(())
    }

    /// The per-call timeout of one direction, as the kernel has it.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn timeout(&self, interest: Interest) -> io::Result<Option<Duration>> {
        match interest {
            Interest::Read => self.sock().read_timeout(),
            Interest::Write => self.sock().write_timeout(),
            Interest::Hangup => Ok(None),
        }
    }

    fn timeout_in_kernel(&self, interest: Interest) -> io::Result<u64> {
        let timeout = self.timeout(interest)?;
        let nanos = |t: Duration| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX);
        Ok(timeout.map_or(u64::MAX, nanos))
    }

    fn timeout_cell(&self, interest: Interest) -> &AtomicU64 {
        &self.shared.get_or_init(Shared::fresh).timeouts[interest as usize]
    }

    /// The timeout in nanoseconds without a system call, unless the descriptor was adopted.
    pub(super) fn timeout_nanos(&self, interest: Interest) -> io::Result<Option<u64>> {
        let Some(shared) = self.shared.get() else {
            return Ok(None);
        };
        // A wait for a hang-up has none.
        let Some(cell) = shared.timeouts.get(interest as usize) else {
            return Ok(None);
        };
        let mut nanos = cell.load(Ordering::SeqCst);
        if nanos == UNREAD {
            nanos = self.timeout_in_kernel(interest)?;
            let _ = cell.compare_exchange(UNREAD, nanos, Ordering::SeqCst, Ordering::SeqCst);
        }
        Ok((nanos != u64::MAX).then_some(nanos))
    }
}
