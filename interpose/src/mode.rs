//! Whether the user of a descriptor wants to wait: `O_NONBLOCK`. And calls that have no flag to say that they must not.
//!
//! For such a call (`accept(2)`, `connect(2)`, `sendfile(2)`) the descriptor is in `O_NONBLOCK` while it is made, and not
//! longer, because duplicates and other programs share the mode. Whoever looks at the mode at that moment is not to
//! take ours for the user's. So both are done under a lock of the socket, and those who look take the lock only if
//! somebody may be at it.

use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::socklen_t;
use std_net_runtime::threadlike::Lock;

use crate::raw::{failed, sys};

const LOCKS: usize = 64;

static LOCK: [Lock<()>; LOCKS] = [const { Lock::new(()) }; LOCKS];

/// Calls with a changed mode that have begun, and that have ended.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// The lock of whatever socket this is: duplicates have the same.
fn lock_of(fd: c_int) -> &'static Lock<()> {
    let mut cookie: u64 = 0;
    let mut len = size_of::<u64>() as socklen_t;
    // SAFETY: room for eight bytes, and its length. What is no socket has the first lock.
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

/// Makes a call that would block; it says `EAGAIN` instead. `None`, and no call, if the user does not want to wait.
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

/// How many calls with a changed mode have ended.
pub(crate) fn ended() -> usize {
    ENDED.load(Ordering::SeqCst)
}

/// Whether one was made, or begun, since so many had ended.
pub(crate) fn any_since(ended: usize) -> bool {
    BEGUN.load(Ordering::SeqCst) != ended
}

/// Whether the descriptor is in `O_NONBLOCK` now; `None` if it is closed.
fn o_nonblock(fd: c_int) -> Option<bool> {
    // SAFETY: no memory is passed.
    let flags = unsafe { sys!(libc::SYS_fcntl, fd, libc::F_GETFL) };
    (flags >= 0).then_some(flags & libc::O_NONBLOCK as isize != 0)
}

fn set_o_nonblock(fd: c_int, on: bool) {
    let on = c_int::from(on);
    // SAFETY: a live int.
    unsafe { sys!(libc::SYS_ioctl, fd, libc::FIONBIO, &raw const on) };
}
