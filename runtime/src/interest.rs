//! Which direction an operation waits for, and in which manner one attempt is made.

use libc::c_int;

/// Which direction an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Data, a connection to accept, or the end of the stream.
    Read,
    /// Room to send, or the end of a `connect`.
    Write,
}

/// How the one attempt that [`Io::perform`](crate::Io::perform) asks for must behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The kernel may block: a plain thread with nothing else to watch.
    InKernel,
    /// The attempt must return `WouldBlock` at once; the loop does the waiting.
    Never,
}

impl Wait {
    /// The flag for calls that take one: `MSG_DONTWAIT` or nothing.
    #[must_use]
    pub fn flags(self) -> c_int {
        match self {
            Wait::InKernel => 0,
            Wait::Never => libc::MSG_DONTWAIT,
        }
    }
}
