//! A queue of bytes in a buffer of the pool. Channels between processes are in `process::channel`.

use std::fmt;
use std::mem;
use std::ops::Range;

use super::pool::Buffer;

/// Bytes in a buffer of the pool. They are added at the end and taken from the front. The queue has a buffer only while
/// it has bytes.
#[derive(Default)]
pub struct ByteQueue {
    buffer: Buffer,
    start: usize,
    end: usize,
}

impl ByteQueue {
    /// Makes a queue of the first `len` bytes of a buffer.
    #[must_use]
    pub fn from_parts(buffer: Buffer, len: usize) -> ByteQueue {
        ByteQueue {
            buffer,
            start: 0,
            end: len,
        }
    }

    /// The number of bytes in the queue.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the queue has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// All bytes of the queue.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.bytes()[self.start..self.end]
    }

    /// All bytes of the queue, for changes in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer.bytes_mut()[self.start..self.end]
    }

    // Operations at the end.

    /// Room for at least `len` more bytes. If there is no buffer yet, it takes one of `size` bytes. The buffer grows if
    /// necessary. Bytes written here count only after [`filled`](Self::filled).
    pub fn room(&mut self, len: usize, size: usize) -> &mut [u8] {
        if self.buffer.len() == 0 {
            self.buffer = Buffer::take(size);
        }
        if self.buffer.len() - self.end < len {
            self.move_to_front();
        }
        if self.buffer.len() - self.end < len {
            self.buffer.grow(self.end + len);
        }
        &mut self.buffer.bytes_mut()[self.end..]
    }

    /// Room for at least one more byte. A full buffer doubles to at most `max` bytes, but grows by at least one byte.
    pub fn room_up_to(&mut self, max: usize) -> &mut [u8] {
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.move_to_front();
            } else {
                let len = self.buffer.len();
                self.buffer
                    .grow(len.saturating_mul(2).min(max).max(len + 1));
            }
        }
        &mut self.buffer.bytes_mut()[self.end..]
    }

    /// Adds the first `n` bytes of the room to the queue.
    #[inline]
    pub fn filled(&mut self, n: usize) {
        self.end += n;
        debug_assert!(self.end <= self.buffer.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Adds `bytes`. If there is no buffer yet, it takes one of `size` bytes.
    pub fn push(&mut self, bytes: &[u8], size: usize) {
        self.room(bytes.len(), size)[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    fn move_to_front(&mut self) {
        if self.start > 0 {
            self.buffer.bytes_mut().copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    // Operations at the front.

    /// Removes `n` bytes. When none is left, the buffer goes back to the pool.
    #[inline]
    pub fn take(&mut self, n: usize) {
        self.start += n;
        debug_assert!(self.start <= self.end);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Removes `n` bytes and returns their place in the buffer. They stay there until the next change.
    #[inline]
    pub fn pass(&mut self, n: usize) -> Range<usize> {
        let from = self.start;
        self.start += n;
        debug_assert!(self.start <= self.end);
        from..self.start
    }

    /// The bytes that [`pass`](Self::pass) has removed.
    #[inline]
    #[must_use]
    pub fn passed(&self, range: Range<usize>) -> &[u8] {
        &self.buffer.bytes()[range]
    }

    /// Removes all bytes, and gives the buffer back to the pool.
    pub fn clear(&mut self) {
        drop(mem::take(self));
    }
}

impl fmt::Debug for ByteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::SIZE;
    use super::*;

    fn memory(queue: &ByteQueue) -> usize {
        queue.buffer.len()
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut queue = ByteQueue::default();
        let (mut next_in, mut next_out) = (0u8, 0u8);
        for round in 0..200usize {
            let bytes: Vec<u8> = (0..round * 97 % 900)
                .map(|_| {
                    next_in = next_in.wrapping_add(1);
                    next_in
                })
                .collect();
            queue.push(&bytes, SIZE);
            let n = (round * 131 % 1000).min(queue.len());
            for byte in &queue.bytes()[..n] {
                next_out = next_out.wrapping_add(1);
                assert_eq!(*byte, next_out);
            }
            queue.take(n);
        }
        assert_eq!(
            usize::from(next_in.wrapping_sub(next_out)),
            queue.len() % 256
        );
    }

    #[test]
    fn an_empty_one_has_no_buffer() {
        let mut queue = ByteQueue::default();
        assert_eq!(memory(&queue), 0);
        queue.room(10, SIZE);
        queue.filled(0);
        assert_eq!(memory(&queue), 0);
        queue.push(b"abc", SIZE);
        assert_eq!((queue.bytes(), memory(&queue)), (&b"abc"[..], SIZE));
        queue.take(3);
        assert_eq!((queue.len(), memory(&queue)), (0, 0));
        // Bytes removed by `pass` stay in the buffer for the moment.
        queue.push(b"line\nrest", SIZE);
        let line = queue.pass(5);
        assert_eq!(queue.passed(line), b"line\n");
        assert_eq!(queue.bytes(), b"rest");
        let rest = queue.pass(4);
        assert!(queue.is_empty());
        assert_eq!(queue.passed(rest), b"rest");
        queue.clear();
        assert_eq!(memory(&queue), 0);
    }

    #[test]
    fn room_is_made_at_the_front_before_the_buffer_grows() {
        let mut queue = ByteQueue::default();
        queue.push(&vec![1; SIZE], SIZE);
        queue.take(SIZE - 2);
        queue.push(&[2; 100], SIZE);
        assert_eq!((queue.len(), memory(&queue)), (102, SIZE));
        queue.push(&vec![3; SIZE], SIZE);
        assert_eq!(memory(&queue), SIZE + 102);
        // A full buffer doubles, but not beyond `max`.
        assert_eq!(queue.room_up_to(SIZE + 150).len(), 48);
        queue.filled(48);
        assert_eq!(queue.room_up_to(0).len(), 1);
    }
}
