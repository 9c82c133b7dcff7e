//! Sends of several processes of a worker, made with one system call: for sockets of which
//! [`Io::set_batched_sends`](crate::Io::set_batched_sends) was said. Not a way to wait: each is one attempt
//! that does not block, as any other, only a little later. Not the batches of datagrams of one socket
//! either; see `message`.
//!
//! A process that would send while others are ready queues what it would do, and is suspended. The worker runs
//! the others; when none is left, or [`LIMIT`] have had a turn, it makes all that were queued, and then
//! lets their processes go on before anybody else, because what they touch is still in its caches.
//!
//! What makes them is a backend with two methods, `Ring`.

use std::cell::Cell;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_int;

use crate::deadline::Nanos;
use crate::sched::park;
use crate::sched::task::{Task, Waiting};
use crate::sys::{self, RING_ENTRIES, Ring, RingSend};

/// How many processes are run at most while a send waits to be made.
pub(crate) const LIMIT: usize = 32;

/// The largest send, in bytes, that is worth it: with more the system call is little beside the copying, and
/// each process that waits keeps its buffer in the caches.
pub(crate) const LARGEST: usize = 16 << 10;

const _: () = assert!(RING_ENTRIES as usize > LIMIT);

/// A send that waits to be made, on the stack of its process.
pub(crate) struct Queued {
    task: &'static Task,
    send: RingSend,
}

impl AsRef<RingSend> for Queued {
    fn as_ref(&self) -> &RingSend {
        &self.send
    }
}

/// What a worker has queued.
#[derive(Default)]
pub(crate) struct Sends {
    /// Valid until they have an outcome: see [`queue`](Self::queue).
    sends: Vec<&'static Queued>,
    /// How many processes have had a turn since the first was queued.
    turns: usize,
    ring: Option<Ring>,
    /// There can be none.
    unavailable: bool,
    /// To be used again.
    made: Vec<&'static Task>,
}

/// An attempt to send that does not block, together with those of others. `None` if it was not made,
/// and is better made by itself: on a plain thread, where nobody else is ready, or nothing can make them together.
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
    // SAFETY: this function returns with an outcome only. It cannot unwind, and a suspended process is
    // never dropped, so that `send` and what the caller lends stay until then.
    if !unsafe { task.worker().queue_send(&send) } {
        return None;
    }
    loop {
        task.park(Nanos::NEVER, Waiting::Writable(send.send.fd));
        // Otherwise it was woken for a reason that somebody else is to find.
        if let Some(outcome) = send.send.outcome.get() {
            let sent = usize::try_from(outcome);
            return Some(sent.map_err(|_| io::Error::from_raw_os_error(-outcome)));
        }
    }
}

impl Queued {
    /// Makes it by itself.
    fn make(&self) {
        // SAFETY: the caller of `send` lends both until there is an outcome.
        let (fd, buf) = unsafe { (BorrowedFd::borrow_raw(self.send.fd), &*self.send.buf) };
        let outcome = match sys::send(fd, buf, self.send.flags) {
            // The kernel takes less than 2 GiB at a time.
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

    /// Queues a send. Returns whether it did.
    ///
    /// # Safety
    ///
    /// If it did, `send`, its descriptor and its buffer stay as they are until it has an outcome.
    pub(crate) unsafe fn queue(&mut self, send: &Queued) -> bool {
        if self.ring.is_none() && !self.unavailable {
            self.ring = Ring::new().ok();
            self.unavailable = self.ring.is_none();
        }
        if self.unavailable {
            return false;
        }
        // SAFETY: it is used until it has an outcome, and by the contract stays for so long.
        self.sends
            .push(unsafe { mem::transmute::<&Queued, &'static Queued>(send) });
        true
    }

    /// Another process has had its turn. Returns whether those that wait have waited long enough.
    #[inline]
    pub(crate) fn is_due(&mut self) -> bool {
        if self.is_empty() {
            return false;
        }
        self.turns += 1;
        self.turns >= LIMIT
    }

    /// Makes all that were queued. Returns the processes that are to go on.
    pub(crate) fn make(&mut self) -> Vec<&'static Task> {
        let mut made = mem::take(&mut self.made);
        if let Some(ring) = &mut self.ring
            && ring.make(&self.sends).is_err()
        {
            // What let it be opened does not let it be used, and will not: a sandbox, say.
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

    /// Takes the memory of what [`make`](Self::make) returned.
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

    /// A worker that is this thread, and a process of it that is never run.
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

    /// Each of these sends has the outcome it would have by itself, however it is made.
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
            // SAFETY: they stay until after `make`, which gives them their outcomes.
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

    /// Whether there is one; if not, says that a test is skipped.
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
        // SAFETY: it stays until after `make`.
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
        // SAFETY: it is not queued.
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
        // SAFETY: it stays until after `make`.
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
