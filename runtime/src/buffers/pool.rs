//! Buffers that all connections of a thread share. A connection has a buffer only while it has data.

use std::cell::{Cell, RefCell};
use std::mem;
use std::ptr;

/// The usual size of a buffer in bytes.
pub const SIZE: usize = 16 * 1024;

/// The size for TLS in bytes: room for two of the largest records and a part of the next.
pub const RECORDS: usize = 36 * 1024;

/// The size of a buffer lent to a reader, in bytes. Many programs write 64 KiB at once. The size is a little larger, so
/// that reading these is a short read. Many connections use one buffer in turn, so it stays in the cache.
pub const LENT: usize = 68 * 1024;

/// How many unused buffers of each size a thread keeps.
const KEPT: usize = 64;

/// A thread's unused buffers.
struct Pools {
    /// The buffer that was lent last. The next reader gets it without a search.
    lent: Cell<Option<Box<[u8]>>>,
    /// The unused buffers of each size.
    kept: RefCell<[Vec<Box<[u8]>>; 3]>,
}

thread_local! {
    static POOLS: Pools = const {
        Pools {
            lent: Cell::new(None),
            kept: RefCell::new([Vec::new(), Vec::new(), Vec::new()]),
        }
    };
}

thread_local! {
    /// In a threadlike process, the pools of its worker's thread. Otherwise null.
    static LENT_POOLS: Cell<*const Pools> = const { Cell::new(ptr::null()) };
}

/// The pools of the calling thread, for [`use_of_thread`].
pub(crate) fn of_thread() -> *const () {
    POOLS.with(ptr::from_ref).cast()
}

/// Makes the calling threadlike process use the pools of its worker's thread. It has no pools of its own.
///
/// # Safety
///
/// `pools` is from [`of_thread`] on the thread of this process. That thread ends after the process.
pub(crate) unsafe fn use_of_thread(pools: *const ()) {
    LENT_POOLS.set(pools.cast());
}

/// Runs `f` with the pools of this thread. Returns `None` while the thread ends.
#[inline]
fn with_pools<R>(f: impl FnOnce(&Pools) -> R) -> Option<R> {
    // SAFETY: the pointer is null, or leads to the pools of a thread that outlives this process, by the contract of
    // `use_of_thread`. They are used only on that thread.
    match unsafe { LENT_POOLS.get().as_ref() } {
        Some(pools) => Some(f(pools)),
        None => POOLS.try_with(f).ok(),
    }
}

/// Bytes to read into or to collect in. The buffer goes back to the pool of the thread on which it is dropped. It still
/// holds the bytes of its previous user, so read only what was written since. The default value has no memory.
#[derive(Debug, Default)]
pub struct Buffer(Box<[u8]>);

impl Buffer {
    /// Takes a buffer of `len` bytes, which should be one of the sizes above.
    #[inline]
    #[must_use]
    pub fn take(len: usize) -> Buffer {
        if len == LENT
            && let Some(Some(lent)) = with_pools(|pools| pools.lent.take())
        {
            return Buffer(lent);
        }
        Buffer::take_kept(len)
    }

    #[inline(never)]
    fn take_kept(len: usize) -> Buffer {
        let kept = with_pools(|pools| pools.kept.borrow_mut()[pool_of(len)?].pop());
        Buffer(
            kept.flatten()
                .unwrap_or_else(|| vec![0; len].into_boxed_slice()),
        )
    }

    /// The number of bytes.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "it is empty only when it has been taken"
    )]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes the buffer `len` bytes long and keeps its contents.
    pub fn grow(&mut self, len: usize) {
        let mut bytes = mem::take(&mut self.0).into_vec();
        bytes.reserve_exact(len - bytes.len());
        bytes.resize(len, 0);
        self.0 = bytes.into_boxed_slice();
    }

    /// All bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// All bytes, for writing.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        let mut bytes = mem::take(&mut self.0);
        if bytes.len() == LENT {
            match with_pools(|pools| pools.lent.replace(Some(bytes))) {
                Some(Some(before)) => bytes = before,
                _ => return,
            }
        }
        keep(bytes);
    }
}

#[inline(never)]
fn keep(bytes: Box<[u8]>) {
    let Some(pool) = pool_of(bytes.len()) else {
        return;
    };
    // A thread that is ending has no pool any more. Then the buffer is freed.
    let _ = with_pools(|pools| {
        let pool = &mut pools.kept.borrow_mut()[pool];
        if pool.len() < KEPT {
            pool.push(bytes);
        }
    });
}

fn pool_of(len: usize) -> Option<usize> {
    match len {
        SIZE => Some(0),
        RECORDS => Some(1),
        LENT => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        POOLS.with(|pools| pools.kept.borrow()[0].len())
    }

    #[test]
    fn a_dropped_buffer_is_the_next_one() {
        let mut buffer = Buffer::take(SIZE);
        buffer.bytes_mut()[0] = 7;
        let at = buffer.bytes().as_ptr();
        let before = kept();
        drop(buffer);
        assert_eq!(kept(), before + 1);
        let again = Buffer::take(SIZE);
        assert_eq!((again.bytes().as_ptr(), again.bytes()[0]), (at, 7));
    }

    #[test]
    fn a_grown_one_is_freed_and_the_pool_has_an_end() {
        let mut buffer = Buffer::take(SIZE);
        buffer.bytes_mut()[9] = 9;
        buffer.grow(3 * SIZE);
        assert_eq!((buffer.len(), buffer.bytes()[9]), (3 * SIZE, 9));
        let before = kept();
        drop(buffer);
        assert_eq!(kept(), before);
        let many: Vec<_> = (0..2 * KEPT).map(|_| Buffer::take(SIZE)).collect();
        drop(many);
        drop(Buffer::take(RECORDS));
        assert_eq!(kept(), KEPT);
        assert_eq!(Buffer::take(RECORDS).len(), RECORDS);
    }
}
