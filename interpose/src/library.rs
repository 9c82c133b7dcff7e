//! The C library's own functions, of which this crate defines the names. A plain thread calls them.
//!
//! A bare system call would not be the same: `pthread_cancel(3)` ends a thread that waits in a function of the C library,
//! but not one that waits in a system call of its own. And a preloaded library (`LD_PRELOAD`) keeps its part.
//!
//! All functions of this crate have the ABI `C-unwind`, because a cancelled thread unwinds through them.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The next definition of a name that this crate defines too.
pub(crate) struct Real(AtomicPtr<c_void>, &'static CStr);

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Real {
        Real(AtomicPtr::new(ptr::null_mut()), name)
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> *mut c_void {
        let known = self.0.load(Ordering::Relaxed);
        if known.is_null() {
            return self.find();
        }
        known
    }

    #[cold]
    fn find(&self) -> *mut c_void {
        let found = self.look();
        if found.is_null() {
            // Every GNU C library has this function.
            std::process::abort();
        }
        found
    }

    fn look(&self) -> *mut c_void {
        // SAFETY: the string ends with a zero byte. `dlsym` allocates no memory if the function exists.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.1.as_ptr()) };
        self.0.store(found, Ordering::Relaxed);
        found
    }
}

/// `real!(NAME)` is the C library's function of this name.
macro_rules! real {
    ($name:ident) => {
        $crate::library::Real::new(
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            },
        )
    };
}

/// Declares the functions of these names.
macro_rules! functions {
    ($($name:ident)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "it is the function's name")]
            pub(crate) static $name: Real = real!($name);
        )*

        /// Finds them all. Call this before `main`: a signal handler, or the child of a fork, had better not call
        /// `dlsym(3)`.
        pub(crate) fn find_all() {
            for function in [$(&$name),*] {
                function.look();
            }
        }
    };
}

functions! {
    recv recvfrom recvmsg recvmmsg read readv pread64
    send sendto sendmsg sendmmsg write writev sendfile64 splice
    connect accept accept4 open openat open64 openat64 __open_2 __openat_2
    poll ppoll select pselect epoll_wait epoll_pwait
    clock_nanosleep nanosleep sched_yield
    close dup2 dup3 fcntl flock
    wait4 waitid
}

/// `library!(NAME(a, b, ...) -> TYPE)` calls the C library's function. The types of the arguments are those of the
/// function.
#[cfg(not(panic = "abort"))]
macro_rules! library {
    ($($call:tt)*) => { $crate::library::call!("C-unwind", $($call)*) };
}

/// The same. A program whose panics abort would abort too when a thread unwinds through a call with the ABI `C-unwind`. A
/// call with the ABI `C` has no code for that, and the thread ends.
#[cfg(panic = "abort")]
macro_rules! library {
    ($($call:tt)*) => { $crate::library::call!("C", $($call)*) };
}

macro_rules! call {
    ($abi:literal, $name:ident($($arg:expr),* $(,)?) -> $ret:ty) => {
        std::mem::transmute::<
            *mut std::ffi::c_void,
            unsafe extern $abi fn($($crate::library::call!(@any $arg)),*) -> $ret,
        >($crate::library::$name.get())($($arg),*)
    };
    (@any $arg:expr) => { _ };
}
pub(crate) use {call, library, real};
