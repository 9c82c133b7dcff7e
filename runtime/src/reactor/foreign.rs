//! Waits for descriptors that belong to no [`Io`](crate::Io): those of std and of C libraries, in a threadlike process.
//!
//! The runtime does not learn when such a descriptor is made, duplicated or passed on. So it relies only on what the
//! kernel reports now. Each descriptor number has a *slot* with a [`Source`]. Its registration stays until the code
//! that closes the descriptor calls [`closing`]. This saves a system call in each wait. The number may belong to
//! another file by now. So each wait registers the descriptor again (`EPOLL_CTL_MOD`), and the kernel checks it. The
//! kernel then also reports the present readiness again, so an event from before the wait is not needed.
//!
//! One reactor cannot register a descriptor twice. If an `Io` watches the descriptor too, the slot registers a
//! duplicate while a process waits.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crate::interest::Interest;
use crate::reactor::source::{Entry, Source, waiting_for};
use crate::sched::park::Unparker;
use crate::sched::threadlike::{Threadlike, Until};
use crate::sys::lock::{self, Guard, Lock};
use crate::wake::Seen;

/// What the runtime knows about a descriptor number.
struct Slot {
    /// Whether `state` holds anything. If not, the lock need not be taken.
    used: AtomicBool,
    /// How often this number was closed. Waiters compare it to learn of a close.
    closes: AtomicU32,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    /// The number of waiters.
    waits: u32,
    source: Option<&'static Source>,
    /// The descriptor that is registered instead of the original one.
    duplicate: Option<OwnedFd>,
}

const SLOTS: usize = 1024;
/// Room for 2^24 descriptors, far above the limit of any system.
const CHUNKS: usize = 16 * 1024;

static TABLE: [AtomicPtr<[Slot; SLOTS]>; CHUNKS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// True in a child after `fork(2)`, where the reactors belong to the parent.
static IN_CHILD: AtomicBool = AtomicBool::new(false);

pub(crate) fn in_child() {
    IN_CHILD.store(true, Ordering::Relaxed);
}

/// Returns the slot of a descriptor number, or `None` if no slot was made for it.
#[inline]
fn find(fd: RawFd) -> Option<&'static Slot> {
    let fd = usize::try_from(fd).ok()?;
    let chunk = TABLE.get(fd / SLOTS)?.load(Ordering::Acquire);
    // SAFETY: the pointer is null, or leads to a leaked chunk.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[fd % SLOTS])
}

/// Returns the slot of a descriptor number if the slot is in use. Returns `None` too while this thread holds a lock of
/// the runtime: then the caller is a signal handler or the runtime itself, and it must not wait for that lock.
#[inline]
fn find_used(fd: RawFd) -> Option<&'static Slot> {
    find(fd).filter(|slot| slot.used.load(Ordering::Acquire) && !lock::is_held())
}

fn find_or_make(fd: RawFd) -> Option<&'static Slot> {
    if let Some(slot) = find(fd) {
        return Some(slot);
    }
    let place = TABLE.get(usize::try_from(fd).ok()? / SLOTS)?;
    let slots: Box<[Slot]> = (0..SLOTS)
        .map(|_| Slot {
            used: AtomicBool::new(false),
            closes: AtomicU32::new(0),
            state: Lock::new(State::default()),
        })
        .collect();
    let new: Box<[Slot; SLOTS]> = slots.try_into().ok()?;
    let new = Box::into_raw(new);
    let null = ptr::null_mut();
    let placed = place.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire);
    if placed.is_err() {
        // Another thread has placed its chunk first. SAFETY: the chunk was made just now, and no other code has its
        // address.
        drop(unsafe { Box::from_raw(new) });
    }
    find(fd)
}

impl Slot {
    /// Updates `used` from the state.
    fn note(&self, state: &Guard<'_, State>) {
        let used = state.waits > 0 || state.source.is_some();
        self.used.store(used, Ordering::Release);
    }

    /// Ends the registration of a descriptor that has no waiter.
    fn release(state: &mut State, fd: BorrowedFd<'_>) {
        if let Some(source) = state.source.take() {
            let registered = state.duplicate.as_ref().map_or(fd, |fd| fd.as_fd());
            source.release(registered, true);
        }
        state.duplicate = None;
    }
}

/// Call this when the descriptor is about to be closed or replaced by `dup2(2)`. Its waiters wake and get `EBADF`.
#[inline]
pub fn closing(fd: RawFd) {
    if let Some(slot) = find_used(fd) {
        close_slot(slot, fd);
    }
}

/// Like [`closing`], for a call that may fail and then closes nothing: it asks `closes` whether the call will succeed. It
/// asks only if the descriptor may have waiters.
#[inline]
pub fn closing_if(fd: RawFd, closes: impl FnOnce() -> bool) {
    if let Some(slot) = find_used(fd)
        && closes()
    {
        close_slot(slot, fd);
    }
}

#[cold]
fn close_slot(slot: &'static Slot, fd: RawFd) {
    if IN_CHILD.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the caller says that the descriptor is still open. If it is not, the kernel returns an error and nothing
    // happens.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // The duplicate is dropped after the lock, because its close enters this function too.
    let mut _duplicate = None;
    let mut state = slot.state.lock();
    slot.closes.fetch_add(1, Ordering::SeqCst);
    if state.waits == 0 {
        let registered = state.duplicate.take();
        if let Some(source) = state.source.take() {
            source.release(registered.as_ref().map_or(fd, |fd| fd.as_fd()), true);
        }
        _duplicate = registered;
    } else if let Some(source) = state.source {
        let registered = state.duplicate.take();
        source.unwatch(registered.as_ref().map_or(fd, |fd| fd.as_fd()));
        source.notify_all();
        _duplicate = registered;
    }
    slot.note(&state);
}

/// Call this when an `Io` is about to register this descriptor. Its number may belong to a slot whose descriptor was
/// closed without the runtime's knowledge, and one reactor cannot register a number twice.
#[inline]
pub(crate) fn give_way(fd: BorrowedFd<'_>) {
    if let Some(slot) = find_used(fd.as_raw_fd()) {
        give_way_slot(slot, fd);
    }
}

#[cold]
fn give_way_slot(slot: &'static Slot, fd: BorrowedFd<'_>) {
    let mut state = slot.state.lock();
    if state.duplicate.is_some() {
        return;
    }
    if state.waits == 0 {
        Slot::release(&mut state, fd);
    } else if let Some(source) = state.source {
        source.unwatch(fd);
        // The waiters register again. Then they find that they must register a duplicate.
        source.notify_all();
    }
    slot.note(&state);
}

/// One call's wait for one direction of a descriptor.
#[derive(Debug)]
pub struct Watch {
    slot: &'static Slot,
    source: &'static Source,
    fd: RawFd,
    interest: Interest,
    closes: u32,
    /// The readiness that was read before the present attempt.
    seen: Seen,
    /// Whether this call has already had the readiness reported again.
    asked: bool,
    /// Whether the reactor cannot watch this kind of file.
    never: bool,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins a wait. Returns `None` if `fd` cannot be a descriptor.
    #[must_use]
    pub fn new(fd: RawFd, interest: Interest) -> Option<Watch> {
        let slot = find_or_make(fd)?;
        let mut state = slot.state.lock();
        state.waits += 1;
        let source = *state.source.get_or_insert_with(Source::take);
        slot.note(&state);
        Some(Watch {
            slot,
            source,
            fd,
            interest,
            closes: slot.closes.load(Ordering::SeqCst),
            seen: source.readiness(interest),
            asked: false,
            never: false,
        })
    }

    /// Call this before each attempt that follows a wait.
    pub fn attempt(&mut self) {
        self.seen = self.source.readiness(self.interest);
    }

    /// Call this after an attempt that would have blocked. Returns whether another attempt makes sense at once, because
    /// an event has come meanwhile.
    #[must_use]
    pub fn would_block(&mut self) -> bool {
        !self.source.clear(self.interest, self.seen) && self.asked
    }

    /// Whether the descriptor was closed after the call began.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slot.closes.load(Ordering::SeqCst) != self.closes
    }

    /// Whether the read side has ended. Then even an attempt that may block does not block.
    #[must_use]
    pub fn is_read_closed(&self) -> bool {
        !self.source.readiness(Interest::Read).is_open()
    }

    /// Whether the descriptor must be registered: no reactor watches it, or its present readiness has not been reported
    /// to this call.
    fn must_register(&self) -> bool {
        !self.never && (!self.asked || !self.source.is_watched())
    }

    fn is_ready(&self) -> bool {
        self.source.readiness(self.interest).allows()
    }

    /// Registers the descriptor for this wait and has its readiness reported.
    fn register(&mut self, process: Threadlike) -> Result<(), i32> {
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let worker = process.0.worker();
        // SAFETY: the caller passed this descriptor. If it is closed, the kernel returns an error.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        let mut state = self.slot.state.lock();
        if self.is_closed() {
            return Err(libc::EBADF);
        }
        let alone = state.waits == 1;
        if state.duplicate.is_none() {
            match self.source.watch_again(worker, fd, alone) {
                Err(e) if e.raw_os_error() == Some(libc::EEXIST) => {}
                other => {
                    self.asked = true;
                    return other.map_err(errno);
                }
            }
            state.duplicate = Some(fd.try_clone_to_owned().map_err(errno)?);
        }
        let duplicate = state.duplicate.as_ref().expect("it has just been made");
        self.asked = true;
        self.source
            .watch_again(worker, duplicate.as_fd(), false)
            .map_err(errno)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: as in `register`, a closed descriptor only leads to an error.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        let mut _duplicate = None;
        let mut state = self.slot.state.lock();
        state.waits -= 1;
        // The registration is not kept for a descriptor that an `Io` watches too, because a duplicate keeps a
        // connection open.
        if state.waits == 0 && (state.duplicate.is_some() || !self.source.is_watched()) {
            let registered = state.duplicate.take();
            if let Some(source) = state.source.take() {
                source.release(registered.as_ref().map_or(fd, |fd| fd.as_fd()), true);
            }
            _duplicate = registered;
        }
        self.slot.note(&state);
    }
}

/// Parks the process until one of these descriptors may be ready. Returns false if `until` has passed. May return
/// early.
///
/// # Errors
///
/// An errno: `ECANCELED` if the process was cancelled, `ETIMEDOUT` if its deadline has passed, `EBADF` if a descriptor
/// was closed, `EPERM` if none of them can be waited for (such as a file).
pub fn wait(process: Threadlike, watches: &mut [Watch], until: Until) -> Result<bool, i32> {
    let task = process.0;
    if let Some(errno) = process.stopped() {
        return Err(errno);
    }
    let _entered = match &*watches {
        [one] => Entries::One(one.source.register(one.interest, task)),
        many => Entries::Many(
            many.iter()
                .map(|w| w.source.register_other(w.interest, Unparker::Process(task)))
                .collect(),
        ),
    };
    // Every event from now on finds the process among the waiters.
    for watch in watches.iter_mut().filter(|w| w.must_register()) {
        match watch.register(process) {
            Err(libc::EPERM) => watch.never = true,
            other => other?,
        }
    }
    if watches.iter().all(|w| w.never) {
        return Err(libc::EPERM);
    }
    loop {
        if watches.iter().any(Watch::is_closed) {
            return Err(libc::EBADF);
        }
        if watches.iter().any(Watch::is_ready) {
            return Ok(true);
        }
        if let Some(errno) = process.stopped() {
            return Err(errno);
        }
        if until.has_passed() {
            return Ok(false);
        }
        if watches.iter().any(Watch::must_register) {
            // Either an `Io` has taken the registration, or another reactor has.
            return Ok(true);
        }
        let first = &watches[0];
        // SAFETY: only the number is used, for the listing of processes.
        let fd = unsafe { BorrowedFd::borrow_raw(first.fd) };
        task.park(until.0, waiting_for(first.interest, fd));
    }
}

/// The entries of a process among the waiters. It leaves them when this is dropped.
#[allow(dead_code, reason = "they are there to be dropped")]
enum Entries {
    One(Option<Entry>),
    Many(Vec<Entry>),
}
