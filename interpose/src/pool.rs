//! Calls that the kernel or the C library can only do by blocking: lookups of names, file locks, the disk, and waiting
//! for children and threads. They run on a thread of the runtime's pool, and the process parks until they are done.

use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::Ordering;

use libc::{
    addrinfo, id_t, idtype_t, pid_t, pthread_t, rusage, siginfo_t, size_t, sockaddr, socklen_t,
};
use std_net_runtime::Interest;
use std_net_runtime::process::blocking;
use std_net_runtime::threadlike::{self, Threadlike};

use crate::library::{Real, library, real};
use crate::raw::{self, failed, finish, sys};
use crate::wait::{WAITS, Waited, Waiter};

/// A value that is lent to another thread while its owner waits.
struct Lent<T>(T);

// SAFETY: `run` parks the process until `f` has returned. The process is the only user of what `f` borrows. The
// functions of this file pass arguments of C calls, which may be made on any thread.
unsafe impl<T> Send for Lent<T> {}

impl<T> Lent<T> {
    fn take(self) -> T {
        self.0
    }
}

/// Makes a blocking call on a thread of the pool. That thread has the `errno` and `h_errno` of the process during the
/// call, and the process gets back what the call has made of them.
pub(crate) fn run<R>(f: &dyn Fn() -> R) -> R {
    WAITS.fetch_add(1, Ordering::Relaxed);
    let before = (raw::errno(), h_errno());
    let f = Lent(f);
    let (result, (errno, h_error)) = blocking(move || {
        let f = f.take();
        // An earlier call on this thread has left its own.
        raw::set_errno(before.0);
        set_h_errno(before.1);
        let result = f();
        Lent((result, (raw::errno(), h_errno())))
    })
    .take();
    raw::set_errno(errno);
    set_h_errno(h_error);
    result
}

unsafe extern "C" {
    fn __h_errno_location() -> *mut c_int;
    fn __chk_fail() -> !;
}

fn h_errno() -> c_int {
    // SAFETY: every thread has an `h_errno`, at this address.
    unsafe { *__h_errno_location() }
}

fn set_h_errno(h_errno: c_int) {
    // SAFETY: every thread has an `h_errno`, at this address.
    unsafe { *__h_errno_location() = h_errno };
}

/// The C library's reaction to a buffer overflow that is about to happen: it prints a message and aborts.
pub(crate) fn overflow_detected() -> ! {
    // SAFETY: the function takes no arguments and does not return.
    unsafe { __chk_fail() }
}

/// Defines functions with the names and types of the C library's. On a plain thread each calls the C library directly.
/// In a process it makes this call on the pool.
macro_rules! on_the_pool {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            ///
            /// As the C library's function.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($arg: $ty),*) -> $ret {
                static REAL: Real = real!($name);
                type Function = unsafe extern "C-unwind" fn($($ty),*) -> $ret;
                // SAFETY: the library's function of this name has this type.
                let real = unsafe { mem::transmute::<*mut c_void, Function>(REAL.get()) };
                if threadlike::current().is_none() {
                    // SAFETY: the caller keeps this function's contract.
                    return unsafe { real($($arg),*) };
                }
                // SAFETY: the caller keeps this function's contract. What it lends is valid until this function
                // returns.
                run(&|| unsafe { real($($arg),*) })
            }
        )*
    };
}

on_the_pool! {
    /// `getaddrinfo(3)`.
    fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        result: *mut *mut addrinfo,
    ) -> c_int;
    /// `getnameinfo(3)`.
    fn getnameinfo(
        addr: *const sockaddr,
        addr_len: socklen_t,
        host: *mut c_char,
        host_len: socklen_t,
        service: *mut c_char,
        service_len: socklen_t,
        flags: c_int,
    ) -> c_int;
    /// `gethostbyname(3)`.
    fn gethostbyname(name: *const c_char) -> *mut c_void;
    /// `gethostbyname2(3)`.
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut c_void;
    /// `gethostbyaddr(3)`.
    fn gethostbyaddr(addr: *const c_void, len: socklen_t, family: c_int) -> *mut c_void;
    /// `gethostbyname_r(3)`.
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut c_void,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut c_void,
        error: *mut c_int,
    ) -> c_int;
    /// `gethostbyname2_r(3)`.
    fn gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut c_void,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut c_void,
        error: *mut c_int,
    ) -> c_int;
    /// `gethostbyaddr_r(3)`.
    fn gethostbyaddr_r(
        addr: *const c_void,
        addr_len: socklen_t,
        family: c_int,
        entry: *mut c_void,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut c_void,
        error: *mut c_int,
    ) -> c_int;
    /// `lockf(3)`.
    fn lockf(fd: c_int, operation: c_int, len: i64) -> c_int;
    /// `lockf(3)`.
    fn lockf64(fd: c_int, operation: c_int, len: i64) -> c_int;
    /// `fsync(2)`.
    fn fsync(fd: c_int) -> c_int;
    /// `fdatasync(2)`.
    fn fdatasync(fd: c_int) -> c_int;
    /// `pthread_join(3)`.
    fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int;
}

/// `flock(2)`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn flock(fd: c_int, operation: c_int) -> c_int {
    // SAFETY: the call passes no memory.
    let flock = |operation: c_int| unsafe { sys!(libc::SYS_flock, fd, operation) };
    if threadlike::current().is_none() || operation & libc::LOCK_NB != 0 {
        // SAFETY: the call passes no memory.
        return unsafe { library!(flock(fd, operation) -> c_int) };
    }
    let mut result = flock(operation | libc::LOCK_NB);
    if result == failed(libc::EWOULDBLOCK) {
        result = run(&|| flock(operation));
    }
    finish(result) as c_int
}

// Functions that wait for children.

/// `wait4(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait4(
    pid: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    // SAFETY: the caller keeps this function's contract.
    let wait = |more: c_int| unsafe { sys!(libc::SYS_wait4, pid, status, options | more, usage) };
    let process = threadlike::current().filter(|_| options & libc::WNOHANG == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(wait4(pid, status, options, usage) -> pid_t) };
    };
    let ended = wait(libc::WNOHANG);
    if ended != 0 {
        return finish(ended) as pid_t;
    }
    // For a single child that is to end, a pidfd becomes readable at its end.
    if pid > 0 && options & (libc::WUNTRACED | libc::WCONTINUED) == 0 {
        match wait_for_child(process, pid) {
            Ok(true) => return finish(wait(0)) as pid_t,
            Ok(false) => {}
            Err(error) => return finish(error) as pid_t,
        }
    }
    finish(run(&|| wait(0))) as pid_t
}

/// Waits until this child has ended. Returns false if the kernel gives no pidfd for it.
fn wait_for_child(process: Threadlike, pid: pid_t) -> Result<bool, isize> {
    // SAFETY: the call passes no memory.
    let fd = unsafe { sys!(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Ok(false);
    }
    let fd = fd as c_int;
    let result = wait_for_pidfd(process, fd);
    crate::descriptors::close(fd);
    result
}

fn wait_for_pidfd(process: Threadlike, fd: c_int) -> Result<bool, isize> {
    let mut waiter = Waiter::new(process, fd, Interest::Read);
    loop {
        waiter.begin()?;
        if raw::poll_one(fd, libc::POLLIN) != 0 {
            return Ok(true);
        }
        match waiter.wait_until(threadlike::Until::NEVER) {
            Waited::Again => {}
            Waited::Plain => return Ok(false),
            Waited::Failed(error) => return Err(error),
        }
    }
}

/// `waitpid(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { wait4(pid, status, options, ptr::null_mut()) }
}

/// `wait(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait(status: *mut c_int) -> pid_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { wait4(-1, status, 0, ptr::null_mut()) }
}

/// `wait3(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait3(
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { wait4(-1, status, options, usage) }
}

/// `waitid(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn waitid(
    kind: idtype_t,
    id: id_t,
    info: *mut siginfo_t,
    options: c_int,
) -> c_int {
    // SAFETY: the caller keeps this function's contract. The kernel's call has one more argument, which is null here.
    let wait = |more: c_int| unsafe { sys!(libc::SYS_waitid, kind, id, info, options | more, 0) };
    let process = threadlike::current().filter(|_| options & libc::WNOHANG == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(waitid(kind, id, info, options) -> c_int) };
    };
    // Without a wait, the kernel tells whether there is such a child at all: a pidfd may be had of any OS process. The
    // child stays as it is.
    let mut found = mem::MaybeUninit::<siginfo_t>::zeroed();
    let look = options | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: there is room for the answer.
    let result = unsafe { sys!(libc::SYS_waitid, kind, id, found.as_mut_ptr(), look, 0) };
    // SAFETY: zeros are a `siginfo_t`, and the kernel leaves them or fills in a child.
    if result < 0 || unsafe { found.assume_init().si_pid() } != 0 {
        return finish(wait(0)) as c_int;
    }
    let of_the_end = options & (libc::WSTOPPED | libc::WCONTINUED) == 0;
    let waited = match kind {
        libc::P_PIDFD if of_the_end => wait_for_pidfd(process, id.cast_signed()),
        libc::P_PID if of_the_end => wait_for_child(process, id.cast_signed()),
        _ => Ok(false),
    };
    finish(match waited {
        Ok(true) => wait(0),
        Ok(false) => run(&|| wait(0)),
        Err(error) => error,
    }) as c_int
}
