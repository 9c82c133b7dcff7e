//! The echo of one connection, for all peers whose `read` blocks or seems to: std's threads, may, and std_net when each
//! connection has its own buffer.

use std::io::{self, Read, Write};

use super::SMALL;

/// Sends everything back. A small buffer is on the stack, a larger one on the heap.
pub(super) fn echo<S: Read + Write>(stream: S, buffer: usize) -> io::Result<()> {
    if buffer <= SMALL {
        echo_with(stream, &mut [0; SMALL])
    } else {
        echo_with(stream, &mut vec![0; buffer])
    }
}

pub(super) fn echo_with<S: Read + Write>(mut stream: S, buf: &mut [u8]) -> io::Result<()> {
    loop {
        match stream.read(buf)? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n])?,
        }
    }
}
