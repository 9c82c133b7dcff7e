//! Waits for descriptors that belong to no [`Io`](crate::Io): those of std and of C libraries, in a threadlike
//! process.
//!
//! Nobody tells the runtime when such a descriptor is made, duplicated or passed on, so nothing is believed
//! of it but what the kernel says now. For each number there is a *slot* with a [`Source`]. Its
//! registration stays until [`closing`] is told of the close, which spares a system call in each wait; whether it
//! still is this descriptor that is registered under the number, each wait asks the kernel, by registering it again
//! (`EPOLL_CTL_MOD`). That also has its readiness told anew, so that no event before the wait is needed.
//!
//! A descriptor that an `Io` watches too cannot be registered twice in one reactor: its slot registers a
//! duplicate, for as long as somebody waits.

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

/// What is known of a descriptor's number.
struct Slot {
    /// Whether there is anything in `state`, to leave the lock alone.
    used: AtomicBool,
    /// Closes of the number, so that those who wait find out.
    closes: AtomicU32,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    /// Those who wait.
    waits: u32,
    source: Option<&'static Source>,
    /// What is registered instead of the descriptor itself.
    duplicate: Option<OwnedFd>,
}

const SLOTS: usize = 1024;
/// 2^24 descriptors, far beyond the limit of any system.
const CHUNKS: usize = 16 * 1024;

static TABLE: [AtomicPtr<[Slot; SLOTS]>; CHUNKS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// This is a child after `fork(2)`: the reactors are the parent's.
static IN_CHILD: AtomicBool = AtomicBool::new(false);

pub(crate) fn in_child() {
    IN_CHILD.store(true, Ordering::Relaxed);
}

/// The slot of a number, if there ever was one.
#[inline]
fn find(fd: RawFd) -> Option<&'static Slot> {
    let fd = usize::try_from(fd).ok()?;
    let chunk = TABLE.get(fd / SLOTS)?.load(Ordering::Acquire);
    // SAFETY: null, or a chunk that was leaked.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[fd % SLOTS])
}

/// The slot of a number that is in use. None while this thread holds one of the runtime's locks: whoever
/// asks then is a signal handler, or the runtime itself, and must not wait for that lock.
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
        // Another was faster.
        // SAFETY: made just now, and nobody knows of it.
        drop(unsafe { Box::from_raw(new) });
    }
    find(fd)
}

impl Slot {
    /// Notes whether the state says anything.
    fn note(&self, state: &Guard<'_, State>) {
        let used = state.waits > 0 || state.source.is_some();
        self.used.store(used, Ordering::Release);
    }

    /// Ends the registration of the descriptor, which nobody waits for.
    fn release(state: &mut State, fd: BorrowedFd<'_>) {
        if let Some(source) = state.source.take() {
            let registered = state.duplicate.as_ref().map_or(fd, |fd| fd.as_fd());
            source.release(registered, true);
        }
        state.duplicate = None;
    }
}

/// The descriptor is about to be closed, or replaced by `dup2(2)`. Those who wait for it find it closed.
#[inline]
pub fn closing(fd: RawFd) {
    if let Some(slot) = find_used(fd) {
        close_slot(slot, fd);
    }
}

#[cold]
fn close_slot(slot: &'static Slot, fd: RawFd) {
    if IN_CHILD.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the caller's, who says that it is still open; if it is not, the kernel says so and nothing
    // happens.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // Closed when the lock is free again: that is a close too.
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

/// An `Io` is about to register this descriptor: it may have the number of one that was closed without our
/// knowledge, and it cannot be registered twice.
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
        // They register again, and find that it is a duplicate they must register.
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
    /// What was known before the attempt that is under way.
    seen: Seen,
    /// Whether this call has had the readiness told anew.
    asked: bool,
    /// It is of a kind that nobody can wait for.
    never: bool,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Watch {
    /// `None` if it is no descriptor.
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

    /// To be called before each attempt after a wait.
    pub fn attempt(&mut self) {
        self.seen = self.source.readiness(self.interest);
    }

    /// The attempt would have blocked. Whether another one is worth it at once, because something has
    /// happened meanwhile.
    #[must_use]
    pub fn would_block(&mut self) -> bool {
        !self.source.clear(self.interest, self.seen) && self.asked
    }

    /// Whether the descriptor has been closed since the call began.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slot.closes.load(Ordering::SeqCst) != self.closes
    }

    /// Whether nothing more will come in: an attempt that may block would not.
    #[must_use]
    pub fn is_read_closed(&self) -> bool {
        !self.source.readiness(Interest::Read).is_open()
    }

    /// No reactor tells of it, or not of what there was before this call.
    fn must_register(&self) -> bool {
        !self.never && (!self.asked || !self.source.is_watched())
    }

    fn is_ready(&self) -> bool {
        self.source.readiness(self.interest).allows()
    }

    /// Registers the descriptor for this wait, and has its readiness told.
    fn register(&mut self, process: Threadlike) -> Result<(), i32> {
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let worker = process.0.worker();
        // SAFETY: the caller's descriptor; if it is closed the kernel says so.
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
        // SAFETY: as in `register`.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        let mut _duplicate = None;
        let mut state = self.slot.state.lock();
        state.waits -= 1;
        // What an `Io` watches too is not kept: a duplicate keeps a connection open.
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

/// Parks the process until one of these may be ready; false if `until` has passed. May return early.
///
/// # Errors
///
/// An errno: `ECANCELED` if the process was cancelled, `ETIMEDOUT` past its deadline, `EBADF` if one was closed, `EPERM` for what cannot
/// be waited for, such as a file.
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
    // Those who are told from now on find the process.
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
            // An `Io` wanted the registration, or the other reactor.
            return Ok(true);
        }
        let first = &watches[0];
        // SAFETY: a number for the listing.
        let fd = unsafe { BorrowedFd::borrow_raw(first.fd) };
        task.park(until.0, waiting_for(first.interest, fd));
    }
}

/// The places where a process stands while it waits.
#[allow(dead_code, reason = "they are there to be dropped")]
enum Entries {
    One(Option<Entry>),
    Many(Vec<Entry>),
}
