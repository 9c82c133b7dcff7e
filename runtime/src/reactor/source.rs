//! What the reactor knows of one descriptor, and its waiters. The operations on it are in `io`, the system calls that
//! watch it are in the reactors of `sys`, and the meaning of a short read is in `short_reads`.
//!
//! Readiness is a hint. Each direction counts its events. A direction is *used up* when an attempt would block. An
//! operation makes an attempt if there was an event since then. Sources are reused and never freed, so the worst result
//! of a late event is one extra attempt.

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32, Ordering};
use std::task::Waker;

use crate::interest::Interest;
use crate::prefetch::prefetch;
use crate::reactor::short_reads::Trust;
use crate::sched::park::Unparker;
use crate::sched::task::Task;
use crate::sched::worker::Worker;
use crate::sys::lock::{Guard, Lock};
use crate::sys::{self, Events, Reactor};
use crate::wake::{ALL, READ_CLOSED, READABLE, Readiness, Seen, WRITABLE, bit};

/// The size is one cache line.
#[repr(align(64))]
pub(crate) struct Source {
    readiness: Readiness,
    /// For each direction, the process that waits or that waited last. Further processes, and threads, are in `others`.
    waiters: [AtomicPtr<Task>; 2],
    /// The worker whose reactor watches the descriptor, or null if none does.
    worker: AtomicPtr<Worker>,
    /// The use of this source. Events for an earlier use have another generation and are dropped.
    generation: AtomicU16,
    /// Whether there are other waiters. If not, the lock need not be taken.
    has_others: AtomicBool,
    pub(super) trust: Trust,
    /// The readiness that the last wait for a hang-up has seen.
    heard: AtomicU32,
    slow: Lock<Slow>,
}

#[derive(Default)]
struct Slow {
    /// Boxed, because it is rarely used.
    #[allow(
        clippy::box_collection,
        reason = "a pointer, where a Vec is three words"
    )]
    others: Option<Box<Vec<(Interest, Unparker)>>>,
}

impl Slow {
    fn others(&self) -> &[(Interest, Unparker)] {
        self.others.as_ref().map_or(&[], |others| others)
    }
}

// On other platforms std's mutex is larger.
#[cfg(all(target_os = "linux", not(std_net_loom)))]
const _: () = assert!(mem::size_of::<Source>() == 64);

/// How many sources are made at once.
const SLAB: usize = 64;
/// The bytes of one mapping of sources.
const REGION: usize = 64 << 10;

/// One waiter in the `others` of a source. Dropping it removes the waiter.
pub(crate) struct Entry {
    source: &'static Source,
    interest: Interest,
    unparker: Unparker,
}

impl Entry {
    /// Whether this entry wakes `waker`.
    pub(crate) fn wakes(&self, waker: &Waker) -> bool {
        matches!(&self.unparker, Unparker::Waker(w) if w.will_wake(waker))
    }
}

impl Drop for Entry {
    #[inline(never)]
    fn drop(&mut self) {
        self.source.deregister_other(self.interest, &self.unparker);
    }
}

impl Source {
    /// Takes an unused source.
    pub(crate) fn take() -> &'static Source {
        let mut free = FREE.lock();
        if free.unused.is_empty() {
            free.make_some();
        }
        free.unused.pop().expect("some have been made")
    }

    fn new() -> Source {
        Source {
            readiness: Readiness::new(),
            waiters: [const { AtomicPtr::new(ptr::null_mut()) }; 2],
            worker: AtomicPtr::new(ptr::null_mut()),
            generation: AtomicU16::new(0),
            has_others: AtomicBool::new(false),
            trust: Trust::new(),
            heard: AtomicU32::new(0),
            slow: Lock::default(),
        }
    }

    /// Stops watching `fd` and frees the source. The descriptor is about to be closed. If it is `exposed`, it may also
    /// live on elsewhere. There are no waiters now, because waiters borrow the `Io` that calls this.
    pub(crate) fn release(&'static self, fd: BorrowedFd<'_>, exposed: bool) {
        if let Some(worker) = self.worker() {
            // A duplicate elsewhere would keep the registration alive. If no other code has ever seen the descriptor,
            // its close ends the registration, and this saves a system call. A child between fork and exec may keep the
            // registration a little longer, but with an outdated key.
            if exposed || Reactor::REPORTS_ONCE {
                worker.reactor.remove(fd);
            }
            self.worker.store(ptr::null_mut(), Ordering::Release);
        }
        self.generation.fetch_add(1, Ordering::Release);
        self.trust.reset();
        self.readiness.reset();
        self.heard.store(0, Ordering::Relaxed);
        // These are the waiters of the last wait.
        for slot in &self.waiters {
            slot.store(ptr::null_mut(), Ordering::SeqCst);
        }
        self.give_back();
    }

    /// Frees a source that was never used.
    pub(crate) fn give_back(&'static self) {
        FREE.lock().unused.push(self);
    }

    #[inline]
    pub(crate) fn readiness(&self, interest: Interest) -> Seen {
        if interest == Interest::Hangup {
            return self.readiness.unheard(self.heard.load(Ordering::Relaxed));
        }
        self.readiness.seen(interest)
    }

    /// See [`Readiness::clear`].
    #[inline]
    pub(crate) fn clear(&self, interest: Interest, seen: Seen) -> bool {
        if interest == Interest::Hangup {
            self.heard.store(seen.half(), Ordering::Relaxed);
            return self.readiness.is_heard(seen);
        }
        self.readiness.clear(interest, seen)
    }

    // Watching a descriptor.

    fn worker(&self) -> Option<&'static Worker> {
        // SAFETY: the pointer is null or leads to a worker, and workers live for ever.
        unsafe { self.worker.load(Ordering::Acquire).as_ref() }
    }

    fn lock(&self) -> Guard<'_, Slow> {
        self.slow.lock()
    }

    /// Asks the reactor of `worker` to watch the descriptor. If another reactor watches it and has waiters, that stays
    /// so. The wake-up then crosses threads.
    #[inline]
    pub(crate) fn watch(
        &'static self,
        worker: &'static Worker,
        fd: BorrowedFd<'_>,
    ) -> io::Result<()> {
        if ptr::eq(self.worker.load(Ordering::Acquire), worker) {
            return Ok(());
        }
        self.move_to(worker, fd)
    }

    #[cold]
    fn move_to(&'static self, worker: &'static Worker, fd: BorrowedFd<'_>) -> io::Result<()> {
        crate::reactor::foreign::give_way(fd);
        let slow = self.lock();
        match self.worker() {
            Some(current) if ptr::eq(current, worker) => return Ok(()),
            Some(current) => {
                let waited_for = !slow.others().is_empty()
                    || self
                        .waiters
                        .iter()
                        .any(|w| !w.load(Ordering::SeqCst).is_null());
                if waited_for {
                    return Ok(());
                }
                // A waiter may register between the check and the move. It is still served, because adding the
                // descriptor reports its readiness again to all waiters.
                current.reactor.remove(fd);
                self.worker.store(ptr::null_mut(), Ordering::Release);
            }
            None => {}
        }
        match worker.reactor.add(fd, self.key()) {
            Ok(()) => {
                self.worker
                    .store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
                Ok(())
            }
            Err(error) => {
                // No reactor watches the descriptor now. A waiter that has registered meanwhile must try, so that it
                // gets the error.
                drop(slow);
                self.wake(ALL);
                Err(error)
            }
        }
    }

    // Descriptors that belong to no `Io`; see `foreign`.

    /// Asks the reactor of `worker` to watch the descriptor, or to report its readiness once more. If another reactor
    /// watches it, it stays there, unless this waiter is `alone`.
    pub(super) fn watch_again(
        &'static self,
        worker: &'static Worker,
        fd: BorrowedFd<'_>,
        alone: bool,
    ) -> io::Result<()> {
        if let Some(current) = self.worker() {
            if alone && !ptr::eq(current, worker) {
                current.reactor.remove(fd);
            } else {
                match current.reactor.tell_again(fd, self.key()) {
                    // The descriptor was closed without the runtime's knowledge. This is another one with the same
                    // number.
                    Err(e) if e.raw_os_error() == Some(libc::ENOENT) => {}
                    other => return other,
                }
            }
            self.worker.store(ptr::null_mut(), Ordering::Release);
        }
        worker.reactor.add(fd, self.key())?;
        self.worker
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
        Ok(())
    }

    /// Stops watching the descriptor. Its waiters are not woken.
    pub(super) fn unwatch(&self, fd: BorrowedFd<'_>) {
        if let Some(worker) = self.worker() {
            worker.reactor.remove(fd);
            self.worker.store(ptr::null_mut(), Ordering::Release);
        }
    }

    /// Whether a reactor watches the descriptor.
    pub(super) fn is_watched(&self) -> bool {
        self.worker().is_some()
    }

    /// Wakes all waiters, which then look again.
    pub(super) fn notify_all(&'static self) {
        self.notify(READABLE | WRITABLE);
    }

    // Reactors that report an event only once.

    /// Asks for the directions with waiters again. Only reactors that report an event once need this. Call it after
    /// [`register`](Self::register).
    #[inline]
    pub(crate) fn rearm(&'static self, fd: BorrowedFd<'_>) -> io::Result<()> {
        if Reactor::REPORTS_ONCE {
            self.ask_again(fd)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn ask_again(&'static self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let slow = self.lock();
        let wants = |interest: Interest| {
            !self.waiters[interest as usize]
                .load(Ordering::SeqCst)
                .is_null()
                || slow.others().iter().any(|(i, _)| *i == interest)
        };
        let (read, write) = (wants(Interest::Read), wants(Interest::Write));
        match self.worker() {
            Some(worker) => worker.reactor.rearm(fd, self.key(), read, write),
            None => Ok(()),
        }
    }

    /// The number that identifies this source in events: its address and its generation.
    pub(crate) fn key(&'static self) -> u64 {
        let address = ptr::from_ref(self) as u64;
        u64::from(self.generation.load(Ordering::Acquire)) << 48 | address
    }

    /// The source with this key.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    #[inline]
    pub(super) unsafe fn of_key(key: u64) -> &'static Source {
        // SAFETY: sources are never freed.
        unsafe { &*(address(key) as *const Source) }
    }

    /// The source with this key, if it still has the user for which the key was made.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    pub(crate) unsafe fn of(key: u64) -> Option<&'static Source> {
        // SAFETY: sources are never freed.
        let source: &'static Source = unsafe { &*(address(key) as *const Source) };
        source.is_of(key).then_some(source)
    }

    /// Whether `key` was made for this use of the source.
    #[inline]
    pub(super) fn is_of(&self, key: u64) -> bool {
        u64::from(self.generation.load(Ordering::Acquire)) == key >> 48
    }

    /// Records the readiness and wakes the waiters for it.
    pub(crate) fn notify(&'static self, bits: u64) {
        self.readiness.notify(bits);
        self.wake(bits);
    }

    /// Wakes all waiters for a direction in `bits`. They look again at what has changed.
    pub(crate) fn wake(&'static self, bits: u64) {
        for interest in [Interest::Read, Interest::Write] {
            if bits & bit(interest) != 0 {
                let task = self.waiters[interest as usize].load(Ordering::SeqCst);
                // SAFETY: the pointer is null or leads to a task, and tasks live for ever.
                if let Some(task) = unsafe { task.as_ref() } {
                    if bits & READ_CLOSED != 0 {
                        crate::sched::stack::prefetch_end(task);
                    }
                    task.unpark();
                }
            }
        }
        if self.has_others.load(Ordering::SeqCst) {
            self.wake_others(bits);
        }
    }

    #[cold]
    fn wake_others(&self, bits: u64) {
        // Futures are woken without the lock. Their wakers are foreign code, which may call into this source again.
        let mut future = None;
        let mut more_futures = Vec::new();
        {
            let slow = self.lock();
            for (interest, unparker) in slow.others() {
                if bits & bit(*interest) == 0 {
                    continue;
                }
                match unparker {
                    Unparker::Waker(waker) if future.is_none() => future = Some(waker.clone()),
                    Unparker::Waker(waker) => more_futures.push(waker.clone()),
                    other => other.unpark(),
                }
            }
        }
        for waker in future.into_iter().chain(more_futures) {
            waker.wake();
        }
    }

    // Waiting.

    /// Adds the calling process to the waiters. Before it parks, the process must check the readiness again. If the
    /// process gets the slot of this direction, it keeps the slot after the wait, and the result is `None`: the caller
    /// has no entry to remove. See [`Task::register`].
    #[inline]
    pub(crate) fn register(
        &'static self,
        interest: Interest,
        task: &'static Task,
    ) -> Option<Entry> {
        let Some(slot) = self.waiters.get(interest as usize) else {
            // There is no slot for a wait for a hang-up.
            return Some(self.register_other(interest, Unparker::Process(task)));
        };
        if ptr::eq(slot.load(Ordering::Relaxed), task) || task.register(slot) {
            return None;
        }
        Some(self.register_other(interest, Unparker::Process(task)))
    }

    /// Enters the calling process among the waiters for a future that it polls. Returns whether the process is in its
    /// slot. If not, the future's waker must be entered.
    #[inline]
    pub(crate) fn register_for_future(
        &'static self,
        interest: Interest,
        task: &'static Task,
    ) -> bool {
        // A reactor that reports once would be asked for this direction again in each later wait of the process.
        let slot = (!Reactor::REPORTS_ONCE).then(|| self.waiters.get(interest as usize));
        slot.flatten()
            .is_some_and(|slot| task.register_for_future(slot))
    }

    /// Enters a waiter of any kind.
    pub(crate) fn register_other(&'static self, interest: Interest, unparker: Unparker) -> Entry {
        let mut slow = self.lock();
        slow.others
            .get_or_insert_default()
            .push((interest, unparker.clone()));
        self.note_others(&slow);
        Entry {
            source: self,
            interest,
            unparker,
        }
    }

    fn deregister_other(&self, interest: Interest, unparker: &Unparker) {
        let mut slow = self.lock();
        let position = slow
            .others()
            .iter()
            .position(|(i, u)| *i == interest && u.is(unparker));
        if let (Some(at), Some(others)) = (position, &mut slow.others) {
            others.swap_remove(at);
        }
        self.note_others(&slow);
    }

    fn note_others(&self, slow: &Slow) {
        self.has_others
            .store(!slow.others().is_empty(), Ordering::SeqCst);
    }
}

impl Events for Source {
    #[inline]
    fn prefetch(key: u64) {
        prefetch(address(key) as *const Source);
    }

    #[inline]
    unsafe fn prefetch_waiter(key: u64) {
        // SAFETY: every key given to a reactor was made by `key`.
        let waiter = &unsafe { Source::of_key(key) }.waiters[Interest::Read as usize];
        prefetch(waiter.load(Ordering::Relaxed).cast_const());
    }

    #[inline]
    unsafe fn event(key: u64, bits: u64) {
        // SAFETY: every key given to a reactor was made by `key`.
        let source = unsafe { Source::of_key(key) };
        if source.is_of(key) {
            source.notify(bits);
        }
    }
}

/// The address in a key. See [`Free`] for why 48 bits are enough.
#[inline]
fn address(key: u64) -> usize {
    (key & ((1 << 48) - 1)) as usize
}

/// The source of a descriptor. It is taken when a caller first has to wait. The owner declares this field before the
/// descriptor, so it is dropped while the descriptor is still open.
pub(crate) struct Attached {
    source: AtomicPtr<Source>,
    fd: RawFd,
    /// Whether other code has seen the descriptor and may have duplicated it.
    exposed: AtomicBool,
}

impl Attached {
    pub(crate) fn none(fd: BorrowedFd<'_>) -> Attached {
        Attached {
            source: AtomicPtr::new(ptr::null_mut()),
            fd: fd.as_raw_fd(),
            exposed: AtomicBool::new(false),
        }
    }

    /// Call this before other code gets the descriptor, because it may duplicate it.
    pub(crate) fn expose(&self) {
        self.exposed.store(true, Ordering::Relaxed);
    }

    /// Whether other code has seen the descriptor.
    #[inline]
    pub(crate) fn is_exposed(&self) -> bool {
        self.exposed.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&'static Source> {
        // SAFETY: the pointer is null or leads to a source, and sources live for ever. The load is SeqCst. A caller
        // changes what a waiter reads, and then looks here whether there is a waiter. These two must not change their
        // order, and on ARM an Acquire load may pass an earlier store.
        unsafe { self.source.load(Ordering::SeqCst).as_ref() }
    }

    #[inline]
    pub(crate) fn get_or_take(&self) -> &'static Source {
        match self.get() {
            Some(source) => source,
            None => self.take(),
        }
    }

    /// `get_or_take` for a wait of a read. Before the first event nobody knows whether there is room to send. A send
    /// is then tried, instead of waiting for that event.
    #[inline]
    pub(crate) fn get_or_take_for(&self, interest: Interest) -> &'static Source {
        match self.get() {
            Some(source) => source,
            None => {
                let source = self.take();
                if interest == Interest::Read {
                    source.readiness.hope_for_room();
                }
                source
            }
        }
    }

    #[cold]
    fn take(&self) -> &'static Source {
        let new = Source::take();
        let pointer = ptr::from_ref(new).cast_mut();
        let null = ptr::null_mut();
        match self
            .source
            .compare_exchange(null, pointer, Ordering::SeqCst, Ordering::SeqCst)
        {
            Ok(_) => new,
            Err(_) => {
                // Another waiter has attached its source first.
                new.give_back();
                self.get().expect("a source stays attached")
            }
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(source) = self.get() {
            // SAFETY: the owner drops this value before the descriptor, so the descriptor is open.
            let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
            source.release(fd, *self.exposed.get_mut());
        }
    }
}

/// The unused sources.
///
/// Sources lie in their own mappings. A key holds the generation in the 16 bits above the address, and an address from
/// the allocator may have a tag there (memory tagging on ARM). The kernel returns addresses below 2^48 without a tag,
/// unless a caller asks for higher ones.
struct Free {
    unused: Vec<&'static Source>,
    /// The place for the next source, and the end of this mapping.
    next: usize,
    end: usize,
}

static FREE: Lock<Free> = Lock::new(Free {
    unused: Vec::new(),
    next: 0,
    end: 0,
});

impl Free {
    #[cold]
    fn make_some(&mut self) {
        let size = mem::size_of::<Source>();
        for _ in 0..SLAB {
            if self.end - self.next < size {
                let Ok(region) = sys::map(REGION, 0) else {
                    // The allocator reacts in the same way when memory runs out.
                    std::alloc::handle_alloc_error(std::alloc::Layout::new::<Source>());
                };
                self.next = region as usize;
                self.end = self.next + REGION;
                assert_eq!(
                    address(self.end as u64),
                    self.end,
                    "addresses of more than 48 bits"
                );
            }
            let place = self.next as *mut Source;
            self.next += size;
            // SAFETY: the place is within a mapping that is never unmapped. It is aligned, because the mapping starts
            // at a page and each size is a multiple of its alignment. No other source has this place.
            let source: &'static Source = unsafe {
                place.write(Source::new());
                &*place
            };
            self.unused.push(source);
        }
        // The source with the lowest address is taken first.
        self.unused.reverse();
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("read", &self.readiness(Interest::Read))
            .field("write", &self.readiness(Interest::Write))
            .finish_non_exhaustive()
    }
}

/// What a process waits for, as a listing of processes shows it.
pub(crate) fn waiting_for(interest: Interest, fd: BorrowedFd<'_>) -> crate::sched::task::Waiting {
    match interest {
        Interest::Read | Interest::Hangup => crate::sched::task::Waiting::Readable(fd.as_raw_fd()),
        Interest::Write => crate::sched::task::Waiting::Writable(fd.as_raw_fd()),
    }
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_key_leads_back_to_its_source_and_its_use() {
        let sources: Vec<_> = (0..3 * REGION / mem::size_of::<Source>())
            .map(|_| Source::take())
            .collect();
        let mut places = HashSet::new();
        for source in &sources {
            let place = ptr::from_ref(*source) as usize;
            assert!(place.is_multiple_of(mem::align_of::<Source>()) && places.insert(place));
            source.generation.store(u16::MAX, Ordering::Relaxed);
            let key = source.key();
            // SAFETY: the key is from `key`.
            assert!(ptr::eq(unsafe { Source::of_key(key) }, *source));
            assert!(source.is_of(key));
            source.generation.fetch_add(1, Ordering::Relaxed);
            assert!(!source.is_of(key), "the next use has another key");
        }
        for source in sources {
            source.give_back();
        }
    }
}
