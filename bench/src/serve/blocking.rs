//! The echo of a connection where a read looks as if it blocked: std's threads, may, and ours with buffers
//! of one's own.

use std::io::{self, Read, Write};

use super::SMALL;

/// With a small buffer on the stack, where a larger one is on the heap.
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
