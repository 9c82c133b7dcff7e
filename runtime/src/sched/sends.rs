//! Batched sends: one system call makes the sends of several processes of a worker. This is for sockets with
//! [`Io::set_batched_sends`](crate::Io::set_batched_sends). It is not another way to wait: each send is one attempt
//! that does not block, but it is made a little later. Batches of datagrams on one socket are in `message`.
//!
//! If other processes are ready, a process that wants to send queues its send and is suspended. The worker runs the
//! others. When none is left, or after [`LIMIT`] turns, the worker makes all queued sends. Then their processes go on
//! first, because their data are still in the caches.
//!
//! `Ring` makes the sends. It is a backend with two methods.

use std::cell::Cell;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_int;

use crate::deadline::Nanos;
use crate::sched::park;
use crate::sched::task::{Task, Waiting};
use crate::sys::{self, RING_ENTRIES, Ring, RingSend};

/// The largest number of processes that run while a send is queued.
pub(crate) const LIMIT: usize = 32;

/// The largest send in bytes that is batched. Above this size the cost of the system call is small beside the copying,
/// and each waiting process keeps its buffer in the caches.
pub(crate) const LARGEST: usize = 16 << 10;

const _: () = assert!(RING_ENTRIES as usize > LIMIT);

/// A queued send. It lies on the stack of its process.
pub(crate) struct Queued {
    task: &'static Task,
    send: RingSend,
}

impl AsRef<RingSend> for Queued {
    fn as_ref(&self) -> &RingSend {
        &self.send
    }
}

/// The sends that a worker has queued.
#[derive(Default)]
pub(crate) struct Sends {
    /// Each reference is valid until its send has an outcome: see [`queue`](Self::queue).
    sends: Vec<&'static Queued>,
    /// How many processes have had a turn since the first send was queued.
    turns: usize,
    ring: Option<Ring>,
    /// Whether this system has no ring.
    unavailable: bool,
    /// An empty list, kept for its memory.
    made: Vec<&'static Task>,
}

/// Attempts a send that does not block, in a batch with other sends. Returns `None` if it was not made, and the caller
/// should make it alone. That is so on a plain thread, if no other process is ready, or if there is no ring.
#[inline(never)]
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8], flags: c_int) -> Option<io::Result<usize>> {
    let task = park::suspendable()?;
    let send = Queued {
        task,
        send: RingSend {
            fd: fd.as_raw_fd(),
            buf,
            flags: flags | libc::MSG_DONTWAIT,
            outcome: Cell::new(None),
        },
    };
    // SAFETY: this function returns only after the send has an outcome. It cannot unwind, and a suspended process is
    // never dropped. So `send` and the caller's buffer stay valid until then.
    if !unsafe { task.worker().queue_send(&send) } {
        return None;
    }
    loop {
        task.park(Nanos::NEVER, Waiting::Writable(send.send.fd));
        // Without an outcome, this wake-up was for another reason. The code that waits for that reason looks by itself.
        if let Some(outcome) = send.send.outcome.get() {
            let sent = usize::try_from(outcome);
            return Some(sent.map_err(|_| io::Error::from_raw_os_error(-outcome)));
        }
    }
}

impl Queued {
    /// Makes this send alone.
    fn make(&self) {
        // SAFETY: the caller of `send` lends both until there is an outcome.
        let (fd, buf) = unsafe { (BorrowedFd::borrow_raw(self.send.fd), &*self.send.buf) };
        let outcome = match sys::send(fd, buf, self.send.flags) {
            // The kernel sends less than 2 GiB at once.
            Ok(len) => c_int::try_from(len).unwrap_or(c_int::MAX),
            Err(error) => -error.raw_os_error().unwrap_or(libc::EIO),
        };
        self.send.outcome.set(Some(outcome));
    }
}

impl Sends {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }

    /// Queues a send. Returns false if it could not.
    ///
    /// # Safety
    ///
    /// If this returns true, then `send`, its descriptor and its buffer stay valid until it has an outcome.
    pub(crate) unsafe fn queue(&mut self, send: &Queued) -> bool {
        if self.ring.is_none() && !self.unavailable {
            self.ring = Ring::new().ok();
            self.unavailable = self.ring.is_none();
        }
        if self.unavailable {
            return false;
        }
        // SAFETY: the reference is used only until the send has an outcome. By the contract it is valid for that time.
        self.sends
            .push(unsafe { mem::transmute::<&Queued, &'static Queued>(send) });
        true
    }

    /// Counts the turn of another process. Returns whether the queued sends should be made now.
    #[inline]
    pub(crate) fn is_due(&mut self) -> bool {
        if self.is_empty() {
            return false;
        }
        self.turns += 1;
        self.turns >= LIMIT
    }

    /// Makes all queued sends. Returns the processes that go on.
    pub(crate) fn make(&mut self) -> Vec<&'static Task> {
        let mut made = mem::take(&mut self.made);
        if let Some(ring) = &mut self.ring
            && ring.make(&self.sends).is_err()
        {
            // The ring could be opened, but it cannot be used (for example in a sandbox). That will not change.
            self.ring = None;
            self.unavailable = true;
        }
        for send in self.sends.drain(..) {
            if send.send.outcome.get().is_none() {
                send.make();
            }
            if send.task.wake_here() {
                made.push(send.task);
            }
        }
        self.turns = 0;
        made
    }

    /// Keeps the memory of the list that [`make`](Self::make) returned.
    pub(crate) fn reuse(&mut self, mut made: Vec<&'static Task>) {
        made.clear();
        self.made = made;
    }
}

#[cfg(all(test, not(std_net_loom)))]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use crate::sched::worker::Worker;

    /// A worker on this thread, and one of its processes, which never runs.
    fn task() -> &'static Task {
        let worker = Worker::leak(0).unwrap();
        worker.make_current();
        Box::leak(Box::new(Task::of(worker)))
    }

    fn queued(task: &'static Task, fd: BorrowedFd<'_>, buf: &[u8]) -> Queued {
        Queued {
            task,
            send: RingSend {
                fd: fd.as_raw_fd(),
                buf,
                flags: crate::sys::NO_SIGNAL | libc::MSG_DONTWAIT,
                outcome: Cell::new(None),
            },
        }
    }

    /// Checks that each of these sends has the same outcome as if it were made alone.
    fn each_has_its_outcome(sends: &mut Sends) {
        let task = task();
        let (good, mut peer) = UnixStream::pair().unwrap();
        let (gone, gone_peer) = UnixStream::pair().unwrap();
        drop(gone_peer);
        let (mut full, _full_peer) = UnixStream::pair().unwrap();
        full.set_nonblocking(true).unwrap();
        while full.write(&[0; 4096]).is_ok() {}
        full.set_nonblocking(false).unwrap();
        let queued = [
            queued(task, good.as_fd(), b"one"),
            queued(task, gone.as_fd(), b"x"),
            queued(task, full.as_fd(), b"x"),
            queued(task, good.as_fd(), b"two"),
        ];
        for send in &queued {
            // SAFETY: the sends stay until after `make`, which gives each of them an outcome.
            assert!(unsafe { sends.queue(send) });
        }
        let made = sends.make();
        assert!(made.is_empty(), "the process was not parked");
        let outcomes = queued
            .each_ref()
            .map(|send| send.send.outcome.get().unwrap());
        assert_eq!(outcomes, [3, -libc::EPIPE, -libc::EAGAIN, 3]);
        let mut text = [0; 6];
        peer.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"onetwo");
        assert!(sends.is_empty());
        sends.reuse(made);
    }

    /// Whether this system has a ring. If not, prints that a test is skipped.
    fn has_ring() -> bool {
        let ring = Ring::new();
        if let Err(error) = &ring {
            eprintln!("SKIPPED: no io_uring: {error}");
        }
        ring.is_ok()
    }

    #[test]
    fn each_send_has_its_own_outcome() {
        let mut sends = Sends::default();
        for _ in 0..3 {
            if has_ring() {
                each_has_its_outcome(&mut sends);
            }
        }
    }

    #[test]
    fn a_ring_that_is_lost_loses_no_send() {
        let task = task();
        let (a, mut b) = UnixStream::pair().unwrap();
        let mut sends = Sends::default();
        let send = queued(task, a.as_fd(), b"x");
        // SAFETY: the send stays until after `make`.
        if !unsafe { sends.queue(&send) } {
            assert!(!has_ring());
            return;
        }
        sends.ring = None;
        sends.make();
        assert_eq!(send.send.outcome.get(), Some(1));
        assert_eq!(b.read(&mut [0; 2]).unwrap(), 1);
    }

    #[test]
    fn without_a_ring_nothing_is_queued() {
        let task = task();
        let (a, _b) = UnixStream::pair().unwrap();
        let mut sends = Sends {
            unavailable: true,
            ..Sends::default()
        };
        // SAFETY: the send is not queued.
        assert!(!unsafe { sends.queue(&queued(task, a.as_fd(), b"x")) });
        assert!(sends.is_empty());
    }

    #[test]
    fn they_wait_for_so_many_turns_and_no_more() {
        let task = task();
        let (a, _b) = UnixStream::pair().unwrap();
        let mut sends = Sends::default();
        for _ in 0..2 * LIMIT {
            assert!(!sends.is_due(), "there are none");
        }
        let send = queued(task, a.as_fd(), b"x");
        // SAFETY: the send stays until after `make`.
        if !unsafe { sends.queue(&send) } {
            assert!(!has_ring());
            return;
        }
        assert!((1..LIMIT).all(|_| !sends.is_due()));
        assert!(sends.is_due());
        sends.make();
        assert!(!sends.is_due());
    }
}
