//! io_uring(7), for one thing only: to make several calls with one. They are made when they are
//! submitted, and never later: none of them may block.

use std::io;

use io_uring::{IoUring, Probe, opcode, types};

use crate::sys::{RING_ENTRIES, RingSend};

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
