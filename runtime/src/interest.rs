//! Which direction an operation waits for, and in which manner one attempt is made.

use libc::c_int;

/// What an operation waits for: a direction, or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Data, a connection to accept, or the end of the stream.
    Read,
    /// Room to send, or the end of a `connect`.
    Write,
    /// That the peer has ended its side, or is gone; whatever there is to read.
    Hangup,
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
