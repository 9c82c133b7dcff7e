//! The state that decides how operations of a handle wait: its deadline, its blocking mode, its timeouts, and what may
//! interrupt them.

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
use crate::deadline::{Deadline, Nanos, nanos};
use crate::interest::Interest;
use crate::io::notify::{Notifier, Notify};
use crate::io::values::to_microseconds;
use crate::reactor::source::Source;
use crate::sys::lock::{Guard, Lock};
use crate::sys::{cvt, inherit};
use crate::wake::ALL;

/// The state of the open file description. All clones of a socket share it.
pub(super) struct Shared {
    pub(super) mode: AtomicU8,
    /// Nanoseconds. `u64::MAX` means no timeout, and [`UNREAD`] means that the kernel must be asked first.
    pub(super) timeouts: [AtomicU64; 2],
    /// The notifier that interrupts waiters, if it was asked for.
    pub(super) notify: OnceLock<Arc<Notify>>,
    /// Whether the read side was shut down, or is about to be.
    pub(super) read_shut: AtomicBool,
    /// Whether the write side was ever shut down.
    pub(super) write_shut: AtomicBool,
    /// The `errno` that ended a batch of messages after its first one. The next call returns it.
    pub(super) deferred_error: AtomicI32,
    /// The value that a crate above keeps for all handles: see [`Io::extension`].
    pub(super) extension: OnceLock<Box<dyn Any + Send + Sync + UnwindSafe + RefUnwindSafe>>,
    /// Which halves have an owner: see `halves`.
    pub(super) halves: Claimed,
    /// Bytes that an owner of the reading half has given back.
    pub(super) unread: Mutex<Vec<u8>>,
    /// The value that is dropped with the last handle.
    pub(super) belonging: OnceLock<Box<dyn Belonging>>,
    /// Whether code outside has seen the descriptor: one of the three constants below.
    pub(super) shown: AtomicU8,
    /// The sources of the handles, if there are several, as numbers: see [`Source::key`].
    pub(super) handles: Lock<Vec<u64>>,
}

/// Only this crate knows the descriptor, so its remembered state is true.
pub(super) const HIDDEN: u8 = 0;
/// Code outside may have changed the mode or the timeouts.
pub(super) const SHOWN: u8 = 1;
/// As `SHOWN`. In addition, another OS process may have set `O_NONBLOCK` for itself, and this is ignored.
pub(super) const INHERITED: u8 = 2;

/// An adopted descriptor whose `O_NONBLOCK` was not read yet.
pub(super) const MODE_UNKNOWN: u8 = 0;
pub(super) const MODE_BLOCKING: u8 = 1;
/// The user called `set_nonblocking(true)`, so no operation waits.
pub(super) const MODE_NONBLOCKING: u8 = 2;
/// The user's mode is blocking, but this crate has set `O_NONBLOCK` for calls without a flags argument.
pub(super) const MODE_FORCED: u8 = 3;
/// This crate is about to set `O_NONBLOCK`.
pub(super) const MODE_FORCING: u8 = 4;

pub(super) const UNREAD: u64 = u64::MAX - 1;

impl Shared {
    pub(super) fn new(mode: u8, timeout: u64) -> Arc<Shared> {
        Arc::new(Shared {
            mode: AtomicU8::new(mode),
            timeouts: [AtomicU64::new(timeout), AtomicU64::new(timeout)],
            notify: OnceLock::new(),
            read_shut: AtomicBool::new(false),
            write_shut: AtomicBool::new(false),
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

    /// Records that code outside is about to get a descriptor. That code may change the remembered state.
    pub(super) fn show(&self) {
        let order = Ordering::Relaxed;
        let _ = self.shown.compare_exchange(HIDDEN, SHOWN, order, order);
    }

    /// Adds the source of one of several handles to the list.
    pub(super) fn enlist(&self, source: &'static Source) {
        let mut handles = self.lock_handles();
        // SAFETY: this module made the key by `Source::key`.
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
    /// Sets the deadline of this handle. Every operation that has not ended by then fails with
    /// [`TimedOut`](io::ErrorKind::TimedOut), even if data are ready. The change also applies to operations that
    /// already wait. The exception is a plain thread that began without a deadline: it waits in the kernel, as in std.
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
    /// Chooses whether operations wait. Corresponds to `O_NONBLOCK`.
    ///
    /// # Errors
    ///
    /// The error of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        // A blocking socket without shared state needs none, but the user may have changed its mode by other means. So
        // the system call is made in any case.
        self.set_o_nonblock(nonblocking)?;
        let mode = if nonblocking {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        self.set_mode(mode);
        Ok(())
    }

    /// Declares that the user of an adopted descriptor wants to wait, whatever its mode is. A descriptor from another
    /// OS process may still be shared with it, so its mode is best left alone.
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

    /// Sets the mode by one call. `fcntl(2)` would need two.
    pub(super) fn set_o_nonblock(&self, on: bool) -> io::Result<()> {
        let mut on = c_int::from(on);
        // SAFETY: `on` is a live int.
        cvt(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::FIONBIO, &raw mut on) }).map(drop)
    }

    /// Whether the user chose non-blocking operations.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_GETFL)`, which is called only for adopted descriptors.
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
        // Another thread may have set the mode meanwhile. Then its value is newer.
        let seen = shared
            .mode
            .compare_exchange(MODE_UNKNOWN, mode, Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|newer| newer, |_| mode);
        Ok(seen == MODE_NONBLOCKING)
    }

    /// A handle that interrupts the waiters of this socket, on all of its handles. From now on a plain thread waits
    /// with `ppoll(2)`, so that it can be interrupted. This does not reach a thread that already waits in the kernel,
    /// nor a process that already waits on another handle.
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
        // A waiter first enters itself and then looks for a notifier. This side does the two steps in the opposite
        // order.
        fence(Ordering::SeqCst);
        // Processes that already wait are woken, so that they wait again with the notifier.
        self.each_source(|source| source.wake(ALL));
        Ok(notifier)
    }

    /// Calls `f` for the sources of this handle and of its clones.
    pub(super) fn each_source(&self, f: impl Fn(&'static Source)) {
        if let Some(shared) = self.shared.get() {
            for key in shared.lock_handles().iter() {
                // SAFETY: `enlist` made the key by `Source::key`.
                if let Some(source) = unsafe { Source::of(*key) } {
                    f(source);
                }
            }
        }
        if let Some(source) = self.source.get() {
            f(source);
        }
    }

    /// Whether code outside has seen the descriptor or a duplicate of it.
    pub(super) fn is_shown(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| s.shown.load(Ordering::Relaxed) != HIDDEN)
    }

    /// Reads from the kernel what code outside may have changed: the mode, and the timeout of one direction.
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
            // It is not known who has set `O_NONBLOCK`.
            return Ok(());
        }
        let mode = if self.sock().nonblocking()? && !inherit::was_passed(self.fd.as_fd()) {
            MODE_NONBLOCKING
        } else {
            MODE_BLOCKING
        };
        let order = Ordering::SeqCst;
        // Another thread may have set the mode meanwhile. Then its value is newer.
        let _ = shared.mode.compare_exchange(known, mode, order, order);
        Ok(())
    }

    pub(super) fn notify(&self) -> Option<&Arc<Notify>> {
        self.shared.get()?.notify.get()
    }

    /// Whether a plain thread must wait with `ppoll(2)` and not in the operation itself.
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

    /// Whether this crate has set `O_NONBLOCK`, or is about to.
    pub(super) fn is_forced_by_us(&self) -> bool {
        self.shared
            .get()
            .is_some_and(|s| matches!(s.mode.load(Ordering::SeqCst), MODE_FORCED | MODE_FORCING))
    }

    /// Sets `O_NONBLOCK` and remembers that the user did not ask for it. This happens only once, unless other OS
    /// processes can clear it again.
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
        // The mode is stored first. So a thread that sees the flag knows that this crate has set it.
        let before = mode.swap(MODE_FORCING, order);
        let forced = self.set_o_nonblock(true);
        let now = if forced.is_ok() { MODE_FORCED } else { before };
        let _ = mode.compare_exchange(MODE_FORCING, now, order, order);
        forced
    }

    /// Keeps an error that the kernel returned together with a success. The next call returns it.
    pub(crate) fn defer_error(&self, error: &io::Error) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        shared.deferred_error.store(errno, Ordering::SeqCst);
    }

    /// The error that [`defer_error`](Self::defer_error) has kept.
    pub(crate) fn take_deferred_error(&self) -> Option<io::Error> {
        let deferred = &self.shared.get()?.deferred_error;
        let errno = deferred.swap(0, Ordering::SeqCst);
        (errno != 0).then(|| io::Error::from_raw_os_error(errno))
    }

    /// Sets the timeout for calls in one direction: `SO_RCVTIMEO` or `SO_SNDTIMEO`. `None` means no timeout.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a zero duration. Otherwise the error of `setsockopt(2)`.
    pub fn set_timeout(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        // The kernel counts in microseconds, and 0 means no timeout.
        let timeout = timeout.map(to_microseconds);
        match interest {
            Interest::Read => self.sock().set_read_timeout(timeout)?,
            Interest::Write => self.sock().set_write_timeout(timeout)?,
            Interest::Hangup => return Err(io::ErrorKind::InvalidInput.into()),
        }
        let nanos = timeout.map_or(u64::MAX, nanos);
        self.timeout_cell(interest).store(nanos, Ordering::SeqCst);
        Ok(())
    }

    /// The timeout for calls in one direction, as the kernel stores it.
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
        Ok(timeout.map_or(u64::MAX, nanos))
    }

    fn timeout_cell(&self, interest: Interest) -> &AtomicU64 {
        &self.shared.get_or_init(Shared::fresh).timeouts[interest as usize]
    }

    /// The timeout in nanoseconds. This needs no system call, unless the descriptor was adopted.
    pub(super) fn timeout_nanos(&self, interest: Interest) -> io::Result<Option<u64>> {
        let Some(shared) = self.shared.get() else {
            return Ok(None);
        };
        // A wait for a hang-up has no timeout.
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
