//! Several messages that came with one call, each made into a type of the caller's.

use std::fmt;
use std::io;

use libc::c_int;

use super::decode::Items;
use super::{Received, RecvBatch};
use crate::io::Io;

/// Room for several messages, and what a decoder has made of those that came.
pub struct Decoded<R> {
    batch: RecvBatch,
    received: Vec<R>,
}

impl<R> Decoded<R> {
    /// The same as for [`RecvBatch::new`].
    ///
    /// # Panics
    ///
    /// If the memory for it cannot be had.
    #[must_use]
    pub fn new(count: usize, size: usize, room: usize) -> Decoded<R> {
        let batch = RecvBatch::new(count, size, room);
        Decoded {
            received: Vec::with_capacity(batch.capacity()),
            batch,
        }
    }

    /// How many messages came with the last call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// How many messages there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.batch.capacity()
    }

    /// Message `index` of those that came.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &R)> {
        let received = self.received.get(index)?;
        Some((self.batch.data(index), received))
    }

    /// The messages that came, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &R)> {
        let received = self.received.iter().enumerate();
        received.map(|(index, received)| (self.batch.data(index), received))
    }

    /// The same, to change what the decoder has made.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&[u8], &mut R)> {
        let received = self.received.iter_mut().enumerate();
        received.map(|(index, received)| (self.batch.data(index), received))
    }
}

impl<R: fmt::Debug> fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.received).finish()
    }
}

impl Io {
    /// [`recv_messages`](Io::recv_messages), and `decode` makes a type of each message and what came
    /// beside it.
    ///
    /// # Errors
    ///
    /// As [`recv_messages`](Io::recv_messages); the first error of `decode`. Nothing is in `into` then.
    pub fn recv_decoded<R>(
        &self,
        into: &mut Decoded<R>,
        flags: c_int,
        mut decode: impl FnMut(&Received, Items<'_>) -> io::Result<R>,
    ) -> io::Result<usize> {
        into.received.clear();
        self.recv_messages(&mut into.batch, flags)?;
        for index in 0..into.batch.len() {
            let message = into.batch.received(index);
            match decode(&message, into.batch.items(index)) {
                Ok(received) => into.received.push(received),
                Err(error) => {
                    into.received.clear();
                    return Err(error);
                }
            }
        }
        Ok(into.len())
    }
}
