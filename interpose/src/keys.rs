//! Destructors of `pthread_setspecific(3)` values. The C library runs them when a thread ends, but a process's end is
//! not the end of a thread. So this module records the destructor of each key when the key is created.
//!
//! This module does not define `__pthread_key_create`. Before glibc 2.34 `dlsym(3)` itself calls that function once. A
//! definition that finds the library's own by `dlsym` would wait for itself for ever.

use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use libc::pthread_key_t;

use crate::library::Real;

type Destructor = unsafe extern "C" fn(*mut c_void);

/// `PTHREAD_KEYS_MAX` of the GNU C library.
const KEYS: usize = 1024;
/// `PTHREAD_DESTRUCTOR_ITERATIONS`. Several rounds are needed because a destructor may set new values.
const ROUNDS: usize = 4;

static DESTRUCTORS: [AtomicPtr<c_void>; KEYS] = [const { AtomicPtr::new(ptr::null_mut()) }; KEYS];
/// The highest key with a destructor, plus one.
static USED: AtomicUsize = AtomicUsize::new(0);

/// `pthread_key_create(3)`.
///
/// # Safety
///
/// The same as for the function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_key_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_key_create");
    type Create = unsafe extern "C" fn(*mut pthread_key_t, Option<Destructor>) -> c_int;
    // SAFETY: the library's function of this name has this type.
    let real = unsafe { mem::transmute::<*mut c_void, Create>(REAL.get()) };
    // SAFETY: the caller keeps this function's contract.
    let result = unsafe { real(key, destructor) };
    if result == 0 {
        // SAFETY: the C library has just written the key.
        note(unsafe { *key }, destructor);
    }
    result
}

/// `pthread_key_delete(3)`.
///
/// # Safety
///
/// The same as for the function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_key_delete(key: pthread_key_t) -> c_int {
    static REAL: Real = Real::new(c"pthread_key_delete");
    type Delete = unsafe extern "C" fn(pthread_key_t) -> c_int;
    note(key, None);
    // SAFETY: the library's function of this name has this type.
    let real = unsafe { mem::transmute::<*mut c_void, Delete>(REAL.get()) };
    // SAFETY: the caller keeps this function's contract.
    unsafe { real(key) }
}

fn note(key: pthread_key_t, destructor: Option<Destructor>) {
    if let Some(place) = DESTRUCTORS.get(key as usize) {
        let destructor = destructor.map_or(ptr::null_mut(), |d| d as *mut c_void);
        place.store(destructor, Ordering::Release);
        if !destructor.is_null() {
            USED.fetch_max(key as usize + 1, Ordering::Release);
        }
    }
}

/// Runs the destructors of the values that the calling process has set.
pub(crate) fn run_destructors() {
    for _ in 0..ROUNDS {
        let mut any = false;
        for (key, place) in DESTRUCTORS[..USED.load(Ordering::Acquire)]
            .iter()
            .enumerate()
        {
            let destructor = place.load(Ordering::Acquire);
            if destructor.is_null() {
                continue;
            }
            let key = key as pthread_key_t;
            // SAFETY: the key was created. If it was deleted since, it has no value.
            let value = unsafe { libc::pthread_getspecific(key) };
            if value.is_null() {
                continue;
            }
            any = true;
            // SAFETY: the program gave this destructor for values of this key.
            unsafe {
                libc::pthread_setspecific(key, ptr::null());
                mem::transmute::<*mut c_void, Destructor>(destructor)(value);
            }
        }
        if !any {
            return;
        }
    }
}
