//! The direction that an operation waits for, and whether one attempt may block.

use libc::c_int;

/// What an operation waits for: a direction, or a hang-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There are data to read or a connection to accept, or the stream has ended.
    Read,
    /// There is room to send, or a `connect` has ended.
    Write,
    /// The peer has closed its side or is gone. Data to read do not matter for this one.
    Hangup,
}

/// Whether an attempt may block. [`Io::perform`](crate::Io::perform) passes this to each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The kernel may block. This is for a plain thread that waits for nothing else.
    InKernel,
    /// The attempt must not block and must return `WouldBlock` instead. The loop then waits.
    Never,
}

impl Wait {
    /// The flag for system calls that take one: `MSG_DONTWAIT` or 0.
    #[must_use]
    pub fn flags(self) -> c_int {
        match self {
            Wait::InKernel => 0,
            Wait::Never => libc::MSG_DONTWAIT,
        }
    }
}
