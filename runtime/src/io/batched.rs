//! Batched sends, for handles whose owner asks for them. How they are made is in `sched::sends`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use libc::c_int;

use super::Io;
use crate::sched::sends;

/// [`sends::send`], once a handle asks for it. A program in which none does contains no code for batches.
static IN_BATCH: OnceLock<Send> = OnceLock::new();

type Send = fn(BorrowedFd<'_>, &[u8], c_int) -> Option<io::Result<usize>>;

impl Io {
    /// Chooses whether small sends of processes on this handle are batched with those of other ready processes. One
    /// system call then makes them, if the kernel has `io_uring(7)`. Such a send is always a wait, even if there is
    /// room to send.
    pub fn set_batched_sends(&self, batched: bool) {
        IN_BATCH.get_or_init(|| sends::send);
        self.batched_sends.store(batched, Ordering::Relaxed);
    }

    /// The choice of [`set_batched_sends`](Self::set_batched_sends).
    #[inline]
    #[must_use]
    pub fn batched_sends(&self) -> bool {
        self.batched_sends.load(Ordering::Relaxed)
    }

    /// Makes an attempt in a batch with others, a little later. Returns `None` if the attempt should be made now.
    #[cold]
    pub(super) fn send_in_batch(&self, buf: &[u8], flags: c_int) -> Option<io::Result<usize>> {
        let may_wait =
            flags & libc::MSG_DONTWAIT == 0 && matches!(self.user_nonblocking(), Ok(false));
        if !may_wait || buf.len() > sends::LARGEST {
            return None;
        }
        let send = IN_BATCH.get()?;
        send(self.fd.as_fd(), buf, flags)
    }
}
