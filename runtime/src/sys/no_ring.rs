//! Replaces the ring on systems that have none. There each send is made by its own system call.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use socket2::SockAddr;

use super::{Refused, RingSend};

pub(crate) enum Ring {}

impl Ring {
    pub(crate) fn new() -> io::Result<Ring> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[allow(clippy::unused_self, reason = "as the other one")]
    pub(crate) fn make<S: AsRef<RingSend>>(&mut self, _: &[&S]) -> io::Result<()> {
        match *self {}
    }
}

/// Accepts without a wait. This type has no values here.
pub(crate) enum Accepts {}

impl Accepts {
    pub(crate) fn new() -> io::Result<Accepts> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[allow(clippy::unused_self, reason = "as the other one")]
    pub(crate) fn accept(&mut self, _: BorrowedFd<'_>) -> Result<(OwnedFd, SockAddr), Refused> {
        match *self {}
    }
}
