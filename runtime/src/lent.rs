//! Buffers that are lent out only while there are data in them, so that a connection which waits
//! holds none. Not the reading; see `io`.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

/// Bytes of one buffer.
const SIZE: usize = 16 << 10;
/// How many unused buffers a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static UNUSED: RefCell<Vec<Box<[u8; SIZE]>>> = const { RefCell::new(Vec::new()) };
}

/// Received bytes in a buffer of the runtime's, which goes back when this is dropped. Dereferences
/// to the bytes; empty at the end of the stream.
///
/// Drop it before the next wait for data, and a process that waits holds no buffer.
pub struct Lent {
    /// `None` once it has gone back.
    buf: Option<Box<[u8; SIZE]>>,
    len: usize,
}

impl Lent {
    /// Has `fill` write into a buffer and say how many bytes it wrote; an error gives it back.
    pub(crate) fn fill<E>(fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Lent, E> {
        let unused = UNUSED.with_borrow_mut(Vec::pop);
        let mut lent = Lent {
            buf: Some(unused.unwrap_or_else(|| Box::new([0; SIZE]))),
            len: 0,
        };
        if let Some(buf) = &mut lent.buf {
            lent.len = fill(&mut buf[..])?;
        }
        Ok(lent)
    }

    /// Whether there was room for more.
    pub(crate) fn is_short(&self) -> bool {
        self.len < SIZE
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], |buf| &buf[..self.len])
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(buf) = self.buf.take() {
            // Fails only while the thread ends; then it is freed.
            let _ = UNUSED.try_with(|unused| {
                let mut unused = unused.borrow_mut();
                if unused.len() < KEPT {
                    unused.push(buf);
                }
            });
        }
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

    #[test]
    fn a_buffer_goes_back_and_is_lent_again() {
        let first = Lent::fill::<()>(|buf| {
            buf[..3].copy_from_slice(b"abc");
            Ok(3)
        })
        .unwrap();
        assert_eq!(&*first, b"abc");
        let place = first.as_ptr();
        drop(first);
        Lent::fill(|buf| {
            assert_eq!(buf.as_ptr(), place);
            Err::<usize, _>(())
        })
        .unwrap_err();
        let again = Lent::fill::<()>(|_| Ok(0)).unwrap();
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty() && again.is_short());
    }
}
