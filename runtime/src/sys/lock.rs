//! The runtime's own lock. It waits by a direct system call and not through the C library.
//!
//! `std_net_interpose` makes std's locks park a threadlike process. A process must never park in the middle of the
//! runtime. So the runtime's locks do not wait through the interposed functions. While a thread holds such a lock,
//! nothing that it calls parks (see [`is_held`]).
//!
//! Code that holds a lock does not wait and runs none of the program's code, so the wait is short.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// The lock is held, and threads may wait in the kernel.
const CONTENDED: u32 = 2;

/// How often a thread looks before it waits in the kernel.
const SPINS: usize = 100;

thread_local! {
    /// How many of these locks the thread or the threadlike process holds.
    static HERE: Cell<u32> = const { Cell::new(0) };
}

/// Whether the caller holds one of the runtime's locks.
#[inline]
pub(crate) fn is_held() -> bool {
    HERE.get() != 0
}

/// A value that one thread at a time may use. A panic does not poison it.
#[derive(Default)]
pub struct Lock<T> {
    state: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: a guard is the only way to `data`, and there is only one guard at a time, as with std's mutex.
unsafe impl<T: Send> Sync for Lock<T> {}
// SAFETY: the reason is the same as for Sync.
unsafe impl<T: Send> Send for Lock<T> {}
impl<T> UnwindSafe for Lock<T> {}
impl<T> RefUnwindSafe for Lock<T> {}

/// Holds the lock until it is dropped, on the thread that took it.
pub struct Guard<'a, T> {
    lock: &'a Lock<T>,
    _stays: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives only a shared reference to the value.
unsafe impl<T: Sync> Sync for Guard<'_, T> {}

impl<T> Lock<T> {
    /// Makes a free lock.
    #[must_use]
    pub const fn new(data: T) -> Lock<T> {
        Lock {
            state: AtomicU32::new(FREE),
            data: UnsafeCell::new(data),
        }
    }

    /// The value, without locking, because the caller has the only reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Takes the lock, and waits for it if necessary.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        // This comes first: a signal handler that runs from now on must not wait for a lock that this thread holds.
        HERE.set(HERE.get() + 1);
        if !self.try_take() {
            self.lock_contended();
        }
        Guard {
            lock: self,
            _stays: PhantomData,
        }
    }

    #[inline]
    fn try_take(&self) -> bool {
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        self.state
            .compare_exchange(FREE, HELD, success, failure)
            .is_ok()
    }

    #[cold]
    fn lock_contended(&self) {
        for _ in 0..SPINS {
            if self.state.load(Ordering::Relaxed) == FREE && self.try_take() {
                return;
            }
            std::hint::spin_loop();
        }
        while self.state.swap(CONTENDED, Ordering::Acquire) != FREE {
            futex::wait(&self.state, CONTENDED);
        }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.lock.state.swap(FREE, Ordering::Release) == CONTENDED {
            futex::wake_one(&self.lock.state);
        }
        HERE.set(HERE.get() - 1);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the only guard.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// `futex(2)` by a direct system call.
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod futex {
    use std::arch::asm;
    use std::ptr;
    use std::sync::atomic::AtomicU32;

    pub(super) fn wait(word: &AtomicU32, expected: u32) {
        call(word, libc::FUTEX_WAIT, expected);
    }

    pub(super) fn wake_one(word: &AtomicU32) {
        call(word, libc::FUTEX_WAKE, 1);
    }

    fn call(word: &AtomicU32, operation: i32, value: u32) {
        // SAFETY: this is FUTEX_WAIT or FUTEX_WAKE on a live word of this OS process, without a timeout. The kernel
        // changes only these three registers.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") libc::SYS_futex => _,
                in("rdi") ptr::from_ref(word),
                in("rsi") operation | libc::FUTEX_PRIVATE_FLAG,
                in("rdx") value,
                in("r10") 0,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
    }
}

/// `futex(2)` by the C library, on platforms where `std_net_interpose` does nothing.
#[cfg(all(target_os = "linux", not(all(target_arch = "x86_64", not(miri)))))]
mod futex {
    use std::ptr;
    use std::sync::atomic::AtomicU32;

    pub(super) fn wait(word: &AtomicU32, expected: u32) {
        call(word, libc::FUTEX_WAIT, expected);
    }

    pub(super) fn wake_one(word: &AtomicU32) {
        call(word, libc::FUTEX_WAKE, 1);
    }

    fn call(word: &AtomicU32, operation: i32, value: u32) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        let never = ptr::null::<libc::timespec>();
        // SAFETY: this is FUTEX_WAIT or FUTEX_WAKE on a live word, without a timeout.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                ptr::from_ref(word),
                operation,
                value,
                never,
            )
        };
    }
}

/// One condition variable for all locks. A thread that is woken for another lock looks at its own and waits again.
#[cfg(not(target_os = "linux"))]
mod futex {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Condvar, Mutex, PoisonError};

    static ALL: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

    pub(super) fn wait(word: &AtomicU32, expected: u32) {
        let held = ALL.0.lock().unwrap_or_else(PoisonError::into_inner);
        if word.load(Ordering::SeqCst) == expected {
            drop(ALL.1.wait(held));
        }
    }

    pub(super) fn wake_one(_: &AtomicU32) {
        let _held = ALL.0.lock().unwrap_or_else(PoisonError::into_inner);
        ALL.1.notify_all();
    }
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time_holds_it_and_all_get_their_turn() {
        const EACH: u64 = 20_000;
        let lock = Lock::new(0_u64);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let mut value = lock.lock();
                        assert!(is_held());
                        let seen = *value;
                        std::hint::spin_loop();
                        *value = seen + 1;
                    }
                    assert!(!is_held());
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * EACH);
    }

    #[test]
    fn it_is_free_again_after_a_panic() {
        let lock = Lock::new(7);
        let caught = std::panic::catch_unwind(|| {
            let _held = lock.lock();
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(caught.is_err() && !is_held());
        assert_eq!(*lock.lock(), 7);
    }
}
