//! No `SIGPIPE` from calls that take no `MSG_NOSIGNAL`: `sendfile(2)` and `splice(2)` to a socket.
//!
//! A Rust program ignores the signal unless it says otherwise, and then nothing is to be done. Tools
//! that want to be ended by a closed pipe do say otherwise; a lost connection must not end those.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use super::platform::thread as platform;

/// Whether the signal has to be kept away. Asked once an operation, as it is a system call.
#[derive(Clone, Copy)]
pub(crate) enum Sigpipe {
    Ignored,
    Hold,
}

impl Sigpipe {
    /// What the program has said of the signal.
    pub(crate) fn disposition() -> Sigpipe {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: only asks; room for the answer.
        let asked = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: filled where the call succeeded.
        if asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN {
            return Sigpipe::Ignored;
        }
        Sigpipe::Hold
    }

    /// Makes a system call; the signal that it raises, if it does, goes nowhere. `call` must not wait
    /// for other processes: the signal is blocked for the thread.
    pub(crate) fn held<T>(self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if let Sigpipe::Ignored = self {
            return call();
        }
        let sigpipe = sigpipe_set();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sets that live through the calls, which cannot fail with them.
        let was_pending = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const sigpipe, before.as_mut_ptr());
            libc::sigpending(pending.as_mut_ptr());
            libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
        };
        let result = call();
        let raised = matches!(&result, Err(e) if e.raw_os_error() == Some(libc::EPIPE));
        // One that was pending before is not ours to take.
        if raised && !was_pending {
            platform::take_signal(&sigpipe);
        }
        // SAFETY: `before` was filled above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
        result
    }
}

fn sigpipe_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the set, and SIGPIPE is a signal.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_signal_goes_nowhere() {
        // Were it not held, it would end this program: it goes to this thread, and is not ignored.
        let raise = || {
            // SAFETY: only sends a signal.
            let sent = unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
            assert_eq!(sent, 0);
            Err::<(), _>(io::Error::from_raw_os_error(libc::EPIPE))
        };
        let blocked = || {
            let mut set = MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: only asks; room for the answer.
            unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr());
                libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
            }
        };
        let pending = || {
            let mut set = MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: room for the answer.
            unsafe {
                libc::sigpending(set.as_mut_ptr());
                libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
            }
        };
        let error = Sigpipe::Hold.held(raise).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        assert!(!blocked() && !pending());
        assert!(matches!(Sigpipe::disposition(), Sigpipe::Ignored));
    }
}
