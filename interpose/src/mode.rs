//! Whether the user of a descriptor wants calls to wait (`O_NONBLOCK`), and calls that have no flag against blocking.
//!
//! For a call without such a flag (`accept(2)`, `connect(2)`, `sendfile(2)`), this module sets `O_NONBLOCK` just before
//! the call and clears it just after it. The time is short because duplicates of the descriptor and other OS processes
//! share the mode. Code that reads the mode at that moment must not mistake our setting for the user's. So the change
//! is made under a lock of the socket. A reader of the mode takes the lock only if such a change may be in progress.

use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::socklen_t;
use std_net_runtime::threadlike::Lock;

use crate::raw::{failed, sys};

const LOCKS: usize = 64;

static LOCK: [Lock<()>; LOCKS] = [const { Lock::new(()) }; LOCKS];

/// The number of calls with a changed mode that have begun, and the number of those that have ended.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// The lock for this socket. Duplicates of a descriptor share it, because the kernel's socket cookie is the same.
fn lock_of(fd: c_int) -> &'static Lock<()> {
    let mut cookie: u64 = 0;
    let mut len = size_of::<u64>() as socklen_t;
    // SAFETY: there is room for eight bytes, and a length. A descriptor that is not a socket leaves the cookie 0, so it
    // gets the first lock.
    unsafe {
        sys!(
            libc::SYS_getsockopt,
            fd,
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            &raw mut cookie,
            &raw mut len
        )
    };
    &LOCK[cookie as usize % LOCKS]
}

/// Whether the user of the descriptor wants calls to wait; `None` if it is closed.
pub(crate) fn waits(fd: c_int) -> Option<bool> {
    let ended = ended();
    let waits = !o_nonblock(fd)?;
    if waits || !any_since(ended) {
        return Some(waits);
    }
    let _alone = lock_of(fd).lock();
    Some(!o_nonblock(fd)?)
}

/// Makes a call that would block without this mode. With it the call returns `EAGAIN` instead. Returns `None` without a
/// call if the user does not want to wait.
pub(crate) fn without_blocking(fd: c_int, call: impl FnOnce() -> isize) -> Option<isize> {
    let _alone = lock_of(fd).lock();
    match o_nonblock(fd) {
        None => return Some(failed(libc::EBADF)),
        Some(true) => return None,
        Some(false) => {}
    }
    BEGUN.fetch_add(1, Ordering::SeqCst);
    set_o_nonblock(fd, true);
    let result = call();
    set_o_nonblock(fd, false);
    ENDED.fetch_add(1, Ordering::SeqCst);
    Some(result)
}

/// How many calls with a changed mode have ended so far.
pub(crate) fn ended() -> usize {
    ENDED.load(Ordering::SeqCst)
}

/// Whether any call with a changed mode has begun or was in progress since [`ended`] returned this number.
pub(crate) fn any_since(ended: usize) -> bool {
    BEGUN.load(Ordering::SeqCst) != ended
}

/// Whether the descriptor is in `O_NONBLOCK` now; `None` if it is closed.
fn o_nonblock(fd: c_int) -> Option<bool> {
    // SAFETY: the call passes no memory.
    let flags = unsafe { sys!(libc::SYS_fcntl, fd, libc::F_GETFL) };
    (flags >= 0).then_some(flags & libc::O_NONBLOCK as isize != 0)
}

fn set_o_nonblock(fd: c_int, on: bool) {
    let on = c_int::from(on);
    // SAFETY: `on` is a live int.
    unsafe { sys!(libc::SYS_ioctl, fd, libc::FIONBIO, &raw const on) };
}
