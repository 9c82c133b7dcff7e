//! What the reactor knows of a descriptor, and who waits for it. Not the operations on it; see
//! `io`. Not the system calls that watch it; see `reactor`.
//!
//! The readiness bits are hints: an operation is tried when its bit is set, and the bit is cleared
//! when the operation would block, unless an event has come since (the tick has moved). Sources
//! are reused and never freed, so a late event is at worst one wrong hint.
//!
//! Events are told as a descriptor becomes ready, once. Of one whose short reads prove nothing they
//! may be told for as long as there is something to read, see [`Report`].

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::io::Interest;
use crate::park::Unparker;
use crate::prefetch::prefetch;
use crate::task::Task;
use crate::wake::{READ_CLOSED, READABLE, Readiness, Seen, WRITABLE, bit};
use crate::worker::Worker;

/// One cache line.
#[repr(align(64))]
pub(crate) struct Source {
    readiness: Readiness,
    /// A process of each direction that waits or waited last; more of them, and threads, stand in
    /// `others`.
    waiters: [AtomicPtr<Task>; 2],
    /// The worker whose reactor watches the descriptor; null: none does.
    worker: AtomicPtr<Worker>,
    /// The descriptor, while `report` is not [`Report::Edge`].
    fd: AtomicI32,
    /// Told apart in events: those meant for an earlier use of this source are dropped.
    generation: AtomicU16,
    /// Whether there are any, to leave them alone when there are none.
    has_others: AtomicBool,
    /// A [`Report`]; changed under the lock.
    report: AtomicU8,
    slow: Mutex<Slow>,
}

/// When the reactor tells of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Report {
    /// As it becomes ready to read, or to write.
    Edge,
    /// For as long as there is something to read, and not of room to write. So a process may wait though
    /// it has not seen the socket empty. When nobody reads what is there, when it cannot be read, or
    /// when somebody waits to write, it becomes `Demoted`.
    Level,
    /// As `Edge`, for ever.
    Demoted,
}

#[derive(Default)]
struct Slow {
    /// Boxed, because it is rarely there.
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

#[cfg(not(std_net_loom))]
const _: () = assert!(mem::size_of::<Source>() == 64);

/// Sources are made so many at a time: a page of them.
const SLAB: usize = 64;

/// A waiter among the others of a source, for as long as this lives.
pub(crate) struct Entry {
    source: &'static Source,
    interest: Interest,
    unparker: Unparker,
}

impl Drop for Entry {
    #[inline(never)]
    fn drop(&mut self) {
        self.source.withdraw_other(self.interest, &self.unparker);
    }
}

impl Source {
    /// Takes an unused source.
    pub(crate) fn take() -> &'static Source {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let slab: Box<[Source]> = (0..SLAB).map(|_| Source::new()).collect();
            free.extend(Box::leak(slab).iter().rev());
        }
        free.pop().expect("a slab is not empty")
    }

    fn new() -> Source {
        Source {
            readiness: Readiness::new(),
            waiters: [const { AtomicPtr::new(ptr::null_mut()) }; 2],
            worker: AtomicPtr::new(ptr::null_mut()),
            fd: AtomicI32::new(-1),
            generation: AtomicU16::new(0),
            has_others: AtomicBool::new(false),
            report: AtomicU8::new(Report::Edge as u8),
            slow: Mutex::default(),
        }
    }

    /// Stops watching `fd`, which is about to be closed or, if it is `exposed`, may live on elsewhere,
    /// and frees the source. Nobody waits on it: waiters borrow the `Io` that calls this.
    pub(crate) fn release(&'static self, fd: BorrowedFd<'_>, exposed: bool) {
        // Its worker may be about to demote it, and must not meet another descriptor of this number.
        let told_by_level = !self.reports(Report::Edge);
        let lock = told_by_level.then(|| self.lock());
        if let Some(worker) = self.worker() {
            // A duplicate elsewhere would keep the registration alive. Of a descriptor that nobody
            // else ever saw the close ends it, which saves a system call; a child between its fork
            // and its exec keeps it a little longer, with a key that is out of date. That would be
            // told again and again by level.
            if exposed || told_by_level || cfg!(std_net_portable) {
                worker.reactor.remove(fd);
            }
            self.worker.store(ptr::null_mut(), Ordering::Release);
        }
        self.generation.fetch_add(1, Ordering::Release);
        self.report.store(Report::Edge as u8, Ordering::SeqCst);
        drop(lock);
        self.readiness.reset();
        // Of those who waited last.
        for slot in &self.waiters {
            slot.store(ptr::null_mut(), Ordering::SeqCst);
        }
        self.give_back();
    }

    /// Frees a source that was never used.
    pub(crate) fn give_back(&'static self) {
        FREE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self);
    }

    #[inline]
    pub(crate) fn readiness(&self, interest: Interest) -> Seen {
        self.readiness.seen(interest)
    }

    /// See [`Readiness::clear`].
    #[inline]
    pub(crate) fn clear(&self, interest: Interest, seen: Seen) -> bool {
        self.readiness.clear(interest, seen)
    }

    // Watching.

    fn worker(&self) -> Option<&'static Worker> {
        // SAFETY: only ever null or a worker, and workers live for ever.
        unsafe { self.worker.load(Ordering::Acquire).as_ref() }
    }

    #[inline]
    fn reports(&self, report: Report) -> bool {
        self.report.load(Ordering::SeqCst) == report as u8
    }

    /// Whether whoever waits to read is told of what it has left. Asked after the
    /// [`readiness`](Self::readiness) was read: if that changes later, an event comes of what is there.
    #[inline]
    pub(crate) fn tells_again(&self) -> bool {
        self.reports(Report::Level)
    }

    fn lock(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `worker`'s reactor watch the descriptor for who waits with `interest`. If another's does, and
    /// somebody waits there, it stays so: the wake-up then crosses threads. `by_level` asks for
    /// [`Report::Level`].
    #[inline]
    pub(crate) fn watch(
        &'static self,
        worker: &'static Worker,
        fd: BorrowedFd<'_>,
        interest: Interest,
        by_level: bool,
    ) -> io::Result<()> {
        if ptr::eq(self.worker.load(Ordering::Acquire), worker)
            && (interest == Interest::Read || !self.reports(Report::Level))
        {
            return Ok(());
        }
        self.watch_now(worker, fd, interest, by_level)
    }

    #[cold]
    fn watch_now(
        &'static self,
        worker: &'static Worker,
        fd: BorrowedFd<'_>,
        interest: Interest,
        by_level: bool,
    ) -> io::Result<()> {
        let slow = self.lock();
        if let Some(current) = self.worker() {
            let here = ptr::eq(current, worker);
            if self.reports(Report::Level) && !(here && interest == Interest::Read) {
                // Somebody waits to write, or it is read in more than one place.
                self.demote(&slow)?;
            }
            let waited_for = !slow.others().is_empty()
                || self
                    .waiters
                    .iter()
                    .any(|w| !w.load(Ordering::SeqCst).is_null());
            if here || waited_for {
                return Ok(());
            }
            // Someone who enrols between the look and the move is still served: adding the
            // descriptor reports its readiness again, to all who wait.
            current.reactor.remove(fd);
            self.worker.store(ptr::null_mut(), Ordering::Release);
        }
        let fresh = self.reports(Report::Edge);
        let level = by_level && fresh && interest == Interest::Read && cfg!(not(std_net_portable));
        match worker.reactor.add(fd, self.key(), level) {
            Ok(()) => {
                if level {
                    // No event tells of it.
                    self.readiness.notify(WRITABLE);
                    self.fd.store(fd.as_raw_fd(), Ordering::SeqCst);
                    self.report.store(Report::Level as u8, Ordering::SeqCst);
                }
                self.worker
                    .store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
                Ok(())
            }
            Err(error) => {
                // Nobody watches now: who has enrolled meanwhile must try, and meet the error.
                drop(slow);
                self.wake(READABLE | WRITABLE);
                Err(error)
            }
        }
    }

    /// From [`Report::Level`] to `Demoted`. What is ready now is told once more.
    fn demote(&'static self, _: &MutexGuard<'_, Slow>) -> io::Result<()> {
        // First: see `tells_again`.
        self.report.store(Report::Demoted as u8, Ordering::SeqCst);
        // SAFETY: `release` takes the lock, which is held here, before the descriptor is closed, and
        // leaves `Edge` behind.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd.load(Ordering::SeqCst)) };
        let told = match self.worker() {
            Some(worker) => worker.reactor.report_edges(fd, self.key()),
            None => Ok(()),
        };
        if told.is_err() {
            self.report.store(Report::Level as u8, Ordering::SeqCst);
        }
        told
    }

    /// What the reactor has told by level was not there, or is still there though it has been told:
    /// it must not go on telling.
    #[cold]
    fn told_in_vain(&'static self, generation: u16) {
        let slow = self.lock();
        if self.generation.load(Ordering::Acquire) == generation && self.reports(Report::Level) {
            // If it fails, the next event tries again.
            let _ = self.demote(&slow);
        }
    }

    /// An attempt to read would have blocked.
    pub(crate) fn found_empty(&'static self) {
        if self.reports(Report::Level) {
            // There are things of which the reactor tells and which no read finds: a byte out of band.
            self.told_in_vain(self.generation.load(Ordering::Acquire));
        }
    }

    /// For reactors that report once: asks again for the directions that are waited for.
    /// Called after [`enrol`](Self::enrol).
    #[cfg(std_net_portable)]
    pub(crate) fn rearm(&'static self, fd: BorrowedFd<'_>) -> io::Result<()> {
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

    /// For reactors that report once; epoll keeps its interest.
    #[cfg(not(std_net_portable))]
    #[inline]
    #[allow(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the other one can fail"
    )]
    pub(crate) fn rearm(&'static self, _: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Takes part in the events of this source as a number: address and generation.
    fn key(&'static self) -> u64 {
        let address = ptr::from_ref(self) as u64;
        u64::from(self.generation.load(Ordering::Acquire)) << 48 | address
    }

    /// Has the processor fetch the source with this key, which is about to have an event.
    #[inline]
    #[cfg_attr(
        std_net_portable,
        allow(dead_code, reason = "its events are not at hand")
    )]
    pub(crate) fn prefetch(key: u64) {
        prefetch(address(key) as *const Source);
    }

    /// Has the processor fetch the task that an event for this key will wake. The source itself has
    /// been fetched.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    #[inline]
    #[cfg_attr(
        std_net_portable,
        allow(dead_code, reason = "its events are not at hand")
    )]
    pub(crate) unsafe fn prefetch_waiter(key: u64) {
        // SAFETY: sources are never freed.
        let source = unsafe { &*(address(key) as *const Source) };
        let waiter = &source.waiters[Interest::Read as usize];
        prefetch(waiter.load(Ordering::Relaxed).cast_const());
    }

    /// An event has come for the source with this key.
    ///
    /// # Safety
    ///
    /// `key` was made by [`key`](Self::key).
    pub(crate) unsafe fn event(key: u64, bits: u64) {
        // SAFETY: sources are never freed.
        let source: &'static Source = unsafe { &*(address(key) as *const Source) };
        let generation = (key >> 48) as u16;
        if source.generation.load(Ordering::Acquire) == generation {
            if source.reports(Report::Level) && source.readiness(Interest::Read).allows() {
                source.told_in_vain(generation);
            }
            source.notify(bits);
        }
    }

    /// Remembers the readiness and wakes who waits for it.
    fn notify(&'static self, bits: u64) {
        self.readiness.notify(bits);
        self.wake(bits);
    }

    /// Wakes all who wait for a direction in `bits`; they look again at what has changed.
    pub(crate) fn wake(&'static self, bits: u64) {
        for interest in [Interest::Read, Interest::Write] {
            if bits & bit(interest) != 0 {
                let task = self.waiters[interest as usize].load(Ordering::SeqCst);
                // SAFETY: only ever null or a task, and tasks live for ever.
                if let Some(task) = unsafe { task.as_ref() } {
                    if bits & READ_CLOSED != 0 {
                        crate::stack::prefetch_end(task);
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
        let slow = self.lock();
        for (interest, unparker) in slow.others() {
            if bits & bit(*interest) != 0 {
                unparker.unpark();
            }
        }
    }

    // Waiting.

    /// Enters the calling process among those to wake. It looks at the readiness again before it parks.
    /// In its own slot it stays, where there is no entry to withdraw: see [`Task::enrol`].
    #[inline]
    pub(crate) fn enrol(&'static self, interest: Interest, task: &'static Task) -> Option<Entry> {
        let slot = &self.waiters[interest as usize];
        if ptr::eq(slot.load(Ordering::Relaxed), task) || task.enrol(slot) {
            return None;
        }
        Some(self.enrol_other(interest, Unparker::Process(task)))
    }

    /// Enters a waiter of any kind.
    pub(crate) fn enrol_other(&'static self, interest: Interest, unparker: Unparker) -> Entry {
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

    fn withdraw_other(&self, interest: Interest, unparker: &Unparker) {
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

/// User addresses have 48 bits at most.
#[inline]
fn address(key: u64) -> usize {
    (key & ((1 << 48) - 1)) as usize
}

/// The source of a descriptor, taken when someone first has to wait. Stands before the descriptor in
/// its owner, so that it is dropped while that is still open.
pub(crate) struct Attached {
    source: AtomicPtr<Source>,
    fd: RawFd,
    /// Someone else has seen the descriptor and may have duplicated it.
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

    /// The descriptor is about to be shown to others, who may duplicate it.
    pub(crate) fn expose(&self) {
        self.exposed.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&'static Source> {
        // SAFETY: only ever null or a source, and sources live for ever.
        unsafe { self.source.load(Ordering::Acquire).as_ref() }
    }

    #[inline]
    pub(crate) fn get_or_take(&self) -> &'static Source {
        match self.get() {
            Some(source) => source,
            None => self.take(),
        }
    }

    #[cold]
    fn take(&self) -> &'static Source {
        let new = Source::take();
        let pointer = ptr::from_ref(new).cast_mut();
        let null = ptr::null_mut();
        match self
            .source
            .compare_exchange(null, pointer, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => new,
            Err(_) => {
                // Another waiter was faster.
                new.give_back();
                self.get().expect("a source stays attached")
            }
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(source) = self.get() {
            // SAFETY: the owner drops this before the descriptor, which is therefore open.
            let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
            source.release(fd, *self.exposed.get_mut());
        }
    }
}

static FREE: Mutex<Vec<&'static Source>> = Mutex::new(Vec::new());

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("read", &self.readiness(Interest::Read))
            .field("write", &self.readiness(Interest::Write))
            .finish_non_exhaustive()
    }
}

/// Names the descriptor in a listing.
pub(crate) fn waiting_for(interest: Interest, fd: BorrowedFd<'_>) -> crate::task::Waiting {
    match interest {
        Interest::Read => crate::task::Waiting::Readable(fd.as_raw_fd()),
        Interest::Write => crate::task::Waiting::Writable(fd.as_raw_fd()),
    }
}

#[cfg(all(test, not(std_net_loom), not(std_net_portable)))]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    /// A stream told of by level, on a worker without a thread, and its peer.
    struct Told {
        worker: &'static Worker,
        attached: Attached,
        stream: UnixStream,
        peer: UnixStream,
    }

    impl Told {
        fn by_level() -> Told {
            let (stream, peer) = UnixStream::pair().unwrap();
            stream.set_nonblocking(true).unwrap();
            peer.set_nonblocking(true).unwrap();
            let told = Told {
                worker: Worker::leak(0).unwrap(),
                attached: Attached::none(stream.as_fd()),
                stream,
                peer,
            };
            told.watch(Interest::Read);
            assert!(told.source().tells_again());
            told
        }

        fn source(&self) -> &'static Source {
            self.attached.get_or_take()
        }

        fn watch(&self, interest: Interest) {
            self.source()
                .watch(self.worker, self.stream.as_fd(), interest, true)
                .unwrap();
        }

        /// A look at the reactor: whether it told anything.
        fn look(&self) -> bool {
            // SAFETY: the worker has no thread but this one.
            unsafe { self.worker.reactor.wait(Some(Duration::ZERO)) }
        }

        /// Whether it soon has nothing to tell any more.
        fn falls_silent(&self) -> bool {
            (0..3).any(|_| !self.look())
        }

        /// Reads so much, and takes it for all.
        fn read(&mut self, len: usize) {
            let seen = self.source().readiness(Interest::Read);
            assert!(seen.allows());
            self.stream.read_exact(&mut vec![0; len]).unwrap();
            self.source().clear(Interest::Read, seen);
        }

        fn allows(&self, interest: Interest) -> bool {
            self.source().readiness(interest).allows()
        }
    }

    #[test]
    fn what_is_left_is_told_again() {
        let mut told = Told::by_level();
        told.peer.write_all(b"abc").unwrap();
        for _ in 0..3 {
            assert!(told.look());
            told.read(1);
            assert!(!told.allows(Interest::Read));
        }
        assert!(!told.look());
        assert!(told.source().tells_again());
    }

    #[test]
    fn what_nobody_reads_is_not_told_for_ever() {
        let mut told = Told::by_level();
        told.peer.write_all(b"ab").unwrap();
        assert!(told.look() && told.falls_silent());
        assert!(!told.source().tells_again() && told.allows(Interest::Read));
        told.read(2);
        // As it becomes ready.
        told.peer.write_all(b"c").unwrap();
        assert!(told.look() && !told.look());
        assert!(told.allows(Interest::Read));
    }

    #[test]
    fn nor_is_what_no_read_finds() {
        let mut told = Told::by_level();
        // SAFETY: a live buffer and its length.
        let sent = unsafe {
            libc::send(
                told.peer.as_raw_fd(),
                b"!".as_ptr().cast(),
                1,
                libc::MSG_OOB,
            )
        };
        assert_eq!(sent, 1);
        let mut looks = 0;
        while told.look() {
            looks += 1;
            assert!(looks < 6, "told for ever");
            let seen = told.source().readiness(Interest::Read);
            let error = told.stream.read(&mut [0; 9]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            told.source().found_empty();
            told.source().clear(Interest::Read, seen);
        }
        assert!(looks > 0 && !told.source().tells_again());
        told.peer.write_all(b"c").unwrap();
        assert!(told.look() && told.allows(Interest::Read));
    }

    #[test]
    fn who_waits_for_room_is_told_of_it() {
        let mut told = Told::by_level();
        assert!(told.allows(Interest::Write));
        let mut filled = 0;
        while let Ok(n) = told.stream.write(&[0; 1024]) {
            filled += n;
        }
        let seen = told.source().readiness(Interest::Write);
        assert!(told.source().clear(Interest::Write, seen));
        told.watch(Interest::Write);
        assert!(!told.source().tells_again());
        assert!(!told.look() && !told.allows(Interest::Write));
        told.peer.read_exact(&mut vec![0; filled]).unwrap();
        assert!(told.look() && told.allows(Interest::Write));
    }

    #[test]
    fn a_second_worker_is_told_of_edges() {
        let mut told = Told::by_level();
        let first = told.worker;
        told.peer.write_all(b"abc").unwrap();
        told.worker = Worker::leak(1).unwrap();
        told.watch(Interest::Read);
        assert!(!told.source().tells_again());
        assert!(told.look() && !told.look());
        told.worker = first;
        assert!(!told.look());
    }

    #[test]
    fn once_released_it_is_told_of_no_more() {
        let mut told = Told::by_level();
        let copy = told.stream.try_clone().unwrap();
        let source = told.source();
        let generation = source.generation.load(Ordering::SeqCst);
        told.attached = Attached::none(told.stream.as_fd());
        told.peer.write_all(b"abc").unwrap();
        assert!(!told.look());
        // A late event for it changes nothing of the next one's.
        source.told_in_vain(generation);
        assert!(source.reports(Report::Edge));
        drop(copy);
    }
}
