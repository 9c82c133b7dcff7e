//! Buffers that are lent only while they hold data, so that a waiting connection has none. The reading is in `io`.

use std::fmt;
use std::ops::Deref;

use crate::buffers::pool::Buffer;

/// Received bytes in a buffer of the runtime. The buffer goes back to the runtime when this value is dropped. The value
/// dereferences to the bytes. It is empty at the end of the stream.
///
/// Drop it before the next wait for data. Then a waiting process holds no buffer.
pub struct Lent {
    buf: Buffer,
    len: usize,
}

impl Lent {
    /// The first `len` bytes of a buffer.
    pub(crate) fn new(buf: Buffer, len: usize) -> Lent {
        Lent { buf, len }
    }
}

impl Deref for Lent {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.buf.bytes()[..self.len]
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lent").field(&&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffers::pool::LENT;

    #[test]
    fn a_buffer_goes_back_and_is_lent_again() {
        let mut buf = Buffer::take(LENT);
        buf.bytes_mut()[..3].copy_from_slice(b"abc");
        let first = Lent::new(buf, 3);
        assert_eq!(&*first, b"abc");
        let place = first.as_ptr();
        drop(first);
        // This buffer has received nothing.
        let unused = Buffer::take(LENT);
        assert_eq!(unused.bytes().as_ptr(), place);
        drop(unused);
        let again = Lent::new(Buffer::take(LENT), 0);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty() && again.len < LENT);
    }
}
