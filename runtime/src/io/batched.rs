//! Sends that are made together with those of other processes, where their owner has asked for it.
//! Not how they are made; see `sched::sends`.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use libc::c_int;

use super::Io;
use crate::sched::sends;

impl Io {
    /// Chooses whether small sends of processes on this handle are made together with those of other
    /// processes that are ready: with one system call, where the kernel has `io_uring(7)`. Such a
    /// send is a wait even where there is room.
    pub fn set_batched_sends(&self, batched: bool) {
        self.batched_sends.store(batched, Ordering::Relaxed);
    }

    /// What [`set_batched_sends`](Self::set_batched_sends) has chosen.
    #[inline]
    #[must_use]
    pub fn batched_sends(&self) -> bool {
        self.batched_sends.load(Ordering::Relaxed)
    }
    /// The attempt, made a little later together with others; `None` if it is better made now.
    #[cold]
    pub(super) fn send_in_batch(&self, buf: &[u8], flags: c_int) -> Option<io::Result<usize>> {
        let may_wait =
            flags & libc::MSG_DONTWAIT == 0 && matches!(self.user_nonblocking(), Ok(false));
        if !may_wait || buf.len() > sends::LARGEST {
            return None;
        }
        sends::send(self.fd.as_fd(), buf, flags)
    }
}
