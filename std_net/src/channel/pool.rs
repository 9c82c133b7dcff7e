//! Buffers that a thread's channels have in common: a channel has one only while it has data.

use std::cell::RefCell;
use std::mem;

/// The size of a buffer in bytes, as it comes from the pool.
pub(crate) const SIZE: usize = 16 * 1024;

/// How many unused buffers a thread keeps.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes to read into or to collect in; goes back to the pool of the thread it is dropped on.
/// Whatever a former user left in it is still there: only what was written since may be read.
/// By default it has none, and no memory.
#[derive(Debug, Default)]
pub struct Buffer(Box<[u8]>);

impl Buffer {
    /// One of [`SIZE`] bytes.
    pub(crate) fn take() -> Buffer {
        let kept = POOL.try_with(|pool| pool.borrow_mut().pop());
        Buffer(
            kept.ok()
                .flatten()
                .unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes it `len` bytes long, keeping what is in it.
    pub(crate) fn grow(&mut self, len: usize) {
        let mut bytes = mem::take(&mut self.0).into_vec();
        bytes.reserve_exact(len - bytes.len());
        bytes.resize(len, 0);
        self.0 = bytes.into_boxed_slice();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.len() != SIZE {
            return;
        }
        let bytes = mem::take(&mut self.0);
        // A thread that is ending has no pool any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(bytes);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        POOL.with(|pool| pool.borrow().len())
    }

    #[test]
    fn a_dropped_buffer_is_the_next_one() {
        let mut buffer = Buffer::take();
        buffer.bytes_mut()[0] = 7;
        let at = buffer.bytes().as_ptr();
        let before = kept();
        drop(buffer);
        assert_eq!(kept(), before + 1);
        let again = Buffer::take();
        assert_eq!((again.bytes().as_ptr(), again.bytes()[0]), (at, 7));
    }

    #[test]
    fn a_grown_one_is_freed_and_the_pool_has_an_end() {
        let mut buffer = Buffer::take();
        buffer.bytes_mut()[9] = 9;
        buffer.grow(3 * SIZE);
        assert_eq!((buffer.len(), buffer.bytes()[9]), (3 * SIZE, 9));
        let before = kept();
        drop(buffer);
        assert_eq!(kept(), before);
        let many: Vec<_> = (0..2 * KEPT).map(|_| Buffer::take()).collect();
        drop(many);
        assert_eq!(kept(), KEPT);
    }
}
