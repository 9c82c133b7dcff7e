//! io_uring(7), for two things only: to make several sends with one call, and an accept that cannot block.
//! They are made when they are submitted, and never later.

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
    /// That of `io_uring_setup(2)`: it may be switched off, and is not allowed everywhere.
    pub(crate) fn new() -> io::Result<Ring> {
        let ring = IoUring::builder().dontfork().build(RING_ENTRIES)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Ring(ring))
    }

    /// Makes these sends, not more than `ENTRIES`.
    ///
    /// # Errors
    ///
    /// That of `io_uring_enter(2)`. Then some may have been made, and the ring is not to be used again.
    pub(crate) fn make<S: AsRef<RingSend>>(&mut self, sends: &[&S]) -> io::Result<()> {
        for (index, send) in sends.iter().enumerate() {
            let send: &RingSend = (*send).as_ref();
            let len = send.buf.len().min(i32::MAX as usize);
            let entry = opcode::Send::new(types::Fd(send.fd), send.buf.cast(), len as u32)
                .flags(send.flags)
                .build()
                .user_data(index as u64);
            // SAFETY: descriptor and buffer are lent until there is an outcome. With MSG_DONTWAIT there is one
            // when the entry has been submitted; one that is not submitted goes with the ring.
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

/// Accepts without a wait, whatever the mode of the descriptor.
pub(crate) struct Accepts {
    ring: IoUring,
    /// Where the kernel writes a peer's address.
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
    /// That of `io_uring_setup(2)`.
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

    /// A connection that is there already, and from where it comes.
    ///
    /// # Errors
    ///
    /// As `accept4(2)` of a non-blocking descriptor; that of `io_uring_enter(2)`, after which the ring is
    /// not to be used again.
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
        // The first attempt of an accept never blocks. If there is no connection the kernel would wait for
        // one; the cancel behind it, in the same call, ends that.
        let result = self.submit(&[accept, cancel()]).and_then(|mut result| {
            while result.is_none() {
                // It was about to be tried again when the cancel came.
                result = self.submit(&[cancel()])?;
            }
            Ok(result.unwrap_or(-libc::ECANCELED))
        });
        let result = match result {
            Ok(result) => result,
            Err(_) => {
                // It may be under way still, and write there.
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
                // SAFETY: the kernel has just made this descriptor, nobody else owns it.
                let new = unsafe { OwnedFd::from_raw_fd(result) };
                let storage = mem::replace(&mut self.peer.storage, SockAddrStorage::zeroed());
                // SAFETY: the kernel has written `len` bytes of an address into the storage.
                Ok((new, unsafe { SockAddr::new(storage, self.peer.len) }))
            }
            code if code == -libc::ECANCELED => Err(Refused::Error(libc::EAGAIN)),
            code => Err(Refused::Error(-code)),
        }
    }

    /// Makes these calls; returns the result of the accept, if it has ended.
    fn submit(&mut self, entries: &[squeue::Entry]) -> io::Result<Option<c_int>> {
        for entry in entries {
            // SAFETY: the descriptor is borrowed until `accept` returns, which is when the accept has ended,
            // and the address is in a box that is leaked if that cannot be known.
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
