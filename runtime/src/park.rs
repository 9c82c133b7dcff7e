//! Waiting for another process or thread to say so: one form for both. Not waiting for a
//! descriptor; see `io`.

use std::cell::OnceCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::{io, ptr};

use parking::Parker;

use crate::deadline::Nanos;
use crate::sys::cvt;
use crate::task::{self, Task, Waiting};

/// Wakes one waiter. A wake-up too many is harmless: every waiter looks again.
#[derive(Clone)]
pub(crate) enum Unparker {
    Process(&'static Task),
    Thread(parking::Unparker),
    /// A thread in `ppoll(2)`.
    Polling(Arc<Eventfd>),
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        match self {
            Unparker::Process(task) => task.unpark(),
            Unparker::Thread(unparker) => {
                unparker.unpark();
            }
            Unparker::Polling(eventfd) => eventfd.raise(),
        }
    }

    /// Whether both wake the same waiter.
    pub(crate) fn is(&self, other: &Unparker) -> bool {
        match (self, other) {
            (Unparker::Process(a), Unparker::Process(b)) => ptr::eq(*a, *b),
            (Unparker::Thread(a), Unparker::Thread(b)) => a.same_parker(b),
            (Unparker::Polling(a), Unparker::Polling(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

thread_local! {
    // Not `std::thread::park`: its token belongs to the program.
    static PARKER: Parker = Parker::new();
    static EVENTFD: OnceCell<Arc<Eventfd>> = const { OnceCell::new() };
}

/// What wakes whoever calls this out of [`park`].
pub(crate) fn unparker() -> Unparker {
    match suspendable() {
        Some(task) => Unparker::Process(task),
        None => Unparker::Thread(PARKER.with(Parker::unparker)),
    }
}

/// Waits for [`unparker`]'s wake-up, at most until `until`. May return early.
pub(crate) fn park(until: Nanos, waiting: Waiting) {
    if let Some(task) = suspendable() {
        return task.park(until, waiting);
    }
    PARKER.with(|parker| match until.to_instant() {
        Some(at) => {
            parker.park_deadline(at);
        }
        None => parker.park(),
    });
}

/// The process that may be suspended here: none on a plain thread, and none while a panic
/// unwinds, because std counts panics per thread and another process would see this one's.
#[inline]
pub(crate) fn suspendable() -> Option<&'static Task> {
    task::current().filter(|_| !std::thread::panicking())
}

/// A counter of the kernel's that a thread can wait for together with a socket.
#[derive(Debug)]
pub(crate) struct Eventfd(OwnedFd);

impl Eventfd {
    pub(crate) fn new() -> io::Result<Eventfd> {
        // SAFETY: no preconditions.
        let fd = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: eventfd has just made this descriptor, nobody else owns it.
        Ok(Eventfd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The calling thread's own.
    pub(crate) fn of_thread() -> io::Result<Arc<Eventfd>> {
        EVENTFD.with(|cell| match cell.get() {
            Some(eventfd) => Ok(Arc::clone(eventfd)),
            None => {
                let eventfd = Arc::new(Eventfd::new()?);
                Ok(Arc::clone(cell.get_or_init(|| eventfd)))
            }
        })
    }

    /// Makes it readable. Fails only when it is full, and then it is readable.
    pub(crate) fn raise(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: a live buffer of eight bytes.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable again.
    pub(crate) fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: a live, writable buffer of eight bytes.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Eventfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
