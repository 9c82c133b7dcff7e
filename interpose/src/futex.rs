//! The locks, conditions, `Once` and `thread::park` of std, and the crate parking_lot. All of them wait by
//! `syscall(SYS_futex, ...)`.
//!
//! A process waits in a table of this module, and a thread waits in the kernel. The code that wakes cannot know which
//! of them waits. So a wake-up goes to processes *and* to threads, to the requested number of each. A wake-up of a
//! process alone would not be enough: the worker of that process may itself be a thread that waits in the kernel for
//! the same word. An extra wake-up is harmless, because all code that waits on a futex looks at its word again.

use std::cell::Cell;
use std::ffi::{c_int, c_long};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::time::Duration;

use libc::timespec;
use std_net_runtime::threadlike::{self, Guard, Lock, Threadlike, Until};

use crate::pool;
use crate::raw::{self, AGAIN, failed, finish};
use crate::wait::WAITS;

/// A waiting process. This value lies on the stack of the process. It stays in the bucket's list until the process goes
/// on.
struct Waiter {
    word: usize,
    bits: u32,
    process: Threadlike,
    woken: AtomicBool,
    next: Cell<*const Waiter>,
}

/// All waiters whose words have the same hash, in the order of their arrival.
struct Bucket {
    /// The number of waiters. A wake-up reads it before it takes the lock.
    count: AtomicUsize,
    list: Lock<List>,
}

struct List {
    first: *const Waiter,
    last: *const Waiter,
}

// SAFETY: threads share the waiters under the lock of their list, and by the atomic `woken`.
unsafe impl Send for List {}

const BUCKETS: usize = 1024;

static TABLE: [Bucket; BUCKETS] = [const {
    Bucket {
        count: AtomicUsize::new(0),
        list: Lock::new(List {
            first: ptr::null(),
            last: ptr::null(),
        }),
    }
}; BUCKETS];

fn bucket(word: usize) -> &'static Bucket {
    // Fibonacci hashing: the highest bits of the product depend on all bits of the address.
    let hash = (word as u64 >> 2).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &TABLE[(hash >> (64 - BUCKETS.trailing_zeros())) as usize]
}

impl Bucket {
    /// Takes at most `most` matching waiters out of the list and passes each to `found`.
    fn take(
        &self,
        list: &mut Guard<'_, List>,
        most: usize,
        matches: impl Fn(&Waiter) -> bool,
        mut found: impl FnMut(&Waiter),
    ) -> usize {
        let mut taken = 0;
        let mut before: *const Waiter = ptr::null();
        let mut at = list.first;
        while taken < most {
            // SAFETY: a waiter lives until it was taken out of the list and woken, or has taken itself out under this
            // lock.
            let Some(waiter) = (unsafe { at.as_ref() }) else {
                break;
            };
            let next = waiter.next.get();
            if matches(waiter) {
                // SAFETY: the previous waiter is still in the list, so it lives.
                match unsafe { before.as_ref() } {
                    None => list.first = next,
                    Some(before) => before.next.set(next),
                }
                if ptr::eq(list.last, at) {
                    list.last = before;
                }
                self.count.fetch_sub(1, Ordering::Relaxed);
                taken += 1;
                found(waiter);
            } else {
                before = at;
            }
            at = next;
        }
        taken
    }

    fn push(&self, list: &mut Guard<'_, List>, waiter: &Waiter) {
        // SAFETY: the last waiter is in the list, so it lives: see `take`.
        match unsafe { list.last.as_ref() } {
            None => list.first = waiter,
            Some(last) => last.next.set(waiter),
        }
        list.last = waiter;
    }
}

/// `FUTEX_WAIT_BITSET` for a process: parks it until this word is woken. Returns `EAGAIN` at once if the word does not
/// have the value `expected`.
fn wait(process: Threadlike, word: usize, expected: u32, bits: u32, until: Until) -> isize {
    let bucket = bucket(word);
    let waiter = Waiter {
        word,
        bits,
        process,
        woken: AtomicBool::new(false),
        next: Cell::new(ptr::null()),
    };
    {
        let mut list = bucket.list.lock();
        // The count grows before the word is read. A thread that changes the word and then reads a count of 0 has
        // changed it before this read, so this read sees the change.
        bucket.count.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // SAFETY: the caller waits for this word, so it is live memory.
        let now = unsafe { &*(word as *const AtomicU32) }.load(Ordering::SeqCst);
        if now != expected {
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            return AGAIN;
        }
        bucket.push(&mut list, &waiter);
    }
    WAITS.fetch_add(1, Ordering::Relaxed);
    while !waiter.woken.load(Ordering::Acquire) {
        if until.has_passed() {
            let mut list = bucket.list.lock();
            let this = &raw const waiter;
            if bucket.take(&mut list, 1, |w| ptr::eq(w, this), |_| {}) == 1 {
                return failed(libc::ETIMEDOUT);
            }
            // Another thread has taken the waiter out of the list and woken it.
            break;
        }
        process.park(until);
    }
    0
}

/// Wakes at most `most` processes that wait for this word with one of these bits.
pub(crate) fn wake(word: usize, most: usize, bits: u32) -> usize {
    let bucket = bucket(word);
    // The caller has changed the word before this fence: see the comment in `wait`.
    fence(Ordering::SeqCst);
    if bucket.count.load(Ordering::SeqCst) == 0 {
        return 0;
    }
    let mut list = bucket.list.lock();
    bucket.take(
        &mut list,
        most,
        |waiter| waiter.word == word && waiter.bits & bits != 0,
        |waiter| {
            // The waiter may be gone as soon as `woken` is set.
            let process = waiter.process;
            waiter.woken.store(true, Ordering::Release);
            process.unpark();
        },
    )
}

const COMMAND: c_int = !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
const ANY: u32 = u32::MAX;

/// `futex_wait(2)`, since Linux 6.7.
const SYS_FUTEX_WAIT: c_long = 455;

/// `syscall(2)`. Only `futex(2)` can wait here. By the ABI every argument is one word.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { raw::call(number, [a, b, c, d, e, f]) };
    match number {
        libc::SYS_futex => {}
        // These wait for one of several words, or for one with a mask. A wake-up reaches the kernel too, so a thread of
        // the pool can wait.
        libc::SYS_futex_waitv | SYS_FUTEX_WAIT if threadlike::current().is_some() => {
            return finish(pool::run(&plain)) as c_long;
        }
        _ => return finish(plain()) as c_long,
    }
    // SAFETY: the caller keeps this function's contract.
    let result = unsafe { futex(a, b as c_int, c as u32, d, e, f as u32, &plain) };
    finish(result) as c_long
}

/// # Safety
///
/// As `futex(2)`.
unsafe fn futex(
    word: usize,
    operation: c_int,
    value: u32,
    fourth: usize,
    word2: usize,
    bits: u32,
    plain: &dyn Fn() -> isize,
) -> isize {
    match operation & COMMAND {
        command @ (libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) => {
            let Some(process) = threadlike::current() else {
                return plain();
            };
            if operation & libc::FUTEX_PRIVATE_FLAG == 0 {
                // Another OS process may wake this word, and it does not know this table.
                return pool::run(plain);
            }
            if command == libc::FUTEX_WAIT_BITSET && bits == 0 {
                return failed(libc::EINVAL);
            }
            // SAFETY: the caller keeps this function's contract.
            let time = unsafe { (fourth as *const timespec).as_ref() };
            let Some(time) = time.map(|time| raw::from_timespec(*time)) else {
                let bits = if command == libc::FUTEX_WAIT {
                    ANY
                } else {
                    bits
                };
                return parked(|| wait(process, word, value, bits, Until::NEVER));
            };
            let Some(time) = time else {
                return failed(libc::EINVAL);
            };
            // The time of `FUTEX_WAIT` is a duration. The time of `FUTEX_WAIT_BITSET` is a point in time.
            let (left, bits): (Duration, u32) = if command == libc::FUTEX_WAIT {
                (time, ANY)
            } else if operation & libc::FUTEX_CLOCK_REALTIME == 0 {
                (raw::left_until(libc::CLOCK_MONOTONIC, time), bits)
            } else {
                (raw::left_until(libc::CLOCK_REALTIME, time), bits)
            };
            parked(|| wait(process, word, value, bits, Until::after(Some(left))))
        }
        command @ (libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET) => {
            let bits = if command == libc::FUTEX_WAKE {
                ANY
            } else {
                bits
            };
            let woken = wake(word, value.cast_signed().max(1) as usize, bits);
            add(plain(), woken)
        }
        libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE => {
            // A process is woken instead of moved to the other word. It looks at its word again.
            let woken = wake(word, (value as usize).saturating_add(fourth), ANY);
            add(plain(), woken)
        }
        libc::FUTEX_WAKE_OP => {
            let result = plain();
            if result < 0 {
                return result;
            }
            // This code does not know whether the kernel has woken waiters of the second word. So it wakes those too:
            // they look at their word again.
            let woken = wake(word, value as usize, ANY) + wake(word2, fourth, ANY);
            add(result, woken)
        }
        _ => plain(),
    }
}

fn parked(wait: impl FnOnce() -> isize) -> isize {
    let errno = raw::errno();
    let result = wait();
    raw::set_errno(errno);
    result
}

fn add(result: isize, woken: usize) -> isize {
    if result < 0 {
        result
    } else {
        result + woken.cast_signed()
    }
}
