//! io_uring(7), for only two purposes: several sends by one call, and an accept that cannot block. Both are done when
//! they are submitted, and never later.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use io_uring::{IoUring, Probe, opcode, squeue, types};
use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::sys::{RING_ENTRIES, Refused, RingSend};

pub(crate) struct Ring(IoUring);

impl Ring {
    /// # Errors
    ///
    /// The error of `io_uring_setup(2)`. The call may be switched off or forbidden.
    pub(crate) fn new() -> io::Result<Ring> {
        let ring = IoUring::builder().dontfork().build(RING_ENTRIES)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Ring(ring))
    }

    /// Makes these sends, at most `ENTRIES`.
    ///
    /// # Errors
    ///
    /// The error of `io_uring_enter(2)`. Then some sends may have been made, and the ring must not be used again.
    pub(crate) fn make<S: AsRef<RingSend>>(&mut self, sends: &[&S]) -> io::Result<()> {
        for (index, send) in sends.iter().enumerate() {
            let send: &RingSend = (*send).as_ref();
            let len = send.buf.len().min(i32::MAX as usize);
            let entry = opcode::Send::new(types::Fd(send.fd), send.buf.cast(), len as u32)
                .flags(send.flags)
                .build()
                .user_data(index as u64);
            // SAFETY: the descriptor and the buffer are lent until there is an outcome. With MSG_DONTWAIT the outcome
            // is there when the entry has been submitted. An entry that was not submitted is dropped with the ring.
            unsafe { self.0.submission().push(&entry) }.map_err(io::Error::other)?;
        }
        let mut left = sends.len();
        while left > 0 {
            let submitted = self.0.submit_and_wait(left);
            for made in self.0.completion() {
                sends[made.user_data() as usize]
                    .as_ref()
                    .outcome
                    .set(Some(made.result()));
                left -= 1;
            }
            match submitted {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Accepts without a wait, in any mode of the descriptor.
pub(crate) struct Accepts {
    ring: IoUring,
    /// The place where the kernel writes a peer's address.
    peer: Box<Peer>,
}

struct Peer {
    storage: SockAddrStorage,
    len: libc::socklen_t,
}

const ACCEPT: u64 = 1;
const CANCEL: u64 = 2;

impl Accepts {
    /// # Errors
    ///
    /// The error of `io_uring_setup(2)`.
    pub(crate) fn new() -> io::Result<Accepts> {
        let ring = IoUring::builder().dontfork().build(4)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Accept::CODE)
            || !probe.is_supported(opcode::AsyncCancel::CODE)
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let peer = Box::new(Peer {
            storage: SockAddrStorage::zeroed(),
            len: 0,
        });
        Ok(Accepts { ring, peer })
    }

    /// Returns a connection that is already in the queue, and the address of its peer.
    ///
    /// # Errors
    ///
    /// The error of `accept4(2)` on a non-blocking descriptor, or the error of `io_uring_enter(2)`. After the latter
    /// the ring must not be used again.
    pub(crate) fn accept(&mut self, fd: BorrowedFd<'_>) -> Result<(OwnedFd, SockAddr), Refused> {
        self.peer.len = self.peer.storage.size_of();
        let accept = opcode::Accept::new(
            types::Fd(fd.as_raw_fd()),
            (&raw mut self.peer.storage).cast(),
            &raw mut self.peer.len,
        )
        .flags(libc::SOCK_CLOEXEC)
        .build()
        .user_data(ACCEPT);
        let cancel = || opcode::AsyncCancel::new(ACCEPT).build().user_data(CANCEL);
        // The first attempt of an accept never blocks. If there is no connection, the kernel would wait for one. The
        // cancel in the same call ends that wait.
        let result = self.submit(&[accept, cancel()]).and_then(|mut result| {
            while result.is_none() {
                // The accept was about to be tried again when the cancel came.
                result = self.submit(&[cancel()])?;
            }
            Ok(result.unwrap_or(-libc::ECANCELED))
        });
        let result = match result {
            Ok(result) => result,
            Err(_) => {
                // The accept may still be in progress and write to this address.
                let peer = Box::new(Peer {
                    storage: SockAddrStorage::zeroed(),
                    len: 0,
                });
                mem::forget(mem::replace(&mut self.peer, peer));
                return Err(Refused::Broken);
            }
        };
        match result {
            0.. => {
                // SAFETY: the kernel has just made this descriptor, and no other code owns it.
                let new = unsafe { OwnedFd::from_raw_fd(result) };
                let storage = mem::replace(&mut self.peer.storage, SockAddrStorage::zeroed());
                // SAFETY: the kernel has written `len` bytes of an address into the storage.
                Ok((new, unsafe { SockAddr::new(storage, self.peer.len) }))
            }
            code if code == -libc::ECANCELED => Err(Refused::Error(libc::EAGAIN)),
            code => Err(Refused::Error(-code)),
        }
    }

    /// Submits these entries. Returns the result of the accept, if it has ended.
    fn submit(&mut self, entries: &[squeue::Entry]) -> io::Result<Option<c_int>> {
        for entry in entries {
            // SAFETY: the descriptor is borrowed until `accept` returns, and by then the accept has ended. The address
            // is in a box, and the box is leaked if that cannot be known.
            unsafe { self.ring.submission().push(entry) }.map_err(io::Error::other)?;
        }
        match self.ring.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut result = None;
        for made in self.ring.completion() {
            if made.user_data() == ACCEPT {
                result = Some(made.result());
            }
        }
        Ok(result)
    }
}
