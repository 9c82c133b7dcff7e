//! What happens when a process overflows its stack: the program prints a message that names the process, and aborts.
//! The guard pages that detect this are in `stack`.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Once, OnceLock};

use crate::sched::{stack, task};

/// The actions that were set before. std's handler is one of them, and it knows the guards of OS threads.
static PREVIOUS: OnceLock<[libc::sigaction; 2]> = OnceLock::new();

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Installs the handler once. A thread that runs processes needs an [`AlternateStack`] too.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: with a null action, sigaction only writes the current one. It is a plain C struct, and all-zero is
        // valid for it.
        let previous = SIGNALS.map(|signal| unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            libc::sigaction(signal, ptr::null(), &raw mut action);
            action
        });
        // This must be set before our handler can run.
        let _ = PREVIOUS.set(previous);
        for signal in SIGNALS {
            // SAFETY: this is a zeroed sigaction with a handler of the SA_SIGINFO form. The handler calls only
            // async-signal-safe functions.
            unsafe {
                let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                action.sa_sigaction = handle as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    });
}

/// The stack on which the signal handler runs, for a thread that has none. std gives such a stack to the threads that
/// it makes, but only if `main` is written in Rust. Without it, a C program that loads this library would die without a
/// message.
pub(crate) struct AlternateStack(Option<Vec<u8>>);

impl AlternateStack {
    /// Enough for all registers that the kernel saves on any processor, and for the handler.
    const SIZE: usize = 64 << 10;

    /// Makes sure that the calling thread has an alternate stack until this value is dropped.
    pub(crate) fn of_thread() -> AlternateStack {
        let mut now = MaybeUninit::<libc::stack_t>::zeroed();
        // SAFETY: the call only reads the present stack. There is room for the answer, and all-zero is valid for it.
        let now = unsafe {
            libc::sigaltstack(ptr::null(), now.as_mut_ptr());
            now.assume_init()
        };
        if now.ss_flags & libc::SS_DISABLE == 0 {
            return AlternateStack(None);
        }
        let mut stack = Vec::<u8>::with_capacity(AlternateStack::SIZE);
        AlternateStack::set(stack.as_mut_ptr(), 0);
        AlternateStack(Some(stack))
    }

    fn set(at: *mut u8, flags: libc::c_int) {
        let new = libc::stack_t {
            ss_sp: at.cast(),
            ss_flags: flags,
            ss_size: AlternateStack::SIZE,
        };
        // SAFETY: no other code uses these bytes until the stack is disabled again. An error is ignored: without this
        // stack only a message is missing.
        unsafe { libc::sigaltstack(&raw const new, ptr::null_mut()) };
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        if self.0.is_some() {
            AlternateStack::set(ptr::null_mut(), libc::SS_DISABLE);
        }
    }
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
        // SAFETY: abort has no preconditions, and it is async-signal-safe.
        unsafe { libc::abort() };
    }
    // The fault is not in a guard of ours. Put the previous action back and let the instruction fault again.
    let index = usize::from(signal != SIGNALS[0]);
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: sigaction itself has reported this action.
        unsafe { libc::sigaction(signal, &raw const previous[index], ptr::null_mut()) };
    }
}

fn write(bytes: &[u8]) {
    // SAFETY: the slice is live, its length is right, and write(2) is async-signal-safe. An error cannot be reported
    // anywhere.
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
