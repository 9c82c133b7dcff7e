//! Reads of text and of byte vectors, for all connected socket types.

use std::io;

use crate::io::Io;
use crate::sys::retry_interrupted;

/// Makes one read of up to `size` bytes of text. With `complete`, further reads get the missing bytes of a character
/// that was cut off at the end. That is right for streams, but not for messages.
///
/// # Errors
///
/// The error of the read. `InvalidData` with a `FromUtf8Error`, which contains the bytes.
pub fn read_string(io: &Io, size: usize, complete: bool) -> io::Result<String> {
    let mut bytes = Vec::new();
    read_bytes(io, &mut bytes, size)?;
    if complete {
        let mut missing = missing_bytes(&bytes);
        while missing > 0 {
            match retry_interrupted(|| read_bytes(io, &mut bytes, missing)) {
                Ok(n) if n > 0 => missing -= n,
                // The stream has ended, or the next read will return the error again. The bytes read so far are kept.
                _ => break,
            }
        }
    }
    String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Makes one read of up to `size` bytes to the end of `buf`.
///
/// # Errors
///
/// The error of the read. `OutOfMemory` if there is no room for `size` bytes. `buf` is unchanged then.
pub fn read_bytes(io: &Io, buf: &mut Vec<u8>, size: usize) -> io::Result<usize> {
    let before = buf.len();
    buf.try_reserve(size)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    buf.resize(before + size, 0);
    let result = io.recv(&mut buf[before..], 0);
    buf.truncate(before + result.as_ref().copied().unwrap_or(0));
    result
}

/// How many bytes the last character lacks, if its first bytes are valid.
fn missing_bytes(bytes: &[u8]) -> usize {
    let Err(error) = std::str::from_utf8(bytes) else {
        return 0;
    };
    if error.error_len().is_some() {
        return 0;
    }
    let tail = &bytes[error.valid_up_to()..];
    let len = match tail[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    };
    len - tail.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_beginning_lacks_bytes() {
        assert_eq!(missing_bytes(b""), 0);
        assert_eq!(missing_bytes(b"abc"), 0);
        assert_eq!(missing_bytes("é".as_bytes()), 0);
        assert_eq!(missing_bytes(&"é".as_bytes()[..1]), 1);
        assert_eq!(missing_bytes(&"a€".as_bytes()[..2]), 2);
        assert_eq!(missing_bytes(&"😀".as_bytes()[..1]), 3);
        assert_eq!(missing_bytes(&"😀".as_bytes()[..3]), 1);
        assert_eq!(missing_bytes(b"\xff"), 0);
        assert_eq!(missing_bytes(b"\xe0\x80"), 0);
    }
}
