//! What happens when a process overflows its stack: a message that names it, then abort.
//! The guards that make it happen are `stack`'s.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Once, OnceLock};

use crate::sched::{stack, task};

/// What was there before us: std's handler, which knows the guards of OS threads.
static PREVIOUS: OnceLock<[libc::sigaction; 2]> = OnceLock::new();

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Installs the handler once. Worker threads are made by std, which gives each an alternate
/// signal stack.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: with a null action sigaction only writes the current one, a plain C struct for
        // which all-zero is valid.
        let previous = SIGNALS.map(|signal| unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            libc::sigaction(signal, ptr::null(), &raw mut action);
            action
        });
        // Before our handler can run.
        let _ = PREVIOUS.set(previous);
        for signal in SIGNALS {
            // SAFETY: a zeroed sigaction with a handler of the SA_SIGINFO form; the handler calls
            // only async-signal-safe functions.
            unsafe {
                let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                action.sa_sigaction = handle as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    });
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a SA_SIGINFO handler.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some(size) = stack::guarded_size(address) {
        task::with_running_name(|id, name| {
            let mut digits = [0; 20];
            write(b"\nstd_net: process ");
            write(decimal(id, &mut digits));
            if let Some(name) = name {
                write(b" '");
                write(name.as_bytes());
                write(b"'");
            }
            write(b" has overflowed its stack of ");
            write(decimal(size as u64, &mut digits));
            write(
                b" bytes; STD_NET_STACK_SIZE=BYTES makes all larger, process::Builder::stack_size one\n",
            );
        });
        // SAFETY: no preconditions; async-signal-safe.
        unsafe { libc::abort() };
    }
    // Not ours: put the previous action back and let the instruction fault again.
    let index = usize::from(signal != SIGNALS[0]);
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: an action that sigaction itself reported.
        unsafe { libc::sigaction(signal, &raw const previous[index], ptr::null_mut()) };
    }
}

fn write(bytes: &[u8]) {
    // SAFETY: a live slice and its length; write(2) is async-signal-safe. There is nobody to tell
    // of an error.
    unsafe { libc::write(2, bytes.as_ptr().cast(), bytes.len()) };
}

fn decimal(mut n: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &digits[at..];
        }
    }
}
