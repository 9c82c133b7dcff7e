//! Suppresses `SIGPIPE` for calls that take no `MSG_NOSIGNAL`: `sendfile(2)` and `splice(2)` to a socket.
//!
//! A Rust program ignores this signal by default, and then nothing is to be done. A tool that should end when its
//! output pipe is closed restores the default action. A lost connection must not end such a tool.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use super::platform::thread as platform;

/// Whether the signal must be suppressed. This is asked once for each operation, because it costs a system call.
#[derive(Clone, Copy)]
pub(crate) enum Sigpipe {
    Ignored,
    Hold,
}

impl Sigpipe {
    /// Reads what the program has set for this signal.
    pub(crate) fn disposition() -> Sigpipe {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: the call only reads the action, and there is room for it.
        let asked = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: the action is filled if the call succeeded.
        if asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN {
            return Sigpipe::Ignored;
        }
        Sigpipe::Hold
    }

    /// Makes a system call, and discards the signal if the call raises it. `call` must not wait for other processes,
    /// because the signal is blocked for the thread meanwhile.
    pub(crate) fn held<T>(self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if let Sigpipe::Ignored = self {
            return call();
        }
        let sigpipe = sigpipe_set();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the sets live through the calls, and the calls cannot fail with them.
        let was_pending = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const sigpipe, before.as_mut_ptr());
            libc::sigpending(pending.as_mut_ptr());
            libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
        };
        let result = call();
        let raised = matches!(&result, Err(e) if e.raw_os_error() == Some(libc::EPIPE));
        // A signal that was pending before must stay pending.
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
    // SAFETY: sigemptyset fills the set, and SIGPIPE is a valid signal.
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
        // This signal goes to this thread and is not ignored. Without `held` it would end the test program.
        let raise = || {
            // SAFETY: the call only sends a signal.
            let sent = unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
            assert_eq!(sent, 0);
            Err::<(), _>(io::Error::from_raw_os_error(libc::EPIPE))
        };
        let blocked = || {
            let mut set = MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: the call only reads the mask, and there is room for it.
            unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr());
                libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
            }
        };
        let pending = || {
            let mut set = MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: there is room for the answer.
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
