//! Where no system call makes several: each is made by itself.

use std::io;

use crate::sys::RingSend;

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
