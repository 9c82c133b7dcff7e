//! Stacks of processes. A large mapping is cut into stacks, each above its guard. Stacks are pooled by size. What
//! happens at an overflow is in `overflow`.
//!
//! A *slab* is one mapping:
//!
//! ```text
//!  slab.base
//!  | guard | usable ...... | slot | room | guard | usable ...... | slot | room | ...
//!  |<-------------- stride ------------->|
//! ```
//!
//! At the top of each stack lies the [`Task`] of the process that uses it. A waiting process touches its stack and its
//! slot, and both are on the same pages.
//!
//! In a pool for threadlike processes there is *room* above each slot: memory for the process's thread-locals. The
//! process touches them together with its slot, so they too are on the same pages.
//!
//! The stride is an odd number of pages, and slots begin at different places in their pages. So the hot ends of many
//! stacks do not share the same few cache sets. Slabs are never unmapped, so a stack needs only two words.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::mem::{self, MaybeUninit};
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::prefetch::prefetch;
use crate::sched::task::Task;
use crate::sched::worker::Worker;
use crate::sys::lock::{Guard, Lock};
use crate::sys::{self, memory};

/// The least size of a guard. C code does not probe its frames, so a frame smaller than the guard cannot skip it. On a
/// system with larger pages (64 KiB on some ARM systems) a guard is one page.
const LEAST_GUARD: usize = 16 << 10;
/// The smallest size that a process may ask for. Printing alone needs 8 KiB.
pub(crate) const MIN_SIZE: usize = 16 << 10;
/// The largest size that a process may ask for. A larger one is surely a mistake, and such mappings would not fit.
pub(crate) const MAX_SIZE: usize = 1 << 30;
/// A panic that prints its backtrace needs 32 KiB. A TLS handshake in a debug build needs twice that.
pub(crate) const DEFAULT_SIZE: usize = 128 << 10;

/// The number of consecutive stacks that begin at different places in their page.
const COLORS: usize = 16;

/// How far below the end of its page the slot of the `i`th stack (with its room) ends, in bytes. All stacks have their
/// hot lines at the same distance from the top. Without this offset they would share a few cache sets.
const fn color(i: usize) -> usize {
    64 * (i % COLORS)
}

/// A stack. This value is the exclusive right to one place in a slab.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The address of the slot, which is one past the highest usable byte.
    base: NonZeroUsize,
    pool: &'static Pool,
}

/// The contents of the top of a stack. In a new mapping it is all zero, so the task does not exist yet.
#[repr(C, align(64))]
struct Slot {
    task: MaybeUninit<Task>,
    made: AtomicBool,
}

/// The number of cache lines below a slot that hold the outermost frames.
const OUTERMOST: usize = 8;

/// Fetches into the cache what the beginning or end of a process touches most: its slot and the outermost frames below
/// it.
fn prefetch_ends(slot: *const Slot) {
    let lowest = slot.cast::<u8>().wrapping_sub(64 * OUTERMOST);
    for line in 0..OUTERMOST + mem::size_of::<Slot>() / 64 {
        prefetch(lowest.wrapping_add(64 * line));
    }
}

/// Does the same for a process that is about to end.
pub(crate) fn prefetch_end(task: &Task) {
    prefetch_ends(ptr::from_ref(task).cast());
}

/// All tasks that were ever made, for the listing of processes.
static TASKS: Lock<Vec<&'static Task>> = Lock::new(Vec::new());

pub(crate) fn tasks() -> Vec<&'static Task> {
    TASKS.lock().clone()
}

/// Up to `count` of these tasks, from a place in the list on.
pub(crate) fn tasks_from(at: usize, count: usize) -> Vec<&'static Task> {
    let tasks = TASKS.lock();
    tasks.iter().skip(at).take(count).copied().collect()
}

/// All stacks of one size that no worker keeps.
pub(crate) struct Pool {
    /// The bytes of a stack with its slot and its room, a multiple of the page size.
    size: usize,
    /// The bytes of the room above each slot, a multiple of the alignment of a slot.
    room: usize,
    /// The number of stacks that exist, and the number of processes with a claim on one.
    total: AtomicUsize,
    claimed: AtomicUsize,
    /// Whether a worker has found no stack and none has come since. This field is beside `claimed`, which is already in
    /// the cache of a caller that reads this one.
    starved: AtomicBool,
    free: Lock<Free>,
    /// The length of `free.used`, so that a caller can read it without the lock.
    used_len: AtomicUsize,
}

#[derive(Default)]
struct Free {
    /// Stacks that were used and whose pages could be given back. The most recently used ones are last.
    used: Vec<Stack>,
    /// Stacks that were never used or whose pages were given back.
    clean: Vec<Stack>,
    /// The workers that have found no stack. They are told when one comes.
    starving: Vec<&'static Worker>,
}

/// The pool of stacks with at least `bytes` usable bytes, and with `room` bytes above each slot.
pub(crate) fn pool(bytes: usize, room: usize) -> io::Result<&'static Pool> {
    /// By size and room.
    static POOLS: Lock<BTreeMap<(usize, usize), &'static Pool>> = Lock::new(BTreeMap::new());
    if !(MIN_SIZE..=MAX_SIZE).contains(&bytes) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a stack size of {bytes} bytes is not within {MIN_SIZE}..={MAX_SIZE}"),
        ));
    }
    let room = room.next_multiple_of(mem::align_of::<Slot>());
    let size = full_size(bytes, room, page());
    let mut pools = POOLS.lock();
    Ok(pools.entry((size, room)).or_insert_with(|| {
        Box::leak(Box::new(Pool {
            size,
            room,
            total: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
            starved: AtomicBool::new(false),
            free: Lock::default(),
            used_len: AtomicUsize::new(0),
        }))
    }))
}

/// The bytes that a stack has above its usable ones, at most.
const fn above(room: usize) -> usize {
    mem::size_of::<Slot>() + room + color(COLORS - 1)
}

/// The bytes of a stack with its slot and its room, a multiple of the page size. Together with the guard they are an odd
/// number of pages.
fn full_size(bytes: usize, room: usize, page: usize) -> usize {
    let size = (bytes + above(room)).next_multiple_of(page);
    if ((guard_size(page) + size) / page).is_multiple_of(2) {
        size + page
    } else {
        size
    }
}

/// The bytes of a guard, a multiple of the page size.
fn guard_size(page: usize) -> usize {
    LEAST_GUARD.next_multiple_of(page)
}

/// Gives back the memory of up to `count` unused stacks over all pools. In each pool, `keep` stacks keep their memory.
/// Returns whether more is left to do.
pub(crate) fn give_back_unused(pools: &[&'static Pool], keep: usize, count: usize) -> bool {
    let mut left = count;
    for pool in pools {
        left -= pool.give_back_unused(keep, left);
    }
    left == 0
}

/// A suspended process uses less than this many bytes below the stack pointer that it has noted. The call that suspends
/// it lies there, with the registers that it keeps: 152 bytes on x86-64 in a debug build.
const BELOW: usize = if cfg!(target_arch = "x86_64") {
    256
} else {
    512
};

/// Gives the pages below the stack pointer of a suspended process back to the system.
///
/// # Safety
///
/// The process of this task is suspended and stays so meanwhile, and it noted `stack_pointer` in the function that has
/// suspended it.
pub(crate) unsafe fn give_back_below(task: &Task, stack_pointer: usize) {
    let page = page();
    let (limit, end) = task.stack_bounds();
    let bottom = limit + guard_size(page);
    // A process may have switched to a stack that it has made itself. Then nothing is known of its own stack.
    if !(bottom + BELOW..end).contains(&stack_pointer) {
        return;
    }
    let unused = (stack_pointer - BELOW) & !(page - 1);
    if unused > bottom {
        // SAFETY: the range is within the usable part of the stack. It begins above the guard, and ends below all that
        // the process has on its stack. The caller says that no code runs there.
        unsafe {
            libc::madvise(
                bottom as *mut libc::c_void,
                unused - bottom,
                memory::GIVE_BACK,
            );
        }
    }
}

impl Stack {
    pub(crate) fn pool(&self) -> &'static Pool {
        self.pool
    }

    /// The address just past the slot, where the room begins.
    fn end_of_slot(&self) -> usize {
        self.base.get() + mem::size_of::<Slot>()
    }

    /// The address where the next stack's guard begins. There is less than a page between the room and it.
    fn top(&self) -> usize {
        (self.end_of_slot() + self.pool.room).next_multiple_of(page())
    }

    /// The room above the slot: its address, a multiple of 64, and its length.
    pub(crate) fn room(&self) -> (*mut u8, usize) {
        (self.end_of_slot() as *mut u8, self.pool.room)
    }

    /// The lowest address, where the guard begins.
    fn lowest(&self) -> usize {
        self.top() - self.pool.stride()
    }

    /// Takes the slot away from its worker. Call this on the worker's thread.
    fn disown(&self) {
        if self.is_made() {
            self.task().disown();
        }
    }

    /// Whether this stack has ever had a process.
    fn is_made(&self) -> bool {
        let slot = self.base.get() as *mut Slot;
        // SAFETY: `base` is the address of a slot in a slab. The slab is never unmapped, and the pages of its slot are
        // never given back. All-zero is a valid `Slot`.
        unsafe { &(*slot).made }.load(Ordering::Relaxed)
    }

    /// The slot for the process that will use this stack.
    pub(crate) fn task(&self) -> &'static Task {
        let slot = self.base.get() as *mut Slot;
        // Swap without loading first: a load would cause an extra page fault on a new page. SAFETY: the slot is valid
        // for the reason given in `is_made`.
        let made = unsafe { &(*slot).made }.swap(true, Ordering::Relaxed);
        if !made {
            // SAFETY: the slot is valid for the reason given in `is_made`. `self` is the exclusive right to it, and no
            // other code has a reference yet.
            let task: &'static Task = unsafe { (*slot).task.write(Task::new(self.lowest())) };
            TASKS.lock().push(task);
        }
        // SAFETY: the task was made, just now or by an earlier holder of this stack.
        unsafe { (*slot).task.assume_init_ref() }
    }

    /// Fetches into the cache what a process touches when it begins.
    pub(crate) fn prefetch(&self) {
        prefetch_ends(self.base.get() as *const Slot);
    }

    /// Gives the pages of an unused stack back to the system, except those of its slot and the one below.
    fn give_back(&self) {
        let page = page();
        let usable = self.top() - self.pool.size..(self.base.get() & !(page - 1)) - page;
        let room = self.end_of_slot().next_multiple_of(page)..self.top();
        for unused in [usable, room] {
            if unused.is_empty() {
                continue;
            }
            // SAFETY: the range is within the usable part or the room of this stack, and no code uses it. `self` is
            // the only right to it, and it is in the pool.
            unsafe {
                libc::madvise(
                    unused.start as *mut libc::c_void,
                    unused.len(),
                    memory::GIVE_BACK,
                );
            }
        }
    }
}

// SAFETY: `base` is aligned for a slot and is one past the usable bytes. Below the usable bytes are `guard_size` bytes
// that fault on access. The slab is never unmapped.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> NonZeroUsize {
        self.base
    }

    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.lowest()).expect("a slab is not at address 0")
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("size", &self.size)
            .field("total", &self.total)
            .field("claimed", &self.claimed)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn stride(&self) -> usize {
        guard_size(page()) + self.size
    }

    /// The usable bytes that each of its stacks has at least.
    pub(crate) fn usable(&self) -> usize {
        self.size - above(self.room)
    }

    /// Makes sure that there is a stack for one more process, now or when it begins.
    pub(crate) fn claim(&'static self) -> io::Result<()> {
        let claimed = self.claimed.fetch_add(1, Ordering::Relaxed) + 1;
        if claimed <= self.total.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut free = self.lock();
        while self.total.load(Ordering::Relaxed) < claimed {
            if let Err(error) = self.map_slab(&mut free) {
                self.unclaim();
                return Err(error);
            }
        }
        self.tell_starving(free);
        Ok(())
    }

    pub(crate) fn unclaim(&self) {
        self.claimed.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes up to `count` stacks. The most recently used one is last. It takes none if other workers hold all stacks
    /// and no more can be mapped. Then `worker` (the caller) is told when a stack has come.
    pub(crate) fn take(
        &'static self,
        count: usize,
        into: &mut Vec<Stack>,
        worker: &'static Worker,
    ) {
        let mut free = self.lock();
        if free.used.is_empty() && free.clean.is_empty() && self.map_slab(&mut free).is_err() {
            worker.starve(self);
            free.starving.push(worker);
            self.starved.store(true, Ordering::Relaxed);
            return;
        }
        for _ in 0..count {
            let Some(stack) = free.used.pop().or_else(|| free.clean.pop()) else {
                break;
            };
            into.push(stack);
        }
        self.used_len.store(free.used.len(), Ordering::Relaxed);
        self.tell_starving(free);
    }

    /// Takes unused stacks back from the calling worker.
    pub(crate) fn give(&self, stacks: impl Iterator<Item = Stack>) {
        let mut free = self.lock();
        free.used.extend(stacks.inspect(Stack::disown));
        self.used_len.store(free.used.len(), Ordering::Relaxed);
        self.tell_starving(free);
    }

    /// Whether a worker waits for a stack. Then no worker should keep one that it does not use.
    #[inline]
    pub(crate) fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed)
    }

    /// If there are stacks, tells the workers that wait for one to try again.
    #[inline]
    fn tell_starving(&self, mut free: Guard<'_, Free>) {
        if !self.is_starved() || (free.used.is_empty() && free.clean.is_empty()) {
            return;
        }
        self.starved.store(false, Ordering::Relaxed);
        let starving = mem::take(&mut free.starving);
        drop(free);
        for worker in starving {
            worker.feed();
        }
    }

    /// The numbers of existing stacks, of claims on them, and of unused stacks that hold memory, at about this moment.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.total), of(&self.claimed), of(&self.used_len))
    }

    /// Whether more than `keep` unused stacks hold memory.
    #[inline]
    pub(crate) fn is_cold(&self, keep: usize) -> bool {
        self.used_len.load(Ordering::Relaxed) > keep
    }

    fn give_back_unused(&self, keep: usize, count: usize) -> usize {
        let mut free = self.lock();
        let n = free.used.len().saturating_sub(keep).min(count);
        let cold: Vec<Stack> = free.used.drain(..n).collect();
        for stack in cold {
            stack.give_back();
            free.clean.push(stack);
        }
        self.used_len.store(free.used.len(), Ordering::Relaxed);
        n
    }

    fn lock(&self) -> Guard<'_, Free> {
        self.free.lock()
    }

    fn map_slab(&'static self, free: &mut Free) -> io::Result<()> {
        let stride = self.stride();
        // This size needs few mappings, and it wastes few pages for a stack size that is rarely used.
        let count = ((32 << 20) / stride).clamp(1, 256);
        let len = stride * count;
        let base = sys::map(len, memory::STACK_MAPPING)?;
        // SAFETY: the range was just mapped.
        unsafe { memory::prepare(base, len) };
        for i in 0..count {
            // SAFETY: the place is within the mapping, which no other code knows yet.
            let installed = unsafe { GUARDS.install(base.byte_add(i * stride), advise_guard) };
            if let Err(error) = installed {
                // SAFETY: this function made the mapping and has handed out no stack of it.
                unsafe { libc::munmap(base, len) };
                return Err(error);
            }
        }
        register_slab(base as usize, stride, count, self.usable());
        free.clean.extend((1..=count).rev().filter_map(|i| {
            let top = base as usize + i * stride;
            let base = NonZeroUsize::new(top - color(i) - self.room - mem::size_of::<Slot>())?;
            Some(Stack { base, pool: self })
        }));
        self.total.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

/// The portable build does not use the advice, so that tests cover the other way.
const USES_ADVICE: bool = memory::ADVISES_GUARDS && !cfg!(std_net_portable);

/// How guards are made.
struct Guards {
    /// Whether the kernel may support `MADV_GUARD_INSTALL`. It is false after the first refusal.
    by_advice: AtomicBool,
    /// The number of mappings that guards by `mprotect` have used.
    mappings: AtomicUsize,
}

static GUARDS: Guards = Guards::new();

impl Guards {
    const fn new() -> Guards {
        Guards {
            by_advice: AtomicBool::new(USES_ADVICE),
            mappings: AtomicUsize::new(0),
        }
    }

    /// Makes the `guard_size` bytes at `guard` fault on access. `advise` gives the advice to the kernel.
    ///
    /// # Safety
    ///
    /// The bytes are the low end of one stack in a mapping that no code uses yet.
    unsafe fn install(
        &self,
        guard: *mut libc::c_void,
        advise: impl FnOnce(*mut libc::c_void, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.by_advice.load(Ordering::Relaxed) {
            match advise(guard, guard_size(page())) {
                Ok(()) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => return Err(error),
                // A kernel before 6.13 returns EINVAL. A sandbox may return any error.
                Err(_) => self.by_advice.store(false, Ordering::Relaxed),
            }
        }
        // Each such guard splits its mapping in two. At `vm.max_map_count` malloc fails too, so stop well before that.
        if self.mappings.fetch_add(2, Ordering::Relaxed) >= memory::max_mappings() / 2 {
            self.mappings.fetch_sub(2, Ordering::Relaxed);
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                "the guards of processes' stacks use half of vm.max_map_count",
            ));
        }
        // SAFETY: the caller keeps this function's contract.
        crate::sys::cvt(unsafe { libc::mprotect(guard, guard_size(page()), libc::PROT_NONE) })
            .map(drop)
    }
}

/// [`memory::advise_guard`] for [`Guards::install`], the only caller.
fn advise_guard(guard: *mut libc::c_void, len: usize) -> io::Result<()> {
    // SAFETY: `Guards::install` passes a range that no code uses yet.
    unsafe { memory::advise_guard(guard, len) }
}

pub(crate) fn page() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: the call has no preconditions.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096)
    })
}

/// All slabs, for the signal handler. The list only grows, and it is read without a lock.
static SLABS: AtomicPtr<Slab> = AtomicPtr::new(ptr::null_mut());

struct Slab {
    base: usize,
    stride: usize,
    count: usize,
    /// The usable bytes of each stack.
    usable: usize,
    next: *const Slab,
}

fn register_slab(base: usize, stride: usize, count: usize, usable: usize) {
    let mut next = SLABS.load(Ordering::Relaxed);
    let slab = Box::leak(Box::new(Slab {
        base,
        stride,
        count,
        usable,
        next,
    }));
    while let Err(newer) =
        SLABS.compare_exchange_weak(next, slab, Ordering::Release, Ordering::Relaxed)
    {
        next = newer;
        slab.next = next;
    }
}

/// If `address` lies in a guard, the usable bytes of its stack. This is safe to call in a signal handler.
pub(crate) fn guarded_size(address: usize) -> Option<usize> {
    let mut slab: *const Slab = SLABS.load(Ordering::Acquire);
    loop {
        // SAFETY: slabs are leaked, and they are complete before they are published.
        let Slab {
            base,
            stride,
            count,
            usable,
            next,
        } = unsafe { slab.as_ref() }?;
        if let Some(offset) = address.checked_sub(*base)
            && offset < stride * count
        {
            return (offset % stride < guard_size(page())).then_some(*usable);
        }
        slab = *next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corosensei::stack::Stack as _;
    use std::cell::Cell;
    use std::os::fd::AsRawFd;

    #[test]
    fn slots_are_an_odd_number_of_pages_apart() {
        for bytes in [MIN_SIZE, MIN_SIZE + 1, 64 << 10, DEFAULT_SIZE, 1 << 20] {
            for room in [0, 4680, 100 << 10] {
                let pool = pool(bytes, room).unwrap();
                assert!(pool.usable() >= bytes && pool.room >= room);
                assert_eq!(pool.stride() / page() % 2, 1, "{bytes} {room}");
            }
        }
        assert!(pool(MIN_SIZE - 1, 0).is_err());
        assert!(pool(MAX_SIZE + 1, 0).is_err());
    }

    #[test]
    fn guards_and_stacks_are_whole_pages_of_every_size() {
        for page in [4 << 10, 16 << 10, 64 << 10] {
            assert!(guard_size(page) >= LEAST_GUARD && guard_size(page).is_multiple_of(page));
            for bytes in [MIN_SIZE, MIN_SIZE + 1, 100 << 10, DEFAULT_SIZE, 1 << 20] {
                for room in [0, 4672, 100 << 10] {
                    let size = full_size(bytes, room, page);
                    assert!(size >= bytes + above(room) && size.is_multiple_of(page));
                    assert_eq!((guard_size(page) + size) / page % 2, 1, "{bytes} {page}");
                }
            }
        }
    }

    /// Whether a write to this address would fault. The kernel makes the write, so the test does not crash.
    fn faults(address: usize) -> bool {
        let zeros = std::fs::File::open("/dev/zero").unwrap();
        // SAFETY: the kernel checks the address, and no code uses the byte that it writes.
        unsafe { libc::read(zeros.as_raw_fd(), address as *mut libc::c_void, 1) < 0 }
    }

    #[test]
    fn guards_that_cannot_be_advised_are_protected() {
        let page = page();
        let map = || {
            // SAFETY: this is a new anonymous mapping at an address that the kernel chooses.
            let base = unsafe {
                libc::mmap(
                    ptr::null_mut(),
                    guard_size(page) + page,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                )
            };
            assert_ne!(base, libc::MAP_FAILED);
            base
        };
        for error in [libc::EINVAL, libc::EPERM, libc::ENOSYS] {
            let guards = Guards::new();
            let asked = Cell::new(0);
            for _ in 0..2 {
                let base = map();
                // SAFETY: this is the low end of a new mapping that no code uses.
                let installed = unsafe {
                    guards.install(base, |_, _| {
                        asked.set(asked.get() + 1);
                        Err(io::Error::from_raw_os_error(error))
                    })
                };
                installed.unwrap();
                let base = base as usize;
                assert!(faults(base) && faults(base + guard_size(page) - 1));
                assert!(!faults(base + guard_size(page)));
            }
            let expected = u32::from(USES_ADVICE);
            assert_eq!(asked.get(), expected, "asked again after a refusal");
        }
        if !USES_ADVICE {
            return;
        }
        let guards = Guards::new();
        let full = || Err(io::Error::from_raw_os_error(libc::ENOMEM));
        // SAFETY: the mapping is new and no code uses it.
        let error = unsafe { guards.install(map(), |_, _| full()) }.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        assert!(guards.by_advice.load(Ordering::Relaxed));
    }

    #[test]
    fn stacks_do_not_overlap_and_have_guards() {
        for room in [0, 4680] {
            stacks_with_room(room);
        }
    }

    fn stacks_with_room(room: usize) {
        let pool = pool(48 << 10, room).unwrap();
        let worker = Worker::leak(0).unwrap();
        let mut stacks = Vec::new();
        for _ in 0..300 {
            pool.claim().unwrap();
            pool.take(1, &mut stacks, worker);
        }
        assert_eq!(stacks.len(), 300);
        let mut ranges: Vec<_> = stacks
            .iter()
            .map(|s| (s.limit().get(), s.base().get(), s.top()))
            .collect();
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|w| w[0].2 <= w[1].0));
        for stack in &stacks {
            let (at, len) = stack.room();
            assert!(at.addr().is_multiple_of(64) && len >= room);
            assert!(at.addr() + len <= stack.top() && at.addr() + len + page() > stack.top());
            // SAFETY: this test holds the stack, and the room is behind its slot.
            unsafe { ptr::write_bytes(at, 0xa5, len) };
            assert!(!stack.is_made(), "the room is not the slot");
        }
        for (limit, base, _) in ranges {
            assert!(
                guarded_size(limit).is_some()
                    && guarded_size(limit + guard_size(page()) - 1) == Some(pool.usable())
            );
            assert!(
                guarded_size(limit + guard_size(page())).is_none()
                    && guarded_size(base - 1).is_none()
            );
            // The whole usable part can be written.
            for at in (limit + guard_size(page())..base).step_by(page()) {
                // SAFETY: the address is within a stack that this test holds.
                unsafe { ptr::write_volatile(at as *mut u8, 1) };
            }
        }
        for stack in &stacks {
            stack.task();
        }
        pool.give(stacks.drain(..));
        assert!(!give_back_unused(&[pool], 0, usize::MAX));
        // The slots outlive their processes, and the memory around them was given back.
        pool.take(300, &mut stacks, worker);
        for stack in &stacks {
            assert!(stack.is_made());
            let (at, len) = stack.room();
            if len > 0 {
                // SAFETY: this test holds the stack, and the byte is the last one of its room.
                let last = unsafe { at.add(len - 1).read() };
                let whole_page = at.addr().next_multiple_of(page()) < stack.top();
                assert_eq!(last == 0, whole_page);
            }
        }
        pool.give(stacks.drain(..));
        for _ in 0..300 {
            pool.unclaim();
        }
    }
}
